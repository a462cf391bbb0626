"""The tables of one kind of alerts: month by month, and place by place."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import lazy_gettext as _

from api.oversight.sheets import Cell, Column, Row, Sheet, tenth_days
from api.oversight.tables import COUNT, KINDS
from api.oversight.words import HEADINGS, say
from models.repositories.oversight_results import MonthPoint, PlaceLine

MONTHS_TITLE = _("Month by month")
MONTHS_NOTE = _("Open and at risk: at the end of the month, or of the day in the present one. The others: in the month.")
PLACES_TITLE = _("By city or county")
PLACES_NOTE = _("Open and at risk: at the end of the day. The others: in the month so far.")
MONTH_COLUMNS = ("month", "open", "at_risk", "opened", "decided", "found", "recovered", "median")
PLACE_COLUMNS = ("place", "open", "at_risk", "opened", "decided", "found", "recovered", "median")


def kind_months(points: Iterable[MonthPoint], language: str) -> Sheet:
    """One line a month, oldest first."""
    return Sheet(
        "months", say(MONTHS_TITLE, language), say(MONTHS_NOTE, language), _columns(MONTH_COLUMNS, language), tuple(map(_month, points))
    )


def kind_places(places: Iterable[PlaceLine], language: str) -> Sheet:
    """One line a place, in order of codes; those without any alert are left out."""
    rows = tuple(_place(line) for line in places if line.open.count or line.opened.count or line.decisions.total or line.recovered.fen)
    return Sheet("places", say(PLACES_TITLE, language), say(PLACES_NOTE, language), _columns(PLACE_COLUMNS, language), rows)


def _columns(keys: Iterable[str], language: str) -> tuple[Column, ...]:
    return tuple(Column(key, say(HEADINGS[key], language), KINDS.get(key, COUNT)) for key in keys)


def _month(point: MonthPoint) -> Row:
    stock: tuple[Cell, ...] = (None, None) if point.open is None else (point.open.count, point.open.fen)
    decided = point.decisions
    flows: tuple[Cell, ...] = (
        None if point.opened is None else point.opened.count,
        None if decided is None else decided.total,
        None if decided is None else decided.found_fen,
        None if point.recovered is None else point.recovered.fen,
        None if decided is None else tenth_days(decided.median_s),
    )
    return Row(f"{point.month:%Y-%m}", (f"{point.month:%Y-%m}", *stock, *flows))


def _place(line: PlaceLine) -> Row:
    decided = line.decisions
    cells: tuple[Cell, ...] = (
        line.name,
        line.open.count,
        line.open.fen,
        line.opened.count,
        decided.total,
        decided.found_fen,
        line.recovered.fen,
        tenth_days(decided.median_s),
    )
    return Row(line.region_code, cells)
