"""Of what a figure is counted: a day with its end, a month with its bounds; and the row that a counting statement gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.certification import add_months


class FigureRow(NamedTuple):
    """One number of one region, as ``OversightFigure`` keeps it; kind and code at most 60 characters. number: its count."""

    region_code: str
    kind: str
    code: str
    number: int
    fen: int | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class DaySpan:
    """A day of the policy's time zone. ends: the first moment after it, UTC."""

    day: date
    ends: datetime
    time_zone: str

    @classmethod
    def of(cls, day: date, time_zone: str) -> DaySpan:
        """The day in this zone."""
        return cls(day, begin_of(day + timedelta(days=1), time_zone), time_zone)

    def begins(self, days_before: int) -> datetime:
        """The first moment of the day that lies so many days before this one, UTC."""
        return begin_of(self.day - timedelta(days=days_before), self.time_zone)


@dataclass(frozen=True)
class MonthSpan:
    """A month of the policy's time zone. month: its first day. begins: its first moment, ends: the first after it, UTC.

    last_count: the first moment after the month that follows it; from then on it is not counted again by itself.
    """

    month: date
    begins: datetime
    ends: datetime
    last_count: datetime

    @classmethod
    def of(cls, day: date, time_zone: str) -> MonthSpan:
        """The month of the day in this zone."""
        first = day.replace(day=1)
        begins, ends, last_count = (begin_of(add_months(first, months), time_zone) for months in range(3))
        return cls(first, begins, ends, last_count)

    @property
    def last_day(self) -> date:
        """Its last day."""
        return add_months(self.month, 1) - timedelta(days=1)


def begin_of(day: date, time_zone: str) -> datetime:
    """The first moment of a day of the zone, UTC."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


def with_sums(rows: Iterable[FigureRow]) -> Iterator[FigureRow]:
    """The rows, and of each region and kind the sum over its codes under the empty code. Every row must have a code."""
    sums: dict[tuple[str, str], list[FigureRow]] = defaultdict(list)
    for row in rows:
        yield row
        sums[row.region_code, row.kind].append(row)
    for (region_code, kind), parts in sums.items():
        yield FigureRow(region_code, kind, "", sum(part.number for part in parts), _sum(parts, "fen"), _sum(parts, "seconds"))


def _sum(parts: list[FigureRow], name: str) -> int | None:
    values = [value for part in parts if (value := getattr(part, name)) is not None]
    return sum(values) if values else None


class whole_seconds(GenericFunction[int]):  # noqa: N801 - the name of an SQL function
    """Seconds since 1970 of a moment, fractions cut off: the same number on both databases."""

    type = BigInteger()
    inherit_cache = True


@compiles(whole_seconds, "postgresql")
def _whole_seconds_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **options)})) AS BIGINT)"


@compiles(whole_seconds, "sqlite")
def _whole_seconds_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"
