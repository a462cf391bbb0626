"""Life evidence (生存证据): the append-only ledger that certification status is derived from."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, Double, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, JsonValue, column, enum_column_type


class EvidenceKind(StrEnum):
    """How the fact became known."""

    FACE = "face"
    COUNTER = "counter"
    HOME_VISIT = "home_visit"
    VIDEO_CALL = "video_call"
    ASSISTED = "assisted"
    DATA_MATCH = "data_match"
    DEATH_RECORD = "death_record"
    CUSTODY = "custody"
    DECLARATION = "declaration"


class Trace(StrEnum):
    """Where a trace of life (kind data_match) was left. medical_visit: the hospital checked the identity."""

    MEDICAL_VISIT = "medical_visit"
    VACCINATION = "vaccination"
    TRAVEL = "travel"
    OTHER = "other"


class Strength(StrEnum):
    """What the fact is worth, weakest first. VOID only on a correction: the corrected row counts for nothing."""

    VOID = "void"
    INDICATIVE = "indicative"
    SUPPORTING = "supporting"
    CONCLUSIVE = "conclusive"


STRENGTH_ORDER = tuple(Strength)


def strengths_from(minimum: Strength) -> tuple[Strength, ...]:
    """The given strength and every greater one."""
    return STRENGTH_ORDER[STRENGTH_ORDER.index(minimum) :]


class LifeEvidence(Base):
    """One dated, sourced fact that a person was alive, or not. Triggers refuse UPDATE and DELETE.

    A mistake is mended by a new row whose corrects_id names the wrong one: a row that another one corrects no longer counts. A row is
    corrected at most once; the correction itself may be corrected in turn.

    trace: what a data match is a trace of; a silent certification is a data match with based_on_id, the trace that it rests on (at most
    one certification a trace). ends_on: the last day of a custody, None while it lasts. details: what explains the row in codes, numbers
    and ids, never names; of a home visit see ``home_visit``.
    """

    __tablename__ = "life_evidence"
    __table_args__ = (
        # everything that a status is derived from, so that no row has to be read
        Index("ix_life_evidence_person_kind_occurred", "person_id", "kind", "occurred_on", "strength", "id"),
        Index(
            "uq_life_evidence_corrects_id",
            "corrects_id",
            unique=True,
            sqlite_where=text("corrects_id IS NOT NULL"),
            postgresql_where=text("corrects_id IS NOT NULL"),
        ),
        Index(
            "uq_life_evidence_based_on_id",
            "based_on_id",
            unique=True,
            sqlite_where=text("based_on_id IS NOT NULL"),
            postgresql_where=text("based_on_id IS NOT NULL"),
        ),
        CheckConstraint("trace IS NULL OR kind = 'data_match'", name="trace_of_data_match"),
        CheckConstraint("ends_on IS NULL OR (kind = 'custody' AND ends_on >= occurred_on)", name="custody_ends_after_it_began"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    kind: Mapped[EvidenceKind] = column(PERSONAL, enum_column_type(EvidenceKind, "kind"))
    trace: Mapped[Trace | None] = column(PERSONAL, enum_column_type(Trace, "trace"))
    occurred_on: Mapped[date] = column(PERSONAL, Date)
    ends_on: Mapped[date | None] = column(PERSONAL, Date)
    strength: Mapped[Strength] = column(PERSONAL, enum_column_type(Strength, "strength"))
    source: Mapped[str] = column(PERSONAL, String(100))
    reference: Mapped[str | None] = column(PERSONAL, String(200))
    details: Mapped[dict[str, Any] | None] = column(PERSONAL, JsonValue)
    recorded_by: Mapped[str] = column(INTERNAL, String(100))
    recorded_at: Mapped[datetime] = column(INTERNAL)
    corrects_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    based_on_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    batch_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("import_batch.id"))


class HomeVisit(Base):
    """Where a home visit took place, and the two members of staff who made it. One row beside its life evidence.

    latitude_deg, longitude_deg: WGS 84, None where the device had no position; accuracy_m: radius of 68% confidence, as the browser's
    Geolocation API gives it. place: what was written down, always.
    """

    __tablename__ = "home_visit"
    __table_args__ = (
        CheckConstraint("first_staff <> second_staff", name="two_staff"),
        CheckConstraint("latitude_deg IS NULL OR latitude_deg BETWEEN -90 AND 90", name="latitude_in_range"),
        CheckConstraint("longitude_deg IS NULL OR longitude_deg BETWEEN -180 AND 180", name="longitude_in_range"),
        CheckConstraint("(latitude_deg IS NULL) = (longitude_deg IS NULL)", name="whole_position"),
    )

    evidence_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"), primary_key=True)
    place: Mapped[str] = column(PERSONAL, String(200))
    latitude_deg: Mapped[float | None] = column(PERSONAL, Double)
    longitude_deg: Mapped[float | None] = column(PERSONAL, Double)
    accuracy_m: Mapped[float | None] = column(PERSONAL, Double)
    first_staff: Mapped[str] = column(PERSONAL, String(100))
    second_staff: Mapped[str] = column(PERSONAL, String(100))
