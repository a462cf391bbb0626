"""Certificates: what a person may show, and anyone may check."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, PUBLIC, BigId, column


class Certificate(Base):
    """One certificate of one certification. id: base64url of 16 random bytes. valid_until: last valid day in the policy's zone."""

    __tablename__ = "certificate"
    __table_args__ = (CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_with_reason"),)

    id: Mapped[str] = column(PUBLIC, String(22), primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"), index=True)
    evidence_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"), unique=True)
    issued_at: Mapped[datetime] = column(PERSONAL)
    valid_until: Mapped[date] = column(PUBLIC, Date)
    key_id: Mapped[str] = column(PUBLIC, String(50))
    signature: Mapped[bytes] = column(PUBLIC, LargeBinary(64))
    revoked_at: Mapped[datetime | None] = column(INTERNAL)
    revoked_reason: Mapped[str | None] = column(INTERNAL, String(200))
