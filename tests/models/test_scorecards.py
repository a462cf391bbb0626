from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.anomaly_model import EntityKind
from models.casework import RuleMode
from models.database import Database
from models.detection import Signal, SubjectKind
from models.errors import Conflict, ConflictError
from models.keys import FileKeyRing
from models.oversight import FigurePeriod, OversightFigure
from models.person import Person
from models.policy import RecordsPolicy
from models.repositories import model_labels, rule_modes, scorecards
from models.repositories.figures import scorecards as counting
from models.repositories.figures.scorecards import ScorecardKind
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan
from models.scorecard import Decisions
from models.types import opaque_id
from tests.models.decided_cases import CODES, OTHER_COUNTY, Made, add_cases
from tests.models.people import REGION, add_person, add_regions

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 15)
MONTHS = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]


def _write(session: Session, period: FigurePeriod, day: date, rows: Iterable[FigureRow]) -> None:
    for region_code, kind, code, *numbers in rows:
        counts = dict(zip(("count", "fen", "seconds"), numbers, strict=True))
        session.execute(insert(OversightFigure).values(period=period, day=day, region_code=region_code, kind=kind, code=code, **counts))


def _count(session: Session, policy: RecordsPolicy) -> None:
    for month in MONTHS:
        _write(session, FigurePeriod.MONTH, month, counting.flows(session, policy, MonthSpan.of(month, ZONE)))
    _write(session, FigurePeriod.DAY, TODAY, counting.stocks(session, policy, DaySpan.of(TODAY, ZONE)))


def _month(at: datetime) -> date:
    return (at + timedelta(hours=8)).date().replace(day=1)


def _plainly(cases: Sequence[Made], regions: set[str]) -> dict[tuple[str, date], Decisions]:
    """The same counts, case by case."""
    found: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for made in cases:
        if made.region_code not in regions:
            continue
        codes = sorted(made.codes)
        for place, code in enumerate(codes):

            def share(whole: int, place: int = place, of: int = len(codes)) -> int:
                return whole // of + (1 if place < whole % of else 0)

            if made.closed_at is not None and made.outcome is not None:
                at = found[code, _month(made.closed_at)]
                at[made.outcome.value] += 1
                at["found_fen"] += share(made.found_fen or 0)
                at["worked_s"] += share(made.worked_s)
            for when, fen in made.back:
                found[code, _month(when)]["recovered_fen"] += share(fen)
    return {key: Decisions(**counts) for key, counts in found.items()}


@pytest.mark.parametrize(("region", "inside"), [("429800", {REGION, OTHER_COUNTY}), (OTHER_COUNTY, {OTHER_COUNTY})])
def test_decisions_of_each_code_are_those_of_a_plain_count(
    database: Database, records_policy: RecordsPolicy, region: str, inside: set[str]
) -> None:
    with database.session_scope() as session:
        cases = add_cases(session, 120, seed=7, first=NOW - timedelta(days=80), last=NOW)
        _count(session, records_policy)
    expected = _plainly(cases, inside)
    with database.read_scope() as session:
        read = scorecards.counted(session, region_code=region, day=TODAY, months=MONTHS)
    assert set(read) == set(CODES)
    for code, counted in read.items():
        for month in MONTHS:
            assert counted.months[month] == expected.get((code, month), Decisions()), (code, month)
        assert counted.decisions == sum((expected.get((code, month), Decisions()) for month in MONTHS), Decisions())
        assert counted.open == sum(code in made.codes and made.closed_at is None and made.region_code in inside for made in cases)
        assert counted.shadow is None
    whole = sum((counted.decisions for counted in read.values()), Decisions())
    mine = [made for made in cases if made.region_code in inside and made.closed_at and _month(made.closed_at) in MONTHS]
    assert whole.found_fen == sum(made.found_fen or 0 for made in mine)
    assert whole.worked_s == sum(made.worked_s for made in mine)
    with database.read_scope() as session:
        assert scorecards.counted(session, region_code=region, day=TODAY, months=MONTHS, code="P1") == {"P1": read["P1"]}


def test_the_list_of_decided_cases_has_those_of_the_code_the_last_first(database: Database) -> None:
    with database.session_scope() as session:
        cases = add_cases(session, 60, seed=8, first=NOW - timedelta(days=80), last=NOW)
    decided = sorted((made for made in cases if made.closed_at and "P1" in made.codes), key=lambda made: made.closed_at or NOW)
    with database.read_scope() as session:
        listed = scorecards.decided_cases(session, region_code="429800", code="P1", limit=1_000)
        assert [(one.closed_at, one.outcome) for one in listed] == [(made.closed_at, made.outcome) for made in reversed(decided)]
        assert scorecards.decided_cases(session, region_code="429800", code="P1", limit=3) == listed[:3]
        theirs = scorecards.decided_cases(session, region_code=OTHER_COUNTY, code="P1", limit=1_000)
        assert theirs == [one for one in listed if one.region_code == OTHER_COUNTY]
        assert scorecards.decided_cases(session, region_code="429800", code="no such", limit=10) == []


def _signal(session: Session, code: str, **other: Any) -> None:
    about = {"subject_kind": SubjectKind.PERSON} | other
    session.add(
        Signal(
            code=code,
            key=opaque_id(),
            region_code=REGION,
            severity=AlertSeverity.SUSPICION,
            confidence=0.5,
            amount_fen=1_000,
            digest=b"0" * 32,
            policy_hash="0" * 64,
            first_seen_at=NOW,
            changed_at=NOW,
            **about,
        )
    )


def _alert(session: Session, key: str, person_id: int | None, outcome: CaseOutcome | None) -> None:
    closed = {} if outcome is None else {"closed_by": "a", "closed_at": NOW}
    state = AlertState.OPEN if outcome is None else AlertState.CLOSED
    said = {"severity": AlertSeverity.WARNING, "priority": 1.0, "details": {}, "opened_by": "a", "opened_at": NOW}
    alert = Alert(code="P1", key=key, state=state, person_id=person_id, region_code=REGION, **said, **closed)
    session.add(alert)
    session.flush()
    if outcome is not None:
        session.add(CaseFile(alert_id=alert.id, region_code=REGION, opened_by="a", opened_at=NOW, outcome=outcome, **closed))


def test_findings_in_the_shadow_are_told_apart_by_what_is_known_of_whom_they_are_about(
    database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy
) -> None:
    with database.session_scope() as session:
        people = [add_person(session, keyring, sequence=sequence).id for sequence in (101, 103, 105, 107, 109)]
        nobody, with_open, confirmed, unfounded, merged = people
        for person_id in people:
            _signal(session, "B1", person_id=person_id)
        _signal(session, "B1", person_id=nobody, vanished_at=NOW, vanished_reason="gone")
        _signal(session, "D1", person_id=nobody)  # live
        _alert(session, "a", with_open, None)
        _alert(session, "b", with_open, CaseOutcome.CONFIRMED)
        _alert(session, "c", confirmed, CaseOutcome.CONFIRMED)
        _alert(session, "d", confirmed, CaseOutcome.UNFOUNDED)
        _alert(session, "e", unfounded, CaseOutcome.UNFOUNDED)
        session.get_one(Person, merged).merged_into_id = confirmed
        _signal(session, "B1", subject_kind=SubjectKind.HOSPITAL, subject_ref="H1")
        _signal(session, "B1", subject_kind=SubjectKind.DOCTOR, subject_ref="H2/7")
        _signal(session, "B1", subject_kind=SubjectKind.GROUP, subject_ref="g")
        _alert(session, "hospital:H2", None, None)
        _alert(session, "group:g", None, CaseOutcome.CONFIRMED)
        assert rule_modes.change(session, "B1", RuleMode.SHADOW, reason="new", by="staff:s", now=NOW)
        _count(session, records_policy)
        read = scorecards.counted(session, region_code=REGION, day=TODAY, months=MONTHS)
        later = list(counting.stocks(session, records_policy, DaySpan.of(TODAY - timedelta(days=1), ZONE)))
    shadow = read["B1"].shadow
    assert shadow is not None
    assert (shadow.new, shadow.open, shadow.confirmed, shadow.other) == ((2, 2_000), (2, 2_000), (3, 3_000), (1, 1_000))
    assert shadow.found == 8
    assert "D1" not in read
    assert not [row for row in later if row.kind.startswith("scorecard.shadow")]  # yesterday it was live


def test_of_two_changes_of_a_mode_at_once_one_counts(database: Database) -> None:
    together = threading.Barrier(2)

    def change(mode: RuleMode) -> str:
        together.wait(30)
        try:
            with database.session_scope() as session:
                return str(rule_modes.change(session, "B1", mode, reason=mode.value, by="staff:s", now=NOW, seen=0))
        except ConflictError as error:
            return error.conflict.value

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(change, (RuleMode.SHADOW, RuleMode.RETIRED)))
    assert sorted(done) == ["True", Conflict.RULE_MODE_STATE.value]
    with database.read_scope() as session:
        assert [one.mode for one in rule_modes.changes(session, "B1")] == [RuleMode.SHADOW if done[0] == "True" else RuleMode.RETIRED]


# (outcome of the case or None while it is open, of what there is a proposal): only what stands, of an entity, is a label
LABELLED = {
    "H1": CaseOutcome.CONFIRMED,
    "H2": CaseOutcome.UNFOUNDED,
    "H3": CaseOutcome.REFERRED,
    "H4": CaseOutcome.DATA_ERROR,
    "H5": None,
}


def test_a_decision_is_a_label_only_while_it_stands(database: Database, records_policy: RecordsPolicy) -> None:
    claims = {"completed_on": TODAY, "from_month": MONTHS[0], "to_month": MONTHS[1]}
    with database.session_scope() as session:
        add_regions(session)
        cases = {}
        for ref, outcome in LABELLED.items():
            _alert(session, f"hospital:{ref}", None, outcome)
            alert = session.scalars(select(Alert).where(Alert.key == f"hospital:{ref}")).one()
            if outcome is None:
                waiting = {"proposed_outcome": CaseOutcome.CONFIRMED, "proposed_by": "a"}
                session.add(CaseFile(alert_id=alert.id, region_code=REGION, opened_by="a", opened_at=NOW, **waiting))
            cases[ref] = session.scalars(select(CaseFile).where(CaseFile.alert_id == alert.id)).one()
            for code in ("H14", "H17"):  # two findings of one case are one label
                _signal(session, code, subject_kind=SubjectKind.HOSPITAL, subject_ref=ref, alert_id=alert.id, **claims)
        found = model_labels.decided(session, EntityKind.HOSPITAL)
        assert {(one.ref, one.confirmed) for one in found} == {("H1", True), ("H2", False)}
        _count(session, records_policy)
        told = scorecards.labels(session, TODAY)
        assert told[EntityKind.HOSPITAL] == {CaseOutcome.CONFIRMED: 1, CaseOutcome.UNFOUNDED: 1}
        assert not any(told[EntityKind.DOCTOR].values())
        # taken up again: no outcome, so no label
        cases["H1"].outcome = cases["H1"].closed_at = cases["H1"].closed_by = None
        session.flush()
        assert {one.ref for one in model_labels.decided(session, EntityKind.HOSPITAL)} == {"H2"}
        assert model_labels.counted(session, EntityKind.HOSPITAL, until=NOW + timedelta(days=1)) == [(REGION, CaseOutcome.UNFOUNDED, 1)]
        assert model_labels.counted(session, EntityKind.HOSPITAL, until=NOW - timedelta(days=1)) == []


def test_kinds_fit_into_their_column() -> None:
    assert max(len(kind.value) for kind in ScorecardKind) <= 60
