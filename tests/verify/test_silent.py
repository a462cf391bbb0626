from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus
from models.casework import VERIFICATION_REFERRED
from models.certification import BenefitFact, EvidenceFact, derive
from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.outbox import OutboxMessage
from models.person import Person
from models.policy import RecordsPolicy
from models.region import Region, RegionLevel
from models.repositories import alerts, cases, certifications, life_evidence, silent
from models.repositories.life_evidence import NewEvidence
from models.repositories.silent_scratch import COUNTED, JUDGED, scratch
from models.run_lock import only_one
from models.silent_run import Contradiction, SilentRun
from models.triage import TriageRules
from tests.conftest import FixedClock
from tests.models.people import NOW, REGION, add_person
from verify.silent import Explained, Judgement, LedgerRow, Standing, explain, is_silent, judge
from verify.silent_service import LOCK, RunResult, SilentRunError, SilentService

AS_OF = date(2026, 3, 15)


@dataclass
class World:
    """A database with a service over it."""

    database: Database
    keyring: FileKeyRing
    policy: RecordsPolicy
    clock: FixedClock

    def service(self) -> SilentService:
        return SilentService(
            self.database,
            silent_policy=self.policy.silent,
            certification=self.policy.certification,
            triage=TriageRules.of(self.policy, "0123456789abcdef"),
            policy_hash="0123456789abcdef",
            clock=self.clock,
        )

    def run(self, as_of: date = AS_OF, **options: Any) -> RunResult:
        return self.service().run(as_of, by="job:silent", **options)

    def pensioner(self, sequence: int, *, name: str = "王秀英") -> int:
        with self.database.session_scope() as session:
            person = add_person(session, self.keyring, sequence=sequence, name=name)
            _add_benefit(session, person.id)
            return person.id

    def add(self, person_id: int, kind: EvidenceKind, day: date, strength: Strength = Strength.SUPPORTING, **options: Any) -> int:
        with self.database.session_scope() as session:
            new = NewEvidence(person_id=person_id, kind=kind, occurred_on=day, strength=strength, source="省医院", **options)
            return life_evidence.add(session, new, by="test", now=NOW).id

    def trace(self, person_id: int, days_ago: int = 10, trace: Trace = Trace.MEDICAL_VISIT) -> int:
        return self.add(person_id, EvidenceKind.DATA_MATCH, AS_OF - timedelta(days=days_ago), trace=trace)

    def silent_rows(self) -> list[LifeEvidence]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(LifeEvidence).where(LifeEvidence.based_on_id.is_not(None)).order_by(LifeEvidence.id)))

    def alert_codes(self) -> list[str]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Alert.code).order_by(Alert.id)))


@pytest.fixture
def world(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> World:
    return World(database, keyring, records_policy, clock)


def _add_benefit(session: Session, person_id: int, **options: Any) -> None:
    values = {"scheme": Scheme.EMPLOYEE_PENSION, "status": BenefitStatus.ACTIVE, "from_month": date(2015, 1, 1), **options}
    session.execute(insert(Benefit).values(person_id=person_id, region_code=REGION, monthly_fen=300_000, **values))


def test_a_fresh_medical_visit_certifies_is_explained_and_told(world: World) -> None:
    person_id = world.pensioner(1)
    trace_id = world.trace(person_id, 10)
    result = world.run(examples=3)
    assert (result.examined, result.certified, result.refused, result.alerts, result.by_trace) == (1, 1, 0, 0, {"medical_visit": 1})
    (row,) = world.silent_rows()
    assert (row.person_id, row.occurred_on, row.strength, row.based_on_id) == (person_id, date(2026, 3, 5), Strength.CONCLUSIVE, trace_id)
    assert row.recorded_by == "job:silent"
    assert is_silent(row.details)
    lines = explain(row.details or {})
    assert [line.code for line in lines] == [Explained.TRACE, Explained.ENOUGH, Explained.RULE]
    assert lines[0].values == {"trace": Trace.MEDICAL_VISIT, "source": "省医院", "on": date(2026, 3, 5), "points": 2}
    assert lines[2].values == {"as_of": AS_OF, "policy": "0123456789abcdef", "run": result.run}
    assert [details for _, details in result.examples] == [row.details]
    with world.database.read_scope() as session:
        status = certifications.status_of(session, person_id, world.policy.certification, AS_OF)
        assert status.state is CertificationState.CERTIFIED
        message = session.scalars(select(OutboxMessage)).one()
        assert (message.kind, message.person_id) == ("person.certified_silently", person_id)
        assert message.payload == {"evidence": row.id, "due_on": str(status.due_on)}
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "certify_silently")).one()
        assert (entry.object, entry.details["certified"]) == (result.run, 1)


def test_a_rerun_changes_nothing(world: World) -> None:
    for sequence in range(1, 6):
        world.trace(world.pensioner(sequence))
    dead = world.pensioner(9)
    world.trace(dead)
    world.add(dead, EvidenceKind.DEATH_RECORD, date(2026, 1, 1), Strength.INDICATIVE)
    first = world.run(chunk=2)
    assert (first.certified, first.refused, first.alerts) == (5, 1, 1)
    again = world.run(chunk=4)
    assert (again.certified, again.refused, again.alerts) == (0, 1, 0)
    assert again.run != first.run
    assert len(world.silent_rows()) == 5
    with world.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 5


def test_a_dry_run_counts_the_same_and_writes_nothing(world: World) -> None:
    for sequence in range(1, 4):
        world.trace(world.pensioner(sequence))
    dead = world.pensioner(9)
    world.trace(dead)
    world.add(dead, EvidenceKind.DEATH_RECORD, date(2026, 1, 1), Strength.CONCLUSIVE)
    dry = world.run(dry_run=True, chunk=2)
    assert dry.run is None
    assert world.silent_rows() == []
    assert world.alert_codes() == []
    with world.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(SilentRun)) == 0
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0
    real = world.run()
    assert (dry.examined, dry.certified, dry.refused, dry.alerts, dry.by_trace) == (
        real.examined,
        real.certified,
        real.refused,
        real.alerts,
        real.by_trace,
    )


def _open_alert(world: World, person_id: int, *, case: bool = False) -> None:
    with world.database.session_scope() as session:
        found = alerts.NewAlert("P3", f"P3:{person_id}", AlertSeverity.WARNING, REGION, person_id)
        alerts.open_alerts(session, [found], by="test", now=NOW)
        if case:
            cases.open_case(session, session.scalars(select(Alert)).one(), by="test", due_on=AS_OF, now=NOW)


def _withdraw(world: World, person_id: int, evidence_id: int) -> None:
    with world.database.session_scope() as session:
        kind = session.get_one(LifeEvidence, evidence_id).kind
        void = NewEvidence(person_id=person_id, kind=kind, occurred_on=date(2026, 1, 1), strength=Strength.VOID, source="test")
        life_evidence.correct(session, evidence_id, void, by="test", now=NOW)


def _closed_alert(world: World, person_id: int) -> None:
    _open_alert(world, person_id)
    with world.database.session_scope() as session:
        alerts.close(session, session.scalars(select(Alert.id)).one(), reason="checked", by="test", now=NOW)


DEATH, CUSTODY = EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY


@pytest.mark.parametrize(
    ("contradict", "code"),
    [
        (lambda w, p: w.add(p, DEATH, date(2026, 1, 1), Strength.CONCLUSIVE), "P7"),
        (lambda w, p: w.add(p, DEATH, date(2026, 1, 1), Strength.INDICATIVE), "P7"),
        (lambda w, p: w.add(p, DEATH, date(2026, 3, 10), Strength.INDICATIVE), "silent_death_record"),
        (lambda w, p: w.add(p, CUSTODY, date(2026, 3, 1), Strength.CONCLUSIVE), "silent_custody"),
        (lambda w, p: w.add(p, CUSTODY, date(2026, 3, 1), ends_on=date(2026, 3, 5)), "silent_custody"),
        (_open_alert, "silent_open_case"),
        (lambda w, p: _open_alert(w, p, case=True), "silent_open_case"),
    ],
)
def test_what_contradicts_the_traces_keeps_from_certifying_and_opens_one_alert(
    world: World, contradict: Callable[[World, int], Any], code: str
) -> None:
    person_id = world.pensioner(1)
    world.trace(person_id, 10)
    contradict(world, person_id)
    result = world.run()
    assert (result.certified, result.refused, result.alerts) == (0, 1, 1)
    assert world.silent_rows() == []
    assert world.alert_codes()[-1] == code
    again = world.run()
    assert (again.certified, again.refused, again.alerts) == (0, 1, 0)


@pytest.mark.parametrize(
    "harmless",
    [
        lambda w, p: w.add(p, CUSTODY, date(2026, 1, 1), ends_on=date(2026, 3, 4)),  # over before the trace
        lambda w, p: _withdraw(w, p, w.add(p, DEATH, date(2026, 1, 1), Strength.CONCLUSIVE)),
        _closed_alert,
    ],
)
def test_what_no_longer_contradicts_is_no_obstacle(world: World, harmless: Callable[[World, int], Any]) -> None:
    person_id = world.pensioner(1)
    world.trace(person_id, 10)
    harmless(world, person_id)
    assert world.run().certified == 1


def test_the_own_alert_is_no_obstacle_once_its_reason_is_gone_but_the_case_made_of_it_is(world: World) -> None:
    person_id = world.pensioner(1)
    world.trace(person_id, 10)
    death = world.add(person_id, DEATH, date(2026, 1, 1), Strength.CONCLUSIVE)
    world.run()
    with world.database.session_scope() as session:
        case = cases.open_case(session, session.scalars(select(Alert)).one(), by="test", due_on=AS_OF, now=NOW)
        case_id = case.id
    _withdraw(world, person_id, death)
    assert world.run().certified == 0
    with world.database.session_scope() as session:
        assert session.get_one(CaseFile, case_id).closed_at is None
        session.execute(delete(Alert).where(Alert.code == "silent_open_case"))
        key = session.scalars(select(Alert.key)).one()
        assert cases.settle(session, key, outcome=CaseOutcome.DATA_ERROR, conclusion="wrong record", by="test", now=NOW)
    assert world.run().certified == 1


def test_a_closed_alert_comes_back_only_with_a_newer_trace(world: World) -> None:
    person_id = world.pensioner(1)
    world.trace(person_id, 10)
    world.add(person_id, DEATH, date(2026, 1, 1), Strength.CONCLUSIVE)
    assert world.run().alerts == 1
    with world.database.session_scope() as session:
        alerts.close(session, session.scalars(select(Alert.id)).one(), reason="looked at", by="test", now=NOW + timedelta(minutes=1))
    assert world.run().alerts == 0
    with world.database.session_scope() as session:
        new = NewEvidence(person_id, EvidenceKind.DATA_MATCH, AS_OF, Strength.SUPPORTING, "x", trace=Trace.VACCINATION)
        life_evidence.add(session, new, by="test", now=world.clock.advance(hours=1))
    assert world.run().alerts == 1


def test_a_certification_that_was_taken_back_is_not_made_again_from_the_same_traces(world: World) -> None:
    person_id = world.pensioner(1)
    world.trace(person_id, 20)
    world.trace(person_id, 10, Trace.VACCINATION)
    world.run()
    (row,) = world.silent_rows()
    _withdraw(world, person_id, row.id)
    assert world.run().certified == 0
    world.trace(person_id, 1)
    assert world.run().certified == 1


def test_a_kind_and_source_counts_once(world: World) -> None:
    person_id = world.pensioner(1)
    for days_ago in (3, 5, 7):
        world.trace(person_id, days_ago, Trace.TRAVEL)
    assert world.run().certified == 0
    world.trace(person_id, 30, Trace.OTHER)
    result = world.run()
    assert (result.certified, result.by_trace) == (1, {"travel": 1, "other": 1})
    (row,) = world.silent_rows()
    assert row.occurred_on == AS_OF - timedelta(days=3)


def test_only_those_who_draw_a_benefit_are_certified(world: World) -> None:
    with world.database.session_scope() as session:
        worker = add_person(session, world.keyring, sequence=1).id
        retired = add_person(session, world.keyring, sequence=2).id
        _add_benefit(session, retired, status=BenefitStatus.ENDED)
    world.trace(worker)
    world.trace(retired)
    assert world.run().certified == 0


def test_merged_records_count_together_and_the_certification_stays_with_the_record_of_the_trace(world: World) -> None:
    kept, merged = world.pensioner(1), world.pensioner(2)
    with world.database.session_scope() as session:
        session.get_one(Person, merged).merged_into_id = kept
    world.trace(kept, 20, Trace.TRAVEL)
    world.trace(merged, 10, Trace.OTHER)
    result = world.run()
    assert (result.examined, result.certified) == (1, 1)
    (row,) = world.silent_rows()
    assert row.person_id == merged
    with world.database.session_scope() as session:
        assert session.scalars(select(OutboxMessage.person_id)).all() == [kept]
        session.get_one(Person, merged).merged_into_id = None
    assert world.run().certified == 0


def test_a_region_bounds_the_run(world: World) -> None:
    world.trace(world.pensioner(1))
    with world.database.session_scope() as session:
        session.add(Region(code="429900", name="别市", level=RegionLevel.CITY, parent_code="420000"))
    assert world.run(region_code="429900").examined == 0
    assert world.silent_rows() == []
    assert world.run(region_code="429800").certified == 1
    with pytest.raises(NotFoundError, match="no region 110000"):
        world.run(region_code="110000")


def test_a_day_to_come_is_refused(world: World) -> None:
    with pytest.raises(SilentRunError, match="yet to come"):
        world.run(AS_OF + timedelta(days=1))


def test_a_second_run_beside_a_live_one_is_refused(world: World) -> None:
    world.trace(world.pensioner(1))
    other = Database(world.database.url)
    with only_one(other, LOCK), pytest.raises(ConflictError) as refused:
        world.run()
    other.dispose()
    assert refused.value.conflict is Conflict.RUN_IN_PROGRESS
    assert world.run().certified == 1


def test_a_run_that_broke_off_goes_on_and_counts_everything_once(world: World) -> None:
    for sequence in range(1, 7):
        world.trace(world.pensioner(sequence))

    def die(_stage: str, done: int, _total: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(chunk=2, progress=die)
    assert len(world.silent_rows()) == 4
    result = world.run(chunk=2)
    assert (result.resumed_after, result.examined, result.certified, result.by_trace) == (4, 6, 6, {"medical_visit": 6})
    assert len(world.silent_rows()) == 6


days = st.dates(AS_OF - timedelta(days=400), AS_OF + timedelta(days=5))
kinds = st.sampled_from([EvidenceKind.DATA_MATCH] * 8 + [EvidenceKind.FACE, EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY])
rows_of_one = st.lists(
    st.tuples(
        kinds,
        days,
        st.sampled_from([Strength.INDICATIVE, Strength.SUPPORTING, Strength.CONCLUSIVE]),
        st.none() | st.sampled_from(Trace),
        st.sampled_from(["甲", "乙"]),
        st.none() | st.integers(0, 60),
        st.none() | st.none() | st.integers(0, 3),
    ),
    max_size=6,
)
persons = st.lists(
    st.tuples(
        rows_of_one,
        st.sampled_from(["active", "active", "active", "paused", "ended", "none"]),
        st.sampled_from(["", "", "", "", "alert", "case", "own", "referred"]),
        st.none() | st.none() | st.integers(1, 3),
    ),
    min_size=1,
    max_size=10,
)
Drawn = list[tuple[list[Any], str, str, int | None]]


@settings(max_examples=40)
@given(drawn=persons)
def test_the_database_and_the_plain_reading_agree_on_everybody(
    drawn: Drawn, database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock
) -> None:
    policy = records_policy.certification
    with database.sessions() as session:
        template = add_person(session, keyring)
        ids, row_ids = count(template.id + 1), count(10_000)
        ledger: dict[int, list[LedgerRow]] = {}
        benefits: dict[int, list[BenefitFact]] = {}
        opened: set[int] = set()
        speaks: dict[int, int] = {}
        for number, (rows, benefit, open_as, back) in enumerate(drawn):
            person_id = next(ids)
            owner = speaks.get(person_id - back, person_id) if back else person_id
            speaks[person_id] = owner
            _insert_person(session, template, person_id, None if owner == person_id else owner)
            ledger.setdefault(owner, []).extend(_insert_rows(session, person_id, rows, row_ids))
            benefits.setdefault(owner, []).extend(_insert_benefit(session, person_id, benefit))
            if open_as:
                _insert_alert(session, person_id, number, open_as)
                opened |= {owner} if open_as not in {"own", "referred"} else set()
        expected: dict[int, Judgement] = {}
        for owner in set(speaks.values()):
            facts = [EvidenceFact(row.id, row.kind, row.occurred_on, row.strength, row.corrects_id) for row in ledger[owner]]
            status = derive(facts, benefits[owner], policy, AS_OF)
            draws = any(benefit.status is not BenefitStatus.ENDED for benefit in benefits[owner])
            standing = Standing(status.state, status.last_certified_on, draws, owner in opened)
            judgement = judge(ledger[owner], standing, records_policy.silent, AS_OF)
            if judgement.counted:
                expected[owner] = judgement
        rules = silent.Rules(records_policy.silent, policy, AS_OF)
        with scratch(session):
            silent.collect_traces(session, rules, template.id, max(speaks))
            silent.collect_people(session, rules)
            silent.judge(session, rules)
            found = {row.owner_id: row for row in session.execute(select(JUDGED))}
            counted = session.execute(select(COUNTED.c.owner_id, COUNTED.c.evidence_id)).all()
            certified = silent.certify(session, rules, run="r", policy_hash="h", by="test", now=clock())
        assert {owner: (row.contradiction, row.points, row.newest_id) for owner, row in found.items()} == {
            owner: (judgement.contradiction, judgement.points, judgement.counted[-1].id) for owner, judgement in expected.items()
        }
        assert certified == sum(judgement.certified_on is not None for judgement in expected.values())
        for owner, judgement in expected.items():
            assert {row for key, row in counted if key == owner} == {row.id for row in judgement.counted}
        written = session.scalars(select(LifeEvidence).where(LifeEvidence.based_on_id.is_not(None), LifeEvidence.recorded_by == "test"))
        for row in written:
            if row.source == silent.SOURCE:
                owner = speaks[row.person_id]
                assert row.occurred_on == expected[owner].certified_on
                assert {trace["id"] for trace in (row.details or {})["traces"]} == {each.id for each in expected[owner].counted}
        session.rollback()


def _insert_person(session: Session, template: Person, person_id: int, merged_into_id: int | None) -> None:
    left_out = {"social_security_number_index", "social_security_number_sealed", "phone_sealed", "phone_masked"}
    values = {column.key: getattr(template, column.key) for column in Person.__mapper__.column_attrs if column.key not in left_out}
    values |= {"id": person_id, "public_id": f"p{person_id}", "resident_id_index": b"%032d" % person_id, "merged_into_id": merged_into_id}
    session.execute(insert(Person).values(**values))


def _insert_rows(session: Session, person_id: int, drawn: list[Any], ids: Any) -> list[LedgerRow]:
    rows: list[LedgerRow] = []
    for kind, day, strength, trace, source, length, other in drawn:
        is_trace = kind is EvidenceKind.DATA_MATCH
        earlier = rows[other] if other is not None and other < len(rows) else None
        # a data match without a trace, and with a row that it is based on, is a silent certification of before
        based_on = earlier.id if is_trace and trace is None and earlier is not None and earlier.trace is not None else None
        if based_on in {row.based_on_id for row in rows}:
            based_on = None
        corrects = earlier.id if based_on is None and earlier is not None else None
        if corrects in {row.corrects_id for row in rows}:
            corrects = None
        ends_on = day + timedelta(days=length) if kind is EvidenceKind.CUSTODY and length is not None else None
        row = LedgerRow(next(ids), kind, day, strength, source, trace if is_trace else None, ends_on, corrects, based_on)
        rows.append(row)
        names = ("id", "kind", "occurred_on", "strength", "source", "trace", "ends_on", "corrects_id", "based_on_id")
        values = {name: getattr(row, name) for name in names}
        session.execute(insert(LifeEvidence).values(person_id=person_id, recorded_by="before", recorded_at=NOW, **values))
    return rows


def _insert_benefit(session: Session, person_id: int, state: str) -> list[BenefitFact]:
    if state == "none":
        return []
    paused_on = AS_OF - timedelta(days=30) if state == "paused" else None
    _add_benefit(session, person_id, status=BenefitStatus(state), paused_on=paused_on)
    return [BenefitFact(Scheme.EMPLOYEE_PENSION, REGION, BenefitStatus(state), date(2015, 1, 1), None, paused_on)]


def _insert_alert(session: Session, person_id: int, number: int, how: str) -> None:
    key = f"silent:{number}" if how == "own" else f"P3:{number}"
    code = VERIFICATION_REFERRED if how == "referred" else "P3"  # a camera check that waits for a person speaks against nobody
    session.execute(
        insert(Alert).values(
            public_id=f"a{number}",
            code=code,
            key=key,
            severity=AlertSeverity.WARNING,
            state=AlertState.IN_CASE if how == "case" else AlertState.OPEN,
            person_id=person_id,
            region_code=REGION,
            details={},
            opened_by="test",
            opened_at=NOW,
        )
    )


states = st.sampled_from([state for state in CertificationState if state is not CertificationState.DECEASED])
ledger_rows = st.lists(
    st.tuples(st.sampled_from(Trace), st.dates(AS_OF - timedelta(days=200), AS_OF), st.sampled_from(["甲", "乙"])), max_size=5
)


@given(drawn=ledger_rows, more=ledger_rows, state=states, last=st.none() | st.dates(AS_OF - timedelta(days=400), AS_OF))
def test_one_more_trace_never_takes_a_certification_away(
    drawn: list[Any], more: list[Any], state: CertificationState, last: date | None, records_policy: RecordsPolicy
) -> None:
    def rows(several: list[Any]) -> list[LedgerRow]:
        return [
            LedgerRow(number, EvidenceKind.DATA_MATCH, day, Strength.SUPPORTING, source, trace)
            for number, (trace, day, source) in enumerate(several)
        ]

    standing = Standing(state, last, draws_benefit=True, has_open_case=False)
    before = judge(rows(drawn), standing, records_policy.silent, AS_OF)
    after = judge(rows(drawn + more), standing, records_policy.silent, AS_OF)
    if before.certified_on is not None:
        assert after.certified_on is not None
        assert after.certified_on >= before.certified_on
        assert after.points >= before.points


def test_the_weightiest_contradiction_is_told_first() -> None:
    assert list(Contradiction) == [
        Contradiction.TRACE_AFTER_DEATH,
        Contradiction.DEATH_RECORD,
        Contradiction.CUSTODY,
        Contradiction.OPEN_CASE,
    ]
