"""Changes of status as they are told to others: derived, compared with what was told last, numbered in order."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.certification_state import CertificationState
from models.types import INTERNAL, PERSONAL, BigId, column, enum_column_type


class StatusTouch(Base):
    """Somebody whose status may have changed: triggers add a row with each new row of the ledger and each change of a benefit, a merger
    or a person's region. The announcer takes them away. Not unique: writers must not wait for each other.
    """

    __tablename__ = "status_touch"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId)


class StatusAnnouncer(Base):
    """One row: the rules that everything was announced under. rules_hash: SHA-256, hexadecimal, of policy's section ``certification``.

    Other rules, or no row yet, mean that everybody has to be looked at again.
    """

    __tablename__ = "status_announcer"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    rules_hash: Mapped[str] = column(INTERNAL, String(64))
    in_force_since: Mapped[datetime] = column(INTERNAL)


class StatusAnnounced(Base):
    """What was told last about a person. changes_on: the day on which time alone changes it.

    The facts that it followed from stand beside it: state (deceased or not), last_certified_on, due_on, first_on (when the first benefit
    drawn began), paused_on, cycle_months, benefits (how many, also ended ones). They are the same for every day from holds_from to the day
    before holds_until (None: for ever), as long as nobody touched the person: a region's status as of such a day is derived from them
    without a look at the ledger. The status of another day, or of somebody who was touched, is never read from here. public_id: the
    person's. A record that was merged into another has no facts: holds_from is None.
    """

    __tablename__ = "status_announced"
    __table_args__ = (
        Index("ix_status_announced_changes_on", "changes_on"),
        Index("ix_status_announced_region_state", "region_code", "state"),
        # all that a region's list needs, so that it need not go to the table
        Index(
            "ix_status_announced_facts",
            *("region_code", "person_id", "holds_from", "holds_until", "state", "last_certified_on", "due_on"),
            *("first_on", "paused_on", "cycle_months", "benefits", "public_id"),
        ),
    )

    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"), primary_key=True)
    region_code: Mapped[str] = column(PERSONAL, String(6))
    state: Mapped[CertificationState] = column(PERSONAL, enum_column_type(CertificationState, "state"))
    last_certified_on: Mapped[date | None] = column(PERSONAL, Date)
    due_on: Mapped[date | None] = column(PERSONAL, Date)
    changes_on: Mapped[date | None] = column(INTERNAL, Date)
    public_id: Mapped[str | None] = column(INTERNAL, String(22))
    first_on: Mapped[date | None] = column(PERSONAL, Date)
    paused_on: Mapped[date | None] = column(PERSONAL, Date)
    cycle_months: Mapped[int | None] = column(PERSONAL, Integer)
    benefits: Mapped[int | None] = column(PERSONAL, Integer)
    holds_from: Mapped[date | None] = column(INTERNAL, Date)
    holds_until: Mapped[date | None] = column(INTERNAL, Date)


class StatusChange(Base):
    """One change. id is the cursor: one announcer at a time writes them, so that no smaller id appears later.

    before: None for the first time that anything was told about the person. on: the day that the new status was derived for.
    """

    __tablename__ = "status_change"
    __table_args__ = (
        Index("ix_status_change_region_code_id", "region_code", "id"),
        Index("ix_status_change_person_id", "person_id"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6))
    on: Mapped[date] = column(INTERNAL, Date, name="on_day")
    before: Mapped[CertificationState | None] = column(PERSONAL, enum_column_type(CertificationState, "before"), name="state_before")
    state: Mapped[CertificationState] = column(PERSONAL, enum_column_type(CertificationState, "state"))
    last_certified_on: Mapped[date | None] = column(PERSONAL, Date)
    due_on: Mapped[date | None] = column(PERSONAL, Date)
    announced_at: Mapped[datetime] = column(INTERNAL)
