"""Recording and correcting evidence by staff: what certifies, what opens an alert, what is refused, and what a correction takes with it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models import certificates
from models.account import Account, Role
from models.alert import Alert
from models.audit import AuditEntry
from models.certificate import Certificate
from models.certification_state import CertificationState
from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, HomeVisit, LifeEvidence, Strength, Trace
from models.outbox import OutboxMessage
from models.policy import RecordsPolicy
from models.repositories import certifications, life_evidence, persons
from models.repositories.life_evidence import NewEvidence
from models.triage import TriageRules
from tests.conftest import FixedClock
from tests.models.people import NOW, add_person
from verify.evidence_rules import EvidenceInvalid, Field, Position, Rule, ToldBy, TypedEvidence, Visit
from verify.evidence_service import CorrectionReason, EvidenceService, Outcome

TODAY = date(2026, 3, 15)
ACTOR = "staff:wang"
COUNTER, DEATH, CUSTODY = EvidenceKind.COUNTER, EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY


@pytest.fixture
def service(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> EvidenceService:
    policy = records_policy
    return EvidenceService(
        database,
        keyring,
        certification=policy.certification,
        recording=policy.recording,
        intake=policy.intake,
        triage=TriageRules.of(policy, policy.sha256[:16]),
        visiting_roles=frozenset({"counter"}),
        clock=clock,
    )


@pytest.fixture
def person(database: Database, keyring: FileKeyRing) -> str:
    with database.session_scope() as session:
        role, other = Role(name="counter", permissions=[]), Role(name="auditor", permissions=[])
        for name, active, of in (("wang", True, role), ("Li.Na", True, role), ("gone", False, role), ("reader", True, other)):
            account = Account(email=f"{name}@test.invalid", username=name, fs_uniquifier=secrets.token_hex(32), active=active, roles=[of])
            session.add(account)
        return add_person(session, keyring).public_id


def state(database: Database, policy: RecordsPolicy, public_id: str) -> CertificationState:
    with database.read_scope() as session:
        return certifications.status_of(session, persons.get(session, public_id).id, policy.certification, TODAY).state


def count(database: Database, table: type) -> int:
    with database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def insert(
    database: Database, public_id: str, kind: EvidenceKind, on: date, strength: Strength = Strength.CONCLUSIVE, **more: object
) -> int:
    with database.session_scope() as session:
        key = persons.get(session, public_id).id
        new = NewEvidence(key, kind, on, strength, "test", **more)  # type: ignore[arg-type]
        return life_evidence.add(session, new, by="test", now=NOW).id


@pytest.mark.parametrize("kind", [COUNTER, EvidenceKind.VIDEO_CALL])
def test_what_staff_saw_certifies_with_certificate_audit_and_message(
    service: EvidenceService, database: Database, records_policy: RecordsPolicy, person: str, kind: EvidenceKind
) -> None:
    done = service.record(person, TypedEvidence(kind, TODAY), actor=ACTOR)
    assert done.outcome is Outcome.CERTIFIED
    assert state(database, records_policy, person) is CertificationState.CERTIFIED
    with database.read_scope() as session:
        certificate = session.scalars(select(Certificate)).one()
        assert (certificate.id, certificate.valid_until) == (done.certificate_id, date(2027, 3, 15))
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.actor, entry.action, entry.object) == (ACTOR, f"evidence.{kind}", done.evidence_id)
        message = session.scalars(select(OutboxMessage)).one()
        assert message.payload == {"evidence": certificate.evidence_id, "due_on": "2027-03-15"}


def test_a_home_visit_keeps_place_position_and_two_staff(service: EvidenceService, database: Database, person: str) -> None:
    visit = Visit(" 样板村 3 组 ", "li.na", Position(30.5, 114.25, 12.0))
    assert service.record(person, TypedEvidence(EvidenceKind.HOME_VISIT, TODAY, visit=visit), actor=ACTOR).outcome is Outcome.CERTIFIED
    with database.read_scope() as session:
        row = session.scalars(select(HomeVisit)).one()
        assert (row.place, row.latitude_deg, row.longitude_deg, row.accuracy_m) == ("样板村 3 组", 30.5, 114.25, 12.0)
        assert (row.first_staff, row.second_staff) == (ACTOR, "staff:Li.Na")


HOME = EvidenceKind.HOME_VISIT
WRONG = [
    (TypedEvidence(EvidenceKind.FACE, TODAY), Field.KIND, Rule.NOT_RECORDED_BY_STAFF),
    (TypedEvidence(COUNTER, TODAY + timedelta(days=1)), Field.OCCURRED_ON, Rule.IN_THE_FUTURE),
    (TypedEvidence(COUNTER, TODAY - timedelta(days=61)), Field.OCCURRED_ON, Rule.TOO_LONG_AGO),
    (TypedEvidence(DEATH, date(1995, 3, 15), told_by=ToldBy.FAMILY), Field.OCCURRED_ON, Rule.TOO_LONG_AGO),
    (TypedEvidence(DEATH, date(1950, 5, 31), told_by=ToldBy.FAMILY), Field.OCCURRED_ON, Rule.BEFORE_BIRTH),
    (TypedEvidence(DEATH, TODAY, told_by=ToldBy.PERSON), Field.TOLD_BY, Rule.NOT_OF_THIS_KIND),
    (TypedEvidence(DEATH, TODAY), Field.TOLD_BY, Rule.REQUIRED),
    (TypedEvidence(COUNTER, TODAY, told_by=ToldBy.FAMILY), Field.TOLD_BY, Rule.NOT_OF_THIS_KIND),
    (TypedEvidence(CUSTODY, TODAY), Field.REFERENCE, Rule.REQUIRED),
    (TypedEvidence(CUSTODY, TODAY, ends_on=date(2026, 3, 14), reference="1"), Field.ENDS_ON, Rule.BEFORE_IT_BEGAN),
    (TypedEvidence(COUNTER, TODAY, ends_on=TODAY), Field.ENDS_ON, Rule.NOT_OF_THIS_KIND),
    (TypedEvidence(COUNTER, TODAY, reference="x" * 201), Field.REFERENCE, Rule.TOO_LONG),
    (TypedEvidence(HOME, TODAY), Field.PLACE, Rule.REQUIRED),
    (TypedEvidence(HOME, TODAY, visit=Visit(" ", "li.na")), Field.PLACE, Rule.REQUIRED),
    (TypedEvidence(COUNTER, TODAY, visit=Visit("here", "li.na")), Field.PLACE, Rule.NOT_OF_THIS_KIND),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", " ")), Field.SECOND_STAFF, Rule.REQUIRED),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "WANG")), Field.SECOND_STAFF, Rule.SAME_PERSON),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "nobody")), Field.SECOND_STAFF, Rule.NO_ACTIVE_ACCOUNT),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "gone")), Field.SECOND_STAFF, Rule.NO_ACTIVE_ACCOUNT),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "reader")), Field.SECOND_STAFF, Rule.NO_ACTIVE_ACCOUNT),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "li.na", Position(91, 0))), Field.POSITION, Rule.OUT_OF_RANGE),
    (TypedEvidence(HOME, TODAY, visit=Visit("here", "li.na", Position(float("nan"), 0))), Field.POSITION, Rule.OUT_OF_RANGE),
]


def test_what_breaks_a_rule_is_named_and_nothing_is_written(service: EvidenceService, database: Database, person: str) -> None:
    for typed, field, rule in WRONG:
        with pytest.raises(EvidenceInvalid) as caught:
            service.record(person, typed, actor=ACTOR)
        assert (caught.value.field, caught.value.rule) == (field, rule), typed
    assert count(database, LifeEvidence) == count(database, AuditEntry) == count(database, OutboxMessage) == 0


def test_declaration_and_custody_certify_nobody(
    service: EvidenceService, database: Database, records_policy: RecordsPolicy, person: str
) -> None:
    told = TypedEvidence(EvidenceKind.DECLARATION, TODAY, told_by=ToldBy.PERSON)
    held = TypedEvidence(CUSTODY, date(2025, 1, 1), ends_on=date(2025, 9, 1), reference="notice 7")
    for typed in (told, held):
        done = service.record(person, typed, actor=ACTOR)
        assert (done.outcome, done.certificate_id, done.alert_opened) == (Outcome.RECORDED, None, False)
    assert state(database, records_policy, person) is CertificationState.NEVER_CERTIFIED


def test_a_death_told_by_the_family_changes_no_status_and_opens_an_alert(
    service: EvidenceService, database: Database, records_policy: RecordsPolicy, person: str
) -> None:
    service.record(person, TypedEvidence(COUNTER, TODAY - timedelta(days=30)), actor=ACTOR)
    done = service.record(person, TypedEvidence(DEATH, TODAY, told_by=ToldBy.FAMILY), actor=ACTOR)
    assert (done.outcome, done.alert_opened) == (Outcome.RECORDED, True)
    assert state(database, records_policy, person) is CertificationState.CERTIFIED
    with database.read_scope() as session:
        assert session.scalars(select(Alert.code)).all() == ["death_reported"]


def test_life_after_a_death_record_is_recorded_certifies_nobody_and_opens_one_alert(
    service: EvidenceService, database: Database, records_policy: RecordsPolicy, person: str
) -> None:
    insert(database, person, DEATH, date(2026, 1, 10))
    before = service.record(person, TypedEvidence(EvidenceKind.VIDEO_CALL, date(2026, 1, 20)), actor=ACTOR)
    again = service.record(person, TypedEvidence(COUNTER, TODAY), actor=ACTOR)
    assert (before.outcome, before.alert_opened) == (Outcome.AGAINST_DEATH, True)
    assert (again.outcome, again.alert_opened, again.certificate_id) == (Outcome.AGAINST_DEATH, False, None)
    assert state(database, records_policy, person) is CertificationState.DECEASED
    with database.read_scope() as session:
        assert session.scalars(select(Alert.code)).all() == ["P7"]
    assert count(database, Certificate) == 0


def test_older_evidence_gives_no_certificate_of_a_newer_one(service: EvidenceService, database: Database, person: str) -> None:
    service.record(person, TypedEvidence(COUNTER, TODAY), actor=ACTOR)
    older = service.record(person, TypedEvidence(COUNTER, TODAY - timedelta(days=20)), actor=ACTOR)
    assert (older.outcome, older.certificate_id) == (Outcome.NOT_NEWEST, None)
    assert count(database, Certificate) == 1


def test_a_wrong_death_record_taken_away_gives_the_status_back(
    service: EvidenceService, database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, person: str
) -> None:
    service.record(person, TypedEvidence(COUNTER, TODAY - timedelta(days=20)), actor=ACTOR)
    death = insert(database, person, DEATH, date(2026, 3, 1))
    assert state(database, records_policy, person) is CertificationState.DECEASED
    handle = service._handles.handle(death)
    done = service.correct(person, handle, reason=CorrectionReason.WRONG_PERSON, actor=ACTOR)
    assert (done.status.state, done.revoked) == (CertificationState.CERTIFIED, 0)
    with pytest.raises(ConflictError) as caught:
        service.correct(person, handle, reason=CorrectionReason.OTHER, actor=ACTOR)
    assert caught.value.conflict is Conflict.EVIDENCE_ALREADY_CORRECTED
    with pytest.raises(NotFoundError):
        service.correct(person, "nothing", reason=CorrectionReason.OTHER, actor=ACTOR)


def test_a_corrected_visit_revokes_its_certificate_and_the_right_day_gives_another(
    service: EvidenceService, database: Database, person: str
) -> None:
    first = service.record(person, TypedEvidence(COUNTER, TODAY), actor=ACTOR)
    done = service.correct(person, first.evidence_id, reason=CorrectionReason.WRONG_DAY, actor=ACTOR, occurred_on=date(2026, 3, 10))
    assert (done.status.last_certified_on, done.revoked) == (date(2026, 3, 10), 1)
    with database.read_scope() as session:
        key = session.scalar(select(Certificate.person_id).limit(1)) or 0
        assert certificates.get(session, first.certificate_id or "").revoked_at is not None
        assert certificates.latest(session, key).valid_until == date(2027, 3, 10)  # type: ignore[union-attr]
    taken = service.correct(person, done.evidence_id, reason=CorrectionReason.NOT_TRUE, actor=ACTOR)
    assert (taken.status.state, taken.revoked) == (CertificationState.NEVER_CERTIFIED, 1)


def test_a_silent_certification_goes_with_the_trace_it_rests_on(
    service: EvidenceService, database: Database, records_policy: RecordsPolicy, person: str
) -> None:
    trace = insert(database, person, EvidenceKind.DATA_MATCH, date(2026, 2, 1), Strength.SUPPORTING, trace=Trace.MEDICAL_VISIT)
    insert(database, person, EvidenceKind.DATA_MATCH, date(2026, 2, 1), based_on_id=trace, details={"traces": [{"id": trace}]})
    assert state(database, records_policy, person) is CertificationState.CERTIFIED
    done = service.correct(person, service._handles.handle(trace), reason=CorrectionReason.WRONG_PERSON, actor=ACTOR)
    assert (done.status.state, done.also_void) == (CertificationState.NEVER_CERTIFIED, 1)


def test_of_two_corrections_at_once_one_wins(service: EvidenceService, database: Database, person: str) -> None:
    first = service.record(person, TypedEvidence(COUNTER, TODAY), actor=ACTOR)

    def correct(_: int) -> str:
        try:
            service.correct(person, first.evidence_id, reason=CorrectionReason.NOT_TRUE, actor=ACTOR)
        except ConflictError as error:
            return error.conflict.value
        return "done"

    with ThreadPoolExecutor(4) as pool:
        results = sorted(pool.map(correct, range(4)))
    assert results == ["done", *["evidence_already_corrected"] * 3]
    assert count(database, LifeEvidence) == 2
