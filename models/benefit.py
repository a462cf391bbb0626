"""Benefits (待遇) and their monthly payments (发放). Money is integer fen; months are first days."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.enrolment import Scheme
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type


class BenefitStatus(StrEnum):
    """State of an entitlement. A pause is a person's signed decision, never the service's own."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class RetirementKind(StrEnum):
    """On which ground a pension was approved; each has its own least age."""

    NORMAL = "normal"
    SPECIAL_WORK = "special_work"  # 特殊工种
    DISABILITY = "disability"  # 病退


class Benefit(Base):
    """An entitlement under a scheme. paused_on: the day the pause took effect, set exactly while status is paused.

    account: the bank account that it is paid into, sealed, found by its blind index. approved_birth_date, retirement_kind: what the
    approval of a pension went by.
    """

    __tablename__ = "benefit"
    __table_args__ = (
        CheckConstraint("monthly_fen >= 0", name="monthly_fen_not_negative"),
        CheckConstraint("(status = 'paused') = (paused_on IS NOT NULL)", name="paused_on_while_paused"),
        CheckConstraint("to_month IS NULL OR to_month >= from_month", name="months_in_order"),
        Index("uq_benefit_person_scheme_region_from", "person_id", "scheme", "region_code", "from_month", unique=True),
        # with all that a status needs, so that it need not go to the table
        Index("ix_benefit_person_drawn", "person_id", "status", "from_month", "to_month", "paused_on", "scheme", "region_code", "id"),
        Index("ix_benefit_paused", "id", sqlite_where=text("paused_on IS NOT NULL"), postgresql_where=text("paused_on IS NOT NULL")),
        Index(
            "ix_benefit_account_index",
            "account_index",
            sqlite_where=text("account_index IS NOT NULL"),
            postgresql_where=text("account_index IS NOT NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    scheme: Mapped[Scheme] = column(PERSONAL, enum_column_type(Scheme, "scheme"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    monthly_fen: Mapped[int] = column(PERSONAL, BigInteger)
    status: Mapped[BenefitStatus] = column(PERSONAL, enum_column_type(BenefitStatus, "status"))
    from_month: Mapped[date] = column(PERSONAL, Date)
    to_month: Mapped[date | None] = column(PERSONAL, Date)
    paused_on: Mapped[date | None] = column(PERSONAL, Date)
    account_index: Mapped[bytes | None] = column(SECRET, LargeBinary(32))
    account_sealed: Mapped[Sealed | None] = column(PERSONAL)
    account_masked: Mapped[str | None] = column(PERSONAL, String(30))
    approved_birth_date: Mapped[date | None] = column(PERSONAL, Date)
    retirement_kind: Mapped[RetirementKind | None] = column(PERSONAL, enum_column_type(RetirementKind, "retirement_kind", checked=False))


class Payment(Base):
    """One month's payment of a benefit; at most one a benefit and month."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_fen >= 0", name="amount_fen_not_negative"),
        Index("uq_payment_benefit_month", "benefit_id", "month", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    benefit_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("benefit.id"))
    month: Mapped[date] = column(PERSONAL, Date, index=True)
    amount_fen: Mapped[int] = column(PERSONAL, BigInteger)


class BenefitPause(Base):
    """One pause of a benefit that is over: a status as of a past day needs it. The one that lasts is ``benefit.paused_on``.

    paused_on: first day. resumed_on: first day on which the benefit was paid again.
    """

    __tablename__ = "benefit_pause"
    __table_args__ = (
        CheckConstraint("resumed_on >= paused_on", name="days_in_order"),
        Index("uq_benefit_pause_benefit_paused_on", "benefit_id", "paused_on", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    benefit_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("benefit.id"))
    paused_on: Mapped[date] = column(PERSONAL, Date)
    resumed_on: Mapped[date] = column(PERSONAL, Date)
