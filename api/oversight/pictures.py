"""The charts of the supervisors' view: each draws the numbers of the table beside it, and nothing else."""

from __future__ import annotations

from api.charts import Chart, ChartKind, Series, Tone
from api.oversight.sheets import CellKind, Sheet, say
from api.oversight.tables import Tables
from api.oversight.words import AT_RISK, FOUND, OPEN_ALERTS, OVERDUE, PAUSED, PERSONS, RECOVERED, TEN_THOUSAND_YUAN
from api.oversight.words import say as words

NAMES = ("methods", "trend", "alerts", "backlog")
FEN_OF_TEN_THOUSAND_YUAN = 1_000_000
KINDS_DRAWN = 8
"""Kinds of alerts in the chart, those with the most money at risk; the table has them all."""


def charts(tables: Tables, language: str) -> dict[str, Chart]:
    """Every chart by name, those of ``NAMES``."""
    return {
        "methods": _methods(tables.methods, language),
        "trend": _trend(tables.trend, language),
        "alerts": _alerts(tables.alerts, language),
        "backlog": _backlog(tables.backlog, language),
    }


def _labels(sheet: Sheet, most: int | None = None) -> tuple[str, ...]:
    return tuple(str(row.cells[0]) for row in sheet.rows[:most])


def _methods(sheet: Sheet, language: str) -> Chart:
    said = tuple(
        f"{say(people, CellKind.COUNT)} ({say(share, CellKind.PER_MILLE)})"
        for people, share in zip(sheet.column("people"), sheet.column("share"), strict=True)
    )
    series = (Series(words(PERSONS, language), tuple(map(float, sheet.numbers("people"))), Tone.MAIN, said),)
    return Chart(sheet.title, ChartKind.BARS, _labels(sheet), series, words(PERSONS, language))


def _trend(sheet: Sheet, language: str) -> Chart:
    series = tuple(
        Series(
            words(name, language),
            tuple(float(cell) if isinstance(cell, int) else None for cell in sheet.column(key)),
            tone,
            tuple(say(cell, CellKind.COUNT) for cell in sheet.column(key)),
        )
        for key, name, tone in (("overdue", OVERDUE, Tone.DANGER), ("paused", PAUSED, Tone.CALM))
    )
    return Chart(sheet.title, ChartKind.LINES, _labels(sheet), series, words(PERSONS, language))


def _alerts(sheet: Sheet, language: str) -> Chart:
    series = tuple(
        Series(
            words(name, language),
            tuple(fen / FEN_OF_TEN_THOUSAND_YUAN for fen in sheet.numbers(key)[:KINDS_DRAWN]),
            tone,
            tuple(f"{fen / FEN_OF_TEN_THOUSAND_YUAN:,.2f}" for fen in sheet.numbers(key)[:KINDS_DRAWN]),
        )
        for key, name, tone in (("at_risk", AT_RISK, Tone.DANGER), ("found", FOUND, Tone.WARNING), ("recovered", RECOVERED, Tone.MAIN))
    )
    return Chart(sheet.title, ChartKind.BARS, _labels(sheet, KINDS_DRAWN), series, words(TEN_THOUSAND_YUAN, language))


def _backlog(sheet: Sheet, language: str) -> Chart:
    said = tuple(say(count, CellKind.COUNT) for count in sheet.column("alerts"))
    series = (Series(words(OPEN_ALERTS, language), tuple(map(float, sheet.numbers("alerts"))), Tone.WARNING, said),)
    return Chart(sheet.title, ChartKind.BARS, _labels(sheet), series, words(OPEN_ALERTS, language))
