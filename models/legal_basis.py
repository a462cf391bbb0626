"""Legal bases on record: some work on biometrics may only run while one is valid."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, BigId, column, enum_column_type, opaque_id


class LegalPurpose(StrEnum):
    """What a basis is needed for."""

    FACE_SEARCH = "face_search"


class LegalBasis(Base):
    """One basis: its legal text, the document that says so, who recorded and who approved it, never the same; valid both days inclusive."""

    __tablename__ = "legal_basis"
    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="days_in_order"),
        CheckConstraint("approved_by IS NULL OR approved_by <> recorded_by", name="approved_by_a_second_person"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_someone"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn_by_someone"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    purpose: Mapped[LegalPurpose] = column(INTERNAL, enum_column_type(LegalPurpose, "purpose"))
    basis: Mapped[str] = column(INTERNAL, String(1000))
    document: Mapped[str] = column(INTERNAL, String(200))
    valid_from: Mapped[date] = column(INTERNAL, Date)
    valid_until: Mapped[date] = column(INTERNAL, Date)
    recorded_by: Mapped[str] = column(INTERNAL, String(100))
    recorded_at: Mapped[datetime] = column(INTERNAL)
    approved_by: Mapped[str | None] = column(INTERNAL, String(100))
    approved_at: Mapped[datetime | None] = column(INTERNAL)
    withdrawn_by: Mapped[str | None] = column(INTERNAL, String(100))
    withdrawn_at: Mapped[datetime | None] = column(INTERNAL)
