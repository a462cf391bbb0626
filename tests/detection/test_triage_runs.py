"""Runs and triage over the store: the same again, changed, vanished, dismissed, merged, looked back, broken off, at once with others."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from detection.detection_service import Batch, DetectionService, Marker, Progress, RunAs, RunNotPossibleError, RunResult, Stage
from detection.errors import RunFailedError
from models.alert import Alert, AlertSeverity, AlertState
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus, Payment
from models.database import Database
from models.detection import DetectionKind, DetectionRun, RunState, Signal, SubjectKind
from models.enrolment import Scheme
from models.errors import ConflictError, NotFoundError
from models.finding import Finding, Record
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength, Trace
from models.person import Person
from models.policy import RecordsPolicy
from models.repositories import alerts, cases, life_after_death, life_evidence, mergers, triage
from models.repositories.life_evidence import NewEvidence
from models.repositories.signals import TRIAGE, FoundTwiceError
from models.run_lock import only_one
from models.triage import TriageRules
from tests.conftest import FixedClock
from tests.detection import claims_in_store
from tests.models.people import REGION, add_person

AS_OF = date(2026, 3, 15)
PAYMENTS = DetectionKind.PAYMENTS


@dataclass
class World:
    """A store with a service over it, whose rules find what ``found`` says."""

    database: Database
    keyring: FileKeyRing
    policy: RecordsPolicy
    clock: FixedClock
    found: dict[str, list[Finding]] = field(default_factory=lambda: {"P1": [], "P3": [], "P7": []})
    looked: list[str] = field(default_factory=list)
    fails_at: str = ""

    @property
    def rules(self) -> TriageRules:
        return TriageRules.of(self.policy, "0123456789abcdef")

    def service(self) -> DetectionService:
        return DetectionService(self.database, self.policy, policy_hash="0123456789abcdef", clock=self.clock)

    @contextmanager
    def stages(self, _asked: RunAs, _progress: Progress) -> Iterator[Sequence[Stage]]:
        def stage(code: str) -> Stage:
            def find(_report: Progress, marker: Marker | None) -> Iterator[Batch]:
                self.looked.append(code)
                start = int(marker["next"]) if marker else 0
                for place, finding in enumerate(self.found[code][start:], start):
                    if self.fails_at == f"{code}:{place}":
                        raise RunFailedError("the disk did not suffice: make room and run it again")
                    yield [finding], {"next": place + 1}

            return Stage(code, (code,), find)

        yield [stage(code) for code in self.found]

    def run(self, as_of: date = AS_OF, *, region: str = "", **options: Any) -> RunResult:
        self.clock.advance(minutes=1)
        asked = RunAs(PAYMENTS, as_of, region, "duckdb", "test")
        return self.service().run(asked, self.stages, **options)

    def person(self, sequence: int = 1) -> int:
        with self.database.session_scope() as session:
            return add_person(session, self.keyring, sequence=sequence).id

    def signals(self) -> list[Signal]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Signal).order_by(Signal.id)))

    def alerts(self) -> list[Alert]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))

    def one_alert(self) -> Alert:
        (alert,) = self.alerts()
        return alert

    def close(self, alert: Alert) -> None:
        with self.database.session_scope() as session:
            alerts.close(session, alert.id, reason="nothing is wrong", by="staff:wang", now=self.clock.advance(minutes=1))

    def audited(self, action: str) -> list[AuditEntry]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


@pytest.fixture
def world(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> World:
    return World(database, keyring, records_policy, clock)


def finding(person: int, code: str = "P1", *, fen: int = 0, facts: Mapping[str, Any] | None = None, **options: Any) -> Finding:
    options = {"region_code": REGION, "severity": AlertSeverity.WARNING, "confidence": 0.5, "key": f"{code}:{person}", **options}
    return Finding(code=code, person_id=person, amount_fen=fen, facts=facts or {}, **options)


def test_the_same_finding_does_not_open_twice(world: World) -> None:
    world.found["P1"] = [finding(world.person(), fen=100_00)]
    first, second = world.run(), world.run()
    assert (first.stages["P1"].opened, first.alerts.opened) == (1, 1)
    assert (second.stages["P1"].found, second.stages["P1"].opened, second.stages["P1"].unchanged) == (1, 0, 1)
    assert (second.alerts.opened, second.alerts.updated) == (0, 0)
    (signal,) = world.signals()
    alert = world.one_alert()
    assert (alert.code, alert.key, alert.amount_fen, alert.state) == ("P1", f"person:{signal.person_id}", 100_00, AlertState.OPEN)
    assert signal.alert_id == alert.id
    assert signal.run_id == second.run_id
    assert not signal.triage_due


def test_all_signals_on_a_person_are_one_alert_and_money_counts_once(world: World) -> None:
    person = world.person()
    with world.database.session_scope() as session:
        benefit = Benefit(person_id=person, scheme=Scheme.EMPLOYEE_PENSION, region_code=REGION, monthly_fen=1, from_month=date(2020, 1, 1))
        benefit.status = BenefitStatus.ACTIVE
        session.add(benefit)
        session.flush()
        rows = [Payment(benefit_id=benefit.id, month=date(2026, month, 1), amount_fen=1000 * month) for month in (1, 2, 3)]
        session.add_all(rows)
        session.flush()
        paid = [Record("payment", row.id, "paid") for row in rows]
    world.found["P1"] = [finding(person, fen=6000, records=tuple(paid))]
    world.found["P3"] = [finding(person, "P3", fen=5000, records=tuple(paid[1:]))]
    world.run()
    alert = world.one_alert()
    assert (alert.amount_fen, alert.details["signals"]) == (6000, {"P1": 1, "P3": 1})
    assert len({signal.alert_id for signal in world.signals()}) == 1


def test_a_claim_that_several_rules_name_counts_once(world: World) -> None:
    person = world.person()
    with world.database.session_scope() as session:
        hospital = claims_in_store.add_institution(session, region=REGION)
        first, second = (
            claims_in_store.add_claim(session, hospital, person, str(day), date(2026, 2, day), fund_fen=1000 * day) for day in (3, 5)
        )
        line = claims_in_store.add_line(session, second, 1)
        stays = (Record("claim", first.id, "first"), Record("claim", second.id, "again"))
        bought = (Record("claim_line", line.id, "line"),)
    world.found["P1"] = [finding(person, fen=8000, records=stays)]
    world.found["P3"] = [finding(person, "P3", fen=2500, records=bought)]
    world.run()
    assert world.one_alert().amount_fen == 8000


def test_a_changed_finding_updates_its_alert_and_the_audit_has_both_digests(world: World) -> None:
    person = world.person()
    before = finding(person, fen=100_00)
    world.found["P1"] = [before]
    world.run()
    after = finding(person, fen=300_00, severity=AlertSeverity.VIOLATION)
    world.found["P1"] = [after]
    result = world.run()
    assert (result.stages["P1"].opened, result.stages["P1"].updated, result.alerts.updated) == (0, 1, 1)
    (signal,) = world.signals()
    alert = world.one_alert()
    assert (alert.amount_fen, alert.severity, signal.amount_fen) == (300_00, AlertSeverity.VIOLATION, 300_00)
    assert signal.changed_at > signal.first_seen_at
    (entry,) = world.audited("signal_changed")
    assert (entry.object, entry.person_id) == (signal.public_id, person)
    assert (entry.details["before"], entry.details["after"]) == (before.digest().hex(), after.digest().hex())
    (told,) = world.audited("alert.updated")
    assert (told.object, told.details["amount_fen"]) == (alert.public_id, [100_00, 300_00])
    assert told.details["news"] == {"changed": [signal.public_id]}


def test_what_every_run_measures_anew_is_no_change(world: World) -> None:
    person = world.person()
    measured = frozenset({"weight", "confidence"})
    world.found["P1"] = [finding(person, facts={"weight": 7.1}, confidence=0.91, measured=measured)]
    world.run()
    world.found["P1"] = [finding(person, facts={"weight": 7.2}, confidence=0.92, measured=measured)]
    assert world.run().stages["P1"].unchanged == 1
    world.found["P1"] = [finding(person, facts={"weight": 7.2, "days": 3}, confidence=0.92, measured=measured)]
    assert world.run().stages["P1"].updated == 1


def test_a_vanished_finding_closes_its_alert_with_a_reason(world: World) -> None:
    person = world.person()
    world.found["P1"], world.found["P3"] = [finding(person, fen=100_00)], [finding(person, "P3", fen=50_00)]
    world.run()
    world.found["P1"] = []
    assert world.run().stages["P1"].closed == 1
    gone, left = world.signals()
    assert (gone.vanished_reason, left.vanished_at) == ("not_found_again", None)
    alert = world.one_alert()
    assert (alert.state, alert.code, alert.amount_fen) == (AlertState.OPEN, "P3", 50_00)
    world.found["P3"] = []
    result = world.run()
    assert (result.stages["P3"].closed, result.alerts.closed) == (1, 1)
    alert = world.one_alert()
    assert (alert.state, alert.closed_by, alert.close_reason) == (AlertState.CLOSED, TRIAGE, "signals_vanished")
    world.found["P3"] = [finding(person, "P3", fen=50_00)]
    world.run()
    assert [one.state for one in world.alerts()] == [AlertState.CLOSED, AlertState.OPEN]


def test_a_case_is_told_that_its_signals_vanished_and_stays_with_people(world: World) -> None:
    world.found["P1"] = [finding(world.person(), fen=100_00)]
    world.run()
    with world.database.session_scope() as session:
        cases.open_case(session, session.scalars(select(Alert)).one(), by="staff:wang", due_on=AS_OF, now=world.clock())
    world.found["P1"] = []
    assert world.run().alerts.told == 1
    alert = world.one_alert()
    assert (alert.state, alert.amount_fen) == (AlertState.IN_CASE, 100_00)
    assert [list(change) for change in alert.details["changes"]] == [["at", "vanished"]]
    assert alert.details["changes"][0]["vanished"] == [world.signals()[0].public_id]


def test_only_a_rule_that_ran_to_its_end_closes_and_only_in_the_region_that_was_run(world: World) -> None:
    world.found["P1"], world.found["P3"] = [finding(world.person(1))], [finding(world.person(3), "P3")]
    world.run()
    del world.found["P3"]  # as when the rule is not of this kind of run
    world.found["P1"] = []
    world.run(region="420000")
    assert [signal.vanished_at is None for signal in world.signals()] == [False, True]
    world.found["P3"] = []
    world.run(region="429800")
    assert world.signals()[1].vanished_at is not None


def test_findings_of_other_regions_are_left_alone(world: World) -> None:
    inside, outside = world.person(1), world.person(3)
    world.found["P1"] = [finding(inside), finding(outside, region_code="420000")]
    result = world.run(region=REGION)
    assert result.stages["P1"].found == 1
    assert [signal.person_id for signal in world.signals()] == [inside]


def test_an_alert_that_people_closed_comes_back_only_for_a_changed_finding(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    first = world.one_alert()
    world.close(first)
    assert world.run().alerts.opened == 0
    world.found["P1"] = [finding(person, fen=200_00)]
    assert world.run().alerts.opened == 1
    _, second = world.alerts()
    assert (second.state, second.amount_fen, second.details["earlier"]) == (AlertState.OPEN, 200_00, [first.public_id])


def test_a_closed_finding_that_vanished_and_is_back_as_it_was_stays_closed(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    world.close(world.one_alert())
    world.found["P1"] = []
    world.run()
    world.found["P1"] = [finding(person, fen=100_00)]
    assert world.run().alerts.opened == 0
    assert [one.state for one in world.alerts()] == [AlertState.CLOSED]
    assert {signal.alert_id for signal in world.signals()} == {world.one_alert().id}


def test_a_new_finding_opens_an_alert_without_those_that_people_closed(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    world.close(world.one_alert())
    world.found["P3"] = [finding(person, "P3", fen=50_00)]
    world.run()
    closed, opened = world.alerts()
    assert (opened.amount_fen, opened.details["signals"]) == (50_00, {"P3": 1})
    assert [signal.alert_id for signal in world.signals()] == [closed.id, opened.id]


def test_signals_of_merged_records_are_one_alert(world: World) -> None:
    kept, merged = world.person(1), world.person(3)
    world.found["P1"] = [finding(kept, fen=10_00), finding(merged, fen=20_00)]
    world.run()
    assert len(world.alerts()) == 2
    with world.database.session_scope() as session:
        mergers.merge(session, kept_id=kept, merged_id=merged, reason="same", by="staff:wang", now=world.clock())
    world.found["P1"] = [finding(kept, fen=30_00)]
    world.run()
    first, second = world.alerts()
    assert (first.state, first.amount_fen, second.state, second.close_reason) == (
        AlertState.OPEN,
        30_00,
        AlertState.CLOSED,
        "person_merged",
    )


def test_what_is_about_no_person_has_an_alert_of_its_own(world: World) -> None:
    world.person()
    account = {"person_id": None, "subject_kind": SubjectKind.GROUP, "subject_ref": "account:ab12"}
    one = Finding("P3", "P3:account:ab12", REGION, AlertSeverity.SUSPICION, 0.4, amount_fen=500, **account)  # type: ignore[arg-type]
    world.found["P3"] = [one]
    assert (world.run().alerts.opened, world.run().alerts.opened) == (1, 0)
    alert = world.one_alert()
    assert (alert.key, alert.person_id, alert.amount_fen) == ("group:account:ab12", None, 500)
    world.found["P3"] = []
    assert world.run().alerts.closed == 1


def test_life_after_death_from_the_intake_and_from_a_run_is_one_signal_and_one_alert(world: World) -> None:
    person = world.person()
    with world.database.session_scope() as session:
        rows = (EvidenceKind.DEATH_RECORD, date(2026, 1, 1), None), (EvidenceKind.DATA_MATCH, date(2026, 2, 1), Trace.TRAVEL)
        ids = [
            life_evidence.add(
                session, NewEvidence(person, kind, day, Strength.SUPPORTING, "test", trace=trace), by="test", now=world.clock()
            ).id
            for kind, day, trace in rows
        ]
        assert life_after_death.open_for(session, {person: None}, world.rules, by="intake", now=world.clock()) == 1
    world.close(world.one_alert())
    records = (Record("life_evidence", ids[0], "death"), Record("life_evidence", ids[1], "trace"))
    world.found["P7"] = [finding(person, "P7", facts={"namesakes": 2}, records=records)]
    result = world.run()
    assert (result.stages["P7"].opened, result.stages["P7"].updated, result.alerts.opened) == (0, 0, 0)
    (signal,) = world.signals()
    assert (signal.facts, signal.run_id) == ({"namesakes": 2}, result.run_id)
    with world.database.session_scope() as session:
        again = life_after_death.open_for(session, {person: None}, world.rules, by="intake", now=world.clock.advance(minutes=1))
        new = NewEvidence(person, EvidenceKind.DATA_MATCH, date(2026, 3, 1), Strength.SUPPORTING, "test", trace=Trace.VACCINATION)
        life_evidence.add(session, new, by="test", now=world.clock())
        after = life_after_death.open_for(session, {person: date(2026, 3, 1)}, world.rules, by="intake", now=world.clock())
    assert (again, after) == (0, 1)
    first, second = world.alerts()
    assert second.details["earlier"] == [first.public_id]
    assert len(world.signals()) == 1


def test_a_run_of_an_earlier_day_only_looks_back(world: World) -> None:
    person = world.person()
    world.found["P1"] = [finding(person, fen=100_00)]
    world.run()
    world.found["P1"] = [finding(person, fen=50_00)]
    seen: list[Finding] = []
    result = world.run(date(2026, 2, 15), seen=seen.extend)
    assert (result.recorded, result.newest_day, result.stages["P1"].amount_fen) == (False, AS_OF, 50_00)
    assert [one.amount_fen for one in seen] == [50_00]
    assert [signal.amount_fen for signal in world.signals()] == [100_00]


def test_a_run_that_failed_says_why_and_the_next_one_finds_everything(world: World) -> None:
    people = [world.person(sequence) for sequence in (1, 3, 5)]
    world.found["P1"] = [finding(person) for person in people]
    world.fails_at = "P1:2"
    with pytest.raises(RunFailedError):
        world.run()
    with world.database.read_scope() as session:
        run = session.scalars(select(DetectionRun)).one()
    assert (run.state, run.failure) == (RunState.FAILED, "the disk did not suffice: make room and run it again")
    world.fails_at = ""
    assert world.run().stages["P1"].found == 3
    assert len(world.signals()) == 3


def test_a_run_that_was_killed_goes_on_after_its_last_batch_and_counts_all_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [world.person(sequence) for sequence in (1, 3, 5)]
    world.found["P1"] = [finding(person) for person in people]
    world.found["P3"] = [finding(person, "P3") for person in people]
    world.fails_at = "P3:2"
    monkeypatch.setattr(DetectionService, "_fail", lambda *_: None)  # a killed process says nothing
    with pytest.raises(RunFailedError):
        world.run()
    world.fails_at, world.looked = "", []
    result = world.run()
    assert world.looked == ["P3", "P7"]
    assert result.resumed
    assert (result.stages["P1"].opened, result.stages["P3"].found, result.stages["P3"].opened) == (3, 3, 3)
    assert len(world.signals()) == 6
    assert len(world.alerts()) == 3
    with world.database.read_scope() as session:
        run = session.scalars(select(DetectionRun)).one()
    assert (run.state, run.found, run.opened) == (RunState.DONE, 6, 6)
    assert list(run.finished_stages) == ["P1", "P3", "P7", "triage"]


def test_one_run_of_a_kind_at_a_time(world: World) -> None:
    with only_one(world.database, "detect-payments"), pytest.raises(ConflictError):
        world.run()


def test_what_cannot_be_asked_for(world: World) -> None:
    with pytest.raises(RunNotPossibleError, match="yet to come"):
        world.run(date(2027, 1, 1))
    with pytest.raises(NotFoundError, match="no region 999999"):
        world.run(region="999999")


def test_one_key_for_two_findings_is_a_fault_that_is_told(world: World) -> None:
    one, other = world.person(1), world.person(3)

    @contextmanager
    def stages(_asked: RunAs, _progress: Progress) -> Iterator[list[Stage]]:
        pair = [finding(one, key="P1:x"), finding(other, fen=1, key="P1:x")]
        yield [Stage("P1", ("P1",), lambda _report, _marker: [(pair, None)])]

    with pytest.raises(FoundTwiceError, match="P1:x"):
        world.service().run(RunAs(PAYMENTS, AS_OF, "", "duckdb", "test"), stages)
    assert world.signals() == []


def test_two_at_once_open_one_alert(world: World) -> None:
    people = [world.person(sequence) for sequence in range(1, 20, 2)]
    world.found["P1"] = [finding(person) for person in people]
    world.run()
    with world.database.session_scope() as session:
        for signal in session.scalars(select(Signal)):
            signal.alert_id, signal.triage_due = None, True
        for alert in session.scalars(select(Alert)):
            session.delete(alert)
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            with world.database.session_scope() as session:
                triage.triage(session, people, world.rules, by="test", now=world.clock())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(world.alerts()) == len(people)
    assert all(signal.alert_id is not None for signal in world.signals())


def test_no_name_or_number_gets_into_signals_alerts_or_audit(world: World) -> None:
    world.found["P1"] = [finding(world.person())]
    world.run()
    with world.database.read_scope() as session:
        person = session.scalars(select(Person)).one()
        entries = session.scalars(select(AuditEntry)).all()
    said = str([vars(row) for row in (*world.signals(), *world.alerts(), *entries)])
    assert person.name not in said
    assert "1950060112" not in said
