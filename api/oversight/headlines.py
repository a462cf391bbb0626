"""The large figures on top: each with what changed since the month and the year before, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from api.i18n import translate_count
from api.oversight.sheets import Cell, CellKind
from api.oversight.sheets import say as said
from api.oversight.tables import KINDS, compared
from api.oversight.words import say
from models.repositories.oversight_results import Overview


class Since(StrEnum):
    """With what the present is compared."""

    MONTH = "month"
    YEAR = "year"


THAN = {Since.MONTH: _("than a month before"), Since.YEAR: _("than a year before")}
MORE = _("%(by)s more %(since)s")
LESS = _("%(by)s less %(since)s")
AS_MANY = {Since.MONTH: _("as a month before"), Since.YEAR: _("as a year before")}
UNKNOWN = {Since.MONTH: _("a month before: not counted"), Since.YEAR: _("a year before: not counted")}
POINTS = _("%(by)s points")
YUAN = _("%(amount)s yuan")
IN_TEN_THOUSAND = _("%(amount)s ten thousand yuan")
IN_MILLIONS = _("%(amount)s million yuan")
TEN_THOUSAND, MILLION = 1_000_000, 100_000_000  # fen
DAYS = _("%(days)s days")
AT_RISK = _("%(amount)s yuan at risk")
BACK = _("%(amount)s yuan of it came back")
OF = _("%(part)s of %(whole)s pensioners")
PAUSED = _("%(count)s paused besides")
FOUND_MONTH = _("%(now)s yuan in this month so far, %(before)s in the month before")
NOTHING_DECIDED = _("No case was decided in this month so far")


@dataclass(frozen=True)
class Change:
    """What changed. better: for the people or the fund; None where it is neither, or not known."""

    words: str
    better: bool | None = None


@dataclass(frozen=True)
class Headline:
    """One large figure. key: the row of the table of key figures that says the same; detail: one line under it."""

    key: str
    label: str
    value: str
    detail: str
    changes: tuple[Change, Change]


LABELS: dict[str, LazyString] = {
    "coverage": _("Certification coverage"),
    "overdue": _("Overdue"),
    "open": _("Open alerts"),
    "found_year": _("Found since January"),
    "median": _("Time to decide"),
}
GOOD_WHEN_MORE = {"coverage": True, "overdue": False, "open": None, "found_year": None, "median": False}
"""Whether more is better. More alerts may be more fraud or better rules: neither."""


def headlines(overview: Overview, language: str) -> tuple[Headline, ...]:
    """The large figures, in the order of the page."""
    now, last_month, last_year = compared(overview)
    details = _details(now, language)
    return tuple(
        Headline(
            key,
            say(label, language),
            _value(key, now[key], language),
            details[key],
            (
                _of_months(now["found"], last_month["found"], language)
                if key == "found_year"
                else _change(key, now[key], last_month[key], Since.MONTH, language),
                _change(key, now[key], last_year[key], Since.YEAR, language),
            ),
        )
        for key, label in LABELS.items()
    )


def _value(key: str, cell: Cell, language: str) -> str:
    kind = KINDS.get(key, CellKind.COUNT)
    shown = said(cell, kind)
    if cell is None or kind in {CellKind.COUNT, CellKind.PER_MILLE}:
        return shown
    if kind is CellKind.FEN:
        return short_yuan(cell, language)
    return say(DAYS, language, days=shown)


def _details(now: dict[str, Cell], language: str) -> dict[str, str]:
    def of(key: str) -> str:
        return said(now[key], KINDS.get(key, CellKind.COUNT))

    count, decided = now["decided"], say(NOTHING_DECIDED, language)
    if isinstance(count, int) and count:
        one, many = "%(count)s case decided in this month so far", "%(count)s cases decided in this month so far"
        decided = translate_count(one, many, count, language, count=of("decided"))
    return {
        "coverage": say(OF, language, part=of("covered"), whole=of("to_certify")),
        "overdue": say(PAUSED, language, count=of("paused")),
        "open": say(AT_RISK, language, amount=of("at_risk")),
        "found_year": say(BACK, language, amount=of("recovered_year")),
        "median": decided,
    }


def short_yuan(cell: Cell, language: str) -> str:
    """An amount short enough to be large on a page, rounded down; the table has all of it."""
    if not isinstance(cell, int):
        return said(cell, CellKind.FEN)
    unit, words = (TEN_THOUSAND, IN_TEN_THOUSAND) if language == "zh" else (MILLION, IN_MILLIONS)
    if cell < unit:
        return say(YUAN, language, amount=said(cell, CellKind.FEN))
    return say(words, language, amount=f"{cell // (unit // 100) / 100:,.2f}")


def _of_months(now: Cell, before: Cell, language: str) -> Change:
    return Change(say(FOUND_MONTH, language, now=said(now, CellKind.FEN), before=said(before, CellKind.FEN)))


def _change(key: str, now: Cell, before: Cell, since: Since, language: str) -> Change:
    if not isinstance(now, int) or not isinstance(before, int):
        return Change(say(UNKNOWN[since], language))
    if now == before:
        return Change(say(AS_MANY[since], language))
    kind = KINDS.get(key, CellKind.COUNT)
    by = said(abs(now - before), kind)
    if kind is CellKind.PER_MILLE:
        by = say(POINTS, language, by=by.removesuffix("%"))
    elif kind is not CellKind.COUNT:
        by = say(YUAN, language, amount=by) if kind is CellKind.FEN else say(DAYS, language, days=by)
    good = GOOD_WHEN_MORE[key]
    words = say(MORE if now > before else LESS, language, by=by, since=say(THAN[since], language))
    return Change(words, None if good is None else good == (now > before))
