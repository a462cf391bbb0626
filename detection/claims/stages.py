"""The rules over claims as stages of a run: one a rule; of a family that is one statement the rows are found once and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import ibis.expr.types as ir

from detection.claims.catalogue import Statement
from detection.claims.findings import findings_of, placed, within
from detection.claims.rule import ClaimRule, Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.detection_service import Batch, Marker, Progress, Stage
from detection.knowledge.hits import hits
from models.policy_claims import ClaimsPolicy


@dataclass
class Source:
    """What the stages of one run read. region: first digits of the code of a region, empty for everywhere."""

    compute: Compute
    tables: ClaimTables
    policy: ClaimsPolicy
    window: Window
    region: str = ""
    _kept: dict[str, ir.Table] = field(default_factory=dict)

    def rows(self, statement: Statement, rule: ClaimRule) -> ir.Table:
        """What a rule finds in the window and the region."""
        if not statement.family:
            return self._found(statement)
        if statement.name not in self._kept:
            self._kept[statement.name] = kept_as_declared(self.compute, f"found_{statement.name}", self._found(statement))
        kept = self._kept[statement.name]
        return kept.filter(kept.rule_code == rule.code)

    def asks(self, statement: Statement, rule: ClaimRule) -> bool:
        """Whether the rule may find anything: its needs are met, and a line is beside one of its knowledge points where it goes by them."""
        if self.tables.present is not None and not self.tables.present.issuperset(rule.needs):
            return False
        return not statement.by_hits or rule.code in self._hit

    @cached_property
    def _hit(self) -> frozenset[str]:
        """Codes of the rules beside whose points there is a line."""
        codes = hits(self.tables).select("rule_code").distinct()
        return frozenset(code for batch in self.compute.batches(codes) for code in batch.column("rule_code").to_pylist())

    def _found(self, statement: Statement) -> ir.Table:
        return found_rows(self.compute, statement, self.tables, self.policy, self.window, self.region)


def found_rows(
    compute: Compute, statement: Statement, tables: ClaimTables, policy: ClaimsPolicy, window: Window, region: str = ""
) -> ir.Table:
    """What a statement finds in the window and the region, each finding placed."""
    found = within(statement.find(tables, policy, window), window)
    # an engine that only guesses how few findings there are would look all persons up by them, and not them by the persons
    return placed(kept_as_declared(compute, f"of_{statement.name}", found), tables, region)


def kept_as_declared(compute: Compute, name: str, expression: ir.Table) -> ir.Table:
    """The rows, computed once, in the types that the expression declares: those of an engine's own files may be others."""
    return compute.keep(name, expression).cast(expression.schema())


def stages(source: Source, statements: Iterable[Statement]) -> list[Stage]:
    """A stage a rule, in the order of the statements."""
    return [_stage(source, statement, rule) for statement in statements for rule in statement.rules]


def _stage(source: Source, statement: Statement, rule: ClaimRule) -> Stage:
    def find(_progress: Progress, _marker: Marker | None) -> Iterator[Batch]:
        if not source.asks(statement, rule):
            return
        for findings in findings_of(rule, source.rows(statement, rule), source.compute):
            yield findings, None

    return Stage(rule.code, (rule.code,), find)
