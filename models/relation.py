"""Relations between persons, and grants that are paid once for a death."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type


class RelationKind(StrEnum):
    """How two persons belong together. Guardian: the first one is the guardian of the other; the rest hold in both directions."""

    SPOUSE = "spouse"
    GUARDIAN = "guardian"
    PARENT = "parent"
    SIBLING = "sibling"
    TWIN = "twin"


class PersonRelation(Base):
    """One relation, on record once: from person to other. until: last day, None while it lasts."""

    __tablename__ = "person_relation"
    __table_args__ = (
        CheckConstraint("person_id <> other_id", name="of_two_persons"),
        CheckConstraint("until IS NULL OR since IS NULL OR until >= since", name="days_in_order"),
        Index("uq_person_relation_person_other_kind", "person_id", "other_id", "kind", unique=True),
        Index("ix_person_relation_other_id", "other_id"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    other_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    kind: Mapped[RelationKind] = column(PERSONAL, enum_column_type(RelationKind, "kind"))
    source: Mapped[str] = column(INTERNAL, String(100))
    since: Mapped[date | None] = column(PERSONAL, Date)
    until: Mapped[date | None] = column(PERSONAL, Date)


class GrantKind(StrEnum):
    """What is paid once for one death."""

    FUNERAL = "funeral"  # 丧葬补助金
    SURVIVOR = "survivor"  # 抚恤金


class GrantPayment(Base):
    """One grant that was paid for the death of a person. account: of whoever received it; recipient_id when that is an insured person."""

    __tablename__ = "grant_payment"
    __table_args__ = (
        CheckConstraint("amount_fen >= 0", name="amount_fen_not_negative"),
        Index("uq_grant_payment_reference", "region_code", "reference", unique=True),
        Index("ix_grant_payment_deceased_id", "deceased_id", "kind"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    deceased_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    recipient_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    kind: Mapped[GrantKind] = column(PERSONAL, enum_column_type(GrantKind, "kind"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    reference: Mapped[str] = column(INTERNAL, String(100))
    account_index: Mapped[bytes | None] = column(SECRET, LargeBinary(32))
    account_masked: Mapped[str | None] = column(PERSONAL, String(30))
    paid_on: Mapped[date] = column(PERSONAL, Date)
    amount_fen: Mapped[int] = column(PERSONAL, BigInteger)
