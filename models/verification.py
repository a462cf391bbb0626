"""Verifications: attempts to prove by camera, their frames, and the count of failures in a row."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import BIOMETRIC, INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type, opaque_id


class VerificationState(StrEnum):
    """open -> deciding -> decided; open -> expired | abandoned. Nothing leaves decided, expired or abandoned."""

    OPEN = "open"
    DECIDING = "deciding"
    DECIDED = "decided"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


class VerificationKind(StrEnum):
    """Which set of prompts: gentle is for people who cannot turn their head."""

    STANDARD = "standard"
    GENTLE = "gentle"


class VerificationChannel(StrEnum):
    """Whose device, and who is beside the person."""

    SELF = "self"
    HELPER = "helper"
    COUNTER = "counter"


class VerificationOutcome(StrEnum):
    """What a decided attempt came to (the values of verify.evidence.Outcome)."""

    CERTIFIED = "certified"
    REFER = "refer"
    RETRY = "retry"
    REFUSED = "refused"


class Verification(Base):
    """One attempt, with every value, threshold and version that its decision rests on.

    challenge: prompts and colours as verify.pad.challenge writes them. token_hash: SHA-256 of the session's token. calibration:
    id of the calibration that the decision used, as text, or ``provisional``. policy_hash: SHA-256 of the policy file, hex.
    foreign_frames: frames refused because their step token was of no step of this session. deciding_since: when a worker took it;
    another worker may take it over after a while if that one died.
    """

    __tablename__ = "verification"
    __table_args__ = (
        Index(
            "uq_verification_open",
            "person_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_verification_person_started", "person_id", "started_at"),
        Index("ix_verification_started_at", "started_at"),
        Index("ix_verification_state_expires", "state", "expires_at"),
        CheckConstraint("(state = 'decided') = (outcome IS NOT NULL)", name="outcome_when_decided"),
        CheckConstraint("(state = 'decided') = (decided_at IS NOT NULL)", name="decided_at_when_decided"),
    )

    id: Mapped[str] = column(INTERNAL, String(22), primary_key=True, default=opaque_id)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    state: Mapped[VerificationState] = column(INTERNAL, enum_column_type(VerificationState, "state"), default=VerificationState.OPEN)
    kind: Mapped[VerificationKind] = column(PERSONAL, enum_column_type(VerificationKind, "kind"))
    channel: Mapped[VerificationChannel] = column(INTERNAL, enum_column_type(VerificationChannel, "channel"))
    challenge: Mapped[dict[str, Any]] = column(SECRET)
    token_hash: Mapped[bytes] = column(SECRET, LargeBinary(32))
    started_at: Mapped[datetime] = column(INTERNAL)
    expires_at: Mapped[datetime] = column(INTERNAL)
    camera_label: Mapped[str | None] = column(PERSONAL, String(200))
    client: Mapped[dict[str, Any]] = column(PERSONAL, default=dict)
    foreign_frames: Mapped[int] = column(INTERNAL, default=0)
    deciding_since: Mapped[datetime | None] = column(INTERNAL)
    outcome: Mapped[VerificationOutcome | None] = column(PERSONAL, enum_column_type(VerificationOutcome, "outcome"))
    reasons: Mapped[list[str]] = column(PERSONAL, default=list)
    evidence: Mapped[list[Any]] = column(PERSONAL, default=list)
    engine_name: Mapped[str | None] = column(INTERNAL, String(50))
    engine_version: Mapped[str | None] = column(INTERNAL, String(100))
    calibration: Mapped[str | None] = column(INTERNAL, String(50))
    policy_hash: Mapped[str | None] = column(INTERNAL, String(64))
    decided_at: Mapped[datetime | None] = column(INTERNAL)
    certificate_id: Mapped[str | None] = column(INTERNAL, String(22), ForeignKey("certificate.id"))


class VerificationFrame(Base):
    """One frame as it was measured. observation and picture are sealed, and emptied after purge_after.

    sha256 may come twice in a verification (a slow camera read by a fast page; pad.integrity counts it) and is indexed across all, so
    that a replayed session is seen.
    """

    __tablename__ = "verification_frame"
    __table_args__ = (
        Index("uq_verification_frame_seq", "verification_id", "seq", unique=True),
        Index(
            "ix_verification_frame_purge_after",
            "purge_after",
            sqlite_where=text("observation IS NOT NULL OR picture IS NOT NULL"),
            postgresql_where=text("observation IS NOT NULL OR picture IS NOT NULL"),
        ),
        CheckConstraint("seq >= 0", name="seq_not_negative"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    verification_id: Mapped[str] = column(INTERNAL, String(22), ForeignKey("verification.id", ondelete="CASCADE"))
    seq: Mapped[int] = column(INTERNAL)
    received_at: Mapped[datetime] = column(INTERNAL)
    sha256: Mapped[bytes] = column(INTERNAL, LargeBinary(32), index=True)
    measures: Mapped[dict[str, Any]] = column(PERSONAL, default=dict)
    observation: Mapped[Sealed | None] = column(BIOMETRIC)
    picture: Mapped[Sealed | None] = column(BIOMETRIC)
    purge_after: Mapped[datetime] = column(INTERNAL)


class TryCounter(Base):
    """Failures in a row of one person, and until when the next try has to wait (NIST SP 800-63B, biometric use)."""

    __tablename__ = "try_counter"

    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"), primary_key=True, autoincrement=False)
    failed_attempts: Mapped[int] = column(PERSONAL)
    last_failed_at: Mapped[datetime] = column(PERSONAL)
    locked_until: Mapped[datetime | None] = column(PERSONAL)
