"""Persons (参保人): one insured human being.

The resident ID and the social-security number are sealed; a keyed blind index (HMAC-SHA256) finds them without opening anything.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type, opaque_id


class Sex(StrEnum):
    """Sex as the resident ID tells it (17th digit odd: male)."""

    MALE = "male"
    FEMALE = "female"


class Person(Base):
    """One insured person. public_id is what addresses and messages show; it reveals nothing.

    resident_id_masked and phone_masked are for lists, so that showing a page opens no sealed value. merged_into_id: the record that speaks
    for this one, as the open rows of ``person_merge`` say; every row of every record keeps its own person_id.
    """

    __tablename__ = "person"
    __table_args__ = (
        # with all that a list of a region shows, so that it need not go to the table
        Index("ix_person_region_code_id", "region_code", "id", "merged_into_id", "public_id"),
        Index(
            "ix_person_merged_into_id",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
        CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="not_merged_into_itself"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    resident_id_index: Mapped[bytes] = column(SECRET, LargeBinary(32), unique=True)
    resident_id_sealed: Mapped[Sealed] = column(PERSONAL)
    resident_id_masked: Mapped[str] = column(PERSONAL, String(18))
    name: Mapped[str] = column(PERSONAL, String(100), index=True)
    birth_date: Mapped[date] = column(PERSONAL, Date)
    sex: Mapped[Sex] = column(PERSONAL, enum_column_type(Sex, "sex"))
    social_security_number_index: Mapped[bytes | None] = column(SECRET, LargeBinary(32), unique=True)
    social_security_number_sealed: Mapped[Sealed | None] = column(PERSONAL)
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    phone_sealed: Mapped[Sealed | None] = column(PERSONAL)
    phone_masked: Mapped[str | None] = column(PERSONAL, String(20))
    address_sealed: Mapped[Sealed | None] = column(PERSONAL)
    merged_into_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    created_at: Mapped[datetime] = column(INTERNAL)
    updated_at: Mapped[datetime] = column(INTERNAL)
