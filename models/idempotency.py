"""Idempotency keys: the first answer to a request is the answer to every repetition of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, BigId, column


class IdempotencyKey(Base):
    """One key of one client. response_status is None while the first request is still being answered.

    client: who asked (account, session or address, hashed by the caller). request_hash: SHA-256 of the request's body.
    response_body is sealed: answers can hold personal data.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("uq_idempotency_key_client_key", "client", "key", unique=True),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    client: Mapped[str] = column(INTERNAL, String(100))
    key: Mapped[str] = column(INTERNAL, String(255))
    method: Mapped[str] = column(INTERNAL, String(10))
    path: Mapped[str] = column(INTERNAL, String(255))
    request_hash: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    response_status: Mapped[int | None] = column(INTERNAL)
    response_headers: Mapped[dict[str, str] | None] = column(INTERNAL)
    response_body: Mapped[Sealed | None] = column(PERSONAL)
    created_at: Mapped[datetime] = column(INTERNAL)
    expires_at: Mapped[datetime] = column(INTERNAL, index=True)
