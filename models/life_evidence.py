"""Life evidence (生存证据): the append-only ledger that certification status is derived from."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, BigId, column, enum_column_type


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
    """

    __tablename__ = "life_evidence"
    __table_args__ = (Index("ix_life_evidence_person_kind_occurred", "person_id", "kind", "occurred_on"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    kind: Mapped[EvidenceKind] = column(PERSONAL, enum_column_type(EvidenceKind, "kind"))
    occurred_on: Mapped[date] = column(PERSONAL, Date)
    strength: Mapped[Strength] = column(PERSONAL, enum_column_type(Strength, "strength"))
    source: Mapped[str] = column(PERSONAL, String(100))
    reference: Mapped[str | None] = column(PERSONAL, String(200))
    recorded_by: Mapped[str] = column(INTERNAL, String(100))
    recorded_at: Mapped[datetime] = column(INTERNAL)
    corrects_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"), unique=True)
