"""Findings that open no alert: suppressed ones until their day, those of rules in shadow, and rules that are retired."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from detection.casework.inputs import CaseInputError, InputProblem
from detection.casework.views import Decision
from models.alert import AlertSeverity, AlertState, CaseOutcome
from models.audit import AuditEntry
from models.casework import RuleMode
from models.database import Database
from models.detection import SubjectKind
from models.errors import ConflictError
from models.finding import Finding
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import alerts, rule_modes, suppressions, triage
from models.repositories.alerts import NewAlert
from models.repositories.suppressions import NewSuppression
from tests.conftest import FixedClock
from tests.detection.casework_world import Casework
from tests.detection.test_triage_runs import World, finding
from tests.models.people import REGION, add_regions

TODAY = date(2026, 3, 15)
UNFOUNDED = Decision(CaseOutcome.UNFOUNDED, "nothing is wrong")


@pytest.fixture
def world(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> World:
    return World(database, keyring, records_policy, clock)


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> World:
    return World(sqlite_database, keyring, records_policy, clock)


def desk_of(world: World) -> Casework:
    return Casework(world.database, world.keyring, world.policy, world.clock)


def mode(world: World, code: str, wanted: RuleMode) -> None:
    with world.database.session_scope() as session:
        assert rule_modes.change(session, code, wanted, reason="tried out", by="staff:wang", now=world.clock())


def states(world: World) -> list[tuple[str, str, str | None]]:
    return [(alert.code, alert.state.value, alert.close_reason) for alert in world.alerts()]


def test_what_is_suppressed_opens_nothing_until_its_day_and_then_does(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    desk = desk_of(world)
    case = desk.service.take_next(desk.wang)
    assert case
    hidden = desk.service.suppress(desk.wang, case.case_id, "", TODAY + timedelta(days=2), "the court decides in two days")
    desk.service.propose(desk.wang, case.case_id, UNFOUNDED)
    world.found["P3"] = [finding(person, "P3", fen=50_00)]
    assert world.run().alerts.opened == 0
    assert [signal.code for signal in world.signals() if signal.vanished_at is None] == ["P1", "P3"]
    assert world.run().alerts.opened == 0
    world.clock.advance(days=2)
    assert world.run(TODAY + timedelta(days=2)).alerts.opened == 0
    world.clock.advance(days=1)
    assert world.run(TODAY + timedelta(days=3)).alerts.opened == 1
    newest = world.alerts()[-1]
    # what people decided stays decided: only the finding that came since opens it
    assert (newest.code, newest.amount_fen, newest.details["signals"]) == ("P3", 50_00, {"P3": 1})
    with world.database.read_scope() as session:
        ended = suppressions.get(session, hidden.suppression_id)
    assert (ended.ended_by, ended.ended_at) == ("detection:triage", world.clock())


def test_one_code_is_suppressed_and_the_other_opens(small: World) -> None:
    person = small.person()
    small.found["P1"], small.found["P3"] = [finding(person, fen=100_00)], [finding(person, "P3", fen=50_00)]
    small.run()
    desk = desk_of(small)
    case = desk.service.take_next(desk.wang)
    assert case
    desk.service.suppress(desk.wang, case.case_id, "P1", TODAY + timedelta(days=9), "known mistake of the register")
    small.run()
    alert = small.one_alert()
    assert (alert.state, alert.code, alert.amount_fen, alert.details["signals"]) == (AlertState.IN_CASE, "P3", 50_00, {"P3": 1})
    assert alert.details["changes"][-1]["muted"] == [small.signals()[0].public_id]
    small.found["P3"] = []
    small.run()
    assert small.one_alert().state is AlertState.IN_CASE


def test_a_suppression_that_is_ended_sooner_lets_the_next_run_open_the_alert(world: World) -> None:
    world.found["P1"] = [Finding("P1", "a", "429801", AlertSeverity.WARNING, 0.5, subject_kind=SubjectKind.DOCTOR, subject_ref="H1/D1")]
    with world.database.session_scope() as session:
        add_regions(session)
        new = NewSuppression("hospital:H1", "P1", REGION, "a campaign of vaccinations", TODAY)
        row = suppressions.add(session, new, today=TODAY, by="staff:wang", now=world.clock())
        public_id = row.public_id
    assert world.run().alerts.opened == 0
    assert world.run().alerts.opened == 0
    desk = desk_of(world)
    ended = desk.service.end_suppression(desk.wang, public_id, "the campaign is over")
    assert ended.ended_by == "staff:wang"
    with pytest.raises(ConflictError):
        desk.service.end_suppression(desk.wang, public_id, "again")
    assert world.run().alerts.opened == 1
    assert world.one_alert().key == "hospital:H1"


def test_an_open_alert_closes_when_what_stands_behind_it_is_suppressed(small: World) -> None:
    person = small.person()
    small.found["P1"] = [finding(person)]
    small.run()
    desk = desk_of(small)
    case = desk.service.take_next(desk.wang)
    assert case
    desk.service.propose(desk.wang, case.case_id, UNFOUNDED)
    small.found["P1"] = [finding(person, fen=7_00)]
    small.run()
    assert states(small)[-1] == ("P1", "open", None)
    desk.service.suppress(desk.wang, case.case_id, "P1", TODAY + timedelta(days=30), "the same again")
    small.run()
    assert states(small)[-1] == ("P1", "closed", "suppressed")


def test_a_finding_without_signals_is_suppressed_too(small: World) -> None:
    person = small.person()
    found = [NewAlert("assistance_late", f"late:{person}", AlertSeverity.WARNING, REGION, person)]
    with small.database.session_scope() as session:
        new = NewSuppression(f"late:{person}", "assistance_late", REGION, "agreed by telephone", TODAY)
        suppressions.add(session, new, today=TODAY, by="staff:wang", now=small.clock())
        assert alerts.open_alerts(session, found, by="test", now=small.clock()) == 0
        assert alerts.open_alerts(session, found, by="test", now=small.clock.advance(days=1)) == 1


def test_a_suppression_has_a_reason_an_end_and_no_twin(small: World) -> None:
    desk = desk_of(small)
    case = desk.taken()
    last = TODAY + timedelta(days=small.policy.casework.suppression_days_max)
    for until, reason, problem in (
        (TODAY - timedelta(days=1), "why", InputProblem.DAY_PAST),
        (last + timedelta(days=1), "why", InputProblem.DAY_TOO_FAR),
        (last, " ", InputProblem.TEXT_MISSING),
    ):
        with pytest.raises(CaseInputError) as refused:
            desk.service.suppress(desk.wang, case.case_id, "", until, reason)
        assert refused.value.reason is problem
    desk.service.suppress(desk.wang, case.case_id, "", last, "why")
    with pytest.raises(ConflictError, match="already"):
        desk.service.suppress(desk.wang, case.case_id, "", last, "why")
    (shown,) = desk.service.details(desk.wang, case.case_id).suppressions
    assert (shown.until, shown.by, shown.reason) == (last, "staff:wang", "why")
    assert desk.steps(case.case_id) == ["taken", "suppressed"]
    with small.database.read_scope() as session:
        assert [row.key for row in suppressions.listing(session, "4298", TODAY)] == ["group:g1"]
        assert suppressions.listing(session, "4201", TODAY) == []
        assert suppressions.listing(session, "4298", TODAY, ended=True) == []


def test_a_rule_in_shadow_keeps_its_findings_and_opens_nothing(world: World) -> None:
    person, other = world.person(1), world.person(2)
    mode(world, "P1", RuleMode.SHADOW)
    world.found["P1"] = [finding(person, fen=100_00), finding(other, fen=1_00)]
    world.found["P3"] = [finding(person, "P3", fen=50_00)]
    result = world.run()
    assert (result.stages["P1"].opened, result.alerts.opened) == (2, 1)
    alert = world.one_alert()
    assert (alert.code, alert.amount_fen, alert.details["signals"]) == ("P3", 50_00, {"P3": 1})
    assert {signal.alert_id for signal in world.signals() if signal.code == "P1"} == {None}
    assert world.run().alerts == triage.Triaged()
    mode(world, "P1", RuleMode.LIVE)
    result = world.run()
    assert (result.alerts.opened, result.alerts.updated) == (1, 1)
    assert sorted(one.amount_fen or 0 for one in world.alerts()) == [1_00, 150_00]


def test_alerts_of_a_rule_that_goes_into_shadow_close_and_cases_are_told(world: World) -> None:
    person, other = world.person(1), world.person(2)
    world.found["P1"] = [finding(person, fen=100_00), finding(other, fen=1_00)]
    world.run()
    desk = desk_of(world)
    case = desk.service.take_next(desk.wang)
    assert case
    mode(world, "P1", RuleMode.SHADOW)
    world.run()
    assert sorted(states(world), key=str) == [("P1", "closed", "rule_in_shadow"), ("P1", "in_case", None)]
    in_case = next(alert for alert in world.alerts() if alert.state is AlertState.IN_CASE)
    assert "muted" in in_case.details["changes"][-1]
    assert world.run().alerts == triage.Triaged()
    mode(world, "P1", RuleMode.LIVE)
    assert world.run().alerts.opened == 1


def test_a_retired_rule_is_not_looked_for_and_what_it_found_vanishes(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    mode(world, "P1", RuleMode.RETIRED)
    (gone,) = world.signals()
    assert gone.vanished_reason == "rule_retired"
    world.looked.clear()
    result = world.run()
    assert world.looked == ["P3", "P7"]
    assert (result.stages["P1"].found, result.alerts.closed) == (0, 1)
    assert states(world) == [("P1", "closed", "signals_vanished")]
    mode(world, "P1", RuleMode.LIVE)
    assert world.run().alerts.opened == 1


def test_modes_are_changed_with_a_reason_and_the_last_change_counts(small: World) -> None:
    mode(small, "P1", RuleMode.SHADOW)
    mode(small, "P3", RuleMode.RETIRED)
    mode(small, "P1", RuleMode.LIVE)
    with small.database.session_scope() as session:
        assert rule_modes.current(session) == {"P1": RuleMode.LIVE, "P3": RuleMode.RETIRED}
        assert not rule_modes.change(session, "P9", RuleMode.LIVE, reason="x", by="staff:wang", now=small.clock())
        assert [(one.mode, one.reason) for one in rule_modes.changes(session, "P1")] == [
            (RuleMode.LIVE, "tried out"),
            (RuleMode.SHADOW, "tried out"),
        ]
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "rule.mode_changed")).all()
    assert [(entry.object, entry.details["mode"]) for entry in entries] == [("P1", "shadow"), ("P3", "retired"), ("P1", "live")]
