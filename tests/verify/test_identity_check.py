"""Identity checks at treatment against both databases: what is answered, what is written, who wins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.policy import Policy, load_policy
from models.alert import Alert
from models.audit import AuditEntry
from models.certification_state import CertificationState
from models.client import Client
from models.consent import ConsentPurpose
from models.database import Database
from models.detection import Signal
from models.errors import Conflict, ConflictError
from models.face import ReferenceSource
from models.identifiers import IdentifierError
from models.identity_check import BlacklistReason, CheckWhy, IdentityCheck, MatchLevel
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person import Person
from models.repositories import blacklist, life_evidence, references
from models.repositories.blacklist import BlacklistRow
from models.repositories.life_evidence import NewEvidence
from models.triage import TriageRules
from sample_data.captures import draw, jpeg
from tests.conftest import ROOT, FixedClock
from tests.models.people import REGION, add_person, resident_id
from tests.verify import real_data
from verify.calibration_service import CalibrationService
from verify.engines import load_engine
from verify.engines.protocol import Embedding, Engine, Face, Image
from verify.engines.scripted import Scene, scripted_embedding
from verify.errors import CaptureError
from verify.identity_check import CheckRequest, IdentityCheckView
from verify.identity_check_service import CheckClient, CheckerBusy, IdentityCheckService
from verify.reference_service import ReferenceService
from verify.service_errors import PersonUnknown
from verify.template import seal_template

POLICY = load_policy(ROOT / "policy.toml")
NAME, CARD = "张建国", "429801000124"
SCENE = Scene(identity=7)
HERSELF, SOMEBODY = jpeg(draw(SCENE)), jpeg(draw(Scene(identity=8)))


@dataclass
class Hospital:
    """A service with one person, and the client that asks it."""

    service: IdentityCheckService
    references: ReferenceService
    database: Database
    keyring: FileKeyRing
    clock: FixedClock
    engine: Engine
    client: CheckClient
    person_id: str
    person_key: int

    def enrol(self, picture: bytes = HERSELF) -> None:
        self.consent()
        self.references.enrol(self.person_id, picture, source="camera", actor="staff:x")

    def consent(self) -> None:
        purpose = ConsentPurpose.FACE_VERIFICATION
        self.references.give_consent(self.person_id, purpose=purpose, text_version="2026-01", language="zh", channel="counter")

    def check(self, picture: bytes | None = HERSELF, **options: Any) -> IdentityCheckView:
        asked = {"institution": "First Hospital", "resident_id": resident_id(), "picture": picture} | options
        return self.service.check(CheckRequest(**asked), self.client)

    def evidence(self, kind: EvidenceKind = EvidenceKind.DATA_MATCH) -> list[LifeEvidence]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(LifeEvidence).where(LifeEvidence.kind == kind)))

    def alerts(self) -> list[Alert]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))

    def actions(self) -> list[str]:
        with self.database.read_scope() as session:
            return [entry.action for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)) if "check" in entry.action]

    def count(self, table: type) -> int:
        with self.database.read_scope() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def with_policy(self, policy: Policy = POLICY, engine: Engine | None = None) -> IdentityCheckService:
        return service_of(self.database, self.keyring, engine or self.engine, self.references, self.clock, policy)

    def signals(self) -> list[Signal]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Signal).order_by(Signal.id)))

    def bury(self, strength: Strength = Strength.CONCLUSIVE) -> None:
        with self.database.session_scope() as session:
            new = NewEvidence(self.person_key, EvidenceKind.DEATH_RECORD, date(2026, 2, 1), strength, "civil affairs")
            life_evidence.add(session, new, by="import", now=self.clock())

    def blacklist(self, **changes: Any) -> None:
        row = BlacklistRow(CARD, BlacklistReason.STOLEN, date(2026, 3, 1), None, "card centre")
        with self.database.session_scope() as session:
            blacklist.put(session, [replace(row, **changes)], keyring=self.keyring, batch_id=None, by="operator", now=self.clock())


def service_of(
    database: Database, keyring: FileKeyRing, engine: Engine, references: ReferenceService, clock: FixedClock, policy: Policy
) -> IdentityCheckService:
    return IdentityCheckService(
        database=database,
        keyring=keyring,
        engine=engine,
        references=references,
        policy=policy.identity_check,
        silent=policy.silent,
        verification=policy.verification,
        certification=policy.certification,
        triage=TriageRules.of(policy, policy.hash),
        policy_hash=policy.hash,
        clock=clock,
    )


def open_hospital(database: Database, keyring: FileKeyRing, clock: FixedClock, engine: Engine) -> Hospital:
    with database.session_scope() as session:
        person = add_person(session, keyring, name=NAME, social_security_number=CARD)
        row = Client(
            client_id="hospital",
            name="hospital",
            secret_digest=bytes(32),
            scopes=["identity:check"],
            region_code=REGION,
            rate_per_minute=60,
            created_by="operator",
            created_at=clock(),
        )
        session.add(row)
        session.flush()
        person_id, person_key, client_pk = person.public_id, person.id, row.id
    references = ReferenceService(database, keyring, engine, POLICY.verification, POLICY.retention, clock)
    service = service_of(database, keyring, engine, references, clock, POLICY)
    client = CheckClient(client_pk, "client:hospital", {"door": "api"})
    return Hospital(service, references, database, keyring, clock, engine, client, person_id, person_key)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine("scripted", weights_dir=tmp_path_factory.mktemp("no-weights"), allow_test_double=True)


@pytest.fixture
def hospital(database: Database, keyring: FileKeyRing, clock: FixedClock, scripted: Engine) -> Hospital:
    return open_hospital(database, keyring, clock, scripted)


@pytest.fixture
def ward(sqlite_database: Database, keyring: FileKeyRing, clock: FixedClock, scripted: Engine) -> Hospital:
    """On SQLite only, for what does not depend on the kind of database."""
    return open_hospital(sqlite_database, keyring, clock, scripted)


def test_a_face_that_fits_leaves_a_trace_of_life(hospital: Hospital) -> None:
    hospital.enrol()
    view = hospital.check(name=NAME, department="eyes")
    assert (view.match, view.why, view.trace_recorded) == (MatchLevel.MATCH, CheckWhy.SAME_FACE, True)
    assert view.person_id == hospital.person_id
    assert view.certification.state is CertificationState.NEVER_CERTIFIED
    (trace,) = hospital.evidence()
    assert (trace.trace, trace.strength, trace.occurred_on) == (Trace.MEDICAL_VISIT, Strength.SUPPORTING, date(2026, 3, 15))
    assert (trace.source, trace.reference, trace.recorded_by) == ("identity check/First Hospital", view.check, "client:hospital")
    with hospital.database.read_scope() as session:
        row = session.scalars(select(IdentityCheck)).one()
        assert (row.public_id, row.evidence_id, row.calibration) == (view.check, trace.id, "provisional")
        assert row.similarity == pytest.approx(1.0)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "identity_check")).one()
        assert (entry.person_id, entry.object, entry.actor) == (hospital.person_key, view.check, "client:hospital")
    assert hospital.alerts() == []


@pytest.mark.parametrize(
    ("likeness", "level", "why"),
    [
        (15, MatchLevel.MATCH, CheckWhy.SAME_FACE),
        (6, MatchLevel.UNCERTAIN, CheckWhy.UNSURE),
        (3, MatchLevel.NO_MATCH, CheckWhy.OTHER_FACE),
    ],
)
def test_levels_follow_the_thresholds_of_camera_verification(ward: Hospital, likeness: int, level: MatchLevel, why: CheckWhy) -> None:
    ward.enrol()
    view = ward.check(jpeg(draw(replace(SCENE, likeness=likeness))))
    assert (view.match, view.why) == (level, why)
    assert view.trace_recorded is (level is MatchLevel.MATCH)
    assert len(ward.evidence()) == view.trace_recorded


def test_policy_says_which_levels_leave_a_trace(ward: Hospital) -> None:
    ward.enrol()
    generous = POLICY.identity_check.model_copy(update={"trace_levels": (MatchLevel.UNCERTAIN, MatchLevel.NOT_COMPARED)})
    ward.service = ward.with_policy(POLICY.model_copy(update={"identity_check": generous}))
    assert not ward.check().trace_recorded
    assert ward.check(None).trace_recorded
    assert not ward.check(name="王芳").trace_recorded


@pytest.mark.parametrize(
    ("picture", "options", "why", "reasons"),
    [
        (None, {}, CheckWhy.NO_PICTURE, []),
        (HERSELF, {"name": "王芳"}, CheckWhy.NAME_DIFFERS, []),
        (jpeg(draw(replace(SCENE, faces=0))), {}, CheckWhy.NO_FACE, ["no_face"]),
        (jpeg(draw(replace(SCENE, faces=2))), {}, CheckWhy.SEVERAL_FACES, ["two_faces"]),
        (jpeg(draw(replace(SCENE, height=20))), {}, CheckWhy.POOR_PICTURE, None),
    ],
)
def test_what_is_not_compared_says_why(
    ward: Hospital, picture: bytes | None, options: dict[str, str], why: CheckWhy, reasons: list[str] | None
) -> None:
    ward.enrol()
    view = ward.check(picture, **options)
    assert (view.match, view.why, view.trace_recorded) == (MatchLevel.NOT_COMPARED, why, False)
    assert reasons is None or list(view.reasons) == reasons
    assert ward.evidence() == []


def test_without_consent_or_reference_no_face_is_touched(ward: Hospital) -> None:
    class Untouched:
        name, version = ward.engine.name, ward.engine.version

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the engine was asked to {name}")

    ward.service = ward.with_policy(engine=Untouched())
    assert ward.check().why is CheckWhy.NO_CONSENT
    ward.consent()
    assert ward.check().why is CheckWhy.NO_REFERENCE


def test_the_own_calibration_counts_once_it_is_in_force(ward: Hospital) -> None:
    ward.enrol()
    with ward.database.session_scope() as session:
        for number in range(110):  # 0.001 takes 5,000 pairs
            person = add_person(session, ward.keyring, sequence=200 + number)
            embedding = scripted_embedding(Scene(identity=1000 + number))
            sealed = seal_template(ward.keyring, embedding, person.public_id, ward.engine.name, ward.engine.version)
            new = references.NewReference(
                person.id, ward.engine.name, ward.engine.version, sealed.sealed, ReferenceSource.IMPORT, {"overall": 80, "components": {}}
            )
            references.enrol(session, new, by="operator", now=ward.clock())
    matching = POLICY.verification.matching.model_copy(update={"references_min": 100})
    policy = POLICY.model_copy(update={"verification": POLICY.verification.model_copy(update={"matching": matching})})
    calibration = CalibrationService(ward.database, ward.keyring, ward.engine, policy.verification, ward.clock)
    calibration_id = calibration.compute(actor="job:recalibrate")
    ward.service = ward.with_policy(policy)

    def used() -> str:
        view = ward.check()
        assert view.match is MatchLevel.MATCH
        with ward.database.read_scope() as session:
            return session.scalars(select(IdentityCheck.calibration).where(IdentityCheck.public_id == view.check)).one()

    assert used() == "provisional"
    calibration.promote(calibration_id, actor="supervisor")
    assert [used(), used()] == [str(calibration_id)] * 2


def test_the_same_reference_gives_the_same_answer_and_writes_nothing_more(hospital: Hospital) -> None:
    hospital.enrol()
    hospital.blacklist()
    first = hospital.check(reference="A-1", card_number=CARD)
    hospital.clock.advance(days=400)
    assert hospital.check(reference="A-1", card_number=CARD) == first
    assert (hospital.count(IdentityCheck), len(hospital.evidence()), len(hospital.alerts())) == (1, 1, 1)
    assert hospital.actions() == ["identity_check", "identity_check_read"]
    with pytest.raises(ConflictError) as error:
        hospital.check(SOMEBODY, reference="A-1", card_number=CARD)
    assert error.value.conflict is Conflict.CHECK_REFERENCE_REUSED
    assert hospital.check(reference="A-2").check != first.check


def test_the_same_reference_twice_at_once_is_one_check(hospital: Hospital) -> None:
    hospital.enrol()
    barrier = threading.Barrier(2)
    answers: list[IdentityCheckView] = []

    class Slow:
        """Both requests are past the look for an earlier answer before either writes."""

        def __getattr__(self, name: str) -> Any:
            return getattr(hospital.engine, name)

        def embed(self, image: Image, face: Face) -> Embedding:
            barrier.wait(10)
            return hospital.engine.embed(image, face)

    hospital.service = hospital.with_policy(engine=Slow())
    threads = [threading.Thread(target=lambda: answers.append(hospital.check(reference="A-1"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert answers[0] == answers[1]
    assert (hospital.count(IdentityCheck), len(hospital.evidence())) == (1, 1)


def test_a_trace_after_a_death_record_changes_nothing_and_opens_an_alert(hospital: Hospital) -> None:
    hospital.enrol()
    hospital.bury()
    view = hospital.check()
    assert (view.match, view.trace_recorded) == (MatchLevel.MATCH, True)
    assert view.certification.state is CertificationState.DECEASED
    hospital.check()
    (alert,) = hospital.alerts()
    (death,) = hospital.evidence(EvidenceKind.DEATH_RECORD)
    assert (alert.code, alert.person_id, alert.region_code) == ("P7", hospital.person_key, REGION)
    (signal,) = hospital.signals()
    assert signal.alert_id == alert.id
    assert {"kind": "life_evidence", "id": death.id, "role": "death"} in signal.records


def test_a_weak_death_record_opens_the_alert_too(ward: Hospital) -> None:
    ward.enrol()
    ward.bury(Strength.INDICATIVE)
    assert ward.check().certification.state is not CertificationState.DECEASED
    assert [alert.code for alert in ward.alerts()] == ["P7"]


def test_another_face_with_a_dead_persons_number_is_card_misuse(ward: Hospital) -> None:
    ward.enrol()
    ward.bury()
    assert ward.check(SOMEBODY).match is MatchLevel.NO_MATCH
    assert [(alert.code, alert.details["why"]) for alert in ward.alerts()] == [("H13", "holder_deceased")]


def test_a_blacklisted_card_is_told_and_opens_one_alert(hospital: Hospital) -> None:
    hospital.blacklist()
    view = hospital.check(None, card_number=CARD.lower())
    assert (view.card.blacklisted, view.card.reason, view.card.from_on) == (True, BlacklistReason.STOLEN, date(2026, 3, 1))
    assert view.card.of_person is True
    hospital.check(None, card_number=CARD)
    (alert,) = hospital.alerts()
    assert (alert.code, alert.details["why"], alert.details["reason"]) == ("H13", "card_blacklisted", "stolen")
    assert CARD not in str(alert.details) + alert.key


def test_without_a_card_the_persons_own_is_looked_at(ward: Hospital) -> None:
    ward.blacklist()
    assert ward.check(None).card.blacklisted
    assert ward.check(None, resident_id=None, social_security_number=CARD).card.blacklisted
    other = ward.check(None, card_number="429801999999").card
    assert (other.blacklisted, other.of_person) == (False, False)


def test_an_entry_that_ended_is_no_hit(ward: Hospital) -> None:
    ward.blacklist(until_on=date(2026, 3, 14))
    assert not ward.check(None, card_number=CARD).card.blacklisted
    assert ward.alerts() == []


def test_records_that_were_merged_are_one_person(hospital: Hospital) -> None:
    hospital.enrol()
    with hospital.database.session_scope() as session:
        old = add_person(session, hospital.keyring, sequence=126, name="张健国")
        old.merged_into_id = hospital.person_key
        new = NewEvidence(old.id, EvidenceKind.DEATH_RECORD, date(2026, 2, 1), Strength.CONCLUSIVE, "civil affairs")
        life_evidence.add(session, new, by="import", now=hospital.clock())
    view = hospital.check(resident_id=resident_id(sequence=126), name="张健国")
    assert (view.person_id, view.match) == (hospital.person_id, MatchLevel.MATCH)
    assert view.certification.state is CertificationState.DECEASED
    assert [alert.code for alert in hospital.alerts()] == ["P7"]


def test_nobody_is_nobody_and_the_look_is_audited(ward: Hospital) -> None:
    with pytest.raises(PersonUnknown):
        ward.check(resident_id=resident_id(sequence=200))
    assert ward.actions() == ["identity_check_of_nobody"]
    assert ward.count(IdentityCheck) == 0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"picture": b"not a picture"}, CaptureError, "JPEG, PNG or WebP"),
        ({"picture": HERSELF[:2000]}, CaptureError, "cut off"),
        ({"resident_id": resident_id()[:-1] + "0"}, IdentifierError, "resident ID"),
        ({"card_number": "12"}, IdentifierError, "card_number"),
        ({"resident_id": None}, IdentifierError, "resident_id"),
    ],
)
def test_broken_input_is_refused_and_nothing_is_written(
    ward: Hospital, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ward.check(**options)
    assert (ward.count(IdentityCheck), len(ward.evidence()), ward.actions()) == (0, 0, [])


def test_a_worker_compares_no_more_at_once_than_policy_says(ward: Hospital) -> None:
    ward.enrol()
    inside, leave = threading.Event(), threading.Event()

    class Held:
        def __getattr__(self, name: str) -> Any:
            return getattr(ward.engine, name)

        def embed(self, image: Image, face: Face) -> Embedding:
            inside.set()
            assert leave.wait(10)
            return ward.engine.embed(image, face)

    single = POLICY.identity_check.model_copy(update={"at_once": 1, "wait_s": 0.05})
    ward.service = ward.with_policy(POLICY.model_copy(update={"identity_check": single}), engine=Held())
    first = threading.Thread(target=ward.check)
    first.start()
    assert inside.wait(10)
    try:
        with ward.database.session_scope() as session:  # while faces are compared no transaction is held: a writer comes through
            session.get_one(Person, ward.person_key).name = NAME
        with pytest.raises(CheckerBusy):
            ward.check()
        assert ward.check(None).why is CheckWhy.NO_PICTURE  # what needs no engine is answered
    finally:
        leave.set()
        first.join()
    assert ward.check().match is MatchLevel.MATCH


def test_old_checks_go_and_their_traces_stay(hospital: Hospital) -> None:
    hospital.enrol()
    hospital.check(reference="A-1")
    hospital.clock.advance(days=POLICY.identity_check.days_kept + 1)
    hospital.check(reference="A-2")
    assert hospital.service.delete_old() == 1
    assert (hospital.count(IdentityCheck), len(hospital.evidence())) == (1, 2)
    assert hospital.service.delete_old() == 0


@pytest.fixture(scope="module")
def photographs() -> Path:
    return real_data.data_file("faces", "images")


def test_real_photographs_of_one_person_match_and_of_two_do_not(
    sqlite_database: Database, keyring: FileKeyRing, clock: FixedClock, photographs: Path
) -> None:
    hospital = open_hospital(sqlite_database, keyring, clock, real_data.engine("onnx"))
    hospital.enrol((photographs / "Abdoulaye_Wade_0001.jpg").read_bytes())
    genuine = hospital.check((photographs / "Abdoulaye_Wade_0002.jpg").read_bytes())
    impostor = hospital.check((photographs / "Alan_Ball_0001.jpg").read_bytes())
    assert (genuine.match, genuine.trace_recorded) == (MatchLevel.MATCH, True)
    assert (impostor.match, impostor.trace_recorded) == (MatchLevel.NO_MATCH, False)
