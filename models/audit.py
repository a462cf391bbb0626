"""Audit entries: who did what, to what, about whom, why and when. Append-only; no personal data in the details."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column


class AuditEntry(Base):
    """One entry. actor: account public name, ``person``, ``system`` or a job's name.

    Triggers refuse UPDATE, and DELETE but for days whose entries are retired (``models.audit_chain``).
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "at", "id"),
        Index("ix_audit_entry_person_at", "person_id", "at"),
        Index("ix_audit_entry_actor_at", "actor", "at", "id"),
        Index("ix_audit_entry_action_at", "action", "at", "id"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    actor: Mapped[str] = column(PERSONAL, String(100))
    action: Mapped[str] = column(INTERNAL, String(100))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    object: Mapped[str | None] = column(INTERNAL, String(200))
    reason: Mapped[str | None] = column(INTERNAL, String(200))
    at: Mapped[datetime] = column(INTERNAL)
    details: Mapped[dict[str, Any]] = column(INTERNAL, default=dict)


class AuditJournalPosition(Base):
    """How far a file of entries that wait on some machine is in the store (``models.audit_journal``); gone with its file.

    name: of the file, without its ending. position: bytes from its beginning.
    """

    __tablename__ = "audit_journal_position"

    name: Mapped[str] = column(INTERNAL, String(32), primary_key=True)
    position: Mapped[int] = column(INTERNAL, BigInteger)
