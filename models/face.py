"""Face references (比对照): sealed, versioned, revocable templates of enrolled faces."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import BIOMETRIC, INTERNAL, PERSONAL, BigId, column, enum_column_type


class ReferenceSource(StrEnum):
    """Where the enrolled picture came from."""

    COUNTER = "counter"
    CAMERA = "camera"
    FILE = "file"
    IMPORT = "import"


class FaceReference(Base):
    """One template of one person for one engine version; at most one active (not revoked) each.

    template: sealed embedding, associated data as verify.template says. image: the sealed enrolment picture, kept only when policy
    says so, so that templates can be re-issued when the engine changes. Revoking empties both. key_id: the key of the template.
    """

    __tablename__ = "face_reference"
    __table_args__ = (
        Index(
            "uq_face_reference_active",
            "person_id",
            "engine_name",
            "engine_version",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_face_reference_engine", "engine_name", "engine_version", "id"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_someone"),
        CheckConstraint("(revoked_at IS NULL) = (template IS NOT NULL)", name="template_while_active"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), unique=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    engine_name: Mapped[str] = column(INTERNAL, String(50))
    engine_version: Mapped[str] = column(INTERNAL, String(100))
    key_id: Mapped[str] = column(INTERNAL, String(50), index=True)
    template: Mapped[Sealed | None] = column(BIOMETRIC)
    image: Mapped[Sealed | None] = column(BIOMETRIC)
    source: Mapped[ReferenceSource] = column(INTERNAL, enum_column_type(ReferenceSource, "source"))
    quality: Mapped[dict[str, Any]] = column(PERSONAL)
    enrolled_by: Mapped[str] = column(INTERNAL, String(100))
    enrolled_at: Mapped[datetime] = column(INTERNAL)
    revoked_at: Mapped[datetime | None] = column(INTERNAL)
    revoked_by: Mapped[str | None] = column(INTERNAL, String(100))
    revoked_reason: Mapped[str | None] = column(INTERNAL, String(200))


class Calibration(Base):
    """Thresholds of one engine version from the own population; takes effect when a person promotes it. At most one in effect.

    payload: sealed cohort and normalisation values (they are made of faces). thresholds: false match rate -> similarity.
    """

    __tablename__ = "calibration"
    __table_args__ = (
        Index(
            "uq_calibration_in_effect",
            "engine_name",
            "engine_version",
            unique=True,
            sqlite_where=text("promoted_at IS NOT NULL AND retired_at IS NULL"),
            postgresql_where=text("promoted_at IS NOT NULL AND retired_at IS NULL"),
        ),
        CheckConstraint("(promoted_at IS NULL) = (promoted_by IS NULL)", name="promoted_by_someone"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    engine_name: Mapped[str] = column(INTERNAL, String(50))
    engine_version: Mapped[str] = column(INTERNAL, String(100))
    payload: Mapped[Sealed] = column(BIOMETRIC)
    references_count: Mapped[int] = column(INTERNAL)
    pair_count: Mapped[int] = column(INTERNAL, BigId)
    thresholds: Mapped[dict[str, Any]] = column(INTERNAL)
    created_at: Mapped[datetime] = column(INTERNAL)
    promoted_at: Mapped[datetime | None] = column(INTERNAL)
    promoted_by: Mapped[str | None] = column(INTERNAL, String(100))
    retired_at: Mapped[datetime | None] = column(INTERNAL)
