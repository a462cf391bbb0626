"""The day by which an alert should be decided, made by the database: of its case, or so many days after the alert's opening."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Integer, String, case, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.alert import Alert, AlertSeverity, CaseFile


@dataclass(frozen=True)
class DueRules:
    """Calendar days from an alert's opening to the day it is due. by_code: of codes that have a time of their own, before by_severity."""

    by_severity: Mapping[AlertSeverity, int]
    by_code: Mapping[str, int]
    time_zone: str


class _OpeningDay(GenericFunction[date]):
    """Day of a moment in a zone, some days later. Arguments: moment, name of the zone, its offset as SQLite says it, days."""

    type = Date()
    name = "lifecert_opening_day"
    inherit_cache = True


@compiles(_OpeningDay, "postgresql")
def _day_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    moment, zone, _offset, days = (compiler.process(part, **options) for part in element.clauses)
    return f"(({moment} AT TIME ZONE {zone})::date + {days})"


@compiles(_OpeningDay, "sqlite")
def _day_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite knows no zones: the offset of now, which is that of always where there is no summer time
    moment, _zone, offset, days = (compiler.process(part, **options) for part in element.clauses)
    return f"date({moment}, {offset}, ({days}) || ' days')"


def due_before(rules: DueRules, day: date) -> ColumnElement[bool]:
    """True for a row of alerts, joined with its open case, that should be decided before a day. Costs less than ``due_day``."""
    zone = ZoneInfo(rules.time_zone)

    def begins(days: int) -> ColumnElement[datetime]:
        """The moment from which alerts that have so many days are due on the day or later."""
        return literal(datetime.combine(day - timedelta(days=days), time(), zone).astimezone(UTC), Alert.opened_at.type)

    whens: list[tuple[ColumnElement[bool], ColumnElement[datetime]]] = []
    whens += [(Alert.code == code, begins(days)) for code, days in sorted(rules.by_code.items())]
    whens += [(Alert.severity == severity, begins(days)) for severity, days in sorted(rules.by_severity.items())]
    return case((CaseFile.due_on.is_not(None), CaseFile.due_on < day), else_=Alert.opened_at < case(*whens))


def due_day(rules: DueRules, now: datetime) -> ColumnElement[date]:
    """The day by which a row of alerts, joined with its open case, should be decided."""
    whens: list[tuple[ColumnElement[bool], int]] = [(Alert.code == code, days) for code, days in sorted(rules.by_code.items())]
    whens += [(Alert.severity == severity, days) for severity, days in sorted(rules.by_severity.items())]
    offset = now.astimezone(ZoneInfo(rules.time_zone)).utcoffset()
    seconds = 0 if offset is None else int(offset.total_seconds())
    days = case(*((condition, literal(days, Integer)) for condition, days in whens), else_=literal(0, Integer))
    zone, shift = literal(rules.time_zone, String), literal(f"{seconds} seconds", String)
    return func.coalesce(CaseFile.due_on, _OpeningDay(Alert.opened_at, zone, shift, days))
