"""From evidence to a decision in the store: match, decide, and write everything in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from models import certificates
from models.certification_state import CertificationState
from models.database import Database
from models.keys import KeyRing
from models.person import Person
from models.policy import CertificationPolicy, RetentionPolicy, RetryPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import audit, calibrations, certifications, outbox, persons, referred, reviews, tries, verifications
from models.repositories.referred import Referral
from models.repositories.verifications import DecisionRecord
from models.verification import Verification, VerificationFrame, VerificationKind, VerificationOutcome, VerificationState
from verify.answers import answer_of
from verify.assessment import assess, probe_embedding
from verify.calibration import Calibration
from verify.calibration_service import load_calibration
from verify.comparison import compare
from verify.engines.protocol import Capability, Embedding, Engine
from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Measure, Outcome, Reason
from verify.face_certification import certify_by_face
from verify.frames import open_observation
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.pad.integrity import EarlierSession
from verify.policy import VerificationPolicy
from verify.service_errors import ReferenceMissing
from verify.views import ChallengeKind, VerificationView
from verify.views import VerificationState as StateView

PROVISIONAL = "provisional"
EARLIER_SESSIONS = 20  # of this person, newest first: held against a replay


class Templates(Protocol):
    """Where the reference template of a person comes from."""

    def template(self, person_id: str) -> Embedding:
        """The opened template. Raises ReferenceMissing."""
        ...


class Certifier:
    """Decides claimed verifications and shows them."""

    def __init__(
        self,
        *,
        database: Database,
        keyring: KeyRing,
        engine: Engine,
        policy: VerificationPolicy,
        certification: CertificationPolicy,
        retention: RetentionPolicy,
        retry: RetryPolicy,
        casework: CaseworkPolicy,
        policy_hash: str,
        clock: Callable[[], datetime],
        templates: Templates,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._engine = engine
        self._policy = policy
        self._certification = certification
        self._retention = retention
        self._retry = retry
        self._casework = casework
        self._policy_hash = policy_hash
        self._clock = clock
        self._templates = templates
        self._opened: tuple[int, Calibration] | None = None

    def decide(self, verification_id: str, *, claimed_at: datetime) -> None:
        """Decide a verification that this worker has claimed, and write the decision with all that follows from it."""
        now = self._clock()
        with self._database.read_scope() as session:
            row = verifications.get(session, verification_id)
            person = session.get_one(Person, row.person_id)
            frames = verifications.frames(session, verification_id)
            earlier = self._earlier(session, row, frames)
            standing = tries.standing(session, row.person_id, policy=self._retry, now=now)
            calibration_id, calibration = self._calibration(session)
        observations = [o for o in (open_observation(self._keyring, frame) for frame in frames) if o is not None]
        challenge = Challenge.from_json(row.challenge)
        decision = assess(
            observations,
            challenge,
            match=self._match(person, observations, calibration),
            policy=self._policy,
            tries_left=self._retry.refer_after - standing.failed_attempts - 1,
            earlier=earlier,
            camera_label=row.camera_label,
            foreign_frames=row.foreign_frames,
            expired=challenge.expired(now),
        )
        self._write(row, person, decision, calibration_id, claimed_at=claimed_at, now=now)

    def _match(self, person: Person, observations: Sequence[Observation], calibration: Calibration | None) -> Evidence:
        probe = probe_embedding(observations, self._policy)
        if probe is None:
            return Evidence(EvidenceKind.MATCH, EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,))
        try:
            reference = self._templates.template(person.public_id)
        except ReferenceMissing:
            return Evidence(EvidenceKind.MATCH, EvidenceState.ABSENT, (Reason.NO_REFERENCE,))
        return compare(self._engine, reference, probe, calibration, self._policy.matching).evidence()

    def _calibration(self, session: Session) -> tuple[str, Calibration | None]:
        row = calibrations.in_effect(session, self._engine.name, self._engine.version)
        if row is None:
            return PROVISIONAL, None
        if self._opened is None or self._opened[0] != row.id:  # opening takes longer than deciding: kept until another is in force
            self._opened = (row.id, load_calibration(self._keyring, self._engine, row))
        return str(row.id), self._opened[1]

    def _earlier(self, session: Session, row: Verification, frames: Sequence[VerificationFrame]) -> list[EarlierSession]:
        """This person's earlier sessions, and whatever frames of anybody's session come back bit by bit."""
        sessions = [
            EarlierSession.from_json({"sha256s": [sha.hex()[:32] for sha, _ in seen], "hashes": [h for _, h in seen if h]})
            for seen in verifications.earlier_frames(session, row.person_id, row.id, limit=EARLIER_SESSIONS)
        ]
        foreign = verifications.digests_of_other_sessions(session, row.id, [frame.sha256 for frame in frames])
        if foreign:
            sessions.append(EarlierSession(frozenset(digest.hex()[:32] for digest in foreign), ()))
        return sessions

    def _write(
        self, row: Verification, person: Person, decision: Decision, calibration_id: str, *, claimed_at: datetime, now: datetime
    ) -> None:
        certified = decision.outcome is Outcome.CERTIFIED
        with self._database.session_scope() as session:
            certificate_id = self._certify(session, row, person, now) if certified else None
            record = DecisionRecord(
                outcome=VerificationOutcome(decision.outcome.value),
                reasons=[reason.value for reason in decision.reasons],
                evidence=[asdict(piece) for piece in decision.evidence],
                engine_name=self._engine.name,
                engine_version=self._engine.version,
                calibration=calibration_id,
                policy_hash=self._policy_hash,
                certificate_id=certificate_id,
            )
            verifications.record_decision(session, row.id, record, claimed_at=claimed_at, now=now)
            if certified:
                tries.clear(session, row.person_id)
            elif decision.outcome in {Outcome.RETRY, Outcome.REFUSED}:
                pad = Capability.PASSIVE in self._engine.capabilities
                tries.record_failure(session, row.person_id, pad=pad, policy=self._retry, now=now)
            if decision.outcome is Outcome.REFER:
                self._refer(session, row, person, record.reasons, now)
            else:
                verifications.purge_now(session, row.id, now=now)  # nobody has to look at it: the shortest retention is none
            audit.record(
                session,
                actor="system",
                action=f"verification.{decision.outcome.value}",
                now=now,
                person_id=row.person_id,
                object=row.id,
                details={"reasons": record.reasons, "policy": self._policy_hash, "calibration": calibration_id},
            )
            outbox.put(
                session,
                kind=f"verification.{decision.outcome.value}",
                person_id=row.person_id,
                payload={"verification": row.id, "certificate": certificate_id},
                now=now,
            )

    def _certify(self, session: Session, row: Verification, person: Person, now: datetime) -> str:
        return certify_by_face(
            session,
            person_id=person.id,
            verification_id=row.id,
            occurred_on=self._certification.today(now),
            source=f"camera/{row.channel.value}",
            by="system",
            keyring=self._keyring,
            policy=self._certification,
            now=now,
        ).certificate_id

    def _refer(self, session: Session, row: Verification, person: Person, reasons: list[str], now: datetime) -> None:
        """Keep what the reviewer has to see, and tell the reviewers."""
        verifications.keep_frames_until(session, row.id, until=now + timedelta(days=self._retention.referred_picture_days))
        speaking = persons.speaking(session, person) or person
        referral = Referral(row.id, row.person_id, speaking.region_code, reasons)
        referred.open_alert(session, referral, priority=self._casework.referred_priority, by="system", now=now)

    def is_deceased(self, session: Session, person: Person) -> bool:
        """True while a death record counts against the person."""
        today = self._certification.today(self._clock())
        return certifications.status_of(session, person.id, self._certification, today).state is CertificationState.DECEASED

    def view(self, session: Session, row: Verification) -> VerificationView:
        """One attempt as its owner may see it."""
        now = self._clock()
        standing = tries.standing(session, row.person_id, policy=self._retry, now=now)
        wait = standing.wait_until
        state = row.state
        if state is VerificationState.OPEN and now >= row.expires_at:
            state = VerificationState.EXPIRED
        certificate = None if row.certificate_id is None else certificates.get(session, row.certificate_id)
        came_out = reviews.standing(session, verification_id=row.id) if row.outcome is VerificationOutcome.REFER else None
        return VerificationView(
            verification_id=row.id,
            state=StateView(state.value),
            kind=ChallengeKind.GENTLE if row.kind is VerificationKind.GENTLE else ChallengeKind.STANDARD,
            started_at=row.started_at,
            expires_at=row.expires_at,
            frames=verifications.count_frames(session, row.id),
            outcome=None if row.outcome is None else Outcome(row.outcome.value),
            reasons=tuple(Reason(reason) for reason in row.reasons),
            evidence=tuple(evidence_of(piece) for piece in row.evidence),
            certificate_id=row.certificate_id,
            valid_until=None if certificate is None else certificate.valid_until,
            tries_left=max(0, self._retry.refer_after - standing.failed_attempts),
            retry_after_s=0 if wait is None else max(1, int((wait - now) / timedelta(seconds=1))),
            answer=None if came_out is None else answer_of(came_out, self._certification, self._casework),
        )


def evidence_of(values: dict[str, Any]) -> Evidence:
    """A piece of evidence from the values that a decision keeps of it."""
    return Evidence(
        EvidenceKind(values["kind"]),
        EvidenceState(values["state"]),
        tuple(Reason(reason) for reason in values["reasons"]),
        tuple(Measure(**measure) for measure in values["measures"]),
    )
