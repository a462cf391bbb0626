"""The words of the supervisors' view, in either language: pages, files and the paper say the same."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from api.claim_words import claim_title
from api.i18n import LOCALES, translate
from api.pages.timeline_words import ALERT_CODES
from models.repositories.figures.kinds import Method

METHODS: dict[Method, LazyString] = {
    Method.SILENT: _("Silently, by traces of life"),
    Method.FACE: _("Face, by camera"),
    Method.COUNTER: _("In person, at a counter"),
    Method.HOME_VISIT: _("In person, at home"),
    Method.VIDEO_CALL: _("Video call"),
    Method.ASSISTED: _("With the help of another office"),
    Method.DATA_MATCH: _("From official records"),
}
"""In the law's order: data first, then the person themselves, then with help."""

TITLES: dict[str, LazyString] = {
    "summary": _("Key figures"),
    "places": _("By city or county"),
    "methods": _("How people were certified"),
    "trend": _("Overdue and paused, month by month"),
    "alerts": _("Alerts by kind"),
    "backlog": _("Age of the open alerts"),
}
NOTES: dict[str, LazyString] = {
    "summary": _(
        "People and open alerts: as they stood at the end of the day. Opened, decided, found, recovered: in the month so far. "
        "Coverage: of all pensioners not known to be dead, those whose certification holds."
    ),
    "places": _("People and open alerts: as they stood at the end of the day. Found and recovered: in the month so far."),
    "methods": _("Everybody whose certification holds, by how they were last certified."),
    "trend": _("At the end of each month, and at the end of the day in the present one. A dash: nothing was counted then."),
    "alerts": _(
        "Open, at risk: at the end of the day. Decided, found, recovered and the median from the opening of the alert to the decision: "
        "in the month so far."
    ),
    "backlog": _("Days since the opening of alerts that are not closed, in a case or not."),
}
HEADINGS: dict[str, LazyString] = {
    "measure": _("Figure"),
    "now": _("Now"),
    "last_month": _("A month before"),
    "last_year": _("A year before"),
    "place": _("City or county"),
    "code": _("Division code"),
    "to_certify": _("To be certified"),
    "covered": _("Certification holds"),
    "coverage": _("Coverage"),
    "overdue": _("Overdue"),
    "paused": _("Paused"),
    "never": _("Never certified"),
    "silent": _("Silent share"),
    "open": _("Open alerts"),
    "at_risk": _("At risk, yuan"),
    "opened": _("Opened"),
    "decided": _("Decided"),
    "found": _("Found, yuan"),
    "recovered": _("Recovered, yuan"),
    "median": _("Median days to decide"),
    "method": _("Way of certification"),
    "people": _("People"),
    "share": _("Share"),
    "month": _("Month"),
    "kind": _("What it is about"),
    "age": _("Days open"),
    "alerts": _("Alerts"),
}
MEASURES: dict[str, LazyString] = {
    "coverage": _("Coverage"),
    "to_certify": _("To be certified"),
    "covered": _("Certification holds"),
    "due_soon": _("Of them due soon"),
    "overdue": _("Overdue"),
    "paused": _("Paused"),
    "never": _("Never certified"),
    "silent": _("Silent share"),
    "open": _("Open alerts"),
    "at_risk": _("At risk, yuan"),
    "opened": _("Alerts opened in the month"),
    "decided": _("Cases decided in the month"),
    "found": _("Found in the month, yuan"),
    "recovered": _("Recovered in the month, yuan"),
    "found_year": _("Found since January, yuan"),
    "recovered_year": _("Recovered since January, yuan"),
    "median": _("Median days to decide"),
}
DAYS = _("%(first)s to %(last)s days")
DAYS_OVER = _("%(first)s days and more")
TEN_THOUSAND_YUAN = _("in ten thousand yuan")
PERSONS = _("persons")
OPEN_ALERTS = _("alerts that are not closed")
AT_RISK, FOUND, RECOVERED = _("At risk"), _("Found"), _("Recovered")
OVERDUE, PAUSED = _("Overdue"), _("Paused")


def say(lazy: LazyString, language: str, **values: object) -> str:
    """The words in a stated language, with values put in."""
    return translate(str(lazy._args[0]), language, **values)


def title_of_code(code: str, language: str) -> str:
    """What an alert is about; codes without words of their own stand for themselves."""
    known = ALERT_CODES.get(code)
    words = claim_title(code, language) if known is None else say(known, language)
    if words is None:
        return code
    return f"{words}（{code}）" if language == "zh" else f"{words} ({code})"


def long_day(day: date, language: str) -> str:
    """A day in words."""
    return format_date(day, "long", locale=LOCALES[language])


def long_month(month: date, language: str) -> str:
    """A month in words. month: any day of it."""
    return str(format_skeleton("yMMMM", month, locale=LOCALES[language]))


def moment(at: datetime, time_zone: str) -> str:
    """Day and time by the clock of the policy's time zone, the same in both languages."""
    return f"{at.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M}"
