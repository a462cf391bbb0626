"""Keeping counted figures: a day and its months are written anew as a whole, in one short transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, insert, not_, or_, select, text
from sqlalchemy.orm import Session

from models.certification import add_months
from models.oversight import FigurePeriod, FiguresRun, OversightFigure
from models.repositories.figures.kinds import Kind
from models.repositories.figures.spans import FigureRow

LOCK = 6_115_207_433_118_806_017
"""Of PostgreSQL's advisory locks, that of whoever writes figures; drawn at random."""

AT_ONCE = 5_000

FROM_ATTEMPTS = (Kind.ROUTE_TIMED, Kind.ROUTE_MEDIAN)
"""Kinds besides ``verifications.*`` that rest on attempts by camera, which are deleted when they are old."""


@dataclass(frozen=True)
class Counted:
    """One day's figures. at: the moment of the store that they show. written: False when somebody wrote newer ones meanwhile."""

    day: date
    at: datetime
    rows: int
    took_ms: int
    written: bool = True


def write(
    session: Session,
    counted: Counted,
    stocks: Iterable[FigureRow],
    flows: Mapping[date, Sequence[FigureRow]],
    *,
    attempts_gone_before: date,
    by: str,
) -> bool:
    """Replace the figures of a day and of these months. False, and nothing written, when there are newer ones of that day.

    Of several at once each waits for the one before it; a month that was counted at a later moment stays as it is. attempts_gone_before:
    of months that began earlier, attempts by camera are deleted by now, and what was counted of them stays.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
    if _newer(session, counted.at, counted.day, counted.day + timedelta(days=1)):
        return False
    _put(session, FigurePeriod.DAY, counted.day, stocks)
    for month, rows in flows.items():
        if _newer(session, counted.at, month, add_months(month, 2)):  # a day counts its own month and the one before
            continue
        gone = month < attempts_gone_before
        _put(session, FigurePeriod.MONTH, month, rows, but_of_attempts=gone)
    session.execute(insert(FiguresRun).values(day=counted.day, at=counted.at, by=by, took_ms=counted.took_ms, rows=counted.rows))
    return True


def drop_single_days(session: Session, *, counted_before: datetime) -> int:
    """Delete the stocks of days that were last counted before this moment and are not the last of their month; how many days there were."""
    old = select(FiguresRun.day).group_by(FiguresRun.day).having(func.max(FiguresRun.at) < counted_before)
    days = [day for day in session.scalars(old) if not _ends_month(day)]
    if days:
        session.execute(delete(OversightFigure).where(OversightFigure.period == FigurePeriod.DAY, OversightFigure.day.in_(days)))
        session.execute(delete(FiguresRun).where(FiguresRun.day.in_(days)))
    return len(days)


def last_counted(session: Session, day: date) -> datetime | None:
    """The moment that the figures of this day show; None when it was never counted."""
    return session.scalar(select(func.max(FiguresRun.at)).where(FiguresRun.day == day))


def _newer(session: Session, at: datetime, first: date, end: date) -> bool:
    newer = select(FiguresRun.id).where(FiguresRun.day >= first, FiguresRun.day < end, FiguresRun.at > at).limit(1)
    return session.scalar(newer) is not None


def _put(session: Session, period: FigurePeriod, day: date, rows: Iterable[FigureRow], *, but_of_attempts: bool = False) -> None:
    figure = OversightFigure
    old = delete(figure).where(figure.period == period, figure.day == day)
    if but_of_attempts:
        old = old.where(not_(or_(figure.kind.startswith("verifications.", autoescape=True), figure.kind.in_(FROM_ATTEMPTS))))
    session.execute(old)
    values = [
        {
            "period": period,
            "day": day,
            "region_code": row.region_code,
            "kind": str(row.kind),
            "code": str(row.code),
            "count": row.number,
            "fen": row.fen,
            "seconds": row.seconds,
        }
        for row in rows
        if not (but_of_attempts and _of_attempts(row.kind))
    ]
    for start in range(0, len(values), AT_ONCE):
        session.execute(insert(figure), values[start : start + AT_ONCE])


def _of_attempts(kind: str) -> bool:
    return kind.startswith("verifications.") or kind in FROM_ATTEMPTS


def _ends_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1
