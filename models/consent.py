"""Consent: to what, in which words, when and how it was given, and when it was withdrawn."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column, enum_column_type


class ConsentPurpose(StrEnum):
    """What a person may agree to, each one separately (2025 measures on face recognition)."""

    FACE_VERIFICATION = "face_verification"
    REFERENCE_IMAGE = "reference_image"  # keeping the enrolled picture beside the template


class Consent(Base):
    """One consent. At most one in force a person and purpose; withdrawing ends it, and a new one is a new row."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_in_force",
            "person_id",
            "purpose",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    purpose: Mapped[ConsentPurpose] = column(PERSONAL, enum_column_type(ConsentPurpose, "purpose"))
    text_version: Mapped[str] = column(INTERNAL, String(50))
    language: Mapped[str] = column(INTERNAL, String(10))
    channel: Mapped[str] = column(INTERNAL, String(50))
    given_at: Mapped[datetime] = column(PERSONAL)
    withdrawn_at: Mapped[datetime | None] = column(PERSONAL)
