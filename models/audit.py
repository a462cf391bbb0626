"""Audit entries: who did what, to what, about whom, why and when. Append-only; no personal data in the details."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column


class AuditEntry(Base):
    """One entry. Triggers refuse UPDATE and DELETE. actor: account public name, ``person``, ``system`` or a job's name."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_person_at", "person_id", "at"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    actor: Mapped[str] = column(PERSONAL, String(100))
    action: Mapped[str] = column(INTERNAL, String(100))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    object: Mapped[str | None] = column(INTERNAL, String(200))
    reason: Mapped[str | None] = column(INTERNAL, String(200))
    at: Mapped[datetime] = column(INTERNAL, index=True)
    details: Mapped[dict[str, Any]] = column(INTERNAL, default=dict)
