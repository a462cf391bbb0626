"""Anomaly models: versions that were trained, and what they say of persons, doctors, departments and hospitals, month by month."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type, opaque_id


class EntityKind(StrEnum):
    """Whose features a model looks at."""

    PERSON = "person"
    DOCTOR = "doctor"
    DEPARTMENT = "department"
    HOSPITAL = "hospital"


class ModelKind(StrEnum):
    """With labels or without."""

    UNSUPERVISED = "unsupervised"
    SUPERVISED = "supervised"


class ModelState(StrEnum):
    """shadow -> live -> retired, or shadow -> retired. Only what is live opens alerts."""

    SHADOW = "shadow"
    LIVE = "live"
    RETIRED = "retired"


class AnomalyModel(Base):
    """One trained version. artefact: the fitted model, sha256 of it beside; no rows of its training data. data_sha256: of those rows.

    card: purpose, data, features, figures with intervals, limits, as the page shows it. comparison: with the live model before it, when it
    went live. drift: month as an ISO day -> features of that month beside those of the training, of the last months scored. trained_from,
    trained_to: first days of months. Of one entity and kind at most one is live.
    """

    __tablename__ = "anomaly_model"
    __table_args__ = (
        Index("uq_anomaly_model_entity_kind_version", "entity", "kind", "version", unique=True),
        Index(
            "uq_anomaly_model_live",
            "entity",
            "kind",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
        CheckConstraint("trained_to >= trained_from", name="months_in_order"),
        CheckConstraint("promoted_by IS NULL OR promoted_by <> trained_by", name="promoted_by_a_second_person"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    entity: Mapped[EntityKind] = column(INTERNAL, enum_column_type(EntityKind, "entity"))
    kind: Mapped[ModelKind] = column(INTERNAL, enum_column_type(ModelKind, "kind"))
    version: Mapped[int] = column(INTERNAL, Integer)
    state: Mapped[ModelState] = column(INTERNAL, enum_column_type(ModelState, "state"))
    card: Mapped[dict[str, Any]] = column(INTERNAL, JsonValue, default=dict)
    artefact: Mapped[bytes] = column(INTERNAL, LargeBinary)
    artefact_sha256: Mapped[str] = column(INTERNAL, String(64))
    data_sha256: Mapped[str] = column(INTERNAL, String(64))
    trained_from: Mapped[date] = column(INTERNAL, Date)
    trained_to: Mapped[date] = column(INTERNAL, Date)
    trained_by: Mapped[str] = column(INTERNAL, String(100))
    trained_at: Mapped[datetime] = column(INTERNAL)
    promoted_by: Mapped[str | None] = column(INTERNAL, String(100))
    promoted_at: Mapped[datetime | None] = column(INTERNAL)
    retired_at: Mapped[datetime | None] = column(INTERNAL)
    comparison: Mapped[dict[str, Any] | None] = column(INTERNAL, JsonValue)
    drift: Mapped[dict[str, Any] | None] = column(INTERNAL, JsonValue)


class ModelScore(Base):
    """What one model said of one entity in one month. percentile: 0 to 1 among its peers, calibrated; higher is more unusual, or with a
    supervised model more probably wrong. reasons: the features that say most, each with value, peers' median and range.
    """

    __tablename__ = "model_score"
    __table_args__ = (
        CheckConstraint("percentile >= 0 AND percentile <= 1", name="percentile_is_a_share"),
        Index("uq_model_score_model_month_entity", "model_id", "month", "entity_ref", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    model_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("anomaly_model.id"))
    month: Mapped[date] = column(INTERNAL, Date)
    entity_ref: Mapped[str] = column(PERSONAL, String(120))
    percentile: Mapped[float] = column(PERSONAL, Float)
    reasons: Mapped[list[Any]] = column(PERSONAL, JsonValue, default=list)
