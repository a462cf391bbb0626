"""What people asked for about their own data, and what was deleted because its time was over."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type, opaque_id


class PrivacyKind(StrEnum):
    """What is asked for (personal-information law, articles 45 to 47)."""

    EXPORT = "export"
    CORRECTION = "correction"
    DELETION = "deletion"


class PrivacyState(StrEnum):
    """open -> prepared -> done | refused; an export is done at once; open | prepared -> withdrawn by the person."""

    OPEN = "open"
    PREPARED = "prepared"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PrivacyRequest(Base):
    """One request of a person about their own data. Of one person and kind one waits at a time.

    wish: what should be corrected, in the person's words, sealed; emptied once answered. due_on: last day for the answer. prepared_by: who
    proposed the answer (``carry_out`` says which); signed_by: the second person, never the same. deleted: rows by table, what_is_kept: a
    list of what stays with rows, reason and last day; numbers and codes only.
    """

    __tablename__ = "privacy_request"
    __table_args__ = (
        CheckConstraint("(state IN ('done', 'refused', 'withdrawn')) = (done_at IS NOT NULL)", name="done_when_over"),
        CheckConstraint("(prepared_by IS NULL) = (prepared_at IS NULL)", name="prepared_at_by"),
        CheckConstraint("(prepared_by IS NULL) = (carry_out IS NULL)", name="prepared_says_what"),
        CheckConstraint("state <> 'prepared' OR prepared_by IS NOT NULL", name="prepared_by_somebody"),
        CheckConstraint("signed_by IS NULL OR signed_by <> prepared_by", name="signed_by_another"),
        CheckConstraint("kind <> 'deletion' OR state NOT IN ('done', 'refused') OR signed_by IS NOT NULL", name="deletion_signed"),
        Index(
            "uq_privacy_request_waiting",
            "person_id",
            "kind",
            unique=True,
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_privacy_request_person_id", "person_id"),
        Index("ix_privacy_request_due", "done_at", "due_on", "id"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    kind: Mapped[PrivacyKind] = column(INTERNAL, enum_column_type(PrivacyKind, "kind"))
    state: Mapped[PrivacyState] = column(INTERNAL, enum_column_type(PrivacyState, "state"), default=PrivacyState.OPEN)
    wish: Mapped[Sealed | None] = column(PERSONAL)
    channel: Mapped[str] = column(INTERNAL, String(50))
    asked_by: Mapped[str] = column(INTERNAL, String(100))
    asked_at: Mapped[datetime] = column(INTERNAL)
    due_on: Mapped[date] = column(INTERNAL, Date)
    carry_out: Mapped[bool | None] = column(INTERNAL)
    prepared_note: Mapped[str | None] = column(PERSONAL, String(500))
    prepared_by: Mapped[str | None] = column(INTERNAL, String(100))
    prepared_at: Mapped[datetime | None] = column(INTERNAL)
    signed_by: Mapped[str | None] = column(INTERNAL, String(100))
    done_at: Mapped[datetime | None] = column(INTERNAL)
    deleted: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)
    what_is_kept: Mapped[list[Any]] = column(INTERNAL, JsonValue, default=list)


class RetentionRun(Base):
    """One run of deletion when due. lines: one a period of the policy, with what it deleted and the oldest moment that is kept.

    refused: why nothing was deleted (a code), None when the run went through. people_with_faces: how many people's templates were held
    then; filing_since: the first day on which so many were held that the authority has to be told, None before.
    """

    __tablename__ = "retention_run"
    __table_args__ = (Index("ix_retention_run_started_at", "started_at"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    started_by: Mapped[str] = column(INTERNAL, String(100))
    started_at: Mapped[datetime] = column(INTERNAL)
    finished_at: Mapped[datetime] = column(INTERNAL)
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    refused: Mapped[str | None] = column(INTERNAL, String(50))
    deleted: Mapped[int] = column(INTERNAL, BigId)
    people_with_faces: Mapped[int | None] = column(INTERNAL)
    filing_since: Mapped[date | None] = column(INTERNAL, Date)
    lines: Mapped[list[Any]] = column(INTERNAL, JsonValue, default=list)
