"""What is counted for supervisors: every kind of figure, of what period, in what units, and what its codes stand for.

A kind with codes has a row with the empty code besides, of them all; sums over codes therefore leave that row out. Counts, money and time
of counties add up to those of a city or province; medians do not, so they are kept for each county, city and province apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.certification_state import CertificationState
from models.oversight import FigurePeriod


class Method(StrEnum):
    """How somebody was certified: the kinds of evidence, silent certification apart from other matches of data."""

    FACE = "face"
    COUNTER = "counter"
    HOME_VISIT = "home_visit"
    VIDEO_CALL = "video_call"
    ASSISTED = "assisted"
    DATA_MATCH = "data_match"
    SILENT = "silent"


class Route(StrEnum):
    """By which way somebody came to a certification; all but face are the ways of those who cannot or will not use a camera."""

    FACE = "face"
    COUNTER = "counter"
    HOME_VISIT = "home_visit"
    VIDEO_CALL = "video_call"
    ASSISTED = "assisted"
    DATA_MATCH = "data_match"


class Group(StrEnum):
    """By what verifications are told apart; the code of a figure is ``group:value``, such as ``age:70-79``."""

    ALL = "all"
    AGE = "age"
    SEX = "sex"
    DEVICE = "device"
    ROUTE = "route"


AGE_BANDS = ((60, "60-69"), (70, "70-79"), (80, "80+"))
"""(least age in years on the day of the attempt, name); who is younger is ``under-60``."""

UNDER = "under-60"

DEVICES = ("phone", "tablet", "computer", "other")
"""Classes of devices; other: not known."""


class Kind(StrEnum):
    """What a figure counts."""

    PEOPLE_CERTIFIED = "people.certified"
    PEOPLE_DUE_SOON = "people.due_soon"
    PEOPLE_OVERDUE = "people.overdue"
    PEOPLE_PAUSED = "people.paused"
    PEOPLE_DECEASED = "people.deceased"
    PEOPLE_NEVER_CERTIFIED = "people.never_certified"
    METHOD = "method"
    ALERTS_OPEN = "alerts.open"
    ALERTS_IN_CASE = "alerts.in_case"
    ALERTS_AGE = "alerts.age"
    ALERTS_SEVERITY = "alerts.severity"
    CERTIFICATIONS = "certifications"
    ALERTS_OPENED = "alerts.opened"
    ALERTS_CLOSED = "alerts.closed"
    CASES_CONFIRMED = "cases.confirmed"
    CASES_UNFOUNDED = "cases.unfounded"
    CASES_DATA_ERROR = "cases.data_error"
    CASES_REFERRED = "cases.referred"
    CASES_WORKED = "cases.worked"
    CASES_DECIDED_MEDIAN = "cases.decided.median_s"
    RECOVERED = "recovered"
    PAUSES_PROPOSED = "pauses.proposed"
    PAUSES_MADE = "pauses.made"
    PAUSES_RESUMED = "pauses.resumed"
    VERIFICATIONS_STARTED = "verifications.started"
    VERIFICATIONS_CERTIFIED = "verifications.certified"
    VERIFICATIONS_REFER = "verifications.refer"
    VERIFICATIONS_RETRY = "verifications.retry"
    VERIFICATIONS_REFUSED = "verifications.refused"
    VERIFICATIONS_ABANDONED = "verifications.abandoned"
    VERIFICATIONS_EXPIRED = "verifications.expired"
    VERIFICATIONS_REVIEWED = "verifications.reviewed"
    ROUTE = "route"
    ROUTE_TIMED = "route.timed"
    ROUTE_MEDIAN = "route.median_s"


@dataclass(frozen=True)
class Meaning:
    """What a kind says. code: what its codes are, empty when it has none. fen, seconds: what those columns hold, empty when nothing."""

    period: FigurePeriod
    count: str
    code: str = ""
    fen: str = ""
    seconds: str = ""


def _people(words: str) -> Meaning:
    return Meaning(FigurePeriod.DAY, f"pensioners who are {words} on the day")


def _alerts(words: str, code: str) -> Meaning:
    return Meaning(FigurePeriod.DAY, f"alerts that are {words} at the end of the day", code, fen="money at risk")


def _decided(words: str) -> Meaning:
    return Meaning(FigurePeriod.MONTH, f"cases decided as {words}", "of the alert", "found", "from the alert's opening to the decision")


def _verifications(words: str) -> Meaning:
    return Meaning(FigurePeriod.MONTH, f"attempts by camera begun in the month, {words}", "group:value", seconds="from begin to decision")


MEANINGS = {
    Kind.PEOPLE_CERTIFIED: _people("certified"),
    Kind.PEOPLE_DUE_SOON: _people("certified, and due soon"),
    Kind.PEOPLE_OVERDUE: _people("overdue"),
    Kind.PEOPLE_PAUSED: _people("paused"),
    Kind.PEOPLE_DECEASED: _people("deceased"),
    Kind.PEOPLE_NEVER_CERTIFIED: _people("never certified"),
    Kind.METHOD: Meaning(FigurePeriod.DAY, "pensioners certified or due soon, by how they were last certified", "Method"),
    Kind.ALERTS_OPEN: _alerts("not closed, in a case or not", "of the alert"),
    Kind.ALERTS_IN_CASE: _alerts("in a case", "of the alert"),
    Kind.ALERTS_AGE: _alerts("not closed", "class of days since the opening: 0-7, 8-30, ..., 91+"),
    Kind.ALERTS_SEVERITY: _alerts("not closed", "AlertSeverity"),
    Kind.CERTIFICATIONS: Meaning(FigurePeriod.MONTH, "certifications with a day in the month, deaths left out", "Method"),
    Kind.ALERTS_OPENED: Meaning(FigurePeriod.MONTH, "alerts opened", "of the alert", fen="money at risk"),
    Kind.ALERTS_CLOSED: Meaning(FigurePeriod.MONTH, "alerts closed, with a case or without", "of the alert", fen="money at risk"),
    Kind.CASES_CONFIRMED: _decided("confirmed"),
    Kind.CASES_UNFOUNDED: _decided("unfounded"),
    Kind.CASES_DATA_ERROR: _decided("an error of the data"),
    Kind.CASES_REFERRED: _decided("referred"),
    Kind.CASES_WORKED: Meaning(FigurePeriod.MONTH, "cases decided", "of the alert", seconds="that people worked on them"),
    Kind.CASES_DECIDED_MEDIAN: Meaning(
        FigurePeriod.MONTH, "cases decided", "of the alert", seconds="median from the alert's opening to the decision"
    ),
    Kind.RECOVERED: Meaning(FigurePeriod.MONTH, "times that money came back", "of the alert", fen="came back"),
    Kind.PAUSES_PROPOSED: Meaning(FigurePeriod.MONTH, "pauses of benefits proposed"),
    Kind.PAUSES_MADE: Meaning(FigurePeriod.MONTH, "pauses of benefits signed"),
    Kind.PAUSES_RESUMED: Meaning(FigurePeriod.MONTH, "benefits resumed", fen="arrears owed"),
    Kind.VERIFICATIONS_STARTED: Meaning(FigurePeriod.MONTH, "attempts by camera begun in the month", "group:value"),
    Kind.VERIFICATIONS_CERTIFIED: _verifications("certified"),
    Kind.VERIFICATIONS_REFER: _verifications("referred to a person"),
    Kind.VERIFICATIONS_RETRY: _verifications("to be tried again"),
    Kind.VERIFICATIONS_REFUSED: _verifications("refused"),
    Kind.VERIFICATIONS_ABANDONED: Meaning(FigurePeriod.MONTH, "attempts by camera begun in the month and given up", "group:value"),
    Kind.VERIFICATIONS_EXPIRED: Meaning(FigurePeriod.MONTH, "attempts by camera begun in the month that ran out of time", "group:value"),
    Kind.VERIFICATIONS_REVIEWED: Meaning(
        FigurePeriod.MONTH, "attempts by camera begun in the month, referred, that a person then certified", "group:value"
    ),
    Kind.ROUTE: Meaning(FigurePeriod.MONTH, "certifications by route", "Route"),
    Kind.ROUTE_TIMED: Meaning(
        FigurePeriod.MONTH, "of them, those whose beginning is known", "Route", seconds="from the beginning to the certification"
    ),
    Kind.ROUTE_MEDIAN: Meaning(FigurePeriod.MONTH, "of them, those whose beginning is known", "Route", seconds="median of the same"),
}

MEDIANS = frozenset({Kind.CASES_DECIDED_MEDIAN, Kind.ROUTE_MEDIAN})
"""Kinds that do not add up, and are kept for cities and provinces too."""

PEOPLE = {state: Kind(f"people.{state.value}") for state in CertificationState}

DECIDED = (Kind.CASES_CONFIRMED, Kind.CASES_UNFOUNDED, Kind.CASES_DATA_ERROR, Kind.CASES_REFERRED)

VERIFIED = (
    Kind.VERIFICATIONS_CERTIFIED,
    Kind.VERIFICATIONS_REFER,
    Kind.VERIFICATIONS_RETRY,
    Kind.VERIFICATIONS_REFUSED,
    Kind.VERIFICATIONS_ABANDONED,
    Kind.VERIFICATIONS_EXPIRED,
)
"""How an attempt ends; one that still goes on is none of these."""


def age_classes(backlog_days: tuple[int, ...]) -> tuple[tuple[int, int | None, str], ...]:
    """(first day, last day, name) of each class of the age of open alerts; the last class has no last day."""
    starts = (0, *(end + 1 for end in backlog_days))
    ends: tuple[int | None, ...] = (*backlog_days, None)
    return tuple((start, end, f"{start}-{end}" if end is not None else f"{start}+") for start, end in zip(starts, ends, strict=True))
