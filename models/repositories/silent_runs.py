"""The rows of silent certification's runs: begun or gone on with, moved on with each chunk, finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.life_evidence import LifeEvidence
from models.person import Person
from models.silent_run import SilentRun


@dataclass(frozen=True)
class ChunkCounts:
    """What came of one chunk, or of a run so far."""

    examined: int = 0
    certified: int = 0
    refused: int = 0
    alerts: int = 0


def start_or_resume(session: Session, *, as_of: date, region_code: str, policy_hash: str, by: str, now: datetime) -> SilentRun:
    """The run of this day, policy and region that did not come to its end, or a new one. region_code: empty for the whole store."""
    run = session.scalar(
        select(SilentRun).where(
            SilentRun.as_of == as_of,
            SilentRun.policy_hash == policy_hash,
            SilentRun.region_code == region_code,
            SilentRun.finished_at.is_(None),
        )
    )
    if run is None:
        run = SilentRun(as_of=as_of, region_code=region_code, policy_hash=policy_hash, started_by=by, started_at=now)
        session.add(run)
        session.flush()
    return run


def get(session: Session, run_id: int) -> SilentRun:
    """The run with this id, which must be there."""
    return session.get_one(SilentRun, run_id)


def advance(session: Session, run: SilentRun, counts: ChunkCounts, by_trace: Mapping[str, int], *, after_person_id: int) -> None:
    """Add what came of a chunk, in the transaction of its certifications."""
    run.after_person_id = after_person_id
    run.examined += counts.examined
    run.certified += counts.certified
    run.refused += counts.refused
    run.alerts += counts.alerts
    run.by_trace = dict(Counter(run.by_trace) + Counter(by_trace))
    session.flush()


def finish(session: Session, run: SilentRun, *, now: datetime) -> None:
    """Nobody is left to look at."""
    run.finished_at = now
    session.flush()


def newest_certifications(session: Session, run: SilentRun, *, limit: int) -> Sequence[tuple[str, dict[str, Any]]]:
    """(public id of the person, details) of the last certifications of the run."""
    rows = session.execute(
        select(Person.public_id, LifeEvidence.details)
        .join(Person, Person.id == LifeEvidence.person_id)
        .where(LifeEvidence.based_on_id.is_not(None), LifeEvidence.recorded_at >= run.started_at)
        .order_by(LifeEvidence.id.desc())
        .limit(limit)
    )
    return [(public_id, details) for public_id, details in rows if details is not None and details.get("run") == run.public_id]
