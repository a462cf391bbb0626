"""When parts of the service were last heard, and how its jobs went: one row each, written over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.operations import Heartbeat, JobRun


def hear(session: Session, part: str, now: datetime, *, note: str | None = None) -> None:
    """A part was heard. note: a code of what is wrong with it."""
    insert = _insert(session, Heartbeat).values(part=part, heard_at=now, note=note)
    session.execute(insert.on_conflict_do_update(index_elements=["part"], set_={"heard_at": now, "note": note}))


def beats(session: Session) -> dict[str, Heartbeat]:
    """The row of each part."""
    return {row.part: row for row in session.scalars(select(Heartbeat))}


def last_heard(session: Session) -> dict[str, datetime]:
    """When each part was last heard."""
    return {part: row.heard_at for part, row in beats(session).items()}


def job_ended(session: Session, name: str, *, started_at: datetime, now: datetime, error: str | None) -> None:
    """A run of a job is over. error: the kind of what went wrong, None when all went well."""
    ended = {"succeeded_at": now} if error is None else {"failed_at": now, "error": error}
    failed = 0 if error is None else 1
    insert = _insert(session, JobRun).values(name=name, started_at=started_at, runs=1, failures=failed, **ended)
    counted = {"runs": JobRun.runs + 1, "failures": JobRun.failures + failed}
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"started_at": started_at, **ended, **counted}))


def job_runs(session: Session) -> Sequence[JobRun]:
    """How every job went, by name."""
    return session.scalars(select(JobRun).order_by(JobRun.name)).all()


def _insert(session: Session, table: type[Heartbeat] | type[JobRun]) -> postgresql.Insert | sqlite.Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
