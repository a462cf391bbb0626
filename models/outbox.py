"""The outbox: messages written in the transaction that they tell of, sent afterwards by a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column


class OutboxMessage(Base):
    """One message. payload names records by their public ids, and carries no ID numbers or names."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index(
            "ix_outbox_message_unsent",
            "not_before",
            "id",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
        # a sender of one kind does not read past the waiting messages of the others
        Index(
            "ix_outbox_message_unsent_kind",
            "kind",
            "not_before",
            "id",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    kind: Mapped[str] = column(INTERNAL, String(100))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    payload: Mapped[dict[str, Any]] = column(PERSONAL, default=dict)
    created_at: Mapped[datetime] = column(INTERNAL)
    not_before: Mapped[datetime] = column(INTERNAL)
    sent_at: Mapped[datetime | None] = column(INTERNAL)
    attempts: Mapped[int] = column(INTERNAL, default=0)
    last_error: Mapped[str | None] = column(INTERNAL, String(200))
