"""Machine clients (cities, hospitals, banks, departments): who they are, what they may, how fast."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, SECRET, BigId, column


class Client(Base):
    """One client. It comes with a secret (OAuth 2 client credentials), with a TLS certificate, or with either.

    secret_digest: HMAC-SHA256 of a secret of 256 random bits under a key of our own. certificate_sha256: of the certificate's DER bytes.
    scopes: names of ``api.scopes.Scope``. region_code: the client sees that region and all inside it. rate_per_minute: requests.
    """

    __tablename__ = "client"
    __table_args__ = (
        CheckConstraint("secret_digest IS NOT NULL OR certificate_sha256 IS NOT NULL", name="has_credentials"),
        CheckConstraint("rate_per_minute > 0", name="rate_positive"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    client_id: Mapped[str] = column(INTERNAL, String(40), unique=True)
    name: Mapped[str] = column(INTERNAL, String(100))
    secret_digest: Mapped[bytes | None] = column(SECRET, LargeBinary(32))
    certificate_sha256: Mapped[bytes | None] = column(SECRET, LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = column(INTERNAL)
    region_code: Mapped[str] = column(INTERNAL, String(6), ForeignKey("region.code"))
    rate_per_minute: Mapped[int] = column(INTERNAL)
    created_by: Mapped[str] = column(INTERNAL, String(100))
    created_at: Mapped[datetime] = column(INTERNAL)
    revoked_at: Mapped[datetime | None] = column(INTERNAL)


class ClientToken(Base):
    """One access token (RFC 6749 section 4.4). digest: SHA-256 of the token, which itself is stored nowhere."""

    __tablename__ = "client_token"
    __table_args__ = (Index("ix_client_token_expires_at", "expires_at"),)

    digest: Mapped[bytes] = column(SECRET, LargeBinary(32), primary_key=True)
    client_pk: Mapped[int] = column(INTERNAL, BigId, ForeignKey("client.id"))
    scopes: Mapped[list[str]] = column(INTERNAL)
    issued_at: Mapped[datetime] = column(INTERNAL)
    expires_at: Mapped[datetime] = column(INTERNAL)
    revoked_at: Mapped[datetime | None] = column(INTERNAL)


class ClientRate(Base):
    """What a client has used of its rate in the minute that began at window_start; workers take shares of it in advance."""

    __tablename__ = "client_rate"

    client_pk: Mapped[int] = column(INTERNAL, BigId, ForeignKey("client.id"), primary_key=True)
    window_start: Mapped[datetime] = column(INTERNAL)
    taken: Mapped[int] = column(INTERNAL)
