"""Runs of detection for people to look at: the list, one of them, and what it found by code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.detection import DetectionKind, DetectionRun, Signal
from models.errors import NotFoundError


@dataclass(frozen=True)
class FoundByCode:
    """Signals of one code that a run found and no later one: still standing or vanished since. amount_fen: of those that stand."""

    code: str
    standing: int
    vanished: int
    amount_fen: int


def listing(
    session: Session,
    *,
    before_id: int | None = None,
    kind: DetectionKind | None = None,
    limit: int = 50,
    region: str | None = None,
) -> list[DetectionRun]:
    """Runs, newest first, from before an id. region: digits that a region's codes start with; runs that have nothing to do with it are left
    out.
    """
    query = select(DetectionRun).order_by(DetectionRun.id.desc()).limit(limit)
    if region is not None:
        around = ["", *(region[:length].ljust(6, "0") for length in (2, 4))]
        within = DetectionRun.region_code.between(region.ljust(6, "0"), region.ljust(6, "9"))
        query = query.where(or_(within, DetectionRun.region_code.in_(around)))
    if before_id is not None:
        query = query.where(DetectionRun.id < before_id)
    if kind is not None:
        query = query.where(DetectionRun.kind == kind)
    return list(session.scalars(query))


def get(session: Session, public_id: str) -> DetectionRun:
    """The run with this public id. Raises NotFoundError."""
    run = session.scalar(select(DetectionRun).where(DetectionRun.public_id == public_id))
    if run is None:
        raise NotFoundError("there is no such run")
    return run


def found_by_code(session: Session, run_id: int, codes: Sequence[str]) -> list[FoundByCode]:
    """What the run was the last one to find. codes: of its kind, so that the index finds them."""
    alive = Signal.vanished_at.is_(None)
    rows = session.execute(
        select(
            Signal.code,
            func.count().filter(alive),
            func.count().filter(~alive),
            func.coalesce(func.sum(Signal.amount_fen).filter(alive), 0),
        )
        .where(Signal.code.in_(codes), Signal.run_id == run_id)
        .group_by(Signal.code)
        .order_by(Signal.code)
    )
    return [FoundByCode(code, there, gone, int(fen)) for code, there, gone, fen in rows]
