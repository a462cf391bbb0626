"""Staff accounts with the fields that Flask-Security 5.9 expects; no Flask here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, relationship

from models.base import Base
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, opaque_id

account_role = Table(
    "account_role",
    Base.metadata,
    Column("account_id", BigId, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, info={"sensitivity": INTERNAL}),
    Column("role_id", BigId, ForeignKey("role.id", ondelete="CASCADE"), primary_key=True, info={"sensitivity": INTERNAL}),
)


class Role(Base):
    """What an account may do. permissions: stable names, as the api package checks them."""

    __tablename__ = "role"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    name: Mapped[str] = column(INTERNAL, String(80), unique=True)
    description: Mapped[str | None] = column(INTERNAL, String(255))
    permissions: Mapped[list[str]] = column(INTERNAL, default=list)


class Account(Base):
    """One member of staff. region_code bounds what the account sees: that region and all inside it.

    password_temporary: it was chosen by somebody else, and opens nothing but the page that changes it.
    unlocked_at: failed tries before it hold nobody up any more.
    """

    __tablename__ = "account"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), unique=True, default=opaque_id)
    email: Mapped[str] = column(PERSONAL, String(255), unique=True)
    username: Mapped[str | None] = column(PERSONAL, String(255), unique=True)
    display_name: Mapped[str | None] = column(PERSONAL, String(100))
    password: Mapped[str | None] = column(SECRET, String(255))
    password_temporary: Mapped[bool] = column(INTERNAL, default=False)
    password_changed_at: Mapped[datetime | None] = column(INTERNAL)
    active: Mapped[bool] = column(INTERNAL, default=True)
    unlocked_at: Mapped[datetime | None] = column(INTERNAL)
    fs_uniquifier: Mapped[str] = column(SECRET, String(64), unique=True)
    region_code: Mapped[str | None] = column(INTERNAL, String(6), ForeignKey("region.code"))
    confirmed_at: Mapped[datetime | None] = column(INTERNAL)
    last_login_at: Mapped[datetime | None] = column(PERSONAL)
    create_datetime: Mapped[datetime | None] = column(INTERNAL)

    roles: Mapped[list[Role]] = relationship(secondary=account_role, lazy="selectin")
