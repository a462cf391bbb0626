"""Referred verifications: shown to a reviewer in one piece, decided once, and answered to the person. One transaction a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.alert import AlertState, CaseOutcome
from models.case_holding import due_on, held_by_another, worked
from models.casework import CaseStep, ReviewDecision
from models.database import Database
from models.errors import ConflictError, NotFoundError
from models.keys import KeyRing, UnsealError
from models.policy import CertificationPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import audit, cases, outbox, reviews, tries, verifications
from models.repositories.cases import Held
from models.repositories.reviews import ReferenceRow, Referred
from models.templates import frame_data
from verify.engines.protocol import Engine
from verify.face_certification import certify_by_face
from verify.policy import VerificationPolicy
from verify.reference_service import open_picture
from verify.review import Review
from verify.review_errors import ReasonMissing, ReviewClosed, ReviewDecided, ReviewHeld, ReviewOwnSession, ReviewUnknown
from verify.review_reading import ReviewReader

REASON_MAX = 1000
SOURCE = "review"
CERTIFIED_MESSAGE = "verification.reviewed.certified"
AGAIN_MESSAGE = "verification.reviewed.try_again"
"""Also of a suspicion: what is only suspected is told to nobody."""


@dataclass(frozen=True)
class Verdict:
    """What a reviewer decided. reason: in words, at most 1000 characters; it may be empty where the person is certified."""

    decision: ReviewDecision
    reason: str = ""


@dataclass(frozen=True)
class Reviewed:
    """What came of it. certificate_id: of a certification. case_id: public, of the case that was closed or goes on."""

    decision: ReviewDecision
    case_id: str
    certificate_id: str | None = None


@dataclass(frozen=True)
class Pictures:
    """Bytes of the pictures as they were taken. reference: None where none is kept. frames: by seq."""

    reference: bytes | None
    frames: dict[int, bytes]


class ReviewService:
    """Use cases of the review of referred verifications. Thread-safe.

    region: of every use case: first digits of the codes that the reviewer may see; what lies outside is unknown to them.
    """

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        engine: Engine,
        *,
        policy: VerificationPolicy,
        policy_hash: str,
        certification: CertificationPolicy,
        casework: CaseworkPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._reader = ReviewReader(keyring, engine, policy, policy_hash, certification, casework)
        self._policy_hash = policy_hash
        self._certification = certification
        self._casework = casework
        self._clock = clock

    # read ----------------------------------------------------------------------------------------------------------

    def read(self, verification_id: str, *, actor: str, region: str, request_id: str | None = None) -> Review:
        """Everything but the pictures; the look is an audit entry of the person. Raises ReviewUnknown."""
        with self._database.session_scope() as session:
            found = self._found(session, verification_id, region)
            review = self._reader.review(session, found, actor=actor, now=self._clock())
            self._look(session, found, "review_seen", actor, request_id)
            return review

    def pictures(self, verification_id: str, *, actor: str, region: str, request_id: str | None = None) -> tuple[Review, Pictures]:
        """The same with the pictures, for this one answer; an audit entry of the person says so. Raises ReviewUnknown."""
        with self._database.session_scope() as session:
            found = self._found(session, verification_id, region)
            review = self._reader.review(session, found, actor=actor, now=self._clock())
            self._look(session, found, "review_faces_seen", actor, request_id)
            sealed = reviews.pictures(session, verification_id, [frame.seq for frame in review.frames if frame.shown])
            reference = self._reader.reference(session, found)
        frames = {}
        for seq, picture in sealed.items():
            try:
                frames[seq] = self._keyring.unseal(picture, frame_data(verification_id, seq, "picture"))
            except UnsealError:
                continue  # the page says which picture does not open
        return review, Pictures(self._enrolment_picture(reference), frames)

    def _look(self, session: Session, found: Referred, action: str, actor: str, request_id: str | None) -> None:
        audit.record(
            session,
            actor=actor,
            action=action,
            now=self._clock(),
            person_id=found.person.id,
            object=found.verification.id,
            details={"door": "counter", "request_id": request_id},
        )

    def _found(self, session: Session, verification_id: str, region: str) -> Referred:
        try:
            found = reviews.referred(session, verification_id)
        except NotFoundError as error:
            raise ReviewUnknown("there is no such referred verification") from error
        if not found.person.region_code.startswith(region):
            raise ReviewUnknown("there is no such referred verification")
        return found

    def _enrolment_picture(self, reference: ReferenceRow | None) -> bytes | None:
        if reference is None or reference.image is None:
            return None
        try:
            return open_picture(self._keyring, reference.image, reference.record_id)
        except UnsealError:
            return None

    # decide --------------------------------------------------------------------------------------------------------

    def decide(self, verification_id: str, verdict: Verdict, *, actor: str, region: str) -> Reviewed:
        """Decide a referred verification, once; all that follows from it is in the same transaction.

        certified: row of the ledger, certificate, message. try_again: the person may try at once, nothing is held against them.
        suspected: the case goes on; a second person signs or sends back; the person is told to try again or to come another way.

        Raises:
            ReviewUnknown, ReasonMissing, ReviewDecided (somebody was faster), ReviewClosed (settled), ReviewHeld (another person's
            case), ReviewOwnSession, PersonDeceased, AttemptTooOld. Nothing is written then.
        """
        reason = verdict.reason.strip()
        if len(reason) > REASON_MAX or (not reason and verdict.decision is not ReviewDecision.CERTIFIED):
            raise ReasonMissing(f"reason: give 1 to {REASON_MAX} characters")
        now = self._clock()
        with self._database.session_scope() as session:
            found, held = self._hold(session, verification_id, actor, region, now)
            certificate_id = None
            if verdict.decision is ReviewDecision.SUSPECTED:
                self._suspect(session, found, held, reason, actor, now)
            else:
                certificate_id = self._answer(session, found, held, verdict.decision, reason, actor, now)
            audit.record(
                session,
                actor=actor,
                action=f"verification.reviewed.{verdict.decision.value}",
                now=now,
                person_id=found.person.id,
                object=verification_id,
                details={"case": held.case.public_id, "policy": self._policy_hash},
            )
            certified = verdict.decision is ReviewDecision.CERTIFIED
            outbox.put(
                session,
                kind=CERTIFIED_MESSAGE if certified else AGAIN_MESSAGE,
                person_id=found.person.id,
                payload={"verification": verification_id, "certificate": certificate_id},
                now=now,
            )
            return Reviewed(verdict.decision, held.case.public_id, certificate_id)

    def _hold(self, session: Session, verification_id: str, actor: str, region: str, now: datetime) -> tuple[Referred, Held]:
        """The verification and its case, which nobody else changes until the transaction ends; a case is opened where there is none."""
        found = self._found(session, verification_id, region)
        if found.alert is None:
            raise ReviewClosed("nobody has to decide this verification")
        if reviews.started_by(session, found.verification) == actor:
            raise ReviewOwnSession("whoever ran the session does not review it: give it back, and another person decides")
        alert = cases.locked_alert(session, found.alert.public_id)
        found = self._found(session, verification_id, region)  # as whoever had it before left it
        if found.review is not None:
            raise ReviewDecided(found.review.by)
        if alert.state is AlertState.CLOSED:
            raise ReviewClosed("the person was certified another way, or the case was closed: nobody has to decide this any more")
        case = cases.open_of(session, alert.id)
        if case is None:
            due = due_on(self._certification.today(alert.opened_at), alert.severity, alert.code, self._casework)
            held = Held(cases.open_case(session, alert, by=actor, due_on=due, now=now), alert)
            cases.change(session, held.case, owner=actor, held_until=None, worked_at=now)
            cases.record(session, held, CaseStep.TAKEN, by=actor, now=now)
            return found, held
        if case.owner is not None and held_by_another(case.owner, case.held_until, actor, now):
            raise ReviewHeld(case.owner, case.held_until)
        if case.proposed_outcome is not None:
            raise ReviewClosed("an outcome is proposed on the case: a second person decides on it there")
        seconds = worked(case.worked_at, now, self._casework) if case.owner == actor else 0
        cases.change(session, case, owner=actor, worked_at=now, worked_s=case.worked_s + seconds)
        return found, Held(case, alert)

    def _answer(
        self, session: Session, found: Referred, held: Held, decision: ReviewDecision, reason: str, actor: str, now: datetime
    ) -> str | None:
        """Certified, or once more: the case is over, nothing of the face stays, and the person may go on."""
        row, certificate_id, evidence_id = found.verification, None, None
        cases.close(session, held, outcome=CaseOutcome.UNFOUNDED, by=actor, now=now, conclusion=reason or None)
        told = {"outcome": CaseOutcome.UNFOUNDED.value, "review": decision.value}
        cases.record(session, held, CaseStep.CLOSED, by=actor, now=now, note=reason or None, details=told)
        if decision is ReviewDecision.CERTIFIED:
            done = certify_by_face(
                session,
                person_id=found.person.id,
                verification_id=row.id,
                occurred_on=self._certification.today(row.decided_at or row.started_at),
                source=SOURCE,
                by=actor,
                keyring=self._keyring,
                policy=self._certification,
                now=now,
            )
            certificate_id, evidence_id = done.certificate_id, done.evidence_id
            reviews.give_certificate(session, row.id, certificate_id)
        self._write(session, row.id, decision, reason, actor, now, evidence_id)
        tries.clear(session, row.person_id)
        verifications.purge_now(session, row.id, now=now)
        return certificate_id

    def _suspect(self, session: Session, found: Referred, held: Held, reason: str, actor: str, now: datetime) -> None:
        """Nothing follows yet: a second person signs the case or sends it back. They see what the first one saw until then."""
        proposed = {"proposed_outcome": CaseOutcome.CONFIRMED, "proposed_by": actor, "proposed_at": now}
        cases.change(session, held.case, conclusion=reason, owner=None, held_until=None, diary_on=None, **proposed)
        told = {"outcome": CaseOutcome.CONFIRMED.value, "review": ReviewDecision.SUSPECTED.value}
        cases.record(session, held, CaseStep.PROPOSED, by=actor, now=now, note=reason, details=told)
        self._write(session, found.verification.id, ReviewDecision.SUSPECTED, reason, actor, now, None)

    @staticmethod
    def _write(
        session: Session, verification_id: str, decision: ReviewDecision, reason: str, actor: str, now: datetime, evidence_id: int | None
    ) -> None:
        try:
            reviews.add(session, verification_id, decision, reason=reason, by=actor, now=now, evidence_id=evidence_id)
        except ConflictError as error:
            raise ReviewDecided(None) from error
