"""What one person's claims show does not depend on anybody else's, nor on the window beyond its days; Spark finds what DuckDB finds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from detection.claims.assembling import FIELDS
from detection.claims.findings import from_row
from detection.claims.rule import Scope, Window
from detection.claims.rules.all import H_RULES
from detection.claims.rules.families import FAMILY_OF, SIGNALS, TITLES
from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from models.policy import RecordsPolicy
from tests.detection.claims.claim_cases import CASES
from tests.detection.claims.claim_rows import ALWAYS, Row, arrow, claim, evidence, find, identity_check, line, point, shifted, tables
from tests.detection.spark import on_spark, open_spark

PERSONAL = tuple(rule for rule in H_RULES if rule.scope is Scope.PERSON)
FIRST = date(2025, 10, 1)
DRUGS = ("XC09AAK001A001010100901", "XC09AAK001E001010100777", "XN02AAM022A001010100901")
CHARGES = (
    ("bed", "001109000010000"),
    ("treatment", "001203000010000"),
    ("nursing", "001201000030000"),
    *(("western_drug", one) for one in DRUGS),
)
POINTS = [point(1, DRUGS[2], period="day", quantity_max=1.0)]


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 1), tmp_path_factory.mktemp("claims")) as opened:
        yield opened


@st.composite
def people(draw: st.DrawFn) -> list[list[Row]]:
    """Claims of persons in few days at few places, so that much is found. Ids of one person's rows do not depend on the others."""
    return [_person(draw, person) for person in range(1, 13)]


def _person(draw: st.DrawFn, person: int) -> list[Row]:
    rows: list[Row] = []
    number = person * 1_000
    for _ in range(draw(st.integers(0, 9))):
        number += 10
        since = FIRST + timedelta(draw(st.integers(0, 20)))
        setting = draw(st.sampled_from(["outpatient", "outpatient", "pharmacy", "inpatient", "inpatient"]))
        until = since + timedelta(draw(st.integers(0, 9)) if setting == "inpatient" else 0)
        at = datetime(until.year, until.month, until.day, 2, tzinfo=UTC) + timedelta(minutes=draw(st.sampled_from([0, 20, 120])))
        rows.append(
            claim(
                number,
                since.isoformat(),
                until.isoformat(),
                of=person,
                at=draw(st.integers(1, 3)),
                setting=setting,
                principal_diagnosis=draw(st.sampled_from(["J18.9", "J18.0", "Z51.1", None])),
                identity_check=draw(st.sampled_from([None, "passed", "failed"])),
                fund_fen=draw(st.sampled_from([8_000, 30_000_000])),
                settled_at=at,
            )
        )
        for place in range(draw(st.integers(0, 3))):
            category, item = draw(st.sampled_from(CHARGES))
            on = since + timedelta(draw(st.integers(0, 4)))
            quantity = draw(st.sampled_from([1, 5, 30]))
            more = {"days": draw(st.sampled_from([None, 7, 30])), "executed_quantity": draw(st.sampled_from([None, 1.0]))}
            rows.append(line(number + place, number, item, on.isoformat(), category=category, quantity=quantity, **more))
    for place, kind in enumerate(draw(st.lists(st.sampled_from(["death_record", "custody", "counter"]), max_size=2))):
        rows.append(evidence(person * 1_000 + place, kind, (FIRST + timedelta(draw(st.integers(0, 20)))).isoformat(), of=person))
    if draw(st.booleans()):
        rows.append(identity_check(person * 1_000, f"{FIRST.isoformat()}T03:00:00", "no_match", of=person))
    return rows


Ask = Callable[[list[Row], Window], dict[str, bytes]]


@pytest.fixture(scope="module")
def ask(compute: Compute, records_policy: RecordsPolicy) -> Ask:
    """Key -> digest of everything that the rules over one person's claims find."""
    con = compute.backend.con
    by_code = {rule.code: rule for rule in PERSONAL}

    def fill(rows: list[Row]) -> None:
        for name, table in arrow([*rows, *POINTS]).items():
            con.register(f"few_{name}", table)

    fill([])
    read = ClaimTables(**{name: compute.backend.table(f"few_{name}") for name in SCHEMAS})

    @functools.cache
    def statements(window: Window) -> list[tuple[str, str]]:
        return [(rule.code, str(ibis.to_sql(rule.find(read, records_policy.claims, window), dialect="duckdb"))) for rule in PERSONAL]

    def of(rows: list[Row], window: Window) -> dict[str, bytes]:
        fill(rows)
        found = {}
        for code, sql in statements(window):
            for row in con.sql(sql).to_arrow_table().to_pylist():
                one = from_row(by_code[code], row)
                if one.completed_on is not None and window.from_date <= one.completed_on <= window.to_date:
                    assert one.key not in found
                    found[one.key] = one.digest()
        return found

    return of


LOOK = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@LOOK
@given(rows=people())
def test_what_a_person_s_claims_show_does_not_depend_on_other_people(rows: list[list[Row]], ask: Ask) -> None:
    alone: dict[str, bytes] = {}
    for some in (rows[::2], rows[1::2]):
        alone |= ask([row for own in some for row in own], ALWAYS)
    assert ask([row for own in rows for row in own], ALWAYS) == alone


@LOOK
@given(rows=people())
def test_a_window_finds_what_is_completed_in_it_and_nothing_else(rows: list[list[Row]], ask: Ask) -> None:
    flat, middle = [row for own in rows for row in own], date(2025, 10, 12)
    halves = [ask(flat, Window(ALWAYS.from_date, middle)), ask(flat, Window(middle + timedelta(1), ALWAYS.to_date))]
    assert not set(halves[0]) & set(halves[1])
    assert halves[0] | halves[1] == ask(flat, ALWAYS)


def test_what_is_found_at_random_is_something_of_every_kind(ask: Ask) -> None:
    """The properties above would hold of rules that find nothing."""
    found: set[str] = set()

    @LOOK
    @given(rows=people())
    def look(rows: list[list[Row]]) -> None:
        found.update(key.split(":")[0] for key in ask([row for own in rows for row in own], ALWAYS))

    look()
    assert found >= {"H1", "H2", "H3", "H5", "H7", "H12", "H13", "H15", "H16"}


def test_every_signal_of_the_catalogue_is_carried_out_by_a_rule() -> None:
    own = {rule.code for rule in H_RULES}
    assert set(TITLES) == set(SIGNALS)
    for signal in SIGNALS:
        assert signal in own or FAMILY_OF[signal], signal


@pytest.mark.thorough  # a million lines are compared in every run: test_claims_spark
@on_spark
def test_spark_finds_what_duckdb_finds_in_every_case(compute: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    rows = [row for code, cases in CASES.items() for place, one in enumerate(cases) for row in shifted(one.rows, _apart(code, place))]
    here = tables(compute, rows, tmp_path / "cases")
    with open_spark(tmp_path) as spark:
        there = tables(spark, rows, tmp_path / "cases")
        for rule in H_RULES:
            found = find(rule, compute, here, records_policy.claims)
            assert len(found) > 0, rule.code
            assert plain(find(rule, spark, there, records_policy.claims)) == plain(found), rule.code


def _apart(code: str, place: int) -> int:
    return (list(CASES).index(code) * 100 + place + 1) * 10_000


def plain(found: list[Finding]) -> list[tuple[object, ...]]:
    """What must be equal."""
    return [(one.key, one.digest(), one.completed_on, one.amount_fen, one.severity, one.region_code) for one in found]


def test_every_rule_returns_the_columns_of_a_finding(compute: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    read = tables(compute, [], tmp_path)
    for rule in H_RULES:
        assert set(FIELDS) <= set(rule.find(read, records_policy.claims, ALWAYS).columns), rule.code
