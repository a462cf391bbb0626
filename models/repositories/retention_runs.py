"""Runs of deletion when due: kept, found, added up for a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.privacy import RetentionRun

HOUSEKEEPING = "job:housekeeping"
"""Who deletes every few minutes what must not wait for the night; its counts are added up by day."""


def last_whole(session: Session) -> RetentionRun | None:
    """The last run over every period that was not refused."""
    return session.scalar(
        select(RetentionRun)
        .where(RetentionRun.refused.is_(None), RetentionRun.started_by != HOUSEKEEPING)
        .order_by(RetentionRun.started_at.desc(), RetentionRun.id.desc())
        .limit(1)
    )


def listing(session: Session, *, before_id: int | None = None, limit: int = 30) -> Sequence[RetentionRun]:
    """Runs, newest first."""
    query = select(RetentionRun).order_by(RetentionRun.id.desc()).limit(limit)
    return session.scalars(query if before_id is None else query.where(RetentionRun.id < before_id)).all()


def add_up(session: Session, day: date, counts: Mapping[str, int], *, day_of_last: date | None, policy_hash: str, now: datetime) -> None:
    """Add what housekeeping deleted to its row of the day. day_of_last: the day of its last row in the policy's zone."""
    row = last_of_housekeeping(session)
    if row is None or day_of_last != day:
        row = RetentionRun(started_by=HOUSEKEEPING, started_at=now, finished_at=now, policy_hash=policy_hash, deleted=0, lines=[])
        session.add(row)
    known = {line["period"]: dict(line) for line in row.lines}
    for period, number in counts.items():
        line = known.setdefault(period, {"period": period, "deleted": 0})
        line["deleted"] += number
    row.lines = list(known.values())
    row.deleted = sum(line["deleted"] for line in known.values())
    row.finished_at = now
    session.flush()


def last_of_housekeeping(session: Session) -> RetentionRun | None:
    """The last row of what housekeeping deleted, locked for a change."""
    return session.scalar(
        select(RetentionRun).where(RetentionRun.started_by == HOUSEKEEPING).order_by(RetentionRun.id.desc()).limit(1).with_for_update()
    )


def purge(session: Session, *, before: datetime) -> int:
    """Delete reports from before the moment; how many."""
    return len(session.scalars(delete(RetentionRun).where(RetentionRun.finished_at < before).returning(RetentionRun.id)).all())
