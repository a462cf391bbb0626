"""Deletion when due: every period of the policy with what it deletes, in one run with a report.

Housekeeping deletes every few minutes what must not wait for the night; a run goes through all periods, deletes what is left, and says of
each what went and what the oldest is that stays. Nothing is deleted while the clock is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.clock_guard import require_steady_clock
from api.context import Context
from models.clock_watch import ClockInDoubtError
from models.errors import ModelsError
from models.privacy import RetentionRun
from models.repositories import face_counter, retention_runs

ROUNDS_MAX = 1_000  # of a deletion that takes some thousands at a time


class Doubt(StrEnum):
    """Why a run deleted nothing."""

    CLOCK = "clock"
    GAP = "gap"
    BACKWARD = "backward"


class RetentionRefusedError(ModelsError):
    """Nothing was deleted: the clock cannot be believed. The message says what to do."""

    code = "retention_refused"

    def __init__(self, doubt: Doubt, detail: str) -> None:
        super().__init__(detail)
        self.doubt = doubt


@dataclass(frozen=True)
class Period:
    """One period of the policy. setting: where it stands in policy.toml; length: its words, e.g. 72 hours.

    before: rows from before this moment are due. at: the column that counts; due: more that has to hold. count: of what is not rows.
    delete: does it, and returns how many went; again: call it until nothing goes.
    """

    code: str
    setting: str
    length: str
    before: datetime
    at: InstrumentedAttribute[Any] | Column[Any] | None
    delete: Callable[[], int]
    due: tuple[ColumnElement[bool], ...] = ()
    count: Callable[[], int] | None = None
    again: bool = False


@dataclass(frozen=True)
class Line:
    """What came of one period. oldest: the oldest moment that stays, ISO 8601; None: nothing is left, or it is not of the store."""

    period: str
    setting: str
    length: str
    before: str
    due: int
    deleted: int
    oldest: str | None


@dataclass(frozen=True)
class Report:
    """A run. dry: nothing was deleted because nobody asked for it."""

    run_id: str | None
    started_at: datetime
    dry: bool
    lines: tuple[Line, ...]

    @property
    def deleted(self) -> int:
        """Everything that went."""
        return sum(line.deleted for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        lines = [asdict(line) for line in self.lines]
        return {"run": self.run_id, "started_at": self.started_at.isoformat(), "dry_run": self.dry, "deleted": self.deleted, "lines": lines}


def run(
    context: Context,
    *,
    by: str,
    dry: bool = False,
    confirmed_day: date | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Report:
    """Delete everything that is due and keep the report; ``dry`` only counts. A run that was interrupted is simply run again.

    confirmed_day: the day of today as an operator reads it elsewhere, for the first run after a long pause.

    Raises:
        RetentionRefusedError: the clock is in doubt; the refusal is kept as a run.
    """
    from api.retention_periods import periods

    now = context.clock()
    if not dry:
        try:
            _believe(context, now, confirmed_day)
        except RetentionRefusedError as error:
            _keep(context, by, now, (), refused=error.doubt)
            raise
    every = periods(context, now)
    lines = []
    for number, period in enumerate(every):
        progress("periods", number, len(every))
        lines.append(_carry_out(context, period, dry=dry))
    progress("periods", len(every), len(every))
    if dry:
        return Report(None, now, dry, tuple(lines))
    return Report(_keep(context, by, now, tuple(lines)), now, dry, tuple(lines))


def note_housekeeping(context: Context, done: Mapping[str, int]) -> None:
    """Add to the report of the day what housekeeping deleted."""
    counts = {key: number for key, number in done.items() if number and key.endswith(("_deleted", "_emptied"))}
    if not counts:
        return
    now, policy = context.clock(), context.policy.certification
    with context.database.session_scope() as session:
        last = retention_runs.last_of_housekeeping(session)
        day = None if last is None else policy.today(last.started_at)
        retention_runs.add_up(session, policy.today(now), counts, day_of_last=day, policy_hash=context.policy.hash, now=now)


def _believe(context: Context, now: datetime, confirmed_day: date | None) -> None:
    try:
        require_steady_clock(context)
    except ClockInDoubtError as error:
        raise RetentionRefusedError(Doubt.CLOCK, str(error)) from error
    today = context.policy.certification.today(now)
    if confirmed_day is not None and confirmed_day != today:
        raise RetentionRefusedError(
            Doubt.CLOCK, f"the machine's clock says {today}, you say {confirmed_day}: nothing was deleted; set the clock right"
        )
    with context.database.read_scope() as session:
        last = retention_runs.last_whole(session)
    if last is None or confirmed_day is not None:
        return
    most = context.policy.privacy.retention_gap_days
    if now > last.started_at + timedelta(days=most):
        raise RetentionRefusedError(
            Doubt.GAP,
            f"the last run was on {context.policy.certification.today(last.started_at)}, more than {most} days ago by the machine's clock: "
            f"nothing was deleted. If today is {today}, say so: lifecert retention run --today {today}",
        )
    if now < last.started_at - timedelta(hours=1):
        raise RetentionRefusedError(
            Doubt.BACKWARD,
            f"the last run was at {last.started_at:%Y-%m-%d %H:%M} UTC, after now by the machine's clock: set the clock right",
        )


def _carry_out(context: Context, period: Period, *, dry: bool) -> Line:
    with context.database.read_scope() as session:
        due = _due(session, period)
    deleted = 0
    if not dry:
        for _ in range(ROUNDS_MAX if period.again else 1):
            gone = period.delete()
            deleted += gone
            if not gone:
                break
    with context.database.read_scope() as session:
        oldest = None if period.at is None else session.scalar(select(func.min(period.at)).where(and_(True, *period.due)))
    told = None if oldest is None else oldest.isoformat()
    # something else may have deleted, or made, rows of the kind between the two looks
    return Line(period.code, period.setting, period.length, period.before.isoformat(), max(due, deleted), deleted, told)


def _due(session: Session, period: Period) -> int:
    if period.count is not None:
        return period.count()
    if period.at is None:
        return 0
    return session.scalar(select(func.count()).where(period.at < period.before, *period.due)) or 0


def _keep(context: Context, by: str, started_at: datetime, lines: tuple[Line, ...], *, refused: Doubt | None = None) -> str:
    row = RetentionRun(
        started_by=by,
        started_at=started_at,
        finished_at=context.clock(),
        policy_hash=context.policy.hash,
        refused=None if refused is None else refused.value,
        deleted=sum(line.deleted for line in lines),
        lines=[asdict(line) for line in lines],
    )
    if refused is None:
        with context.database.read_scope() as session:
            counted = face_counter.count(session, context.policy.privacy)
        row.people_with_faces, row.filing_since = counted.people, counted.since
    with context.database.session_scope() as session:
        session.add(row)
        session.flush()
        return row.public_id
