"""Counting alerts: those that were not closed at the end of a day, and those opened and closed in a month.

As of a past day: opened before its end, and closed after it or not at all, and not closed then and reopened since, as the steps of its case
tell. Severity and money are those of today, since nothing else is on record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, CaseFile
from models.casework import CaseEvent, CaseStep
from models.policy import RecordSections
from models.repositories.figures.kinds import Kind, age_classes
from models.repositories.figures.spans import DaySpan, FigureRow, MonthSpan, with_sums

REOPENED: ColumnElement[str] = literal_column(f"'{CaseStep.REOPENED.value}'")
"""Written out: a bound value would keep SQLite from the partial index."""

CLOSING = (CaseStep.CLOSED, CaseStep.SIGNED)


def stocks(session: Session, policy: RecordSections, day: DaySpan) -> Iterator[FigureRow]:
    """``alerts.open``, ``alerts.in_case``, ``alerts.age`` and ``alerts.severity``: two statements."""
    standing = _not_closed(day.ends)
    worked_on = (
        select(CaseFile.id)
        .where(
            CaseFile.alert_id == Alert.id, CaseFile.opened_at < day.ends, or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= day.ends)
        )
        .exists()
    )
    in_case = case((worked_on, 1), else_=0)
    yield from with_sums(_by_code(session, in_case, standing))
    classes = age_classes(policy.oversight.backlog_days)
    bounds = [(Alert.opened_at >= day.begins(last), name) for _, last, name in classes if last is not None]
    age: ColumnElement[str] = case(*bounds, else_=classes[-1][-1])
    by_age = select(Alert.region_code, age.label("age"), Alert.severity, *_sums()).where(standing)
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(by_age.group_by(Alert.region_code, age, Alert.severity)):
        for kind, code in ((Kind.ALERTS_AGE, row.age), (Kind.ALERTS_SEVERITY, row.severity.value)):
            found[row.region_code, kind, code][0] += row.number
            found[row.region_code, kind, code][1] += int(row.fen)
    yield from with_sums(FigureRow(*key, number, fen) for key, (number, fen) in found.items())


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:  # noqa: ARG001 - as every subject
    """``alerts.opened`` and ``alerts.closed``: two statements."""
    for kind, moment in ((Kind.ALERTS_OPENED, Alert.opened_at), (Kind.ALERTS_CLOSED, Alert.closed_at)):
        query = (
            select(Alert.region_code, Alert.code, *_sums())
            .where(moment >= month.begins, moment < month.ends)
            .group_by(Alert.region_code, Alert.code)
        )
        yield from with_sums(FigureRow(row.region_code, kind, row.code, row.number, int(row.fen)) for row in session.execute(query))


def _by_code(session: Session, in_case: ColumnElement[int], standing: ColumnElement[bool]) -> Iterator[FigureRow]:
    # told apart in a subquery: PostgreSQL takes no subquery in GROUP BY for the one in SELECT
    alerts = select(Alert.region_code, Alert.code, Alert.amount_fen, in_case.label("in_case")).where(standing).subquery()
    number, fen = func.count(), func.coalesce(func.sum(alerts.c.amount_fen), 0)
    group = (alerts.c.region_code, alerts.c.code, alerts.c.in_case)
    whole: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(select(*group, number.label("number"), fen.label("fen")).group_by(*group)):
        whole[row.region_code, row.code][0] += row.number
        whole[row.region_code, row.code][1] += int(row.fen)
        if row.in_case:
            yield FigureRow(row.region_code, Kind.ALERTS_IN_CASE, row.code, row.number, int(row.fen))
    for (region_code, code), (count, amount) in whole.items():
        yield FigureRow(region_code, Kind.ALERTS_OPEN, code, count, amount)


def _not_closed(end: datetime) -> ColumnElement[bool]:
    open_then = or_(Alert.closed_at.is_(None), Alert.closed_at >= end)
    return and_(Alert.opened_at < end, open_then, Alert.id.not_in(_closed_then_and_reopened(end)))


def _closed_then_and_reopened(end: datetime) -> Any:
    """Ids of alerts whose case was closed at that moment, as its last step says that closes or reopens, and was reopened afterwards."""
    reopened = aliased(CaseEvent)
    since = select(reopened.case_id).where(reopened.step == REOPENED, reopened.at >= end)
    last = (
        select(func.max(CaseEvent.id))
        .where(CaseEvent.case_id.in_(since), CaseEvent.step.in_((*CLOSING, CaseStep.REOPENED)), CaseEvent.at < end)
        .group_by(CaseEvent.case_id)
    )
    closed = aliased(CaseEvent)
    return select(CaseFile.alert_id).join(closed, closed.case_id == CaseFile.id).where(closed.id.in_(last), closed.step.in_(CLOSING))


def _sums() -> tuple[ColumnElement[Any], ...]:
    return func.count().label("number"), func.coalesce(func.sum(Alert.amount_fen), 0).label("fen")
