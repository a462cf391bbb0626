"""Runs of silent certification: what was asked, how far it got, what came of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, BigId, JsonValue, column, opaque_id


class Contradiction(StrEnum):
    """Why somebody with enough traces of life is not certified silently, weightiest first; the codes of the alerts that are opened.

    TRACE_AFTER_DEATH (signal P7): a counted trace is younger than a death record. DEATH_RECORD: there is a death record of any strength,
    and no younger trace. CUSTODY: a custody covers a counted trace or the day of the run. OPEN_CASE: an open case or alert.
    """

    TRACE_AFTER_DEATH = "P7"
    DEATH_RECORD = "silent_death_record"
    CUSTODY = "silent_custody"
    OPEN_CASE = "silent_open_case"


class SilentRun(Base):
    """One run. after_person_id and the counts move on in the transaction of the certifications that they count; a killed run goes on
    from there. region_code: empty for the whole store. by_trace: kind of trace -> certifications in which it counted.
    """

    __tablename__ = "silent_run"
    __table_args__ = (
        Index(
            "uq_silent_run_running",
            "as_of",
            "policy_hash",
            "region_code",
            unique=True,
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        CheckConstraint("certified + refused <= examined", name="counts_add_up"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    as_of: Mapped[date] = column(INTERNAL, Date)
    region_code: Mapped[str] = column(INTERNAL, String(6), default="")
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    after_person_id: Mapped[int] = column(INTERNAL, BigId, default=0)
    examined: Mapped[int] = column(INTERNAL, BigId, default=0)
    certified: Mapped[int] = column(INTERNAL, BigId, default=0)
    refused: Mapped[int] = column(INTERNAL, BigId, default=0)
    alerts: Mapped[int] = column(INTERNAL, BigId, default=0)
    by_trace: Mapped[dict[str, int]] = column(INTERNAL, JsonValue, default=dict)
    started_by: Mapped[str] = column(INTERNAL, String(100))
    started_at: Mapped[datetime] = column(INTERNAL)
    finished_at: Mapped[datetime | None] = column(INTERNAL)
