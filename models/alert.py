"""Alerts (预警) and cases (案件): one thing to look at, and the opened work on it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Float, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type, opaque_id


class AlertSeverity(StrEnum):
    """How sure the rule is that something is wrong."""

    VIOLATION = "violation"  # 违规
    WARNING = "warning"  # 提示
    SUSPICION = "suspicion"  # 可疑


class AlertState(StrEnum):
    """open -> in_case -> closed, or open -> closed."""

    OPEN = "open"
    IN_CASE = "in_case"
    CLOSED = "closed"


class Alert(Base):
    """One thing to look at. code: of the signal (P7), or the name of what was noticed. key: the same finding has the same key, and does
    not open twice while it is not closed. details: record ids, dates and amounts that led to it; no names, no numbers of persons.
    priority: what to look at first, higher is sooner; severity, amount_fen and priority of an alert with signals follow from them;
    without signals it is 0 unless whoever opened it said more.
    """

    __tablename__ = "alert"
    __table_args__ = (
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at_when_closed"),
        Index("ix_alert_region_code_state", "region_code", "state"),
        Index("ix_alert_person_id", "person_id"),
        # what happened in a month
        Index("ix_alert_opened_at", "opened_at"),
        Index("ix_alert_closed_at", "closed_at"),
        Index("ix_alert_state_priority", "state", "priority", "id"),
        # the queue: what is not closed, the most urgent first, of a region
        Index(
            "ix_alert_queue",
            "priority",
            "id",
            "region_code",
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index(  # the search over closed ones: what it is narrowed by is in the index, so that rows that do not fit are not read
            "ix_alert_closed",
            "priority",
            "id",
            "region_code",
            "code",
            "severity",
            "amount_fen",
            sqlite_where=text("state = 'closed'"),
            postgresql_where=text("state = 'closed'"),
        ),
        Index(  # of one kind, the dearest first
            "ix_alert_code_amount",
            "code",
            "amount_fen",
            "id",
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index(  # of hospitals, groups and accounts
            "ix_alert_no_person",
            "region_code",
            "amount_fen",
            sqlite_where=text("person_id IS NULL AND state <> 'closed'"),
            postgresql_where=text("person_id IS NULL AND state <> 'closed'"),
        ),
        Index(  # earlier ones about the same hospital, group or account
            "ix_alert_key_closed",
            "key",
            sqlite_where=text("person_id IS NULL AND state = 'closed'"),
            postgresql_where=text("person_id IS NULL AND state = 'closed'"),
        ),
        Index(
            "uq_alert_key",
            "key",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    code: Mapped[str] = column(INTERNAL, String(40))
    key: Mapped[str] = column(INTERNAL, String(100))
    severity: Mapped[AlertSeverity] = column(INTERNAL, enum_column_type(AlertSeverity, "severity"))
    state: Mapped[AlertState] = column(INTERNAL, enum_column_type(AlertState, "state"))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    amount_fen: Mapped[int | None] = column(PERSONAL, BigInteger)
    priority: Mapped[float] = column(INTERNAL, Float, default=0.0)
    updated_at: Mapped[datetime | None] = column(INTERNAL)
    details: Mapped[dict[str, Any]] = column(PERSONAL, JsonValue, default=dict)
    opened_by: Mapped[str] = column(INTERNAL, String(100))
    opened_at: Mapped[datetime] = column(INTERNAL)
    closed_by: Mapped[str | None] = column(INTERNAL, String(100))
    closed_at: Mapped[datetime | None] = column(INTERNAL)
    close_reason: Mapped[str | None] = column(PERSONAL, String(500))


class CaseOutcome(StrEnum):
    """What a human concluded."""

    CONFIRMED = "confirmed"
    UNFOUNDED = "unfounded"
    DATA_ERROR = "data_error"
    REFERRED = "referred"


class CaseReferral(StrEnum):
    """To whom a case was handed on."""

    POLICE = "police"
    MEDICAL_INSURANCE = "medical_insurance"
    REGION = "region"


ADVERSE = frozenset({CaseOutcome.CONFIRMED, CaseOutcome.REFERRED})
"""Outcomes that go against somebody: a second person signs them, never the one who proposed."""


class CaseFile(Base):
    """Opened work on one alert. While a person has an open case, no certification is made silently.

    owner: whose work it is, None while it waits for somebody. held_until: when it stops being the owner's, None: theirs until they give it
    back. due_on: the day by which it should be decided. diary_on: not before this day. worked_s: seconds that people spent on it, as far as
    their steps tell. proposed_*: an outcome that waits for a second person. found_fen, recovered_fen: money that turned out to be wrongly
    paid, and that came back. closed_by: who decided; signed_by: who agreed, None where one person may decide.
    """

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_an_outcome"),
        CheckConstraint("(proposed_outcome IS NULL) = (proposed_by IS NULL)", name="proposed_by_somebody"),
        CheckConstraint("signed_by IS NULL OR signed_by <> closed_by", name="signed_by_another"),
        Index("ix_case_file_person_id", "person_id"),
        Index("ix_case_file_alert_id", "alert_id"),
        Index("ix_case_file_closed_at", "closed_at"),
        Index(
            "ix_case_file_region_closed",
            "region_code",
            "closed_at",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
        Index(
            "ix_case_file_waiting",
            "region_code",
            "due_on",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_case_file_proposed_by",
            "proposed_by",
            sqlite_where=text("proposed_by IS NOT NULL"),
            postgresql_where=text("proposed_by IS NOT NULL"),
        ),
        Index("ix_case_file_owner", "owner", sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
        Index(
            "uq_case_file_open",
            "alert_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    alert_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("alert.id"))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    owner: Mapped[str | None] = column(INTERNAL, String(100))
    held_until: Mapped[datetime | None] = column(INTERNAL)
    opened_by: Mapped[str] = column(INTERNAL, String(100))
    opened_at: Mapped[datetime] = column(INTERNAL)
    due_on: Mapped[date | None] = column(INTERNAL, Date)
    diary_on: Mapped[date | None] = column(INTERNAL, Date)
    worked_s: Mapped[int] = column(INTERNAL, Integer, default=0)
    worked_at: Mapped[datetime | None] = column(INTERNAL)
    proposed_outcome: Mapped[CaseOutcome | None] = column(PERSONAL, enum_column_type(CaseOutcome, "proposed_outcome"))
    proposed_by: Mapped[str | None] = column(INTERNAL, String(100))
    proposed_at: Mapped[datetime | None] = column(INTERNAL)
    outcome: Mapped[CaseOutcome | None] = column(PERSONAL, enum_column_type(CaseOutcome, "outcome"))
    referred_to: Mapped[CaseReferral | None] = column(PERSONAL, enum_column_type(CaseReferral, "referred_to"))
    conclusion: Mapped[str | None] = column(PERSONAL, String(1000))
    found_fen: Mapped[int | None] = column(PERSONAL, BigInteger)
    recovered_fen: Mapped[int] = column(PERSONAL, BigInteger, default=0)
    signed_by: Mapped[str | None] = column(INTERNAL, String(100))
    signed_at: Mapped[datetime | None] = column(INTERNAL)
    closed_by: Mapped[str | None] = column(INTERNAL, String(100))
    closed_at: Mapped[datetime | None] = column(INTERNAL)
