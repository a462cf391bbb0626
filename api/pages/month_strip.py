"""The months of a finding as a picture and as a table that says the same: who was enrolled or paid where, and which months count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from models.certification import add_months
from models.repositories.signal_records import BENEFIT, Lane

WIDTH = 1000  # units of the picture over all of its months
MARGIN_MONTHS = 2  # shown before and after the months that count
LANES_SHOWN = 8
MONTHS_SHOWN = 480


@dataclass(frozen=True)
class Event:
    """Something on a day, or from a day to a day. until: None for one day, or for what lasts (``lasts`` tells)."""

    label: str
    on: date
    until: date | None = None
    lasts: bool = False


@dataclass(frozen=True)
class Bar:
    """One mark of the picture, in its units. kind: its look."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True)
class StripLane:
    """One row of the picture. first, last: months that it covers; lasts: beyond the last one. paid_months: of a benefit."""

    label: str
    bars: tuple[Bar, ...]
    first: date
    last: date
    lasts: bool
    paid_months: int | None


@dataclass(frozen=True)
class MonthRun:
    """Months that follow each other and are alike. cells: one a lane: fen that were paid in each month, True for a month of an enrolment or
    benefit without a payment, None for nothing. counts: whether they are among the months of the finding.
    """

    first: date
    last: date
    months: int
    cells: tuple[int | bool | None, ...]
    counts: bool


@dataclass(frozen=True)
class MonthStrip:
    """Picture and table. labels, benefits: of the columns, and which of them are benefits. ticks: where a year begins.

    hidden: lanes that are too many to draw.
    """

    first: date
    last: date
    lanes: tuple[StripLane, ...]
    labels: tuple[str, ...]
    benefits: tuple[bool, ...]
    runs: tuple[MonthRun, ...]
    counted: Bar
    ticks: tuple[float, ...]
    hidden: int


def window(from_month: date | None, to_month: date | None, today: date) -> tuple[date, date] | None:
    """First and last month of the picture, which does not go beyond today's; None for a finding without months."""
    if from_month is None or to_month is None or to_month < from_month:
        return None
    first = max(add_months(from_month, -MARGIN_MONTHS), add_months(to_month, -MONTHS_SHOWN))
    return first, max(to_month, min(add_months(to_month, MARGIN_MONTHS), today.replace(day=1)))


def draw(
    lanes: Sequence[Lane],
    labels: Sequence[str],
    events: Sequence[Event],
    *,
    from_month: date,
    to_month: date,
    today: date,
    paid: frozenset[tuple[int, date]] = frozenset(),
) -> MonthStrip:
    """The strip of a finding. labels: of the lanes. paid: (benefit, month) of the payments that the finding names, if it names any."""
    seen = window(from_month, to_month, today)
    if seen is None:
        raise ValueError("a finding without months has no strip")
    first, last = seen
    shown = list(zip(lanes, labels, strict=True))[:LANES_SHOWN]
    months = _number(first, last)
    rows = [_row(lane, label, first, last, months, paid) for lane, label in shown]
    rows += [_event_row(event, first, last, months) for event in events[:LANES_SHOWN]]
    begin, end = max(from_month, first), to_month
    return MonthStrip(
        first,
        last,
        tuple(rows),
        tuple(label for _, label in shown),
        tuple(lane.kind == BENEFIT for lane, _ in shown),
        tuple(_runs([lane for lane, _ in shown], first, last, (from_month, to_month), paid)),
        Bar(_x(first, begin, months), _x(first, add_months(end, 1), months) - _x(first, begin, months), "counted"),
        tuple(_x(first, month, months) for month in _months(first, last) if month.month == 1 and month != first),
        max(0, len(lanes) - LANES_SHOWN),
    )


def _months(first: date, last: date) -> Iterator[date]:
    month = first
    while month <= last:
        yield month
        month = add_months(month, 1)


def _number(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _x(first: date, month: date, months: int) -> float:
    return round(WIDTH * max(0, min(months, _number(first, month) - 1)) / months, 2)


def _span(first: date, begin: date, end: date, months: int, kind: str) -> Bar:
    x = _x(first, begin, months)
    return Bar(x, round(_x(first, add_months(end, 1), months) - x, 2), kind)


def _row(lane: Lane, label: str, first: date, last: date, months: int, paid: frozenset[tuple[int, date]]) -> StripLane:
    begin, end = max(lane.from_month, first), min(lane.to_month or last, last)
    look = "span" if lane.kind == BENEFIT else "paid"
    bars = [_span(first, begin, end, months, look)] if begin <= end else []
    for month, _ in sorted(lane.paid.items()):
        if first <= month <= last:
            bars.append(_span(first, month, month, months, "named" if (lane.id, month) in paid and lane.kind == BENEFIT else "paid"))
    number = sum(first <= month <= last for month in lane.paid) if lane.kind == BENEFIT else None
    return StripLane(label, tuple(bars), lane.from_month, lane.to_month or last, lane.to_month is None, number)


def _event_row(event: Event, first: date, last: date, months: int) -> StripLane:
    end = last if event.lasts else (event.until or event.on)
    begin_month, end_month = event.on.replace(day=1), end.replace(day=1)
    visible = begin_month <= last and end_month >= first
    bars = (_span(first, max(begin_month, first), min(end_month, last), months, "event"),) if visible else ()
    return StripLane(event.label, bars, event.on, end, event.lasts, None)


def _cell(lane: Lane, month: date) -> int | bool | None:
    if month in lane.paid:
        return lane.paid[month]
    return True if lane.from_month <= month and (lane.to_month is None or month <= lane.to_month) else None


def _runs(
    lanes: Sequence[Lane], first: date, last: date, counted: tuple[date, date], paid: frozenset[tuple[int, date]]
) -> Iterator[MonthRun]:
    paid_months = {month for _, month in paid}
    run: MonthRun | None = None
    for month in _months(first, last):
        cells = tuple(_cell(lane, month) for lane in lanes)
        held = sum(_holds(lane, cell) for lane, cell in zip(lanes, cells, strict=True))
        inside = counted[0] <= month <= counted[1]
        counts = inside and (month in paid_months if paid_months else held >= min(2, len(lanes)))
        if run is not None and (run.cells, run.counts) == (cells, counts):
            run = MonthRun(run.first, month, run.months + 1, cells, counts)
            continue
        if run is not None:
            yield run
        run = MonthRun(month, month, 1, cells, counts)
    if run is not None:
        yield run


def _holds(lane: Lane, cell: int | bool | None) -> bool:
    """Whether a lane stands in a month: a benefit by its payments, where there are any; an enrolment by its months."""
    if lane.kind == BENEFIT and lane.paid:
        return cell is not None and cell is not True
    return cell is not None
