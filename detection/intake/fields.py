"""Fields of one row: what has to be there, and days in their order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from detection.intake import rules
from detection.intake.cells import day_of
from detection.intake.records import Who
from detection.intake.rules import RowRejected, Rule

Values = Mapping[str, str]

LASTING_YEAR = 2999
"""Systems write 2999-12 or 9999-12 for an end that is not known."""


def needed(values: Values, field: str) -> str:
    """The text of a field. Raises RowRejected: VALUE_MISSING."""
    text = values.get(field)
    if not text:
        raise RowRejected(rules.VALUE_MISSING, field)
    return text


def after_birth(who: Who, field: str, day: date, rule: Rule) -> None:
    """Raise RowRejected by the rule for a day before the birth; a month counts from its first day."""
    if who.born is not None and day < (who.born if field not in {"month", "from_month"} else who.born.replace(day=1)):
        raise RowRejected(rule, field, day.isoformat())


def end_of(values: Values, start: date | None) -> date | None:
    """The last day of the row, None when there is none. Raises RowRejected."""
    text = values.get("to_on")
    end = day_of("to_on", text) if text else None
    if end is not None and start is not None and end < start:
        raise RowRejected(rules.END_BEFORE_START, "to_on", end.isoformat())
    return None if end is not None and end.year >= LASTING_YEAR else end
