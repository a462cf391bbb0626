"""Months and intervals of months, once: in Python, and as Ibis expressions that say the same.

A month is its first day. An interval has both months inclusive; an end of None lasts. A month's number is months since the year 0, so that
differences and counts are sums of integers. A property test holds both halves equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

OPEN_END = date(9999, 12, 1)
"""Stands for an end that lasts, inside expressions only."""


# --- in Python


def month_number(day: date) -> int:
    """Number of the month of a day: year x 12 + month - 1."""
    return day.year * 12 + day.month - 1


def first_day(number: int) -> date:
    """First day of the month of a number."""
    year, month = divmod(number, 12)
    return date(year, month + 1, 1)


def month_of(day: date) -> date:
    """First day of the month of a day."""
    return day.replace(day=1)


def month_after(day: date) -> date:
    """First day of the month after a day's."""
    return first_day(month_number(day) + 1)


def months_between(start: date, end: date) -> int:
    """How many months the end's month comes after the start's; negative when before."""
    return month_number(end) - month_number(start)


def first_whole_month(day: date) -> date:
    """The first month that lies wholly on or after the day."""
    return day if day.day == 1 else month_after(day)


def last_whole_month(day: date) -> date:
    """The last month that lies wholly on or before the day."""
    return first_day(month_number(day + timedelta(days=1)) - 1)


@dataclass(frozen=True)
class Months:
    """An interval of months. to_month: inclusive, None while it lasts."""

    from_month: date
    to_month: date | None = None

    def count(self) -> int | None:
        """How many months; None without an end."""
        return None if self.to_month is None else max(months_between(self.from_month, self.to_month) + 1, 0)

    def overlap(self, other: Months) -> Months | None:
        """The months of both; None when there are none."""
        start = max(self.from_month, other.from_month)
        end = min(self.to_month or OPEN_END, other.to_month or OPEN_END)
        if end < start:
            return None
        return Months(start, None if end == OPEN_END else end)


# --- as expressions


def number_of(day: ir.DateValue) -> ir.IntegerValue:
    """``month_number``."""
    return day.year().cast("int64") * 12 + day.month().cast("int64") - 1


def day_of(number: ir.IntegerValue) -> ir.DateValue:
    """``first_day``."""
    return ibis.date((number // 12).cast("int32"), (number % 12 + 1).cast("int32"), 1)


def first_of(day: ir.DateValue) -> ir.DateValue:
    """``month_of``."""
    return day.truncate("M").cast("date")


def after(day: ir.DateValue) -> ir.DateValue:
    """``month_after``."""
    return (first_of(day) + ibis.interval(months=1)).cast("date")


def between(start: ir.DateValue, end: ir.DateValue) -> ir.IntegerValue:
    """``months_between``."""
    return number_of(end) - number_of(start)


def first_whole(day: ir.DateValue) -> ir.DateValue:
    """``first_whole_month``."""
    return (day.day() == 1).ifelse(day, after(day))


def last_whole(day: ir.DateValue) -> ir.DateValue:
    """``last_whole_month``."""
    next_day = (day + ibis.interval(days=1)).cast("date")
    return (first_of(next_day) - ibis.interval(months=1)).cast("date")


def plus_days(day: ir.DateValue, days: int) -> ir.DateValue:
    """The day so many days later."""
    return (day + ibis.interval(days=days)).cast("date")


def earlier(one: ir.DateValue, other: ir.DateValue) -> ir.DateValue:
    """The earlier of two ends, each of which may last (NULL)."""
    return ibis.least(one.fill_null(OPEN_END), other.fill_null(OPEN_END)).nullif(ibis.literal(OPEN_END))


def overlap_from(one_from: ir.DateValue, other_from: ir.DateValue) -> ir.DateValue:
    """First month of both intervals, if they overlap."""
    return ibis.greatest(one_from, other_from)


def overlaps(one_from: ir.DateValue, one_to: ir.DateValue, other_from: ir.DateValue, other_to: ir.DateValue) -> ir.BooleanValue:
    """Whether two intervals have a month in common."""
    return (one_from <= other_to.fill_null(OPEN_END)) & (other_from <= one_to.fill_null(OPEN_END))


def count_of(from_month: ir.DateValue, to_month: ir.DateValue) -> ir.IntegerValue:
    """How many months an interval has; 0 when it ends before it begins, NULL when it lasts."""
    counted = ibis.greatest(between(from_month, to_month) + 1, ibis.literal(0, type="int64"))
    return to_month.notnull().ifelse(counted, ibis.literal(None, type="int64"))


def each_month(from_month: ir.DateValue, to_month: ir.DateValue) -> ir.Value:
    """Numbers of the months of an interval with an end, one a row. Only for few rows: each becomes as many as it has months."""
    # each bound within a function call: for Spark, Ibis 12 subtracts one from the other without setting brackets
    start, stop = number_of(from_month), number_of(to_month) + 1
    return ibis.range(ibis.coalesce(start, stop), ibis.coalesce(stop, start), 1).unnest()


def islands(table: ir.Table, by: str, from_month: str, to_month: str) -> ir.Table:
    """The table with a column ``island``: intervals of the same ``by`` that overlap or touch have the same number."""
    order = [table[from_month], table.id]
    last = number_of(table[to_month].fill_null(OPEN_END))
    seen = table.mutate(seen_until=last.max().over(ibis.window(group_by=table[by], order_by=order, preceding=(None, 1))))
    begins = (seen.seen_until.isnull() | (number_of(seen[from_month]) > seen.seen_until + 1)).cast("int64")
    marked = seen.mutate(begins=begins)
    numbered = ibis.window(group_by=marked[by], order_by=[marked[from_month], marked.id], preceding=None, following=0)
    return marked.mutate(island=marked.begins.sum().over(numbered)).drop("seen_until", "begins")
