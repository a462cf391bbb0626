"""How an account gets in: its signed-in sessions, its second factors and its recovery codes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type, opaque_id


class SignedInBy(StrEnum):
    """Who said that the account is its owner's: our own password, or the issuer of OpenID Connect."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, not a password
    OIDC = "oidc"


class SessionEnd(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed_out"
    BY_OWNER = "by_owner"
    BY_ADMINISTRATOR = "by_administrator"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, not a password
    FACTORS_RESET = "factors_reset"
    DISABLED = "disabled"
    IDLE = "idle"
    TOO_LONG = "too_long"


class FactorKind(StrEnum):
    """What a second factor is: codes of an authenticator application (RFC 6238), or a key (WebAuthn level 2)."""

    TOTP = "totp"
    SECURITY_KEY = "security_key"


class AccountSession(Base):
    """One sign-in of one browser.

    factor_at: when the second factor was given. opened_at: from then on it opens pages; without it, only those that lead there.
    proved_at: when password, and factor where there is one, were given last. network: the address without its last part.
    challenge: random bytes that a key has to sign next, good for one answer.
    """

    __tablename__ = "account_session"
    __table_args__ = (
        Index("ix_account_session_account_id_created_at", "account_id", "created_at"),
        Index("ix_account_session_seen_at", "seen_at"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), unique=True, default=opaque_id)
    account_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("account.id", ondelete="CASCADE"))
    signed_in_by: Mapped[SignedInBy] = column(INTERNAL, enum_column_type(SignedInBy, "signed_in_by"))
    created_at: Mapped[datetime] = column(INTERNAL)
    seen_at: Mapped[datetime] = column(INTERNAL)
    factor_at: Mapped[datetime | None] = column(INTERNAL)
    opened_at: Mapped[datetime | None] = column(INTERNAL)
    proved_at: Mapped[datetime] = column(INTERNAL)
    device_class: Mapped[str] = column(INTERNAL, String(20))
    network: Mapped[str | None] = column(PERSONAL, String(50))
    challenge: Mapped[bytes | None] = column(SECRET, LargeBinary(64))
    challenge_at: Mapped[datetime | None] = column(INTERNAL)
    ended_at: Mapped[datetime | None] = column(INTERNAL)
    ended_why: Mapped[SessionEnd | None] = column(INTERNAL, enum_column_type(SessionEnd, "ended_why"))


class AccountFactor(Base):
    """One second factor. confirmed_at: when its owner first showed that it works; before, it counts for nothing.

    secret_sealed: of a TOTP, bound to the public id. last_counter: time step of the last code that was
    taken, so that none is taken twice. credential_id, public_key (COSE), sign_count, transports: of a key, as it registered.
    """

    __tablename__ = "account_factor"
    __table_args__ = (Index("ix_account_factor_account_id", "account_id"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), unique=True, default=opaque_id)
    account_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[FactorKind] = column(INTERNAL, enum_column_type(FactorKind, "factor_kind"))
    name: Mapped[str] = column(PERSONAL, String(50))
    secret_sealed: Mapped[Sealed | None] = column(SECRET)
    last_counter: Mapped[int | None] = column(INTERNAL, BigInteger)
    credential_id: Mapped[bytes | None] = column(INTERNAL, LargeBinary(1023), unique=True)
    public_key: Mapped[bytes | None] = column(INTERNAL, LargeBinary)
    sign_count: Mapped[int | None] = column(INTERNAL, BigInteger)
    transports: Mapped[list[str] | None] = column(INTERNAL)
    created_at: Mapped[datetime] = column(INTERNAL)
    confirmed_at: Mapped[datetime | None] = column(INTERNAL)
    last_used_at: Mapped[datetime | None] = column(INTERNAL)


class AccountRecoveryCode(Base):
    """One recovery code: it stands in for the second factor once. digest: HMAC-SHA256 under a key of our own; the code is not stored."""

    __tablename__ = "account_recovery_code"
    __table_args__ = (UniqueConstraint("account_id", "digest"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    account_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("account.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = column(SECRET, LargeBinary(32))
    created_at: Mapped[datetime] = column(INTERNAL)
    used_at: Mapped[datetime | None] = column(INTERNAL)
