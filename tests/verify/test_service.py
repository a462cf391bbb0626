"""The use cases against both databases, with the scripted engine and drawn captures: what is stored, what is refused, who wins."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.policy import Policy, load_policy
from models import certificates
from models.alert import Alert, AlertSeverity, AlertState
from models.audit import AuditEntry
from models.certificate import Certificate
from models.consent import ConsentPurpose
from models.database import Database
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outbox import OutboxMessage
from models.repositories import life_evidence
from models.repositories.life_evidence import NewEvidence
from models.verification import VerificationFrame
from sample_data.captures import Actor, draw, jpeg
from tests.conftest import ROOT, FixedClock
from tests.models.people import REGION, add_person
from verify.engines import load_engine
from verify.engines.protocol import Engine
from verify.engines.scripted import Scene
from verify.evidence import Outcome, Reason
from verify.reissue_service import EnrolAgain, ToEnrol, reissue_all
from verify.service import VerificationService
from verify.service_errors import (
    ConsentMissing,
    FrameDuplicate,
    PersonDeceased,
    PersonUnknown,
    ReferenceMissing,
    ReferenceRejected,
    TooManyFrames,
    TriesUsedUp,
    VerificationClosed,
    VerificationUnknown,
)
from verify.views import Answer, AnswerState, ChallengeKind, Channel, FrameAnswer, StartedVerification, VerificationState, VerificationView

FULL_POLICY = load_policy(ROOT / "policy.toml")


def _short(policy: Policy) -> Policy:
    """Two turns and no colours: as many frames as most of these tests need. One test runs the policy as it is."""
    challenge = policy.verification.challenge.model_copy(update={"turns_max": 2})
    flash = policy.verification.flash.model_copy(update={"shown": False})
    return policy.model_copy(update={"verification": policy.verification.model_copy(update={"challenge": challenge, "flash": flash})})


POLICY = _short(FULL_POLICY)


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine("scripted", weights_dir=tmp_path_factory.mktemp("no-weights"), allow_test_double=True)


@dataclass
class Desk:
    """A service with one consenting, enrolled person."""

    service: VerificationService
    database: Database
    keyring: FileKeyRing
    clock: FixedClock
    person_id: str
    person_key: int
    engine: Engine

    def other_worker(self, policy: Policy = POLICY, engine: Engine | None = None) -> VerificationService:
        """A second process over the same store."""
        return _service(self.database, self.keyring, engine or self.engine, self.clock, policy)

    def start(self, service: VerificationService | None = None, kind: ChallengeKind = ChallengeKind.STANDARD) -> StartedVerification:
        return (service or self.service).start(self.person_id, kind=kind, channel=Channel.SELF)

    def follow(self, started: StartedVerification, actor: Actor, *, limit: int = 600) -> FrameAnswer:
        """Send frames as the page would, doing what each answer asks for, until it says that enough was seen."""
        guide = started.guide
        for seq in range(limit):
            colour = tuple(int(guide.colour[i : i + 2], 16) for i in (1, 3, 5)) if guide.colour else None
            frame = actor.follow(guide.prompt.value, colour_rgb=colour)  # type: ignore[arg-type]
            answer = self.send(started, seq, frame.at_ms, guide.step_token, frame.data)
            if answer.complete:
                return answer
            guide = answer.guide
            self.clock.advance(milliseconds=100)
        raise AssertionError(f"not complete after {limit} frames: {answer}")

    def send(self, started: StartedVerification, seq: int, at_ms: int, step_token: str, data: bytes) -> FrameAnswer:
        return self.service.add_frame(
            started.verification_id, started.token, seq=seq, captured_at_ms=at_ms, step_token=step_token, data=data
        )

    def certify(self, actor: Actor | None = None) -> VerificationView:
        started = self.start()
        self.follow(started, actor or Actor(seed=random.Random(started.verification_id).randrange(10**6)))
        return self.service.finish(started.verification_id, started.token)

    def count(self, table: type, *conditions: object) -> int:
        with self.database.read_scope() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0  # type: ignore[arg-type]


def _service(database: Database, keyring: FileKeyRing, engine: Engine, clock: FixedClock, policy: Policy) -> VerificationService:
    return VerificationService(
        database=database,
        keyring=keyring,
        engine=engine,
        policy=policy.verification,
        certification=policy.certification,
        retention=policy.retention,
        retry=policy.retry,
        casework=policy.casework,
        policy_hash=policy.hash,
        clock=clock,
        rng=random.Random(4),
    )


@pytest.fixture
def make_desk(database: Database, keyring: FileKeyRing, clock: FixedClock, scripted: Engine) -> Callable[..., Desk]:
    def make(policy: Policy = POLICY, *, consent: bool = True, reference: bool = True) -> Desk:
        service = _service(database, keyring, scripted, clock, policy)
        with database.session_scope() as session:
            person = add_person(session, keyring)
            person_id, person_key = person.public_id, person.id
        if consent:
            service.references.give_consent(
                person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="counter"
            )
        if reference:
            service.references.enrol(person_id, jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor="clerk")
        return Desk(service, database, keyring, clock, person_id, person_key, scripted)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Iterator[Desk]:
    return make_desk()


def test_a_person_who_follows_the_prompts_is_certified_and_everything_is_written_once(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(FULL_POLICY)
    view = desk.certify()
    assert view.outcome is Outcome.CERTIFIED, view
    assert view.state is VerificationState.DECIDED
    assert view.certificate_id is not None
    with desk.database.read_scope() as session:
        certificate = session.get_one(Certificate, view.certificate_id)
        check = certificates.check(
            session, certificates.token(certificate), keyring=desk.keyring, policy=POLICY.certification, now=desk.clock()
        )
    assert check.state is certificates.CertificateState.VALID
    assert check.valid_until == view.valid_until
    assert check.masked_name is not None
    assert "张建国" not in check.masked_name
    assert desk.count(LifeEvidence, LifeEvidence.kind == EvidenceKind.FACE) == 1
    assert desk.count(OutboxMessage, OutboxMessage.kind == "verification.certified") == 1
    assert desk.count(AuditEntry, AuditEntry.action == "verification.certified") == 1


def test_nothing_made_of_a_face_is_left_after_a_certification(desk: Desk) -> None:
    desk.certify()
    assert desk.count(VerificationFrame) > 0
    assert desk.count(VerificationFrame, VerificationFrame.observation.is_not(None)) == 0
    assert desk.count(VerificationFrame, VerificationFrame.picture.is_not(None)) == 0


def test_another_person_before_the_camera_is_not_certified(desk: Desk) -> None:
    view = desk.certify(Actor(Scene(identity=99)))
    assert view.outcome is Outcome.REFUSED
    assert Reason.FACE_NOT_MATCHING in view.reasons
    assert view.certificate_id is None
    assert desk.count(LifeEvidence) == 0


def test_a_borderline_likeness_goes_to_a_person_and_its_evidence_is_kept_sealed(desk: Desk) -> None:
    view = desk.certify(Actor(Scene(likeness=6)))  # cosine 0.4: between refer and accept
    assert view.outcome is Outcome.REFER, view.reasons
    assert Reason.MATCH_UNSURE in view.reasons
    assert desk.count(VerificationFrame, VerificationFrame.observation.is_(None)) == 0
    assert desk.count(VerificationFrame, VerificationFrame.picture.is_(None)) == 0
    desk.clock.advance(days=POLICY.retention.referred_picture_days - 1)
    assert desk.service.housekeeping()["frames_emptied"] == 0
    desk.clock.advance(days=2)
    assert desk.service.housekeeping()["frames_emptied"] > 0
    assert desk.count(VerificationFrame, VerificationFrame.picture.is_not(None)) == 0
    _waits_for_a_person(desk, view)


def _waits_for_a_person(desk: Desk, view: VerificationView) -> None:
    """One alert, opened with the referral, before all that triage weighs; the person knows by when."""
    with desk.database.read_scope() as session:
        alert = session.scalars(select(Alert)).one()
    assert (alert.code, alert.key) == ("verification_referred", f"verification:{view.verification_id}")
    assert (alert.severity, alert.state, alert.region_code) == (AlertSeverity.WARNING, AlertState.OPEN, REGION)
    assert alert.priority == POLICY.casework.referred_priority
    assert alert.details == {"verification": view.verification_id, "reasons": [reason.value for reason in view.reasons]}
    day = POLICY.certification.today(alert.opened_at)
    assert view.answer == Answer(AnswerState.WAITING, day + timedelta(days=POLICY.casework.referred_days))


def test_finishing_twice_and_from_two_workers_decides_once(desk: Desk) -> None:
    started = desk.start()
    desk.follow(started, Actor())
    second = desk.other_worker()
    views: list[VerificationView] = []
    threads = [
        threading.Thread(target=lambda s=service: views.append(s.finish(started.verification_id, started.token)))
        for service in (desk.service, second, desk.service)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = desk.service.finish(started.verification_id, started.token)
    assert final.outcome is Outcome.CERTIFIED
    assert {view.state for view in views} <= {VerificationState.DECIDED, VerificationState.DECIDING}
    assert desk.count(LifeEvidence) == 1
    assert desk.count(Certificate) == 1


def test_a_decision_that_its_worker_did_not_live_to_write_is_taken_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started = desk.start()
    desk.follow(started, Actor())
    with monkeypatch.context() as patched:
        # killed between claiming and writing: neither the decision nor the release happens
        patched.setattr("verify.certifying.Certifier.decide", lambda *_args, **_options: None)
        assert desk.service.finish(started.verification_id, started.token).state is VerificationState.DECIDING
    assert desk.service.finish(started.verification_id, started.token).state is VerificationState.DECIDING
    desk.clock.advance(seconds=31)
    assert desk.other_worker().finish(started.verification_id, started.token).outcome is Outcome.CERTIFIED


def test_an_error_while_deciding_gives_the_session_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started = desk.start()
    desk.follow(started, Actor())

    def fails(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("verify.certifying.certificates.issue", fails)
        with pytest.raises(OSError, match="space"):
            desk.service.finish(started.verification_id, started.token)
    assert desk.count(LifeEvidence) == 0
    assert desk.service.finish(started.verification_id, started.token).outcome is Outcome.CERTIFIED


def test_a_frame_sent_again_changes_nothing_and_another_under_its_number_is_refused(desk: Desk) -> None:
    started = desk.start()
    actor = Actor()
    frame, other = actor.follow("look_straight"), actor.follow("look_straight")
    token = started.guide.step_token
    first = desk.send(started, 0, frame.at_ms, token, frame.data)
    again = desk.send(started, 0, frame.at_ms, token, frame.data)
    assert (first.frames, again.frames) == (1, 1)
    with pytest.raises(FrameDuplicate):
        desk.send(started, 0, other.at_ms, token, other.data)


def test_a_frame_of_another_session_is_not_accepted_and_counts_against_the_attempt(desk: Desk) -> None:
    foreign = desk.start().guide.step_token
    started = desk.start()
    frame = Actor().follow("look_straight")
    answer = desk.send(started, 0, frame.at_ms, foreign, frame.data)
    assert not answer.accepted
    assert answer.hints == (Reason.FOREIGN_FRAME,)
    view = desk.service.finish(started.verification_id, started.token)
    assert view.outcome is Outcome.REFUSED
    assert Reason.FOREIGN_FRAME in view.reasons


def test_a_whole_earlier_session_replayed_is_refused(desk: Desk) -> None:
    started = desk.start()
    actor, guide, kept = Actor(seed=5), started.guide, []
    for seq in range(600):
        colour = tuple(int(guide.colour[i : i + 2], 16) for i in (1, 3, 5)) if guide.colour else None
        frame = actor.follow(guide.prompt.value, colour_rgb=colour)  # type: ignore[arg-type]
        kept.append(frame)
        answer = desk.send(started, seq, frame.at_ms, guide.step_token, frame.data)
        guide = answer.guide
        desk.clock.advance(milliseconds=100)
        if answer.complete:
            break
    assert desk.service.finish(started.verification_id, started.token).outcome is Outcome.CERTIFIED
    replayed = desk.start()
    guide = replayed.guide
    for seq, frame in enumerate(kept):
        guide = desk.send(replayed, seq, frame.at_ms, guide.step_token, frame.data).guide
        desk.clock.advance(milliseconds=100)
    view = desk.service.finish(replayed.verification_id, replayed.token)
    assert view.outcome is Outcome.REFUSED
    assert Reason.REPLAY in view.reasons


def test_a_wrong_token_is_told_nothing(desk: Desk) -> None:
    started = desk.start()
    for call in (desk.service.state, desk.service.finish, desk.service.abandon):
        with pytest.raises(VerificationUnknown):
            call(started.verification_id, "guess")
    with pytest.raises(VerificationUnknown):
        desk.service.add_frame(started.verification_id, "guess", seq=0, captured_at_ms=0, step_token="x", data=b"")


def test_an_expired_session_takes_no_frames_and_is_retried(desk: Desk) -> None:
    started = desk.start()
    frame = Actor().follow("look_straight")
    desk.send(started, 0, 0, started.guide.step_token, frame.data)
    desk.clock.advance(seconds=POLICY.verification.challenge.ttl_s + 1)
    with pytest.raises(VerificationClosed):
        desk.send(started, 1, 100, started.guide.step_token, frame.data)
    assert desk.service.state(started.verification_id, started.token).state is VerificationState.EXPIRED
    assert desk.service.housekeeping()["sessions_expired"] == 1


def test_starting_again_abandons_the_open_session(desk: Desk) -> None:
    first, second = desk.start(), desk.start()
    assert desk.service.state(first.verification_id, first.token).state is VerificationState.ABANDONED
    assert desk.service.state(second.verification_id, second.token).state is VerificationState.OPEN


def test_what_stands_in_the_way_of_starting(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(consent=False, reference=False)
    with pytest.raises(PersonUnknown):
        desk.service.start("nobody", kind=ChallengeKind.STANDARD, channel=Channel.SELF)
    with pytest.raises(ConsentMissing):
        desk.start()
    desk.service.references.give_consent(
        desk.person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="page"
    )
    with pytest.raises(ReferenceMissing):
        desk.start()
    death = NewEvidence(
        person_id=desk.person_key,
        kind=EvidenceKind.DEATH_RECORD,
        occurred_on=desk.clock().date(),
        strength=Strength.CONCLUSIVE,
        source="civil affairs",
    )
    with desk.database.session_scope() as session:
        life_evidence.add(session, death, by="import", now=desk.clock())
    with pytest.raises(PersonDeceased):
        desk.start()


def test_failures_are_counted_and_after_too_many_the_next_try_has_to_wait(desk: Desk) -> None:
    for _ in range(POLICY.retry.failures_before_wait_with_pad):
        started = desk.start()
        desk.service.finish(started.verification_id, started.token)
        desk.clock.advance(seconds=1)
        if desk.service.latest_of(desk.person_id).outcome is Outcome.REFER:  # type: ignore[union-attr]
            break
    view = desk.service.latest_of(desk.person_id)
    assert view is not None
    assert view.outcome is Outcome.REFER  # the tries are used up: a person looks
    assert Reason.TRIES_USED_UP in view.reasons


def test_refused_attempts_make_the_next_one_wait(desk: Desk) -> None:
    foreign = desk.start().guide.step_token
    frame = Actor().follow("look_straight")
    waited = 0
    for _ in range(POLICY.retry.failures_before_wait_with_pad + 1):
        try:
            started = desk.start()
        except TriesUsedUp as error:
            waited = error.retry_after_s
            break
        desk.send(started, 0, 0, foreign, frame.data)
        assert desk.service.finish(started.verification_id, started.token).outcome is Outcome.REFUSED
    assert waited >= 29
    desk.clock.advance(seconds=waited + 1)
    assert desk.start().tries_left == 0


def test_too_many_frames_are_refused(make_desk: Callable[..., Desk]) -> None:
    few = POLICY.model_copy(update={"verification": POLICY.verification.model_copy(update={"frames_max": 2})})
    desk = make_desk(few)
    started = desk.start()
    actor = Actor()
    for seq in range(2):
        desk.send(started, seq, seq * 100, started.guide.step_token, actor.follow("look_straight").data)
    with pytest.raises(TooManyFrames):
        desk.send(started, 2, 200, started.guide.step_token, actor.follow("look_straight").data)


def test_withdrawing_consent_erases_the_templates(desk: Desk) -> None:
    assert desk.service.references.withdraw_consent(desk.person_id, actor="person")
    assert desk.service.references.active(desk.person_id) is None
    assert not desk.service.references.withdraw_consent(desk.person_id, actor="person")
    with pytest.raises(ConsentMissing):
        desk.start()


def test_a_poor_picture_is_not_enrolled_and_the_old_reference_stays(desk: Desk) -> None:
    before = desk.service.references.active(desk.person_id)
    for scene in (Scene(faces=0), Scene(faces=2), Scene(yaw=60), Scene(blink=15)):
        with pytest.raises(ReferenceRejected) as refused:
            desk.service.references.enrol(desk.person_id, jpeg(draw(replace(scene, height=170))), source="file", actor="clerk")
        assert refused.value.check.reasons
    assert desk.service.references.active(desk.person_id) == before


def test_replacing_and_revoking_a_reference(desk: Desk) -> None:
    first = desk.service.references.active(desk.person_id)
    second = desk.service.references.enrol(desk.person_id, jpeg(draw(Scene(height=180), noise_seed=2)), source="camera", actor="clerk")
    assert first is not None
    assert second.reference_id != first.reference_id
    revoked = desk.service.references.revoke(desk.person_id, actor="clerk", reason="lost contact")
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert desk.service.references.revoke(desk.person_id, actor="clerk", reason="again") is None


class NewerEngine:
    """The same engine under another version: what a change of weights looks like to the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.version = "another-version"

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_templates_are_reissued_when_the_engine_changes_and_the_picture_was_kept(make_desk: Callable[..., Desk]) -> None:
    keeping = POLICY.model_copy(update={"retention": POLICY.retention.model_copy(update={"keep_reference_images": True})})
    desk = make_desk(keeping, reference=False)
    desk.service.references.give_consent(
        desk.person_id, purpose=ConsentPurpose.REFERENCE_IMAGE, text_version="1", language="zh", channel="counter"
    )
    desk.service.references.enrol(desk.person_id, jpeg(draw(Scene(height=180))), source="counter", actor="clerk")
    newer = desk.other_worker(keeping, NewerEngine(desk.engine))  # type: ignore[arg-type]
    started = newer.start(desk.person_id, kind=ChallengeKind.STANDARD, channel=Channel.SELF)
    assert started.guide.step_token
    active = newer.references.active(desk.person_id)
    assert active is not None
    assert active.engine_version == "another-version"
    assert desk.service.references.active(desk.person_id) is None


def test_everybody_is_reissued_at_once_and_who_has_no_picture_is_named(make_desk: Callable[..., Desk]) -> None:
    keeping = POLICY.model_copy(update={"retention": POLICY.retention.model_copy(update={"keep_reference_images": True})})
    desk = make_desk(keeping, reference=False)
    references = desk.service.references
    references.enrol(desk.person_id, jpeg(draw(Scene(height=180))), source="counter", actor="clerk")
    engine = NewerEngine(desk.engine)
    newer = desk.other_worker(keeping, engine).references  # type: ignore[arg-type]
    done = reissue_all(newer, desk.database, engine, actor="cli:chief")  # type: ignore[arg-type]
    assert (done.reissued, done.to_enrol) == (0, (ToEnrol(desk.person_id, EnrolAgain.NO_PICTURE),))
    references.give_consent(desk.person_id, purpose=ConsentPurpose.REFERENCE_IMAGE, text_version="1", language="zh", channel="counter")
    references.enrol(desk.person_id, jpeg(draw(Scene(height=180))), source="counter", actor="clerk")
    done = reissue_all(newer, desk.database, engine, actor="cli:chief")  # type: ignore[arg-type]
    assert (done.reissued, done.to_enrol) == (1, ())
    assert newer.active(desk.person_id) is not None
    assert references.active(desk.person_id) is None
    assert reissue_all(newer, desk.database, engine, actor="cli:chief").reissued == 0  # type: ignore[arg-type]


def test_without_a_kept_picture_a_changed_engine_asks_for_enrolment(desk: Desk) -> None:
    newer = desk.other_worker(engine=NewerEngine(desk.engine))  # type: ignore[arg-type]
    with pytest.raises(ReferenceMissing):
        newer.start(desk.person_id, kind=ChallengeKind.STANDARD, channel=Channel.SELF)


def test_housekeeping_empties_frames_whose_time_is_over(desk: Desk) -> None:
    started = desk.start()
    desk.send(started, 0, 0, started.guide.step_token, Actor().follow("look_straight").data)
    assert desk.service.housekeeping()["frames_emptied"] == 0
    desk.clock.advance(hours=POLICY.retention.frame_observation_hours + 1)
    assert desk.service.housekeeping()["frames_emptied"] == 1
    assert desk.service.housekeeping() == dict.fromkeys(desk.service.housekeeping(), 0)


def test_the_challenge_and_the_token_are_not_to_be_read_from_the_store_or_the_log(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    started = desk.start()
    desk.follow(started, Actor())
    desk.service.finish(started.verification_id, started.token)
    captured = capfd.readouterr()
    assert started.token not in captured.err + captured.out
    raw = Path(desk.database.url.removeprefix("sqlite:///"))
    if raw.is_file():
        stored = raw.read_bytes() + raw.with_name(raw.name + "-wal").read_bytes()
        assert started.token.encode() not in stored
