"""Months and money of pauses and resumptions: pure rules.

A pause counts from the month after its signature, a resumption from the month after it was made, both by whole months. What is owed for the
months between is the benefit of each month less what was paid for it; nothing for a prison term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.certification import add_months
from models.policy_store import CustodyPartMonth


class MonthReason(StrEnum):
    """Why a month of the pause is owed, or not."""

    OWED = "owed"
    PART_PAID = "part_paid"
    PAID = "paid"
    CUSTODY = "custody"
    CUSTODY_PART = "custody_part"  # in custody for a part of the month: a person may settle it otherwise
    NOT_DRAWN = "not_drawn"  # before the benefit began or after it ended


class PauseRefusal(StrEnum):
    """Why a pause cannot be proposed, or cannot be signed any more."""

    CERTIFIED = "certified"
    DECEASED = "deceased"
    NOT_DUE = "not_due"
    OUTREACH_CLOSED = "outreach_closed"
    OUTREACH_MISSING = "outreach_missing"
    NOT_DRAWN = "not_drawn"


@dataclass(frozen=True)
class Custody:
    """One stay in custody. last_day: None while it lasts."""

    first_day: date
    last_day: date | None


@dataclass(frozen=True)
class OwedMonth:
    """One month of the pause and what is owed for it, in fen."""

    month: date
    fen: int
    reason: MonthReason

    def as_json(self) -> dict[str, str | int]:
        """As ``payment_change.arrears`` keeps it."""
        return {"month": self.month.isoformat(), "fen": self.fen, "reason": self.reason.value}


def month_of(day: date) -> date:
    """First day of the month."""
    return day.replace(day=1)


def months(first: date, end: date) -> Iterator[date]:
    """First days of the months from that of ``first`` to before that of ``end``."""
    month, end = month_of(first), month_of(end)
    while month < end:
        yield month
        month = add_months(month, 1)


def pause_month(today: date, months_ahead: int) -> date:
    """First month that is not paid, for a pause that is signed today."""
    return add_months(month_of(today), months_ahead)


def resume_month(today: date, paused_on: date) -> date:
    """First month that is paid again, for a resumption made today: the next one, and never one before the pause.

    A certification between the signature and the first day of the pause so comes to a pause of no month at all.
    """
    return max(add_months(month_of(today), 1), month_of(paused_on))


def arrears(
    *,
    paused_on: date,
    resumed_month: date,
    monthly_fen: int,
    paid_fen: Mapping[date, int],
    custody: Sequence[Custody],
    drawn_from: date,
    drawn_to: date | None,
    part_month: CustodyPartMonth,
) -> tuple[OwedMonth, ...]:
    """What is owed for each month from the pause to before the resumption.

    monthly_fen: the benefit of one month. paid_fen: what was paid for a month all the same, by first day. drawn_from, drawn_to: first and
    last month of the benefit. part_month: policy's answer for a month with some, but not all, of its days in custody.
    """
    return tuple(
        _owed(month, monthly_fen, paid_fen.get(month, 0), custody, drawn_from, drawn_to, part_month)
        for month in months(paused_on, resumed_month)
    )


def _owed(
    month: date,
    monthly_fen: int,
    paid_fen: int,
    custody: Sequence[Custody],
    drawn_from: date,
    drawn_to: date | None,
    part_month: CustodyPartMonth,
) -> OwedMonth:
    if month < drawn_from or (drawn_to is not None and month > drawn_to):
        return OwedMonth(month, 0, MonthReason.NOT_DRAWN)
    days = custody_days(month, custody)
    if days == month_days(month):
        return OwedMonth(month, 0, MonthReason.CUSTODY)
    if days and part_month is CustodyPartMonth.WITHHELD:
        return OwedMonth(month, 0, MonthReason.CUSTODY_PART)
    owed = max(0, monthly_fen - paid_fen)
    if owed == 0 and paid_fen > 0:
        return OwedMonth(month, 0, MonthReason.PAID)
    return OwedMonth(month, owed, MonthReason.PART_PAID if paid_fen else MonthReason.OWED)


def month_days(month: date) -> int:
    """Days of the month."""
    return (add_months(month, 1) - month).days


def custody_days(month: date, custody: Sequence[Custody]) -> int:
    """Days of the month on which the person was in custody, each day once."""
    last = add_months(month, 1) - timedelta(days=1)
    inside: set[int] = set()
    for stay in custody:
        start, end = max(stay.first_day, month), last if stay.last_day is None else min(stay.last_day, last)
        if start <= end:
            inside.update(range(start.day, end.day + 1))
    return len(inside)


def held_back(certified_on: date, custody: Sequence[Custody]) -> bool:
    """True when a certification of that day resumes nothing: a stay in custody lasts, or ended on that day or later.

    After a release it takes a certification of a later day.
    """
    return any(stay.last_day is None or stay.last_day >= certified_on for stay in custody)
