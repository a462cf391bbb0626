"""Figures as supervisors read them, all from the rows that were counted before: six statements for a whole page, whatever the region."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from models.certification import add_months
from models.oversight import FigurePeriod, FiguresRun, OversightFigure
from models.region import Region, region_bounds
from models.repositories.figures.kinds import DECIDED, PEOPLE, VERIFIED, Kind, Method, Route, age_classes
from models.repositories.oversight_lines import Counts, Medians, added, alert_lines, alert_point, month_point, place_lines
from models.repositories.oversight_results import (
    AgeClass,
    Amount,
    GroupLine,
    MonthPoint,
    Overview,
    PlaceLine,
    RouteLine,
)

MONTHS = 13
"""A month, the eleven before it, and the same month of the year before."""

TREND = (
    *(*PEOPLE.values(), Kind.METHOD, Kind.ALERTS_OPEN, Kind.ALERTS_IN_CASE, Kind.CERTIFICATIONS, Kind.ALERTS_OPENED, Kind.ALERTS_CLOSED),
    *(*DECIDED, Kind.CASES_WORKED, Kind.RECOVERED, Kind.PAUSES_PROPOSED, Kind.PAUSES_MADE, Kind.PAUSES_RESUMED),
)
"""Kinds that a month of the trend shows."""


@dataclass(frozen=True)
class _Counted:
    """Which days were counted: day -> when last."""

    days: Mapping[date, datetime]

    def last_up_to(self, day: date | None) -> date | None:
        return max((each for each in self.days if day is None or each <= day), default=None)

    def has_month(self, month: date) -> bool:
        return any(each.replace(day=1) == month for each in self.days)


def counted_days(session: Session, *, first: date | None = None) -> dict[date, datetime]:
    """Days that were counted, and when last. first: leave out earlier ones. One statement; old single days are not kept, month ends are."""
    query = select(FiguresRun.day, func.max(FiguresRun.at).label("at")).group_by(FiguresRun.day)
    if first is not None:
        query = query.where(FiguresRun.day >= first)
    return {row.day: row.at for row in session.execute(query)}


def overview(
    session: Session, *, region_code: str, backlog_days: tuple[int, ...], day: date | None = None, months: int = MONTHS
) -> Overview | None:
    """Everything of a region as of the last counted day, or the last counted one up to ``day``. None when none was counted. Six statements.

    backlog_days: of policy's section ``oversight``. months: of the trend, this one included.
    """
    counted = _Counted(counted_days(session))
    on = counted.last_up_to(day)
    if on is None:
        return None
    this = on.replace(day=1)
    wanted = [add_months(this, -back) for back in reversed(range(months))]
    days = {month: on if month == this else add_months(month, 1) - timedelta(days=1) for month in wanted}
    regions = _regions(session, region_code)
    stocks = _trend(session, FigurePeriod.DAY, region_code, [each for each in days.values() if each in counted.days])
    flows = _trend(session, FigurePeriod.MONTH, region_code, [month for month in wanted if counted.has_month(month)])
    detail = _by_place(session, region_code, on)
    medians = _medians(session, region_code, [code for code in regions if code != region_code], wanted)
    points = tuple(month_point(month, days[month], stocks.get(days[month]), flows.get(month), medians) for month in wanted)
    whole = added(detail.values())
    own = regions.get(region_code)
    return Overview(
        region_code=region_code,
        region_name=own.name if own else region_code,
        level=own.level if own else None,
        day=on,
        counted_at=counted.days[on],
        months=points,
        alerts=alert_lines(whole, medians.of_region),
        ages=tuple(
            AgeClass(code, first, last, whole.get((Kind.ALERTS_AGE, code), Amount())) for first, last, code in age_classes(backlog_days)
        ),
        severities={code: amount for (kind, code), amount in whole.items() if kind == Kind.ALERTS_SEVERITY and code},
        places=place_lines(detail, regions, region_code, medians.of_places),
        month_is_over=add_months(this, 1) - timedelta(days=1) <= on,
    )


def code_trend(session: Session, *, region_code: str, code: str, day: date, months: int = MONTHS) -> tuple[MonthPoint, ...]:
    """One kind of alerts, month by month, oldest first; only what belongs to alerts is filled. Two statements.

    day: one that was counted, such as ``Overview.day``; stocks are of month ends, and of it.
    """
    this = day.replace(day=1)
    wanted = [add_months(this, -back) for back in reversed(range(months))]
    days = {month: day if month == this else add_months(month, 1) - timedelta(days=1) for month in wanted}
    figure = OversightFigure
    kinds = (Kind.ALERTS_OPEN, Kind.ALERTS_IN_CASE, Kind.ALERTS_OPENED, Kind.ALERTS_CLOSED, *DECIDED, Kind.CASES_WORKED, Kind.RECOVERED)
    when = or_(
        and_(figure.period == FigurePeriod.DAY, figure.day.in_(list(days.values()))),
        and_(figure.period == FigurePeriod.MONTH, figure.day.in_(wanted)),
    )
    query = (
        select(figure.period, figure.day, figure.kind, *_sums())
        .where(when, figure.kind.in_(kinds), figure.code == code, figure.region_code.between(*region_bounds(region_code)))
        .group_by(figure.period, figure.day, figure.kind)
    )
    found: dict[tuple[FigurePeriod, date], dict[tuple[str, str], Amount]] = defaultdict(dict)
    for row in session.execute(query):
        found[row.period, row.day][row.kind, ""] = _amount(row)
    medians = _medians(session, region_code, [], wanted, code=code)
    return tuple(
        alert_point(month, days[month], found[FigurePeriod.DAY, days[month]], found[FigurePeriod.MONTH, month], medians) for month in wanted
    )


def code_places(session: Session, *, region_code: str, code: str, day: date) -> tuple[PlaceLine, ...]:
    """One kind of alerts by city, or by county of a city, as of a counted day and in its month; people are left empty. Three statements."""
    regions = _regions(session, region_code)
    found = _by_place(session, region_code, day, code=code)
    detail = {place: {(kind, ""): amount for (kind, _), amount in counts.items()} for place, counts in found.items()}
    medians = _medians(session, region_code, [each for each in regions if each != region_code], [day.replace(day=1)], code=code)
    of_places = {place: {"": value[code]} for place, value in medians.of_places.items() if code in value}
    return place_lines(detail, regions, region_code, of_places)


def verification_groups(session: Session, *, region_code: str, months: Sequence[date]) -> tuple[GroupLine, ...]:
    """Attempts by camera that began in these months (first days), by group, for rates of completion, retry and refusal. One statement."""
    figure = OversightFigure
    query = (
        select(figure.kind, figure.code, *_sums())
        .where(
            figure.period == FigurePeriod.MONTH,
            figure.day.in_(list(months)),
            figure.kind.in_((Kind.VERIFICATIONS_STARTED, Kind.VERIFICATIONS_REVIEWED, *VERIFIED)),
            figure.region_code.between(*region_bounds(region_code)),
        )
        .group_by(figure.kind, figure.code)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in session.execute(query):
        found[row.code][row.kind.removeprefix("verifications.")] = int(row.number)
        found[row.code]["decided_s"] += int(row.seconds)
    groups = {code: code.partition(":") for code in sorted(found)}
    return tuple(GroupLine(group, value, **found[code]) for code, (group, _, value) in groups.items())


def route_times(session: Session, *, region_code: str, months: Sequence[date]) -> tuple[RouteLine, ...]:
    """Certifications by route and month (first days), with how long they took where that is known; a line for each. One statement."""
    figure = OversightFigure
    additive = figure.kind.in_((Kind.ROUTE, Kind.ROUTE_TIMED))
    inside = figure.region_code.between(*region_bounds(region_code))
    median = and_(figure.kind == Kind.ROUTE_MEDIAN, figure.region_code == region_code)
    query = (
        select(figure.day, figure.kind, figure.code, *_sums())
        .where(figure.period == FigurePeriod.MONTH, figure.day.in_(list(months)), or_(and_(additive, inside), median))
        .group_by(figure.day, figure.kind, figure.code)
    )
    lines = {(month, route.value): RouteLine(route.value, month) for month in months for route in Route}
    for row in session.execute(query):
        at = (row.day, row.code)
        if at not in lines:
            continue
        if row.kind == Kind.ROUTE:
            lines[at] = replace(lines[at], count=int(row.number))
        elif row.kind == Kind.ROUTE_TIMED:
            lines[at] = replace(lines[at], timed=int(row.number), seconds=int(row.seconds))
        else:
            lines[at] = replace(lines[at], median_s=int(row.seconds))
    return tuple(lines.values())


def _medians(session: Session, region_code: str, places: Sequence[str], months: Sequence[date], *, code: str = "") -> Medians:
    figure = OversightFigure
    own = and_(figure.region_code == region_code, or_(figure.code == code, figure.day == months[-1]))
    theirs = and_(figure.region_code.in_(places), figure.code == code, figure.day == months[-1])
    query = select(figure.day, figure.region_code, figure.code, figure.seconds).where(
        figure.period == FigurePeriod.MONTH, figure.day.in_(list(months)), figure.kind == Kind.CASES_DECIDED_MEDIAN, or_(own, theirs)
    )
    of_months: dict[date, int] = {}
    of_region: dict[str, int] = {}
    of_places: dict[str, dict[str, int]] = defaultdict(dict)
    for row in session.execute(query):
        seconds = int(row.seconds or 0)
        if row.region_code != region_code:
            of_places[row.region_code][row.code] = seconds
            continue
        if row.code == code:
            of_months[row.day] = seconds
        if row.day == months[-1]:
            of_region[row.code] = seconds
    return Medians(of_months, of_region, of_places)


def _regions(session: Session, region_code: str) -> dict[str, Region]:
    """The region and those directly inside it, by code."""
    query = select(Region).where(or_(Region.code == region_code, Region.parent_code == region_code)).order_by(Region.code)
    return {region.code: region for region in session.scalars(query)}


def _sums() -> tuple[ColumnElement[Any], ...]:
    figure = OversightFigure
    return (
        func.sum(figure.count).label("number"),
        func.coalesce(func.sum(figure.fen), 0).label("fen"),
        func.coalesce(func.sum(figure.seconds), 0).label("seconds"),
    )


def _amount(row: Row[Any]) -> Amount:
    # PostgreSQL sums 64-bit numbers into decimals
    return Amount(int(row.number), int(row.fen), int(row.seconds))


def _trend(session: Session, period: FigurePeriod, region_code: str, days: Sequence[date]) -> dict[date, Counts]:
    """Of each of these days or months, the sums of every kind, by code only where the trend shows codes."""
    figure = OversightFigure
    query = (
        select(figure.day, figure.kind, figure.code, *_sums())
        .where(
            figure.period == period,
            figure.day.in_(list(days)),
            figure.kind.in_(TREND),
            figure.code.in_(("", *Method)),  # all that an index needs: other codes are not shown by month
            figure.region_code.between(*region_bounds(region_code)),
        )
        .group_by(figure.day, figure.kind, figure.code)
    )
    found: dict[date, dict[tuple[str, str], Amount]] = {day: {} for day in days}
    for row in session.execute(query):
        found[row.day][row.kind, row.code] = _amount(row)
    return dict(found)


def _place(region_code: str) -> ColumnElement[str]:
    """Below which place a county is counted: its city in a province, itself in a city."""
    code = OversightFigure.region_code
    if region_code.endswith("0000"):
        return func.substr(code, 1, 4).op("||")(literal("00"))
    return code.expression


def _by_place(session: Session, region_code: str, day: date, *, code: str | None = None) -> dict[str, dict[tuple[str, str], Amount]]:
    """Of each place, the sums of every kind and code of the day and of its month."""
    figure = OversightFigure
    place = _place(region_code).label("place")
    when = or_(
        and_(figure.period == FigurePeriod.DAY, figure.day == day),
        and_(figure.period == FigurePeriod.MONTH, figure.day == day.replace(day=1)),
    )
    inside = figure.region_code.between(*region_bounds(region_code))
    kinds = (
        *PEOPLE.values(),
        *(Kind.METHOD, Kind.ALERTS_OPEN, Kind.ALERTS_IN_CASE, Kind.ALERTS_AGE, Kind.ALERTS_SEVERITY),
        *(Kind.ALERTS_OPENED, Kind.ALERTS_CLOSED, *DECIDED, Kind.CASES_WORKED, Kind.RECOVERED),
    )
    query = select(place, figure.kind, figure.code, *_sums()).where(when, inside, figure.kind.in_(kinds))
    if code is not None:
        query = query.where(figure.code == code, figure.kind != Kind.METHOD)
    found: dict[str, dict[tuple[str, str], Amount]] = defaultdict(dict)
    for row in session.execute(query.group_by(place, figure.kind, figure.code)):
        found[row.place][row.kind, row.code] = _amount(row)
    return found
