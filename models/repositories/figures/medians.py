"""Medians of a time by region: of each county, city and province, by code and over all codes. One statement on either database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger, String

from models.region import Region
from models.repositories.figures.spans import FigureRow


def medians(session: Session, kind: str, measured: Select[*tuple[Any, ...]]) -> Iterator[FigureRow]:
    """A row a region and code, with the number of values as count and the median as seconds (of an even number: the mean of the middle
    two, cut to whole seconds). measured: columns region_code, code and seconds of each value.
    """
    values = measured.cte("measured")
    county, code, seconds = values.c.region_code, values.c.code, values.c.seconds
    city: ColumnElement[str] = func.substr(county, 1, 4).op("||")(literal("00"))
    province: ColumnElement[str] = func.substr(county, 1, 2).op("||")(literal("0000"))
    places = (
        (county, county.not_like("%00")),
        (city, county.not_like("%0000")),
        (province, None),
    )
    parts = []
    for place, only in places:
        for of in (code, cast(literal(""), String)):
            part = select(cast(place, String).label("place"), of.label("code"), seconds.label("seconds"))
            parts.append(part if only is None else part.where(only))
    spread = union_all(*parts).subquery()
    group = (spread.c.place, spread.c.code)
    ranked = select(
        *group,
        spread.c.seconds,
        func.row_number().over(partition_by=group, order_by=spread.c.seconds).label("rank"),
        func.count().over(partition_by=group).label("number"),
    ).subquery()
    middle = ranked.c.rank.in_(((ranked.c.number + 1) // 2, (ranked.c.number + 2) // 2))
    query = (
        select(
            ranked.c.place,
            ranked.c.code,
            func.max(ranked.c.number).label("number"),
            cast(func.sum(ranked.c.seconds), BigInteger).label("sum"),
            func.count().label("middle"),
        )
        .join(Region, Region.code == ranked.c.place)  # a figure is of a region that is on record
        .where(middle)
        .group_by(ranked.c.place, ranked.c.code)
    )
    for row in session.execute(query):
        yield FigureRow(row.place, kind, row.code, int(row.number), None, int(row.sum) // int(row.middle))
