"""Counting the figures of supervisors: of one day, of the month ends before it, and whenever policy wants them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from detection.errors import DetectionError
from models.certification import add_months
from models.database import Database
from models.policy import RecordSections
from models.repositories.figures import writing
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan
from models.repositories.figures.subjects import FLOWS, STOCKS
from models.repositories.figures.writing import Counted

Progress = Callable[[str, int, int], None]

STAGE = "days counted"


class DayToComeError(DetectionError):
    """Figures were asked for of a day that has not begun."""

    code = "day_to_come"


class FiguresService:
    """Counts in one snapshot of the store, then writes in one short transaction: nobody waits for the counting, and a run that is killed
    leaves everything as it was.
    """

    def __init__(self, database: Database, policy: RecordSections, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    def count(self, day: date | None = None, *, by: str) -> Counted:
        """Count the day (today when not given) with its month and the month before, and keep it all.

        Two at once do no harm: the figures of the later moment stay.

        Raises:
            DayToComeError: the day has not begun.
        """
        now, started = self._clock(), time.monotonic()
        today = self._policy.certification.today(now)
        on = day or today
        if on > today:
            raise _to_come(on, today)
        zone = self._policy.certification.time_zone
        months = [MonthSpan.of(each, zone) for each in (add_months(on.replace(day=1), -1), on)]
        with self._database.same_snapshot(1) as (connection,), Session(bind=connection) as session:
            stocks = [row for subject in STOCKS for row in subject(session, self._policy, DaySpan.of(on, zone))]
            flows = {month.month: self._flows(session, month) for month in months}
        rows = len(stocks) + sum(len(each) for each in flows.values())
        counted = Counted(on, now, rows, int((time.monotonic() - started) * 1000))
        gone = today - timedelta(days=self._policy.retention.verification_days)
        with self._database.session_scope() as session:
            written = writing.write(session, counted, stocks, flows, attempts_gone_before=gone, by=by)
            if written:
                writing.drop_single_days(session, counted_before=now - timedelta(days=self._policy.oversight.days_kept))
        return counted if written else Counted(on, now, rows, counted.took_ms, written=False)

    def _flows(self, session: Session, month: MonthSpan) -> Sequence[FigureRow]:
        return [row for subject in FLOWS for row in subject(session, self._policy, month)]

    def fill(self, months: int, day: date | None = None, *, by: str, progress: Progress = lambda *_: None) -> list[Counted]:
        """Count so many month ends before the day's month, oldest first, and then the day. Each is kept as soon as it is counted.

        Raises:
            DayToComeError: the day has not begun.
        """
        today = self._policy.certification.today(self._clock())
        last = day or today
        if last > today:
            raise _to_come(last, today)
        days = [add_months(last.replace(day=1), -back) - timedelta(days=1) for back in reversed(range(months))]
        done = []
        progress(STAGE, 0, months + 1)
        for each in (*days, last):
            done.append(self.count(each, by=by))
            progress(STAGE, len(done), months + 1)
        return done

    def count_due(self, *, by: str) -> list[Counted]:
        """Count what policy wants by now: today since its last hour of counting, and yesterday and the end of last month once they are
        over. Nothing before the first hour of the day, or when everything was counted since.
        """
        now = self._clock()
        local = self._policy.certification.local(now)
        passed = [hour for hour in self._policy.oversight.refresh_hours if hour <= local.hour]
        if not passed:
            return []
        today = local.date()
        due = {day: DaySpan.of(day, self._policy.certification.time_zone).ends for day in _over(today)}
        due[today] = local.replace(hour=max(passed), minute=0, second=0, microsecond=0)
        with self._database.read_scope() as session:
            counted = {day: writing.last_counted(session, day) for day in due}
        return [self.count(day, by=by) for day, since in due.items() if (at := counted[day]) is None or at < since]


def _to_come(day: date, today: date) -> DayToComeError:
    return DayToComeError(f"{day} has not begun: give {today} or an earlier day")


def _over(today: date) -> list[date]:
    """Days whose last count has to be after their end: the last of the month before, and yesterday."""
    return sorted({today.replace(day=1) - timedelta(days=1), today - timedelta(days=1)})
