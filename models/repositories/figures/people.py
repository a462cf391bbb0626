"""Counting pensioners: their certification status as of a day, and how those whose certification holds were last certified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from models.certification import add_months
from models.certification_sql import certifying, counts_on
from models.certification_state import CertificationState
from models.life_evidence import EvidenceKind, LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy, RecordSections
from models.region import Region
from models.repositories import region_statuses
from models.repositories.figures.kinds import PEOPLE, Kind, Method
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan, with_sums

METHODS = tuple(Method)
PLACES = 16
"""Room for the number of a method in one number with the id of the evidence; greater than the number of methods."""

HOLDS = (CertificationState.CERTIFIED.value, CertificationState.DUE_SOON.value)


def stocks(session: Session, policy: RecordSections, day: DaySpan) -> Iterator[FigureRow]:
    """``people.*`` and ``method``: two statements a province."""
    for root in session.scalars(select(Region.code).where(Region.parent_code.is_(None)).order_by(Region.code)).all():
        status = region_statuses.status_table_of_region(session, policy.certification, day.day, root)
        pensioners = status.c.benefits > 0
        by_state = (
            select(status.c.region_code, status.c.state, func.count().label("number"))
            .where(pensioners)
            .group_by(status.c.region_code, status.c.state)
        )
        for row in session.execute(by_state):
            yield FigureRow(row.region_code, PEOPLE[CertificationState(row.state)], "", row.number)
        yield from with_sums(_methods(session, policy.certification, day.day, status))


def _methods(session: Session, policy: CertificationPolicy, on: date, status: Any) -> Iterator[FigureRow]:
    """Of several rows of evidence of the last day, the one that was recorded last."""
    merged = aliased(Person)
    earliest = add_months(on, -1 - max([policy.default_cycle_months, *(cycle.months for cycle in policy.cycles)]))
    newest = (
        select(status.c.region_code, func.max(LifeEvidence.id * PLACES + _method_number()).label("newest"))
        .select_from(LifeEvidence)
        .outerjoin(merged, and_(merged.id == LifeEvidence.person_id, merged.merged_into_id.is_not(None)))
        .join(
            status,
            and_(
                status.c.person_id == func.coalesce(merged.merged_into_id, LifeEvidence.person_id),
                status.c.last_certified_on == LifeEvidence.occurred_on,
            ),
        )
        .where(
            status.c.state.in_(HOLDS),
            status.c.benefits > 0,
            LifeEvidence.occurred_on >= earliest,  # what is older has run out
            certifying(policy),
            counts_on(LifeEvidence, on),
        )
        .group_by(status.c.person_id, status.c.region_code)
        .subquery()
    )
    method = newest.c.newest % PLACES
    for row in session.execute(
        select(newest.c.region_code, method.label("method"), func.count().label("number")).group_by(newest.c.region_code, method)
    ):
        yield FigureRow(row.region_code, Kind.METHOD, METHODS[row.method], row.number)


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:
    """``certifications`` and ``route``: certifying evidence of the month that counts, one statement."""
    number = _method_number()
    query = (
        select(Person.region_code, number.label("method"), func.count().label("number"))
        .select_from(LifeEvidence)
        .join(Person, Person.id == LifeEvidence.person_id)
        .where(LifeEvidence.occurred_on >= month.month, certifying(policy.certification), counts_on(LifeEvidence, month.last_day))
        .group_by(Person.region_code, number)
    )
    counted = [(row.region_code, METHODS[row.method], row.number) for row in session.execute(query)]
    yield from with_sums(FigureRow(region, Kind.CERTIFICATIONS, method, certified) for region, method, certified in counted)
    routes: dict[tuple[str, str], int] = {}
    for region, method, certified in counted:
        key = (region, Method.DATA_MATCH if method is Method.SILENT else method)
        routes[key] = routes.get(key, 0) + certified
    yield from with_sums(FigureRow(region, Kind.ROUTE, route, certified) for (region, route), certified in routes.items())


def _method_number() -> ColumnElement[int]:
    """Which of METHODS a row of evidence is."""
    silent = and_(LifeEvidence.kind == EvidenceKind.DATA_MATCH, LifeEvidence.based_on_id.is_not(None))
    kinds = [(LifeEvidence.kind == EvidenceKind(each.value), METHODS.index(each)) for each in METHODS if each is not Method.SILENT]
    return case((silent, METHODS.index(Method.SILENT)), *kinds, else_=METHODS.index(Method.DATA_MATCH))
