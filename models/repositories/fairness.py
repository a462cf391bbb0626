"""Camera checks by groups of people, as fairness looks at them: from the figures that were counted before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.fairness import Attempts, Dimension
from models.oversight import FigurePeriod, OversightFigure
from models.region import Region, region_bounds, region_prefix
from models.repositories import oversight
from models.repositories.figures.kinds import VERIFIED, Group, Kind

Groups = dict[Dimension, dict[str, Attempts]]

OF_GROUP = {Group.AGE: Dimension.AGE, Group.SEX: Dimension.SEX, Group.DEVICE: Dimension.DEVICE, Group.ROUTE: Dimension.ROUTE}
FIELDS = {
    Kind.VERIFICATIONS_CERTIFIED: "certified",
    Kind.VERIFICATIONS_REFER: "referred",
    Kind.VERIFICATIONS_RETRY: "retried",
    Kind.VERIFICATIONS_REFUSED: "refused",
    Kind.VERIFICATIONS_ABANDONED: "unfinished",
    Kind.VERIFICATIONS_EXPIRED: "unfinished",
    Kind.VERIFICATIONS_REVIEWED: "reviewed",
}


def groups(session: Session, *, region_code: str, months: Sequence[date]) -> Groups:
    """Attempts of a region that began in these months (first days), by dimension and group. Two statements.

    Groups of the dimension region are cities of a province, counties of a city; a county has none.
    """
    found: Groups = {dimension: {} for dimension in Dimension}
    for line in oversight.verification_groups(session, region_code=region_code, months=months):
        dimension = OF_GROUP.get(Group(line.group))
        if dimension is not None:
            unfinished = line.abandoned + line.expired
            counts = (line.certified, line.refer, line.retry, line.refused, unfinished, line.decided_s, line.reviewed)
            found[dimension][line.value] = Attempts(*counts)
    found[Dimension.REGION] = _by_place(session, region_code, months)
    return {dimension: {name: one for name, one in members.items() if one.ended} for dimension, members in found.items()}


def top_regions(session: Session, *, months: Sequence[date]) -> list[Region]:
    """The regions over all that have attempts in these months: provinces as a rule. Two statements."""
    figure = OversightFigure
    begin = func.substr(figure.region_code, 1, 2)
    of_attempts = (figure.period == FigurePeriod.MONTH, figure.day.in_(list(months)), figure.kind == Kind.VERIFICATIONS_STARTED)
    starts = session.scalars(select(begin).where(*of_attempts).distinct()).all()
    first = select(func.min(Region.code)).where(func.substr(Region.code, 1, 2).in_(starts)).group_by(func.substr(Region.code, 1, 2))
    return list(session.scalars(select(Region).where(Region.code.in_(first)).order_by(Region.code)))


def names_inside(session: Session, region_code: str) -> dict[str, str]:
    """Code -> name of the cities of a province, or the counties of a city. One statement."""
    low, high = region_bounds(region_code)
    digits = len(region_prefix(region_code)) + 2
    query = select(Region.code, Region.name).where(Region.code.between(low, high), Region.code != region_code)
    return {code: name for code, name in session.execute(query) if code[digits:].strip("0") == ""}


def _by_place(session: Session, region_code: str, months: Sequence[date]) -> dict[str, Attempts]:
    digits = len(region_prefix(region_code)) + 2
    if digits > len(region_code):
        return {}
    figure = OversightFigure
    place = func.substr(figure.region_code, 1, digits)
    query = (
        select(place, figure.kind, func.sum(figure.count), func.coalesce(func.sum(figure.seconds), 0))
        .where(
            figure.period == FigurePeriod.MONTH,
            figure.day.in_(list(months)),
            figure.kind.in_((*VERIFIED, Kind.VERIFICATIONS_REVIEWED)),
            figure.code == f"{Group.ALL}:",
            figure.region_code.between(*region_bounds(region_code)),
        )
        .group_by(place, figure.kind)
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for start, kind, count, seconds in session.execute(query):
        counts = found[start.ljust(6, "0")]
        counts[FIELDS[Kind(kind)]] += int(count)
        counts["seconds"] += int(seconds)
    return {code: Attempts(**counts) for code, counts in sorted(found.items()) if code != region_code}
