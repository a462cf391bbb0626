"""Counting how long a certification takes by each route, where a beginning is on record.

face: the attempt, from its begin to the decision. assisted: from the request to the day that it was carried out. counter, home_visit and
video_call: of somebody on the outreach list, from the day they came onto it to the certification's record; whoever comes by
themselves has no beginning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, String, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from models.assistance import AssistanceEvent, AssistanceRequest, AssistanceState
from models.certification_sql import certifying, counts_on
from models.life_evidence import EvidenceKind, LifeEvidence
from models.outreach import Outreach
from models.person import Person
from models.policy import RecordSections
from models.repositories.figures.kinds import Kind, Route
from models.repositories.figures.medians import medians
from models.repositories.figures.spans import FigureRow, MonthSpan, whole_seconds, with_sums
from models.verification import Verification, VerificationOutcome

SOUGHT = (EvidenceKind.COUNTER, EvidenceKind.HOME_VISIT, EvidenceKind.VIDEO_CALL)
"""What ends an outreach in a way that its list led to."""


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:
    """``route.timed`` and ``route.median_s``: two statements."""
    timed = union_all(_by_camera(month), _assisted(month), _sought(policy, month)).subquery()
    columns = (timed.c.region_code, timed.c.code)
    query = select(*columns, func.count().label("number"), func.sum(timed.c.seconds).label("seconds")).group_by(*columns)
    found: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in session.execute(query):
        found[row.region_code, row.code] = row.number, int(row.seconds)
    yield from with_sums(
        FigureRow(region, Kind.ROUTE_TIMED, code, number, None, seconds) for (region, code), (number, seconds) in found.items()
    )
    yield from medians(session, Kind.ROUTE_MEDIAN, select(timed.c.region_code, timed.c.code, timed.c.seconds))


def _by_camera(month: MonthSpan) -> Select[*tuple[Any, ...]]:
    row = Verification
    seconds = whole_seconds(row.decided_at) - whole_seconds(row.started_at)
    return (
        select(Person.region_code, _code(Route.FACE).label("code"), seconds.label("seconds"))
        .join(Person, Person.id == row.person_id)
        .where(row.outcome == VerificationOutcome.CERTIFIED, row.started_at >= month.begins, row.started_at < month.ends)
    )


def _assisted(month: MonthSpan) -> Select[*tuple[Any, ...]]:
    request, event = AssistanceRequest, AssistanceEvent
    seconds = whole_seconds(event.made_at) - whole_seconds(request.requested_at)
    return (
        select(Person.region_code, _code(Route.ASSISTED).label("code"), seconds.label("seconds"))
        .select_from(request)
        .join(event, and_(event.request_id == request.id, event.state == AssistanceState.CARRIED_OUT))
        .join(Person, Person.id == request.person_id)
        .where(request.asked_here, event.made_at >= month.begins, event.made_at < month.ends)
    )


def _sought(policy: RecordSections, month: MonthSpan) -> Select[*tuple[Any, ...]]:
    seen = LifeEvidence
    seconds = whole_seconds(seen.recorded_at) - whole_seconds(Outreach.opened_at)
    return (
        select(Person.region_code, cast(seen.kind, String).label("code"), seconds.label("seconds"))
        .select_from(Outreach)
        .join(
            seen,
            and_(
                seen.person_id == Outreach.person_id,
                seen.kind.in_(SOUGHT),
                seen.recorded_at >= Outreach.opened_at,
                or_(Outreach.closed_at.is_(None), seen.recorded_at <= Outreach.closed_at),
            ),
        )
        .join(Person, Person.id == Outreach.person_id)
        .where(
            seen.recorded_at >= month.begins,
            seen.recorded_at < month.ends,
            certifying(policy.certification),
            counts_on(seen, month.last_day),
        )
    )


def _code(route: Route) -> Any:
    return cast(literal(route.value), String)
