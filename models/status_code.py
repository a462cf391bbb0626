"""One-time codes with which a citizen opens the status page, besides name and resident ID."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type


class CodeChannel(StrEnum):
    """How the code got to the person."""

    SMS = "sms"
    COUNTER = "counter"


class StatusCode(Base):
    """One code. digest: keyed, of person and code; the code itself is stored nowhere. tries: wrong ones so far."""

    __tablename__ = "status_code"
    __table_args__ = (Index("ix_status_code_person_id", "person_id"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    digest: Mapped[bytes] = column(SECRET, LargeBinary(32))
    channel: Mapped[CodeChannel] = column(PERSONAL, enum_column_type(CodeChannel, "channel"))
    issued_by: Mapped[str] = column(INTERNAL, String(100))
    issued_at: Mapped[datetime] = column(INTERNAL)
    expires_at: Mapped[datetime] = column(INTERNAL)
    used_at: Mapped[datetime | None] = column(INTERNAL)
    tries: Mapped[int] = column(INTERNAL, default=0)
