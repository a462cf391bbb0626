"""Calibrations: proposed by a job, put into effect by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import Conflict, ConflictError, NotFoundError
from models.face import Calibration
from models.keys import Sealed
from models.repositories.conflicts import named_conflicts


@dataclass(frozen=True)
class NewCalibration:
    """What a calibration run found. thresholds: JSON, false match rate as text -> similarity, with intervals."""

    engine_name: str
    engine_version: str
    payload: Sealed
    references_count: int
    pair_count: int
    thresholds: dict[str, Any]


def propose(session: Session, new: NewCalibration, *, now: datetime) -> Calibration:
    """Store a calibration that is not in effect yet."""
    row = Calibration(
        engine_name=new.engine_name,
        engine_version=new.engine_version,
        payload=new.payload,
        references_count=new.references_count,
        pair_count=new.pair_count,
        thresholds=new.thresholds,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def in_effect(session: Session, engine_name: str, engine_version: str) -> Calibration | None:
    """The promoted calibration of the engine version, None when provisional thresholds apply."""
    return session.scalar(
        select(Calibration).where(
            Calibration.engine_name == engine_name,
            Calibration.engine_version == engine_version,
            Calibration.promoted_at.is_not(None),
            Calibration.retired_at.is_(None),
        )
    )


def promote(session: Session, calibration_id: int, *, by: str, now: datetime) -> Calibration:
    """Put a calibration into effect and retire the one before it.

    Raises:
        NotFoundError: there is none with this id.
        ConflictError: it was retired, or another one was promoted at the same moment.
    """
    row = session.get(Calibration, calibration_id)
    if row is None:
        raise NotFoundError(f"there is no calibration {calibration_id}")
    if row.retired_at is not None:
        raise ConflictError(Conflict.CALIBRATION_STATE, "the calibration was retired: run a new one")
    if row.promoted_at is not None:
        return row
    session.execute(
        update(Calibration)
        .where(
            Calibration.engine_name == row.engine_name,
            Calibration.engine_version == row.engine_version,
            Calibration.promoted_at.is_not(None),
            Calibration.retired_at.is_(None),
        )
        .values(retired_at=now)
    )
    busy = (Conflict.CALIBRATION_STATE, "another calibration was promoted at the same moment: look at it first")
    with named_conflicts(session, {"uq_calibration_in_effect": busy, "calibration.engine_name": busy}):
        row.promoted_at = now
        row.promoted_by = by
    return row


def listing(session: Session, engine_name: str | None = None) -> Sequence[Calibration]:
    """Every calibration, newest first, of one engine when it is named."""
    query = select(Calibration).order_by(Calibration.id.desc())
    if engine_name is not None:
        query = query.where(Calibration.engine_name == engine_name)
    return session.scalars(query).all()
