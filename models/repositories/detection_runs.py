"""The rows of detection's runs: begun or gone on with, moved on with each stage that ended, done or failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.detection import DetectionKind, DetectionRun, RunState

BROKEN_OFF = "broken off; a later run took its place"


@dataclass(frozen=True)
class StageCounts:
    """What came of one stage: signals, or alerts for triage. amount_fen: of the findings. wall_s: of the process that ended it."""

    found: int = 0
    opened: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    amount_fen: int = 0
    wall_s: float = 0.0


def start_or_resume(
    session: Session,
    *,
    kind: DetectionKind,
    as_of: date,
    region_code: str,
    engine: str,
    policy_hash: str,
    by: str,
    now: datetime,
    window: tuple[date, date] | None = None,
) -> DetectionRun:
    """The run of this kind, day, policy, region and window of claims that did not come to its end, or a new one.

    The caller holds the lock of the kind.

    Other runs of the kind that never ended are closed as failed: their rules found nothing to the end for a day that is over.
    """
    from_date, to_date = window or (None, None)
    same = (
        DetectionRun.as_of == as_of,
        DetectionRun.policy_hash == policy_hash,
        DetectionRun.region_code == region_code,
        DetectionRun.from_date.is_(None) if from_date is None else DetectionRun.from_date == from_date,
        DetectionRun.to_date.is_(None) if to_date is None else DetectionRun.to_date == to_date,
    )
    running = (DetectionRun.kind == kind, DetectionRun.state == RunState.RUNNING)
    run = session.scalar(select(DetectionRun).where(*running, *same))
    others = update(DetectionRun).where(*running)
    if run is not None:
        others = others.where(DetectionRun.id != run.id)
    session.execute(others.values(state=RunState.FAILED, finished_at=now, failure=BROKEN_OFF))
    if run is None:
        run = DetectionRun(kind=kind, state=RunState.RUNNING, as_of=as_of, region_code=region_code, policy_hash=policy_hash)
        run.engine, run.started_by, run.started_at = engine, by, now
        run.from_date, run.to_date = from_date, to_date
        session.add(run)
    run.engine = engine
    session.flush()
    return run


def get(session: Session, run_id: int) -> DetectionRun:
    """The run with this id, which must be there."""
    return session.get_one(DetectionRun, run_id)


def newest_day(session: Session, kind: DetectionKind, region_code: str) -> date | None:
    """The day of the newest finished run of a kind that looked at this region, or at everybody."""
    regions = {region_code, ""} if region_code else None
    query = select(func.max(DetectionRun.as_of)).where(DetectionRun.kind == kind, DetectionRun.state == RunState.DONE)
    return session.scalar(query if regions is None else query.where(DetectionRun.region_code.in_(regions)))


def needed(session: Session, kind: DetectionKind, day: date, *, tries: int) -> bool:
    """True while nobody carried out a run over the whole store for the day, and fewer than ``tries`` of them failed."""
    of_day = (DetectionRun.kind == kind, DetectionRun.region_code == "", DetectionRun.as_of >= day)
    done = select(func.count()).where(*of_day, DetectionRun.state == RunState.DONE)
    failed = select(func.count()).where(*of_day, DetectionRun.state == RunState.FAILED)
    return session.execute(done).scalar_one() == 0 and session.execute(failed).scalar_one() < tries


def stage_ended(session: Session, run: DetectionRun, name: str, counts: StageCounts, *, signals: bool = True, **more: Any) -> None:
    """Note what came of a stage, in the transaction of its last change. signals: the counts are of signals."""
    run.finished_stages = {**run.finished_stages, name: asdict(counts) | more}
    if signals:
        run.found += counts.found
        run.opened += counts.opened
        run.updated += counts.updated
        run.closed += counts.closed
    session.flush()


def finish(session: Session, run: DetectionRun, *, now: datetime, failure: str | None = None) -> None:
    """The run is over. failure: what stopped it and what to do, without anybody's data."""
    run.state = RunState.DONE if failure is None else RunState.FAILED
    run.failure = None if failure is None else failure[:500]
    run.finished_at = now
    session.flush()
