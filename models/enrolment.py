"""Enrolments (参保关系): a person in a scheme at a region from a month to a month."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column, enum_column_type


class Scheme(StrEnum):
    """Social-insurance schemes (险种)."""

    EMPLOYEE_PENSION = "employee_pension"  # 职工养老
    RESIDENT_PENSION = "resident_pension"  # 居民养老
    EMPLOYEE_MEDICAL = "employee_medical"  # 职工医保
    RESIDENT_MEDICAL = "resident_medical"  # 居民医保
    UNEMPLOYMENT = "unemployment"  # 失业
    WORK_INJURY = "work_injury"  # 工伤
    MATERNITY = "maternity"  # 生育


class Enrolment(Base):
    """One enrolment. Months are first days; to_month is inclusive, None while it lasts."""

    __tablename__ = "enrolment"
    __table_args__ = (
        CheckConstraint("to_month IS NULL OR to_month >= from_month", name="months_in_order"),
        Index("uq_enrolment_person_scheme_region_from", "person_id", "scheme", "region_code", "from_month", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    scheme: Mapped[Scheme] = column(PERSONAL, enum_column_type(Scheme, "scheme"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    from_month: Mapped[date] = column(PERSONAL, Date)
    to_month: Mapped[date | None] = column(PERSONAL, Date)
