"""Counting cases: what was decided in a month, how long it took, and the money found and recovered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from models.alert import Alert, CaseFile
from models.casework import CaseEvent, CaseStep
from models.certification import add_months
from models.policy import RecordSections
from models.repositories.figures.kinds import Kind
from models.repositories.figures.medians import medians
from models.repositories.figures.spans import FigureRow, MonthSpan, whole_seconds, with_sums

RECOVERED: ColumnElement[str] = literal_column(f"'{CaseStep.RECOVERED.value}'")
"""Written out: a bound value would keep SQLite from the partial index."""


def flows(session: Session, policy: RecordSections, month: MonthSpan) -> Iterator[FigureRow]:  # noqa: ARG001 - as every subject
    """``cases.*`` and ``recovered``: three statements. A decision that was taken back is none."""
    decided = (CaseFile.closed_at >= month.begins, CaseFile.closed_at < month.ends)
    waited = whole_seconds(CaseFile.closed_at) - whole_seconds(Alert.opened_at)
    by_outcome = (
        select(
            CaseFile.region_code,
            Alert.code,
            CaseFile.outcome,
            func.count().label("number"),
            func.coalesce(func.sum(CaseFile.found_fen), 0).label("found"),
            func.sum(waited).label("waited"),
            func.sum(CaseFile.worked_s).label("worked"),
        )
        .join(Alert, Alert.id == CaseFile.alert_id)
        .where(*decided)
        .group_by(CaseFile.region_code, Alert.code, CaseFile.outcome)
    )
    outcomes: list[FigureRow] = []
    worked: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in session.execute(by_outcome):
        kind = Kind(f"cases.{row.outcome.value}")
        outcomes.append(FigureRow(row.region_code, kind, row.code, row.number, int(row.found), int(row.waited)))
        worked[row.region_code, row.code][0] += row.number
        worked[row.region_code, row.code][1] += int(row.worked)
    yield from with_sums(outcomes)
    yield from with_sums(
        FigureRow(region, Kind.CASES_WORKED, code, number, None, seconds) for (region, code), (number, seconds) in worked.items()
    )
    measured = (
        select(CaseFile.region_code.label("region_code"), Alert.code.label("code"), waited.label("seconds"))
        .join(Alert, Alert.id == CaseFile.alert_id)
        .where(*decided)
    )
    yield from medians(session, Kind.CASES_DECIDED_MEDIAN, measured)
    yield from with_sums(_recovered(session, month))


def came_back_in(month: MonthSpan) -> ColumnElement[bool]:
    """True for a step by which money came back that counts in the month: each counts in one month only.

    That is the month of the day on which it came back, when it was written down before the end of the next one; what was written down
    later counts in the month in which it was, since months before that are not counted again.
    """
    came_on, written = CaseEvent.details["on"].as_string(), CaseEvent.at
    in_time = and_(came_on.between(month.month.isoformat(), month.last_day.isoformat()), written < month.last_count)
    late = and_(came_on < add_months(month.month, -1).isoformat(), written < month.ends)
    # nothing is written down before it came back
    return and_(CaseEvent.step == RECOVERED, written >= month.begins, written < month.last_count, or_(in_time, late))


def _recovered(session: Session, month: MonthSpan) -> Iterator[FigureRow]:
    """Money that came back, as ``came_back_in`` has it."""
    query = (
        select(
            CaseFile.region_code,
            Alert.code,
            func.count().label("number"),
            func.sum(CaseEvent.details["fen"].as_integer()).label("fen"),
        )
        .select_from(CaseEvent)
        .join(CaseFile, CaseFile.id == CaseEvent.case_id)
        .join(Alert, Alert.id == CaseFile.alert_id)
        .where(came_back_in(month))
        .group_by(CaseFile.region_code, Alert.code)
    )
    for row in session.execute(query):
        yield FigureRow(row.region_code, Kind.RECOVERED, row.code, row.number, int(row.fen))
