"""Referred verifications: their alert, the review in one piece, one decision however many reviewers, and what follows from each."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from models import certificates
from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.audit import AuditEntry
from models.casework import CaseEvent, CaseStep, ReviewDecision, VerificationReview
from models.certificate import Certificate
from models.consent import ConsentPurpose
from models.database import Database
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outbox import OutboxMessage
from models.person import Person
from models.repositories import audit, cases, life_evidence, referred, reviews, tries
from models.repositories.life_evidence import NewEvidence
from models.verification import TryCounter, Verification, VerificationFrame
from sample_data.captures import draw, jpeg
from tests.conftest import FixedClock
from tests.models.people import REGION, add_person
from tests.verify.referrals import FRAMES, store_referral
from tests.verify.test_service import POLICY, _service, scripted  # noqa: F401
from verify.engines.protocol import Engine
from verify.engines.scripted import Scene
from verify.evidence import EvidenceKind as Kind
from verify.evidence import Reason
from verify.review import Limit, ReviewState, Value, chosen, limit_of
from verify.review_errors import AttemptTooOld, ReasonMissing, ReviewClosed, ReviewDecided, ReviewHeld, ReviewOwnSession, ReviewUnknown
from verify.review_service import AGAIN_MESSAGE, CERTIFIED_MESSAGE, ReviewService, Verdict
from verify.service import VerificationService
from verify.service_errors import PersonDeceased
from verify.views import Answer, AnswerState

LI, WANG = "staff:li", "staff:wang"
CERTIFY = Verdict(ReviewDecision.CERTIFIED)
AGAIN = Verdict(ReviewDecision.TRY_AGAIN, "the light was too dim to say")
SUSPECT = Verdict(ReviewDecision.SUSPECTED, "another person's face")


@dataclass
class Office:
    """A referred verification of one person, and both services."""

    database: Database
    keyring: FileKeyRing
    clock: FixedClock
    engine: Engine
    service: VerificationService
    reviews: ReviewService
    person_id: str
    person_key: int
    verification_id: str

    def refer(self, *, pictures: bool = True) -> str:
        return store_referral(
            self.database,
            self.keyring,
            self.person_id,
            engine=self.engine,
            policy=POLICY,
            verification=POLICY.verification,
            policy_hash=POLICY.hash,
            now=self.clock(),
            pictures=pictures,
        )

    def decide(self, verdict: Verdict, actor: str = LI, region: str = REGION, verification_id: str | None = None):
        return self.reviews.decide(verification_id or self.verification_id, verdict, actor=actor, region=region)

    def read(self, actor: str = LI, region: str = REGION):
        return self.reviews.read(self.verification_id, actor=actor, region=region)

    def answer(self) -> AnswerState:
        view = self.service.latest_of(self.person_id)
        assert view is not None
        assert view.answer is not None
        return view.answer.state

    def one(self, table: type, *conditions: object):
        with self.database.read_scope() as session:
            return session.scalars(select(table).where(*conditions)).one()

    def count(self, table: type, *conditions: object) -> int:
        with self.database.read_scope() as session:
            return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    def kept(self) -> int:
        return self.count(VerificationFrame, VerificationFrame.picture.is_not(None) | VerificationFrame.observation.is_not(None))

    def messages(self) -> list[str]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(OutboxMessage.kind).order_by(OutboxMessage.id)))


def office_of(database: Database, keyring: FileKeyRing, clock: FixedClock, engine: Engine) -> Office:
    service = _service(database, keyring, engine, clock, POLICY)
    reviews = ReviewService(
        database,
        keyring,
        engine,
        policy=POLICY.verification,
        policy_hash=POLICY.hash,
        certification=POLICY.certification,
        casework=POLICY.casework,
        clock=clock,
    )
    with database.session_scope() as session:
        person = add_person(session, keyring)
        person_id, key = person.public_id, person.id
    service.references.give_consent(person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="counter")
    service.references.enrol(person_id, jpeg(draw(Scene(height=180), noise_seed=1)), source="counter", actor="clerk")
    made = Office(database, keyring, clock, engine, service, reviews, person_id, key, "")
    made.verification_id = made.refer()
    return made


@pytest.fixture
def office(sqlite_database: Database, keyring: FileKeyRing, clock: FixedClock, scripted: Engine) -> Office:  # noqa: F811
    return office_of(sqlite_database, keyring, clock, scripted)


@pytest.fixture
def both(database: Database, keyring: FileKeyRing, clock: FixedClock, scripted: Engine) -> Office:  # noqa: F811
    return office_of(database, keyring, clock, scripted)


def test_the_review_has_everything_in_one_piece_and_the_look_is_on_record(both: Office) -> None:
    review = both.read()
    assert review.state is ReviewState.WAITING
    assert review.reasons == (Reason.MATCH_UNSURE,)
    assert "张建国" not in review.masked_name
    assert [frame.seq for frame in review.frames] == list(range(FRAMES))
    assert [frame.prompt.value for frame in review.frames] == ["look_straight", "turn_left", "turn_right", "watch_colours"]
    first, second = ({value.name: value for value in frame.values} for frame in review.frames[:2])
    assert first["similarity"].value == pytest.approx(0.4, abs=0.01)
    assert (first["similarity"].threshold, first["similarity"].fits) == (0.5, False)
    assert second["similarity"].value is None  # not every frame is compared
    assert first["live"].threshold == POLICY.verification.passive.live_min
    assert {value.name: value.value for value in review.frames[2].values}["yaw"] == pytest.approx(25, abs=1)
    assert review.has_pictures
    assert all(frame.shown for frame in review.frames)
    assert any(frame.probe for frame in review.frames)
    assert review.reference is not None
    assert not review.reference.has_picture
    match = next(piece for piece in review.pieces if piece.kind is Kind.MATCH)
    assert [value.fits for value in match.values] == [False, None, None]
    assert both.count(AuditEntry, AuditEntry.action == "review_seen", AuditEntry.person_id == both.person_key) == 1


def test_pictures_come_only_when_asked_for_and_each_asking_is_on_record(office: Office) -> None:
    _, pictures = office.reviews.pictures(office.verification_id, actor=LI, region=REGION)
    assert sorted(pictures.frames) == list(range(FRAMES))
    assert all(data.startswith(b"\xff\xd8") for data in pictures.frames.values())
    assert pictures.reference is None
    entry = office.one(AuditEntry, AuditEntry.action == "review_faces_seen")
    assert (entry.actor, entry.person_id, entry.object) == (LI, office.person_key, office.verification_id)


def test_values_stay_when_pictures_and_sealed_measurements_are_gone(office: Office) -> None:
    office.clock.advance(days=16)
    assert office.service.housekeeping()["frames_emptied"] == FRAMES
    review = office.read()
    assert not review.has_pictures
    values = {value.name: value for value in review.frames[0].values}
    assert values["similarity"].value is None
    assert values["live"].fits is True


def test_certified_writes_ledger_certificate_message_and_answer_at_once_and_empties_the_frames(both: Office) -> None:
    both.clock.advance(days=2)  # the review comes later than the day on which the person stood before the camera
    done = both.decide(CERTIFY)
    evidence = both.one(LifeEvidence)
    assert (evidence.kind, evidence.source, evidence.reference) == (EvidenceKind.FACE, "review", both.verification_id)
    assert (evidence.occurred_on, evidence.recorded_by) == (date(2026, 3, 15), LI)
    certificate = both.one(Certificate)
    assert (certificate.id, certificate.evidence_id) == (done.certificate_id, evidence.id)
    review = both.one(VerificationReview)
    assert (review.decision, review.by, review.evidence_id) == (ReviewDecision.CERTIFIED, LI, evidence.id)
    alert, case = both.one(Alert), both.one(CaseFile)
    assert (alert.state, alert.closed_by) == (AlertState.CLOSED, LI)
    assert (case.outcome, case.closed_by, case.signed_by) == (CaseOutcome.UNFOUNDED, LI, None)
    assert both.kept() == 0
    assert both.messages() == [CERTIFIED_MESSAGE]
    view = both.service.latest_of(both.person_id)
    assert view is not None
    assert (view.certificate_id, view.valid_until, both.answer()) == (certificate.id, certificate.valid_until, AnswerState.CERTIFIED)


def test_once_more_clears_the_tries_and_tells_the_person(both: Office) -> None:
    with both.database.session_scope() as session:
        for _ in range(5):
            tries.record_failure(session, both.person_key, pad=False, policy=POLICY.retry, now=both.clock())
    both.decide(AGAIN)
    assert both.count(TryCounter) == 0
    assert both.count(LifeEvidence) == 0
    assert both.messages() == [AGAIN_MESSAGE]
    assert both.answer() is AnswerState.TRY_AGAIN
    assert both.kept() == 0


def test_a_suspicion_waits_for_a_second_person_keeps_what_they_must_see_and_is_told_to_nobody(both: Office) -> None:
    done = both.decide(SUSPECT)
    case = both.one(CaseFile)
    assert case.public_id == done.case_id
    assert (case.proposed_outcome, case.proposed_by, case.outcome) == (CaseOutcome.CONFIRMED, LI, None)
    assert both.one(Alert).state is AlertState.IN_CASE
    assert both.kept() == FRAMES
    assert both.answer() is AnswerState.TRY_AGAIN
    assert both.messages() == [AGAIN_MESSAGE]
    with both.database.session_scope() as session:  # the second person agrees
        held = cases.locked(session, done.case_id)
        cases.close(session, held, outcome=CaseOutcome.CONFIRMED, by=LI, now=both.clock(), signed_by=WANG, signed_at=both.clock())
    both.service.housekeeping()
    assert both.kept() == 0


@pytest.mark.parametrize(("verdict", "reason"), [(ReviewDecision.TRY_AGAIN, "  "), (ReviewDecision.CERTIFIED, "x" * 1001)])
def test_a_decision_without_words_or_with_too_many_is_refused(office: Office, verdict: ReviewDecision, reason: str) -> None:
    with pytest.raises(ReasonMissing):
        office.decide(Verdict(verdict, reason))
    assert office.one(Alert).state is AlertState.OPEN


def test_of_many_reviewers_at_once_one_decides(both: Office) -> None:
    wins: list[str] = []
    losses: list[Exception] = []
    start = threading.Barrier(6)

    def review(number: int) -> None:
        start.wait()
        try:
            both.decide(CERTIFY if number % 2 else AGAIN, actor=f"staff:{number}")
            wins.append(f"staff:{number}")
        except (ReviewDecided, ReviewClosed, ReviewHeld) as error:
            losses.append(error)

    threads = [threading.Thread(target=review, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert len(losses) == 5
    assert both.one(VerificationReview).by == wins[0]
    assert both.count(Certificate) == both.count(LifeEvidence) <= 1
    assert len(both.messages()) == 1
    assert both.count(CaseEvent, CaseEvent.step == CaseStep.CLOSED) == 1


def test_outside_the_region_it_is_unknown(office: Office) -> None:
    for region in ("11", "none"):
        with pytest.raises(ReviewUnknown):
            office.read(region=region)
        with pytest.raises(ReviewUnknown):
            office.decide(CERTIFY, region=region)
    with pytest.raises(ReviewUnknown):
        office.reviews.read("x" * 22, actor=LI, region=REGION)
    assert office.count(AuditEntry, AuditEntry.action == "review_seen") == 0


def test_while_another_person_has_the_case_nobody_else_decides(office: Office) -> None:
    with office.database.session_scope() as session:
        alert = cases.locked_alert(session, session.scalars(select(Alert.public_id)).one())
        case = cases.open_case(session, alert, by=WANG, due_on=date(2026, 3, 18), now=office.clock())
        cases.change(session, case, owner=WANG, held_until=office.clock() + timedelta(minutes=30), worked_at=office.clock())
    with pytest.raises(ReviewHeld) as refused:
        office.decide(CERTIFY)
    assert (refused.value.by, office.read().held_by, office.read(actor=WANG).held_by) == (WANG, WANG, None)
    office.clock.advance(minutes=31)  # the lock has passed
    office.decide(CERTIFY)
    assert office.one(CaseFile).closed_by == LI


def test_whoever_ran_the_session_at_the_counter_does_not_review_it(office: Office) -> None:
    with office.database.session_scope() as session:
        about = {"person_id": office.person_key, "object": office.verification_id}
        audit.record(session, actor=LI, action=reviews.STARTED, now=office.clock(), **about)
    with pytest.raises(ReviewOwnSession):
        office.decide(CERTIFY)
    assert office.count(VerificationReview) == office.count(CaseFile) == 0
    assert (office.read().own_session, office.read(actor=WANG).own_session) == (True, False)
    office.decide(CERTIFY, actor=WANG)


def test_the_reviewers_time_on_their_own_case_counts_as_work(office: Office) -> None:
    with office.database.session_scope() as session:
        alert = cases.locked_alert(session, session.scalars(select(Alert.public_id)).one())
        case = cases.open_case(session, alert, by=LI, due_on=date(2026, 3, 18), now=office.clock())
        cases.change(session, case, owner=LI, held_until=office.clock() + timedelta(minutes=30), worked_at=office.clock())
    office.clock.advance(seconds=95)
    office.decide(AGAIN)
    assert office.one(CaseFile).worked_s == 95


def test_a_death_on_record_stops_the_certification_and_nothing_is_written(office: Office) -> None:
    death = NewEvidence(office.person_key, EvidenceKind.DEATH_RECORD, date(2026, 3, 1), Strength.CONCLUSIVE, "civil affairs")
    with office.database.session_scope() as session:
        life_evidence.add(session, death, by="import", now=office.clock())
    with pytest.raises(PersonDeceased):
        office.decide(CERTIFY)
    assert office.count(VerificationReview) == office.count(Certificate) == office.count(CaseFile) == 0
    assert office.one(Alert).state is AlertState.OPEN


def test_an_attempt_whose_cycle_is_over_no_longer_certifies(office: Office) -> None:
    office.clock.advance(days=400)
    with pytest.raises(AttemptTooOld):
        office.decide(CERTIFY)
    assert office.count(LifeEvidence) == 0


def record(office: Office, kind: EvidenceKind, on: date, strength: Strength = Strength.CONCLUSIVE) -> None:
    with office.database.session_scope() as session:
        life_evidence.add(session, NewEvidence(office.person_key, kind, on, strength, "counter"), by="clerk", now=office.clock())


@pytest.mark.parametrize(
    ("kind", "on", "strength", "settled"),
    [
        (EvidenceKind.COUNTER, date(2026, 3, 15), Strength.CONCLUSIVE, True),
        (EvidenceKind.DATA_MATCH, date(2026, 3, 16), Strength.CONCLUSIVE, True),
        (EvidenceKind.DATA_MATCH, date(2026, 3, 16), Strength.SUPPORTING, False),  # a trace, no certification
        (EvidenceKind.COUNTER, date(2026, 3, 1), Strength.CONCLUSIVE, True),  # before the attempt, told afterwards: certified all the same
        (EvidenceKind.COUNTER, date(2024, 3, 1), Strength.CONCLUSIVE, False),  # its cycle is over
    ],
)
def test_a_later_certification_by_any_route_settles_the_referral(
    both: Office, kind: EvidenceKind, on: date, strength: Strength, settled: bool
) -> None:
    both.clock.advance(days=1)
    record(both, kind, on, strength)
    counts = both.service.housekeeping()
    assert counts["referrals_settled"] == int(settled)
    assert (both.kept() == 0) is settled
    alert = both.one(Alert)
    assert (alert.state is AlertState.CLOSED) is settled
    assert both.answer() is (AnswerState.SETTLED if settled else AnswerState.WAITING)
    if settled:
        assert alert.closed_by == referred.SYSTEM
        with pytest.raises(ReviewClosed):
            both.decide(CERTIFY)
    assert both.service.housekeeping()["referrals_settled"] == 0


def test_what_is_settled_leaves_the_hands_of_whoever_had_it_but_a_proposal_stays(office: Office) -> None:
    with office.database.session_scope() as session:
        alert = cases.locked_alert(session, session.scalars(select(Alert.public_id)).one())
        case = cases.open_case(session, alert, by=LI, due_on=date(2026, 3, 18), now=office.clock())
        cases.change(session, case, owner=LI, worked_at=office.clock())
    second = office.refer()
    office.decide(SUSPECT, verification_id=second)
    record(office, EvidenceKind.COUNTER, date(2026, 3, 15))
    assert office.service.housekeeping()["referrals_settled"] == 1
    with office.database.read_scope() as session:
        states = dict(session.execute(select(Alert.key, Alert.state)).all())
        proposed = session.scalars(select(CaseFile.proposed_outcome).where(CaseFile.closed_at.is_(None))).one()
    assert states == {f"verification:{office.verification_id}": AlertState.CLOSED, f"verification:{second}": AlertState.IN_CASE}
    assert proposed is CaseOutcome.CONFIRMED


def test_a_certified_review_settles_the_persons_other_referrals(office: Office) -> None:
    second = office.refer()
    office.decide(CERTIFY, verification_id=second)
    with office.database.read_scope() as session:
        closed = dict(session.execute(select(Alert.key, Alert.closed_by)).all())
    assert closed == {f"verification:{second}": LI, f"verification:{office.verification_id}": referred.SYSTEM}


def test_a_withdrawn_consent_empties_the_pictures_at_once(office: Office) -> None:
    office.service.references.withdraw_consent(office.person_id, actor="person")
    assert office.kept() == 0
    assert not office.read().has_pictures


def test_a_reference_of_another_record_of_the_same_human_being_is_compared(office: Office) -> None:
    with office.database.session_scope() as session:
        other = add_person(session, office.keyring, sequence=140)
        session.get_one(Person, office.person_key).merged_into_id = other.id
    review = office.read()
    assert review.person_id != office.person_id
    assert review.reference is not None
    assert review.frames[0].values[0].value == pytest.approx(0.4, abs=0.01)


def test_of_many_pictures_those_compared_and_an_even_spread_are_shown() -> None:
    shown = chosen(range(100), [37, 38], 12)
    assert len(shown) == 12
    assert {0, 37, 38, 99} <= shown
    assert max(b - a for a, b in zip(sorted(shown), sorted(shown)[1:], strict=False)) <= 12
    assert chosen([3, 5], [9], 12) == {3, 5}
    assert chosen(range(5), [1, 2], 1) == {1}


@pytest.mark.parametrize(
    ("kind", "name", "value", "threshold", "fits"),
    [
        (Kind.MATCH, "score", 0.5, 0.5, True),
        (Kind.NOISE, "noise_sigma", 9.0, 8.0, False),
        (Kind.CONTINUITY, "frames_with_second_face", 3, 3, False),
        (Kind.CONTINUITY, "frames_with_second_face", 2, 3, True),
        (Kind.CONTINUITY, "virtual_camera", 1, 0, False),
        (Kind.PASSIVE, "live_median", None, 0.5, None),
        (Kind.ACTIVE, "motion", 0.1, None, None),
    ],
)
def test_a_value_is_held_against_its_threshold_from_the_right_side(
    kind: Kind, name: str, value: float | None, threshold: float | None, fits: bool | None
) -> None:
    assert Value(name, value, threshold, limit_of(kind, name)).fits is fits
    assert limit_of(Kind.SCREEN, "moire_share") is Limit.AT_MOST


def test_a_decision_that_is_undone_stays_with_people_and_a_revoked_certificate_is_no_longer_the_answer(office: Office) -> None:
    done = office.decide(CERTIFY)
    with office.database.session_scope() as session:
        cases.reopen(session, cases.locked(session, done.case_id), owner=WANG, now=office.clock())
    assert office.service.housekeeping()["referrals_settled"] == 0
    assert office.one(CaseFile).owner == WANG
    assert office.answer() is AnswerState.CERTIFIED
    with office.database.session_scope() as session:
        certificates.revoke(session, str(done.certificate_id), reason="corrected", now=office.clock())
    assert office.answer() is AnswerState.TRY_AGAIN
    assert office.service.answer(office.person_id) == Answer(AnswerState.TRY_AGAIN, date(2026, 3, 18), date(2026, 3, 15))


def test_the_verification_keeps_its_own_outcome(office: Office) -> None:
    office.decide(CERTIFY)
    assert office.one(Verification).outcome == "refer"
