"""Verifications and their frames: every change of state is one conditional UPDATE, so that one worker only wins."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, defer

from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import Sealed
from models.repositories import persons
from models.repositories.conflicts import named_conflicts
from models.types import opaque_id
from models.verification import (
    Verification,
    VerificationChannel,
    VerificationFrame,
    VerificationKind,
    VerificationOutcome,
    VerificationState,
)


@dataclass(frozen=True)
class NewVerification:
    """What a session starts with. token_hash: SHA-256 of the session's token. id: drawn here when not given."""

    person_id: int
    kind: VerificationKind
    channel: VerificationChannel
    challenge: dict[str, Any]
    token_hash: bytes
    expires_at: datetime
    client: dict[str, Any]
    camera_label: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class DecisionRecord:
    """Everything a decision rests on. calibration: id as text, or ``provisional``. policy_hash: hex SHA-256 of the policy file."""

    outcome: VerificationOutcome
    reasons: list[str]
    evidence: list[Any]
    engine_name: str
    engine_version: str
    calibration: str
    policy_hash: str
    certificate_id: str | None = None


@dataclass(frozen=True)
class NewFrame:
    """One frame as measured. sha256: 32 bytes of the picture's digest."""

    verification_id: str
    seq: int
    received_at: datetime
    sha256: bytes
    measures: dict[str, Any]
    observation: Sealed | None
    purge_after: datetime
    picture: Sealed | None = None


class FrameResult(StrEnum):
    """What became of a posted frame."""

    STORED = "stored"
    SEQ_TAKEN = "seq_taken"  # the same seq with another picture
    SAME_AGAIN = "same_again"  # the same seq with the same picture: a repeated delivery, harmless
    NOT_OPEN = "not_open"


def start(session: Session, new: NewVerification, *, now: datetime) -> Verification:
    """Open a session for a person; one that is still open is abandoned first.

    Raises:
        ConflictError: VERIFICATION_OPEN; another worker opened one for the same person at the same moment. Try again.
    """
    session.execute(
        update(Verification)
        .where(Verification.person_id.in_(persons.records_of(session, new.person_id)), Verification.state == VerificationState.OPEN)
        .values(state=VerificationState.ABANDONED)
    )
    verification = Verification(
        id=new.id or opaque_id(),
        person_id=new.person_id,
        state=VerificationState.OPEN,
        kind=new.kind,
        channel=new.channel,
        challenge=new.challenge,
        token_hash=new.token_hash,
        started_at=now,
        expires_at=new.expires_at,
        camera_label=new.camera_label,
        client=new.client,
    )
    busy = (Conflict.VERIFICATION_OPEN, "a verification of this person was started at the same moment elsewhere: try again")
    with named_conflicts(session, {"uq_verification_open": busy, "verification.person_id": busy}):
        session.add(verification)
    return verification


def get(session: Session, verification_id: str) -> Verification:
    """The verification as the database has it now. Raises NotFoundError."""
    verification = session.get(Verification, verification_id, populate_existing=True)
    if verification is None:
        raise NotFoundError("there is no such verification")
    return verification


def token_fits(verification: Verification, token_hash: bytes) -> bool:
    """Whether the token's digest is this session's, compared in constant time."""
    return hmac.compare_digest(verification.token_hash, token_hash)


def claim_for_decision(session: Session, verification_id: str, *, now: datetime, takeover_after: timedelta) -> bool:
    """Take an open session for deciding; True for one caller only.

    A session that has been in deciding for longer than ``takeover_after`` (its worker died) may be taken as well.
    """
    claimable = (Verification.state == VerificationState.OPEN) | (
        (Verification.state == VerificationState.DECIDING) & (Verification.deciding_since < now - takeover_after)
    )
    changed = session.execute(
        update(Verification)
        .where(Verification.id == verification_id, claimable)
        .values(state=VerificationState.DECIDING, deciding_since=now)
        .returning(Verification.id)
    ).all()
    return len(changed) == 1


def record_decision(session: Session, verification_id: str, decision: DecisionRecord, *, claimed_at: datetime, now: datetime) -> None:
    """Write the decision of a session that this worker claimed at ``claimed_at``.

    Raises:
        ConflictError: VERIFICATION_STATE; it was decided already, or another worker took it over. Write nothing else then.
    """
    changed = session.execute(
        update(Verification)
        .where(
            Verification.id == verification_id,
            Verification.state == VerificationState.DECIDING,
            Verification.deciding_since == claimed_at,
        )
        .values(
            state=VerificationState.DECIDED,
            decided_at=now,
            outcome=decision.outcome,
            reasons=decision.reasons,
            evidence=decision.evidence,
            engine_name=decision.engine_name,
            engine_version=decision.engine_version,
            calibration=decision.calibration,
            policy_hash=decision.policy_hash,
            certificate_id=decision.certificate_id,
        )
        .returning(Verification.id)
    ).all()
    if len(changed) != 1:
        raise ConflictError(Conflict.VERIFICATION_STATE, "the verification is not this worker's to decide: read the decision that is there")


def release(session: Session, verification_id: str, *, claimed_at: datetime) -> bool:
    """Give a claimed session back as open, after an error. False when it is no longer this worker's.

    It is abandoned instead when the person has opened a newer one meanwhile.
    """
    person_id = session.scalar(select(Verification.person_id).where(Verification.id == verification_id))
    newer = session.scalar(select(Verification.id).where(Verification.person_id == person_id, Verification.state == VerificationState.OPEN))
    changed = session.execute(
        update(Verification)
        .where(
            Verification.id == verification_id,
            Verification.state == VerificationState.DECIDING,
            Verification.deciding_since == claimed_at,
        )
        .values(state=VerificationState.ABANDONED if newer else VerificationState.OPEN, deciding_since=None)
        .returning(Verification.id)
    ).all()
    return len(changed) == 1


def abandon(session: Session, verification_id: str) -> bool:
    """End an open session without a decision. False when it was not open."""
    return _change(session, verification_id, VerificationState.OPEN, state=VerificationState.ABANDONED)


def expire_due(session: Session, *, now: datetime) -> int:
    """Expire every open session whose time is over; how many there were."""
    changed = session.execute(
        update(Verification)
        .where(Verification.state == VerificationState.OPEN, Verification.expires_at <= now)
        .values(state=VerificationState.EXPIRED)
        .returning(Verification.id)
    ).all()
    return len(changed)


def add_frame(session: Session, frame: NewFrame, *, now: datetime) -> FrameResult:
    """Store one frame of an open session; a collision is a result, and leaves the transaction usable."""
    # The lock makes a worker that claims the session for deciding wait for this frame, or this frame see that it is too late.
    state = session.execute(
        select(Verification.state, Verification.expires_at).where(Verification.id == frame.verification_id).with_for_update(key_share=True)
    ).one_or_none()
    if state is None:
        raise NotFoundError("there is no such verification")
    if state.state is not VerificationState.OPEN or state.expires_at <= now:
        return FrameResult.NOT_OPEN
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(VerificationFrame)
    stored = session.execute(
        insert.values(
            verification_id=frame.verification_id,
            seq=frame.seq,
            received_at=frame.received_at,
            sha256=frame.sha256,
            measures=frame.measures,
            observation=frame.observation,
            picture=frame.picture,
            purge_after=frame.purge_after,
        )
        .on_conflict_do_nothing(index_elements=["verification_id", "seq"])
        .returning(VerificationFrame.id)
    ).one_or_none()
    if stored is None:
        there = session.scalar(
            select(VerificationFrame.sha256).where(
                VerificationFrame.verification_id == frame.verification_id, VerificationFrame.seq == frame.seq
            )
        )
        return FrameResult.SAME_AGAIN if there is not None and bytes(there) == frame.sha256 else FrameResult.SEQ_TAKEN
    return FrameResult.STORED


def frames(session: Session, verification_id: str) -> Sequence[VerificationFrame]:
    """All frames in order of seq, with their sealed observations; pictures are left where they are until asked for."""
    return session.scalars(
        select(VerificationFrame)
        .where(VerificationFrame.verification_id == verification_id)
        .order_by(VerificationFrame.seq)
        .options(defer(VerificationFrame.picture))
    ).all()


def frame_measures(session: Session, verification_id: str, *, after: int = 0) -> Sequence[tuple[int, int, bytes, dict[str, Any]]]:
    """(row id, seq, SHA-256, measures) of the frames stored after a row, in order of storing: what guidance needs, nothing sealed."""
    rows = session.execute(
        select(VerificationFrame.id, VerificationFrame.seq, VerificationFrame.sha256, VerificationFrame.measures)
        .where(VerificationFrame.verification_id == verification_id, VerificationFrame.id > after)
        .order_by(VerificationFrame.id)
    )
    return [(row_id, seq, bytes(digest), measures) for row_id, seq, digest, measures in rows]


def count_frames(session: Session, verification_id: str) -> int:
    """How many frames are stored."""
    return (
        session.scalar(select(func.count()).select_from(VerificationFrame).where(VerificationFrame.verification_id == verification_id)) or 0
    )


def digests_of_other_sessions(session: Session, verification_id: str, digests: Collection[bytes]) -> set[bytes]:
    """Which of these SHA-256 digests were seen in other sessions, of anybody: any at all means a replay."""
    if not digests:
        return set()
    found = session.scalars(
        select(VerificationFrame.sha256)
        .where(VerificationFrame.sha256.in_(list(digests)), VerificationFrame.verification_id != verification_id)
        .distinct()
    )
    return {bytes(digest) for digest in found}


def earlier_frames(session: Session, person_id: int, verification_id: str, *, limit: int) -> list[list[tuple[bytes, str | None]]]:
    """(SHA-256, picture hash in hex) of every frame of the person's last ``limit`` other sessions, one list a session, by seq."""
    recent = (
        select(Verification.id)
        .where(Verification.person_id.in_(persons.records_of(session, person_id)), Verification.id != verification_id)
        .order_by(Verification.started_at.desc())
        .limit(limit)
    )
    rows = session.execute(
        select(VerificationFrame.verification_id, VerificationFrame.sha256, VerificationFrame.measures)
        .where(VerificationFrame.verification_id.in_(recent))
        .order_by(VerificationFrame.verification_id, VerificationFrame.seq)
    )
    sessions: dict[str, list[tuple[bytes, str | None]]] = {}
    for session_id, digest, measures in rows:
        sessions.setdefault(session_id, []).append((bytes(digest), measures.get("picture_hash")))
    return list(sessions.values())


def note_camera(session: Session, verification_id: str, label: str) -> None:
    """Keep the camera's name as the browser gave it; the last one counts."""
    session.execute(update(Verification).where(Verification.id == verification_id).values(camera_label=label[:200]))


def count_foreign_frame(session: Session, verification_id: str) -> None:
    """Count a frame that was refused because its step token is not of this session."""
    session.execute(update(Verification).where(Verification.id == verification_id).values(foreign_frames=Verification.foreign_frames + 1))


def keep_frames_until(session: Session, verification_id: str, *, until: datetime) -> None:
    """Move the day on which the sealed observations and pictures of one session are emptied: somebody has to look at them."""
    session.execute(
        update(VerificationFrame)
        .where(VerificationFrame.verification_id == verification_id)
        .values(purge_after=until)
        .execution_options(synchronize_session=False)
    )


def purge_now(session: Session, verification_id: str, *, now: datetime) -> None:
    """Empty the sealed observations and pictures of one session at once; digests and measures stay."""
    session.execute(
        update(VerificationFrame)
        .where(VerificationFrame.verification_id == verification_id)
        .values(observation=None, picture=None, purge_after=now)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def purge_person(session: Session, person_id: int) -> None:
    """Empty the sealed observations and pictures of every session of the person at once; digests and measures stay."""
    own = select(Verification.id).where(Verification.person_id.in_(persons.records_of(session, person_id)))
    kept = VerificationFrame.observation.is_not(None) | VerificationFrame.picture.is_not(None)
    session.execute(
        update(VerificationFrame)
        .where(VerificationFrame.verification_id.in_(own), kept)
        .values(observation=None, picture=None)
        .execution_options(synchronize_session=False)
    )


def purge_frames(session: Session, *, now: datetime) -> int:
    """Empty the sealed observation and picture of every frame whose time is over; digests and measures stay. How many there were."""
    changed = session.execute(
        update(VerificationFrame)
        .where(
            VerificationFrame.purge_after <= now,
            VerificationFrame.observation.is_not(None) | VerificationFrame.picture.is_not(None),
        )
        .values(observation=None, picture=None)
        .returning(VerificationFrame.id)
    ).all()
    return len(changed)


def delete_older_than(session: Session, moment: datetime) -> int:
    """Delete finished sessions that started before ``moment``, with their frames, except those that a certificate rests on."""
    old = select(Verification.id).where(
        Verification.started_at < moment,
        Verification.state.in_([VerificationState.DECIDED, VerificationState.EXPIRED, VerificationState.ABANDONED]),
        Verification.certificate_id.is_(None),
    )
    session.execute(delete(VerificationFrame).where(VerificationFrame.verification_id.in_(old)))
    gone = session.execute(delete(Verification).where(Verification.id.in_(old)).returning(Verification.id)).all()
    return len(gone)


def latest(session: Session, person_id: int, *, limit: int = 10) -> Sequence[Verification]:
    """The person's last verifications, newest first."""
    return session.scalars(
        select(Verification)
        .where(Verification.person_id.in_(persons.records_of(session, person_id)))
        .order_by(Verification.started_at.desc(), Verification.id)
        .limit(limit)
    ).all()


def _change(session: Session, verification_id: str, from_state: VerificationState, **values: Any) -> bool:
    changed = session.execute(
        update(Verification)
        .where(Verification.id == verification_id, Verification.state == from_state)
        .values(**values)
        .returning(Verification.id)
    ).all()
    return len(changed) == 1
