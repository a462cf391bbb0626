"""Figures for supervisors, counted set by set and kept, so that a page reads them at once and next year can be compared with this."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, JsonValue, column, enum_column_type, opaque_id


class FigurePeriod(StrEnum):
    """What a figure is of."""

    DAY = "day"  # a stock, as it stood at the end of the day
    MONTH = "month"  # what happened in a month; day is its first


class OversightFigure(Base):
    """One number of one county. kind: what is counted, such as ``people.certified``. code: of what, such as a rule or ``sex:female``; empty
    for all. fen: money, seconds: time, where the kind has any. Rows of a day or month are written anew as a whole.
    """

    __tablename__ = "oversight_figure"
    __table_args__ = (Index("ix_oversight_figure_code", "period", "day", "code", "kind"),)

    period: Mapped[FigurePeriod] = column(INTERNAL, enum_column_type(FigurePeriod, "period"), primary_key=True)
    day: Mapped[date] = column(INTERNAL, Date, primary_key=True)
    region_code: Mapped[str] = column(INTERNAL, String(6), ForeignKey("region.code"), primary_key=True)
    kind: Mapped[str] = column(INTERNAL, String(60), primary_key=True)
    code: Mapped[str] = column(INTERNAL, String(60), primary_key=True, default="")
    count: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    fen: Mapped[int | None] = column(INTERNAL, BigInteger)
    seconds: Mapped[int | None] = column(INTERNAL, BigInteger)


class FiguresRun(Base):
    """When figures were counted. Pages say how old theirs are by the last one. took_ms: wall time."""

    __tablename__ = "figures_run"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    day: Mapped[date] = column(INTERNAL, Date)
    at: Mapped[datetime] = column(INTERNAL)
    by: Mapped[str] = column(INTERNAL, String(100))
    took_ms: Mapped[int] = column(INTERNAL, Integer)
    rows: Mapped[int] = column(INTERNAL, Integer)


class NoticeChannel(StrEnum):
    """Where a subscriber is told."""

    IN_APP = "in_app"
    EMAIL = "email"
    WEBHOOK = "webhook"


class Cadence(StrEnum):
    """How often a subscriber is told."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


class AlertSubscription(Base):
    """Somebody wants to be told of alerts.

    codes: empty for all. amount_fen_min: of the money at risk. target: an address to write to, or of a webhook; None in the application.
    secret_sealed: of a webhook (Standard Webhooks, ``whsec_``). quiet_from, quiet_until: minutes of the policy's day in which nothing is
    sent, both or neither; may go past midnight. told_to: id of the last alert that was told of. next_at: of a digest. language: of what is
    written, ``zh`` or ``en``. sent_at, last_error: how the last message out of the house went; the error is None after one that arrived.
    end_reason: None when the owner ended it, else why it ended by itself.
    """

    __tablename__ = "alert_subscription"
    __table_args__ = (Index("ix_alert_subscription_owner", "owner"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    owner: Mapped[str] = column(INTERNAL, String(100))
    codes: Mapped[list[str]] = column(INTERNAL, JsonValue, default=list)
    region_code: Mapped[str] = column(INTERNAL, String(6), ForeignKey("region.code"))
    amount_fen_min: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    channel: Mapped[NoticeChannel] = column(INTERNAL, enum_column_type(NoticeChannel, "channel"))
    target: Mapped[str | None] = column(PERSONAL, String(500))
    secret_sealed: Mapped[Sealed | None] = column(SECRET)
    cadence: Mapped[Cadence] = column(INTERNAL, enum_column_type(Cadence, "cadence"))
    quiet_from: Mapped[int | None] = column(INTERNAL, Integer)
    quiet_until: Mapped[int | None] = column(INTERNAL, Integer)
    told_to: Mapped[int] = column(INTERNAL, BigId, default=0)
    next_at: Mapped[datetime | None] = column(INTERNAL)
    language: Mapped[str] = column(INTERNAL, String(2))
    sent_at: Mapped[datetime | None] = column(INTERNAL)
    last_error: Mapped[str | None] = column(INTERNAL, String(200))
    created_at: Mapped[datetime] = column(INTERNAL)
    ended_at: Mapped[datetime | None] = column(INTERNAL)
    end_reason: Mapped[str | None] = column(INTERNAL, String(100))


class Notice(Base):
    """What a subscriber was told in the application. alerts: public ids, the first some; count: of all. No personal data."""

    __tablename__ = "notice"
    __table_args__ = (
        Index(
            "ix_notice_unread",
            "owner",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index("ix_notice_owner", "owner", "id"),
        Index("ix_notice_read_at", "read_at"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    owner: Mapped[str] = column(INTERNAL, String(100))
    subscription_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("alert_subscription.id"))
    alerts: Mapped[list[str]] = column(INTERNAL, JsonValue, default=list)
    count: Mapped[int] = column(INTERNAL, Integer)
    amount_fen: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    created_at: Mapped[datetime] = column(INTERNAL)
    read_at: Mapped[datetime | None] = column(INTERNAL)
