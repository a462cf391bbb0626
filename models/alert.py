"""Alerts (预警) and cases (案件): one thing to look at, and the opened work on it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, text
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
    priority: what to look at first, higher is sooner; severity, amount_fen and priority of an alert with signals follow from them.
    """

    __tablename__ = "alert"
    __table_args__ = (
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_at_when_closed"),
        Index("ix_alert_region_code_state", "region_code", "state"),
        Index("ix_alert_person_id", "person_id"),
        Index("ix_alert_state_priority", "state", "priority", "id"),
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
    priority: Mapped[float | None] = column(INTERNAL, Float)
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


class CaseFile(Base):
    """Opened work on one alert. While a person has an open case, no certification is made silently."""

    __tablename__ = "case_file"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_an_outcome"),
        Index("ix_case_file_person_id", "person_id"),
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
    owner: Mapped[str] = column(INTERNAL, String(100))
    opened_by: Mapped[str] = column(INTERNAL, String(100))
    opened_at: Mapped[datetime] = column(INTERNAL)
    outcome: Mapped[CaseOutcome | None] = column(PERSONAL, enum_column_type(CaseOutcome, "outcome"))
    conclusion: Mapped[str | None] = column(PERSONAL, String(1000))
    closed_by: Mapped[str | None] = column(INTERNAL, String(100))
    closed_at: Mapped[datetime | None] = column(INTERNAL)
