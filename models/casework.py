"""What people do with a case: each step of it, papers that belong to it, findings that are not to be told for a while, and views that a
caseworker keeps.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import BIOMETRIC, INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type, opaque_id


class CaseStep(StrEnum):
    """One thing that somebody did with a case."""

    TAKEN = "taken"  # by "take the next", for as long as the lock lasts
    KEPT = "kept"  # the owner keeps it until they give it back
    ASSIGNED = "assigned"
    HANDED_OVER = "handed_over"
    GIVEN_BACK = "given_back"
    NOTE = "note"
    DIARY = "diary"
    ATTACHED = "attached"
    ATTACHMENT_REMOVED = "attachment_removed"
    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    SIGNED = "signed"
    SENT_BACK = "sent_back"
    CLOSED = "closed"
    REOPENED = "reopened"
    RECOVERED = "recovered"
    SUPPRESSED = "suppressed"
    SUPPRESSION_ENDED = "suppression_ended"


class CaseEvent(Base):
    """One step, append-only. note: what the person wrote. details: values that changed, such as {"from", "to"}; no names of the insured."""

    __tablename__ = "case_event"
    __table_args__ = (
        Index("ix_case_event_case_id", "case_id", "id"),
        Index(  # steps that figures of the past ask for
            "ix_case_event_step_at",
            "step",
            "at",
            sqlite_where=text("step IN ('reopened', 'recovered')"),
            postgresql_where=text("step IN ('reopened', 'recovered')"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    case_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("case_file.id"))
    step: Mapped[CaseStep] = column(INTERNAL, enum_column_type(CaseStep, "step"))
    by: Mapped[str] = column(INTERNAL, String(100))
    at: Mapped[datetime] = column(INTERNAL)
    note: Mapped[str | None] = column(PERSONAL, String(2000))
    details: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)


class CaseAttachment(Base):
    """A paper of a case. content: sealed, and emptied when it is removed; the row and the event stay."""

    __tablename__ = "case_attachment"
    __table_args__ = (
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed_by_somebody"),
        CheckConstraint("(removed_at IS NULL) = (content IS NOT NULL)", name="content_until_removed"),
        Index("ix_case_attachment_case_id", "case_id"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    case_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("case_file.id"))
    name: Mapped[str] = column(PERSONAL, String(200))
    media_type: Mapped[str] = column(INTERNAL, String(100))
    size_bytes: Mapped[int] = column(INTERNAL, Integer)
    sha256: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    content: Mapped[Sealed | None] = column(BIOMETRIC)
    added_by: Mapped[str] = column(INTERNAL, String(100))
    added_at: Mapped[datetime] = column(INTERNAL)
    removed_by: Mapped[str | None] = column(INTERNAL, String(100))
    removed_at: Mapped[datetime | None] = column(INTERNAL)


class Suppression(Base):
    """Findings about one subject that open no alert until a day, and why. key: of the alert. code: of the signals, empty for all.

    until: the last day of it. ended_at: when somebody ended it sooner.
    """

    __tablename__ = "suppression"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
        Index("ix_suppression_key", "key"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    key: Mapped[str] = column(INTERNAL, String(100))
    code: Mapped[str] = column(INTERNAL, String(40), default="")
    region_code: Mapped[str] = column(INTERNAL, String(6), ForeignKey("region.code"))
    case_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("case_file.id"))
    reason: Mapped[str] = column(PERSONAL, String(500))
    until: Mapped[date] = column(INTERNAL, Date)
    by: Mapped[str] = column(INTERNAL, String(100))
    at: Mapped[datetime] = column(INTERNAL)
    ended_by: Mapped[str | None] = column(INTERNAL, String(100))
    ended_at: Mapped[datetime | None] = column(INTERNAL)


class RuleMode(StrEnum):
    """What becomes of a rule's findings."""

    LIVE = "live"  # alerts
    SHADOW = "shadow"  # kept and counted, no alert
    RETIRED = "retired"  # not looked for any more


class RuleModeChange(Base):
    """A rule or model came into a mode; the last change of a code counts, and a code without any is live. Append-only."""

    __tablename__ = "rule_mode_change"
    __table_args__ = (Index("ix_rule_mode_change_code", "code", "id"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    code: Mapped[str] = column(INTERNAL, String(40))
    mode: Mapped[RuleMode] = column(INTERNAL, enum_column_type(RuleMode, "mode"))
    reason: Mapped[str] = column(INTERNAL, String(500))
    by: Mapped[str] = column(INTERNAL, String(100))
    at: Mapped[datetime] = column(INTERNAL)


class SavedView(Base):
    """A filter of the queue that somebody keeps under a name. query: of the address, checked as the form is."""

    __tablename__ = "saved_view"
    __table_args__ = (Index("uq_saved_view_owner_name", "owner", "name", unique=True),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    owner: Mapped[str] = column(INTERNAL, String(100))
    name: Mapped[str] = column(INTERNAL, String(60))
    query: Mapped[str] = column(INTERNAL, String(500))
    created_at: Mapped[datetime] = column(INTERNAL)


VERIFICATION_REFERRED = "verification_referred"
"""Code of the alert that a referred verification opens. Its key is ``verification:`` and the id, see ``verification_of``."""

_KEY = "verification:"


def referred_key(verification_id: str) -> str:
    """Key of the alert of a referred verification."""
    return f"{_KEY}{verification_id}"


def verification_of(key: str) -> str | None:
    """Id of the verification that an alert with this key is about; None for every other alert."""
    return key.removeprefix(_KEY) if key.startswith(_KEY) else None


class ReviewDecision(StrEnum):
    """What a person decided of a referred verification."""

    CERTIFIED = "certified"
    TRY_AGAIN = "try_again"  # by camera or another way; nothing is held against anybody
    SUSPECTED = "suspected"  # somebody else, or an attack: a case goes on


class VerificationReview(Base):
    """A referred verification that a person decided, once. evidence_id: of the certification that came of it."""

    __tablename__ = "verification_review"
    __table_args__ = (
        CheckConstraint("(decision = 'certified') = (evidence_id IS NOT NULL)", name="evidence_when_certified"),
        Index("uq_verification_review_verification_id", "verification_id", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    verification_id: Mapped[str] = column(INTERNAL, String(22), ForeignKey("verification.id", ondelete="CASCADE"))
    decision: Mapped[ReviewDecision] = column(PERSONAL, enum_column_type(ReviewDecision, "decision"))
    reason: Mapped[str] = column(PERSONAL, String(1000))
    by: Mapped[str] = column(INTERNAL, String(100))
    at: Mapped[datetime] = column(INTERNAL)
    evidence_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
