"""Runs that seal values again under a new key, with how far each has come in each table."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, BigId, column, enum_column_type


class RotationState(StrEnum):
    """superseded: another key became the current one before this run was through; a run of its own goes on from there."""

    RUNNING = "running"
    DONE = "done"
    SUPERSEDED = "superseded"


class KeyRotation(Base):
    """One table in one run, resumable after a kill: last_id is written with the rows that it stands for.

    round: how often the table is being gone through, from 1; a round that finds nothing to do is the last. last_id: primary key up to which
    this round has come. resealed: rows sealed again in all rounds. waiting: rows of this round that somebody else was changing. unopened:
    rows of this round with a value that no key opens; they are left as they are.
    """

    __tablename__ = "key_rotation"
    __table_args__ = (
        Index("uq_key_rotation_run_table_name", "run", "table_name", unique=True),
        Index("ix_key_rotation_state", "state"),
        CheckConstraint("(state = 'running') = (done_at IS NULL)", name="done_when_not_running"),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    run: Mapped[str] = column(INTERNAL, String(22))
    from_keys: Mapped[list[str]] = column(INTERNAL)
    to_key: Mapped[str] = column(INTERNAL, String(50))
    table_name: Mapped[str] = column(INTERNAL, String(63))
    state: Mapped[RotationState] = column(INTERNAL, enum_column_type(RotationState, "state"), default=RotationState.RUNNING)
    round: Mapped[int] = column(INTERNAL, default=1)
    last_id: Mapped[int | None] = column(INTERNAL, BigInteger)
    resealed: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    resealed_in_round: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    waiting: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    unopened: Mapped[int] = column(INTERNAL, BigInteger, default=0)
    started_by: Mapped[str] = column(INTERNAL, String(100))
    started_at: Mapped[datetime] = column(INTERNAL)
    changed_at: Mapped[datetime] = column(INTERNAL)
    done_at: Mapped[datetime | None] = column(INTERNAL)
