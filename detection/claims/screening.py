"""One claim against all rules that need one person's claims alone, at once: the same definitions as at night, as SQL that is made once.

The expressions of the rules are compiled against tables of fixed names. An engine is a DuckDB in memory that has these tables: knowledge
points are loaded once, the claims of one person for each screening. Rules whose needs the person's claims do not meet find nothing, and
are not asked. Nor are statements that cannot name the claim, which simple tests on its values tell (``detection.claims.chances``): what a
statement costs is having its operators set up, whether they find rows or not.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType

from detection.claims.catalogue import Statement, of_scope, statements
from detection.claims.chances import Facts, may_find, points_named
from detection.claims.findings import CLAIM, from_row
from detection.claims.rule import ClaimRule, Scope, Window
from detection.claims.tables import SCHEMAS, ClaimTables, present_in
from detection.findings import Finding
from detection.knowledge import hits
from models.policy_claims import ClaimsPolicy

ALWAYS = Window(date(1900, 1, 1), date(9999, 12, 31))
"""The window of screening: findings are told by the claim that they name, not by days."""
LOADED = ("patient", "institution", "claim", "line", "evidence", "identity_check")
"""Tables that are loaded for each screening."""
POINT, HIT = "point", "hit"


@dataclass(frozen=True)
class Asked:
    """One statement as SQL."""

    statement: Statement
    sql: str
    columns: tuple[str, ...]


Work = tuple[Asked, Mapping[str, ClaimRule]]
"""A statement to run, and the rules whose findings count."""


@dataclass(frozen=True)
class Screened:
    """What came of one claim. rules_run: rules whose needs the claims meet; cpu_ms: by statement, of this thread."""

    findings: tuple[Finding, ...]
    rules_run: int
    history_claims: int
    cpu_ms: Mapping[str, float]


@dataclass(frozen=True)
class Plan:
    """The statements of all rules that one person's claims suffice for, and those that make what they have in common."""

    asked: tuple[Asked, ...]
    shared: Mapping[str, str]
    policy: ClaimsPolicy

    @cached_property
    def rules(self) -> tuple[ClaimRule, ...]:
        """The rules, in their order."""
        return tuple(rule for one in self.asked for rule in one.statement.rules)


_COMPILING = threading.Lock()
_COMPILED: dict[str, Plan] = {}


def plan_of_process(rules: Iterable[ClaimRule], policy: ClaimsPolicy) -> Plan:
    """The rules compiled under a policy, once a process."""
    key = policy.model_dump_json()
    with _COMPILING:
        if key not in _COMPILED:
            _COMPILED[key] = plan(rules, policy)
        return _COMPILED[key]


def plan(rules: Iterable[ClaimRule], policy: ClaimsPolicy) -> Plan:
    """Compile the rules; takes seconds."""
    tables = ClaimTables(**{name: ibis.table(ibis.Schema.from_pyarrow(schema), name=name) for name, schema in SCHEMAS.items()})
    shared = dict[str, str]()

    def keep(name: str, expression: ir.Table) -> ir.Table:
        shared[name] = _sql(expression)
        return ibis.table(expression.schema(), name=name)

    tables = hits.prepare(tables, keep)
    asked = []
    for statement in statements(of_scope(rules, Scope.PERSON)):
        found = statement.find(tables, policy, ALWAYS)
        asked.append(Asked(statement, _sql_as_declared(found), tuple(found.columns)))
    return Plan(tuple(asked), shared, policy)


def _sql_as_declared(found: ir.Table) -> str:
    """The SQL with each column in the type that the expression declares, as the batch has it; the engine's own may be others."""
    columns = ", ".join(f'CAST("{name}" AS {DuckDBType.to_string(kind)}) AS "{name}"' for name, kind in found.schema().items())
    return f"SELECT {columns} FROM ({_sql(found)})"  # noqa: S608 - compiled rules


def _sql(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))


class ScreeningEngine:
    """A DuckDB in memory that screens one claim after another. One caller at a time; statements run on ``threads`` at once.

    thorough: run all statements that may be asked, also those that cannot name the claim.
    """

    def __init__(self, plan: Plan, points: pa.Table, *, memory_mb: int, threads: int = 1, thorough: bool = False) -> None:
        self._plan = plan
        self._points = points_named(points)
        self._thorough = thorough
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": f"{memory_mb}MB",
            "autoinstall_known_extensions": False,
            "temp_directory": "",
        }
        self._connection = duckdb.connect(":memory:", config=settings)
        self._finders = [self._connection.cursor() for _ in range(threads)]
        self._workers = ThreadPoolExecutor(threads)
        for connection in (self._connection, *self._finders):
            connection.execute("SET TimeZone = 'UTC'")
            # the claims of one person are few: planning would take most of the time, and a plan that was optimised is not kept
            connection.execute("PRAGMA disable_optimizer")
        for name, schema in SCHEMAS.items():
            columns = ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in schema)
            self._connection.execute(f'CREATE TABLE "{name}" ({columns})')
        for name, sql in plan.shared.items():
            self._connection.execute(f'CREATE TABLE "{name}" AS {sql}')
        self._connection.register("given", points)
        self._connection.execute("CREATE TABLE every_point AS FROM given")
        self._connection.unregister("given")
        # after the last table: a plan that is older than the catalog is made anew each time that it is carried out
        for name, sql in plan.shared.items():
            self._connection.execute(f'PREPARE make_{name} AS INSERT INTO "{name}" {sql}')
        self._connection.execute(_POINTS_OF_LINES)
        for finder in self._finders:
            for one in plan.asked:
                finder.execute(f"PREPARE find_{one.statement.name} AS {one.sql}")

    def close(self) -> None:
        """Give its memory back."""
        self._workers.shutdown()
        for connection in (*self._finders, self._connection):
            connection.close()

    def screen(self, tables: Mapping[str, pa.Table], claim_id: int) -> Screened:
        """The findings that name the claim. tables: of ``LOADED``, with the claim among the person's claims."""
        cpu_ms = dict[str, float]()
        began = time.thread_time()
        facts = Facts(tables, claim_id, self._points)
        present = present_in(tables) | {POINT}
        runnable = [(one, {rule.code: rule for rule in one.statement.rules if present.issuperset(rule.needs)}) for one in self._plan.asked]
        runnable = [(one, wanted) for one, wanted in runnable if wanted]
        work = self._chosen(runnable, facts)
        if work or facts.named:
            facts = replace(facts, hit=self._load(tables, facts))
            work = self._chosen(runnable, facts)
        cpu_ms["loading"] = 1_000 * (time.thread_time() - began)
        findings = list[Finding]()
        if work:
            for found, took_ms in self._workers.map(lambda finder: _find(finder, work, claim_id), self._finders):
                findings += found
                cpu_ms |= took_ms
        rules_run = sum(len(wanted) for _, wanted in runnable)
        return Screened(tuple(findings), rules_run, tables[CLAIM].num_rows - 1, cpu_ms)

    def _chosen(self, runnable: Sequence[Work], facts: Facts) -> deque[Work]:
        if self._thorough:
            return deque(runnable)
        return deque((one, wanted) for one, wanted in runnable if may_find(one.statement, facts, self._plan.policy))

    def _load(self, tables: Mapping[str, pa.Table], facts: Facts) -> frozenset[str]:
        """Load the person's claims; codes of the rules beside whose points a line of the claim is."""
        for name in LOADED:
            self._fill(name, tables[name])
        self._connection.execute(f'TRUNCATE "{POINT}"')
        self._connection.execute("EXECUTE points_of_lines")
        for name in self._plan.shared:
            self._connection.execute(f'TRUNCATE "{name}"')
            if name != HIT or facts.named or self._thorough:
                self._connection.execute(f"EXECUTE make_{name}")
        found = self._connection.execute(f'SELECT DISTINCT rule_code FROM "{HIT}" WHERE claim_id = ?', [facts.claim_id])  # noqa: S608
        return frozenset(code for (code,) in found.fetchall())

    def _fill(self, name: str, rows: pa.Table) -> None:
        self._connection.execute(f'TRUNCATE "{name}"')
        if rows.num_rows:
            self._connection.execute(f'INSERT INTO "{name}" SELECT * FROM rows')  # noqa: S608 - names of the schemas


def _find(finder: duckdb.DuckDBPyConnection, work: deque[Work], claim_id: int) -> tuple[list[Finding], dict[str, float]]:
    """Take statements until none is left: the findings that name the claim, and the CPU time of each statement in ms."""
    findings, cpu_ms = list[Finding](), dict[str, float]()
    while True:
        try:
            one, wanted = work.popleft()
        except IndexError:
            return findings, cpu_ms
        began = time.thread_time()
        rows = finder.execute(f"EXECUTE find_{one.statement.name}").fetchall()
        cpu_ms[one.statement.name] = 1_000 * (time.thread_time() - began)
        for values in rows:
            row = dict(zip(one.columns, values, strict=True))
            rule = wanted.get(row["rule_code"]) if one.statement.family else next(iter(wanted.values()))
            if rule is not None and names(row["records"], claim_id):
                findings.append(from_row(rule, row))


def names(records: Sequence[Mapping[str, object]], claim_id: int) -> bool:
    """Whether the records of a finding name the claim."""
    return any(one["kind"] == CLAIM and one["id"] == claim_id for one in records)


_POINTS_OF_LINES = """
PREPARE points_of_lines AS
INSERT INTO point SELECT * FROM every_point WHERE item_code = '' OR item_code IN (SELECT item_code FROM line)
"""
"""Points are about the lines of the person, or about no item; the others can give no finding, and need not be matched."""


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    return _SQL_TYPES[kind]


_SQL_TYPES = {
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}
