"""The chain over the audit entries: one link an entry, and signed points of the chain.

What is hashed and signed is in ``models.audit_canonical``; docs/audit.md says it for those who check with a program of their own.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, BigId, column, enum_column_type


class SealKind(StrEnum):
    """running: a point of a day that goes on. closing: the end of a day. retired: the entries of a closed day were deleted when due."""

    RUNNING = "running"
    CLOSING = "closing"
    RETIRED = "retired"


class AuditLink(Base):
    """The place of one entry in the chain. day: UTC day on which it was sealed. position: 1 to n without gaps in the day.

    hash: SHA-256 of the hash before and the entry's canonical bytes. No foreign key: what a link says must outlive tampering with its
    entry. Triggers refuse UPDATE, and DELETE but for days that are retired.
    """

    __tablename__ = "audit_link"
    __table_args__ = (Index("uq_audit_link_entry_id", "entry_id", unique=True),)

    day: Mapped[date] = column(INTERNAL, primary_key=True)
    position: Mapped[int] = column(INTERNAL, Integer, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = column(INTERNAL, BigId)
    hash: Mapped[bytes] = column(INTERNAL, LargeBinary)


class AuditSeal(Base):
    """A signed point of the chain. id: 1 to n without gaps, over all kinds. Triggers refuse UPDATE and DELETE.

    position: last link of the day that it covers. entries: links up to there over all days. head_hash: of the last link. settled_id: every
    entry with an id up to it was in the chain then, or is in none of its transactions. signature: Ed25519 by the key ring.
    """

    __tablename__ = "audit_seal"
    __table_args__ = (
        Index("ix_audit_seal_day_position", "day", "position"),
        Index(
            "uq_audit_seal_closing", "day", unique=True, sqlite_where=text("kind = 'closing'"), postgresql_where=text("kind = 'closing'")
        ),
        Index(
            "uq_audit_seal_retired", "day", unique=True, sqlite_where=text("kind = 'retired'"), postgresql_where=text("kind = 'retired'")
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True, autoincrement=False)
    kind: Mapped[SealKind] = column(INTERNAL, enum_column_type(SealKind, "audit_seal_kind"))
    day: Mapped[date] = column(INTERNAL)
    position: Mapped[int] = column(INTERNAL, Integer)
    entries: Mapped[int] = column(INTERNAL, BigId)
    head_hash: Mapped[bytes] = column(INTERNAL, LargeBinary)
    settled_id: Mapped[int] = column(INTERNAL, BigId)
    key_id: Mapped[str] = column(INTERNAL, String(64))
    signature: Mapped[bytes] = column(INTERNAL, LargeBinary)
    sealed_at: Mapped[datetime] = column(INTERNAL)
