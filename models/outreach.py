"""Outreach to overdue people: who has to be reached, and every attempt, before anybody may propose a pause."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column, enum_column_type, opaque_id


class OutreachEnd(StrEnum):
    """Why somebody left the list."""

    CERTIFIED = "certified"
    DECEASED = "deceased"
    NOT_DUE = "not_due"  # nothing is drawn any more, or the record turned out wrong


class OutreachChannel(StrEnum):
    """How somebody was sought."""

    SMS = "sms"
    PHONE = "phone"
    VISIT = "visit"


class OutreachOutcome(StrEnum):
    """What came of an attempt. sent: a message left, nothing more is known."""

    SENT = "sent"
    REACHED = "reached"
    NOT_REACHED = "not_reached"
    WRONG_CONTACT = "wrong_contact"
    NEEDS_HELP = "needs_help"
    FAILED = "failed"


class Outreach(Base):
    """One overdue person on the outreach list, at most once at a time.

    due_on: the last day on which a certification counted, or, of the never certified, by which the first was due. reminded_at: when the
    newest reminder by text message was put into the outbox.
    """

    __tablename__ = "outreach"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (ended IS NULL)", name="closed_for_a_reason"),
        Index("ix_outreach_region_code_id", "region_code", "id"),
        Index(
            "ix_outreach_open_region_due",
            "region_code",
            "due_on",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "uq_outreach_open",
            "person_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    due_on: Mapped[date | None] = column(PERSONAL, Date)
    opened_at: Mapped[datetime] = column(INTERNAL)
    reminded_at: Mapped[datetime | None] = column(INTERNAL)
    closed_at: Mapped[datetime | None] = column(INTERNAL)
    ended: Mapped[OutreachEnd | None] = column(PERSONAL, enum_column_type(OutreachEnd, "ended"))


class OutreachAttempt(Base):
    """One attempt to reach somebody. made_by: staff, or the job that sent the message."""

    __tablename__ = "outreach_attempt"
    __table_args__ = (Index("ix_outreach_attempt_outreach_id", "outreach_id"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    outreach_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("outreach.id"))
    channel: Mapped[OutreachChannel] = column(PERSONAL, enum_column_type(OutreachChannel, "channel"))
    outcome: Mapped[OutreachOutcome] = column(PERSONAL, enum_column_type(OutreachOutcome, "outcome"))
    note: Mapped[str | None] = column(PERSONAL, String(500))
    made_by: Mapped[str] = column(PERSONAL, String(100))
    made_at: Mapped[datetime] = column(INTERNAL)
