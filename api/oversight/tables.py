"""The tables of the supervisors' view, made of what was counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from api.oversight.sheets import Cell, CellKind, Column, Row, Sheet, per_mille, tenth_days
from api.oversight.words import DAYS, DAYS_OVER, HEADINGS, MEASURES, METHODS, NOTES, TITLES, say, title_of_code
from models.certification import add_months
from models.repositories.figures.kinds import Method
from models.repositories.oversight import MONTHS
from models.repositories.oversight_results import AgeClass, MonthPoint, Overview

COUNT, FEN, PER_MILLE, TENTH_DAYS, TEXT = CellKind.COUNT, CellKind.FEN, CellKind.PER_MILLE, CellKind.TENTH_DAYS, CellKind.TEXT
KINDS = {
    "coverage": PER_MILLE,
    "silent": PER_MILLE,
    "share": PER_MILLE,
    "at_risk": FEN,
    "found": FEN,
    "recovered": FEN,
    "found_year": FEN,
    "recovered_year": FEN,
    "median": TENTH_DAYS,
    **dict.fromkeys(("measure", "place", "code", "method", "month", "kind", "age"), TEXT),
}
"""Column or figure -> what it holds; all others are counts."""

PLACE_COLUMNS = ("place", "code", "coverage", "to_certify", "covered", "overdue", "paused", "never", "silent", "open", "at_risk")
FLOWS = ("found", "recovered")


@dataclass(frozen=True)
class Tables:
    """Every table of one region and day, in the order of the page."""

    summary: Sheet
    places: Sheet
    methods: Sheet
    trend: Sheet
    alerts: Sheet
    backlog: Sheet

    def all(self) -> tuple[Sheet, ...]:
        """Those that have something to say: a county has no places inside."""
        found = (self.summary, self.places, self.methods, self.trend, self.alerts, self.backlog)
        return tuple(sheet for sheet in found if sheet.rows or sheet is not self.places)

    def named(self, name: str) -> Sheet | None:
        """The table of this name."""
        return next((sheet for sheet in self.all() if sheet.name == name), None)


def months_needed(day: date) -> int:
    """So many months reach back to January of the year before the day's, and a year at least."""
    return max(MONTHS, 12 + day.month)


def tables(overview: Overview, language: str) -> Tables:
    """All tables in a language."""
    return Tables(
        _summary(overview, language),
        _places(overview, language),
        _methods(overview, language),
        _trend(overview, language),
        _alerts(overview, language),
        _backlog(overview, language),
    )


def _sheet(name: str, keys: Iterable[str], rows: Iterable[Row], language: str) -> Sheet:
    columns = tuple(Column(key, say(HEADINGS[key], language), KINDS.get(key, COUNT)) for key in keys)
    return Sheet(name, say(TITLES[name], language), say(NOTES[name], language), columns, tuple(rows))


# --- key figures


def measures(point: MonthPoint | None, points: Iterable[MonthPoint]) -> dict[str, Cell]:
    """Every key figure of a month; None where nothing was counted. points: months among which those since January are looked for."""
    found: dict[str, Cell] = dict.fromkeys(MEASURES)
    if point is None:
        return found
    if (people := point.people) is not None:
        found |= {"coverage": per_mille(people.covered, people.to_certify), "to_certify": people.to_certify, "covered": people.covered}
        found |= {"due_soon": people.due_soon, "overdue": people.overdue, "paused": people.paused, "never": people.never_certified}
    if point.methods is not None:
        found["silent"] = per_mille(point.methods.counts.get(Method.SILENT, 0), point.methods.total)
    if point.open is not None:
        found |= {"open": point.open.count, "at_risk": point.open.fen}
    if point.opened is not None:
        found["opened"] = point.opened.count
    if point.decisions is not None:
        found |= {"decided": point.decisions.total, "found": point.decisions.found_fen, "median": tenth_days(point.decisions.median_s)}
    if point.recovered is not None:
        found["recovered"] = point.recovered.fen
    since = [each for each in points if each.month.year == point.month.year and each.month <= point.month]
    if len(since) == point.month.month and all(each.decisions is not None and each.recovered is not None for each in since):
        found["found_year"] = sum(each.decisions.found_fen for each in since if each.decisions)
        found["recovered_year"] = sum(each.recovered.fen for each in since if each.recovered)
    return found


def of_month(overview: Overview, month: date) -> MonthPoint | None:
    """A month of the trend; None when it does not reach so far."""
    return next((point for point in overview.months if point.month == month), None)


def compared(overview: Overview) -> tuple[dict[str, Cell], dict[str, Cell], dict[str, Cell]]:
    """Key figures now, of the month before, and of the same month of the year before."""
    month = overview.now.month
    before, year_before = of_month(overview, add_months(month, -1)), of_month(overview, add_months(month, -12))
    now, last_month, last_year = (measures(point, overview.months) for point in (overview.now, before, year_before))
    return now, last_month, last_year


def _summary(overview: Overview, language: str) -> Sheet:
    now, last_month, last_year = compared(overview)
    rows = (
        Row(key, (say(words, language), now[key], last_month[key], last_year[key]), KINDS.get(key, COUNT))
        for key, words in MEASURES.items()
    )
    return _sheet("summary", ("measure", "now", "last_month", "last_year"), rows, language)


# --- the other tables


def _places(overview: Overview, language: str) -> Sheet:
    rows = []
    for place in overview.places:
        people, mix = place.people, place.methods
        cells: tuple[Cell, ...] = (
            place.name,
            place.region_code,
            per_mille(people.covered, people.to_certify),
            people.to_certify,
            people.covered,
            people.overdue,
            people.paused,
            people.never_certified,
            per_mille(mix.counts.get(Method.SILENT, 0), mix.total),
            place.open.count,
            place.open.fen,
            place.decisions.found_fen,
            place.recovered.fen,
        )
        rows.append(Row(place.region_code, cells))
    return _sheet("places", (*PLACE_COLUMNS, *FLOWS), rows, language)


def _methods(overview: Overview, language: str) -> Sheet:
    mix = overview.now.methods
    counts = {} if mix is None else mix.counts
    total = sum(counts.values())
    rows = (
        Row(method.value, (say(words, language), counts.get(method, 0), per_mille(counts.get(method, 0), total)))
        for method, words in METHODS.items()
    )
    return _sheet("methods", ("method", "people", "share"), rows, language)


def _trend(overview: Overview, language: str) -> Sheet:
    keys = ("overdue", "paused", "coverage", "open", "at_risk")
    rows = []
    for point in overview.months[-MONTHS:]:
        found = measures(point, ())
        rows.append(Row(f"{point.month:%Y-%m}", (f"{point.month:%Y-%m}", *(found[key] for key in keys))))
    return _sheet("trend", ("month", *keys), rows, language)


def _alerts(overview: Overview, language: str) -> Sheet:
    rows = (
        Row(
            line.code,
            (
                title_of_code(line.code, language),
                line.open.count,
                line.open.fen,
                line.opened.count,
                line.decisions.total,
                line.decisions.found_fen,
                line.recovered.fen,
                tenth_days(line.decisions.median_s),
            ),
        )
        for line in overview.alerts
    )
    return _sheet("alerts", ("kind", "open", "at_risk", "opened", "decided", "found", "recovered", "median"), rows, language)


def _backlog(overview: Overview, language: str) -> Sheet:
    rows = (Row(one.code, (_age(one, language), one.alerts.count, one.alerts.fen)) for one in overview.ages)
    return _sheet("backlog", ("age", "alerts", "at_risk"), rows, language)


def _age(one: AgeClass, language: str) -> str:
    if one.last_day is None:
        return say(DAYS_OVER, language, first=one.first_day)
    return say(DAYS, language, first=one.first_day, last=one.last_day)
