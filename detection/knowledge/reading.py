"""Knowledge points -> parameters: what each class of points bounds, read from its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from detection.knowledge.diagnosis_words import diagnosis_words
from detection.knowledge.parameters import Parameters
from detection.knowledge.parse_course import course_of
from detection.knowledge.parse_indication import indication_of
from detection.knowledge.parse_people import Ages, ages_of, last_day_before_year, sex_of
from detection.knowledge.parse_places import NOT_INTERNET, departments_of, levels_of, schemes_of, settings_of
from detection.knowledge.parse_text import Reading, normalised
from models.policy_knowledge import KnowledgePolicy

COURSE_WINDOW_DAYS = 366
"""Days in which the days of a course of a service are counted; a person may need another course a year later."""
_NOT_SEXED = "neither the item nor the limit names a sex"
_NOT_READ = "no number that a claim could be held against was found"
_STATED_BY_HAND = "the point states that a person has to look"
_LABEL_FOR_ADULTS = "药品说明书包含成人用法用量"
_FIRST_PRESCRIPTION = "首次处方时"


@dataclass(frozen=True)
class PointText:
    """The words of a point and the codes of its item."""

    rule_code: str
    item_name: str
    item_codes: tuple[str, ...]
    limit_text: str
    check_text: str


Reader = Callable[[PointText, KnowledgePolicy], Parameters]


def _sex(point: PointText, _policy: KnowledgePolicy) -> Parameters:
    sex = sex_of(point.item_name, point.limit_text)
    exempt = diagnosis_words().exempt.get(point.rule_code)
    if sex is None:
        return Parameters(diagnoses_not=exempt, lacks_own=True, untested=(_NOT_SEXED,))
    return Parameters(sex=sex.value, diagnoses_not=exempt)


def _children(point: PointText, policy: KnowledgePolicy) -> Parameters:
    """Drugs and services for children: the rule gives the highest age; words of the limit and the item may give a narrower one."""
    child = last_day_before_year(policy.child_under_years)
    ages = ages_of(Reading(point.limit_text), policy) or ages_of(Reading(point.item_name), policy) or Ages()
    limit = normalised(point.limit_text)
    highest = child if ages.max_days is None else min(child, ages.max_days)
    lowest = ages.min_days if ages.min_days is not None and ages.min_days < highest else None
    untested = (_LABEL_FOR_ADULTS,) if _LABEL_FOR_ADULTS in limit else ()
    return Parameters(age_min_days=lowest, age_max_days=highest, untested=untested)


def _ages(point: PointText, policy: KnowledgePolicy) -> Parameters:
    ages = ages_of(Reading(point.limit_text), policy)
    if ages is None:
        return Parameters(untested=(point.limit_text or _NOT_READ,))
    return Parameters(age_min_days=ages.min_days, age_max_days=ages.max_days)


def _limit(point: PointText, policy: KnowledgePolicy) -> Parameters:
    """Everything that a limit says; untested holds only what is about the indication."""
    reading = Reading(point.limit_text)
    departments, settings, levels, schemes = departments_of(reading), settings_of(reading), levels_of(reading), schemes_of(reading)
    course = course_of(reading)
    indication = indication_of(reading, policy)
    return Parameters(
        departments=departments,
        settings=settings,
        levels=levels,
        schemes=schemes,
        diagnoses=indication.diagnoses,
        age_min_days=indication.ages.min_days if indication.ages else None,
        age_max_days=indication.ages.max_days if indication.ages else None,
        untested=indication.untested,
        **course,
    )


def _indication(point: PointText, policy: KnowledgePolicy) -> Parameters:
    found = _limit(point, policy)
    if found.diagnoses is not None:
        return found
    return replace(found, lacks_own=True, untested=found.untested or (point.limit_text or _NOT_READ,))


def _second_line(point: PointText, policy: KnowledgePolicy) -> Parameters:
    found = _limit(point, policy)
    untested = tuple(dict.fromkeys((*found.untested, point.check_text)))
    return replace(found, lacks_own=found.diagnoses is None, untested=untested)


def _own(*names: str) -> Reader:
    """A rule whose test is about these columns only, whatever else its limit says: that is other rules' matter."""

    def reader(point: PointText, policy: KnowledgePolicy) -> Parameters:
        found = _limit(point, policy)
        if not any(getattr(found, name) is not None for name in names):
            return replace(found, lacks_own=True, untested=(point.limit_text or _NOT_READ,))
        first = _FIRST_PRESCRIPTION in point.limit_text and "levels" in names and "应同时符合" not in point.limit_text
        return replace(found, untested=(_FIRST_PRESCRIPTION,) if first else ())

    return reader


def _service_course(point: PointText, policy: KnowledgePolicy) -> Parameters:
    found = _own("days_max")(point, policy)
    if found.days_max is None:
        return found
    if found.quantity_max is not None:  # how often is a matter of the rule of periods, which has a point for the same item
        return replace(found, quantity_max=None, period=None, period_days=None)
    return replace(found, period="days", period_days=COURSE_WINDOW_DAYS) if found.period is None else found


def _pair(point: PointText, _policy: KnowledgePolicy) -> Parameters:
    if len(point.item_codes) < 2:
        return Parameters(untested=(f"{point.item_name}: two items need two codes",))
    return Parameters(first_codes=point.item_codes[:1], other_codes=point.item_codes[1:])


def _surgery(point: PointText, policy: KnowledgePolicy) -> Parameters:
    if not point.limit_text:
        return Parameters(untested=("the group of operations is not named",))
    return Parameters(group_name=normalised(point.limit_text), share_max=policy.surgery_share_max)


def _item_alone(_point: PointText, _policy: KnowledgePolicy) -> Parameters:
    return Parameters(item_alone=True)


def _not_internet(_point: PointText, _policy: KnowledgePolicy) -> Parameters:
    return Parameters(settings=NOT_INTERNET)


READERS: Mapping[str, Reader] = {
    "GZ10000101001000": _own("schemes"),
    "GZ10000101002000": _own("schemes"),
    "GZ10000102003000": _own("schemes"),
    "GZ10000102004000": _own("schemes"),
    "GZ10000101003000": _item_alone,
    "GZ10000101004000": _item_alone,
    "GZ10000101005000": _second_line,
    "GZ10000101006000": _children,
    "GZ10000101007000": _children,
    "GZ10000101008000": _indication,
    "GZ10000101010000": _own("days_max"),
    "GZ10000101012000": _own("levels"),
    "NB2025-13": _own("settings"),
    "GZ10000102002000": _surgery,
    "GZ10000102005000": _children,
    "GZ10000102006000": _children,
    "GZ10000102007000": _indication,
    "GZ10000102009000": _own("settings"),
    "GZ10000102010000": _service_course,
    "GZ10000102011000": _own("levels"),
    "GZ10000102012000": _pair,
    "GZ10000102013000": _pair,
    "GZ10000102014000": _own("quantity_max"),
    "NB2025-29": _ages,
    "NB2025-30": _pair,
    "NB2025-31": _own("quantity_max", "interval_days_min"),
    "GZ10000103001000": _children,
    "GZ10000103002000": _children,
    "NB2025-47": _not_internet,
    "GZ10000301002000": _children,
    "GZ10000301004000": _sex,
    "GZ10000302003000": _children,
    "GZ10000302004000": _sex,
    "NB2025-87": _sex,
    "NB2025-88": _indication,
}
"""Code of a rule -> how its points are read. A rule that is not here has no published points: its points state their parameters."""


def read_point(point: PointText, policy: KnowledgePolicy, given: Mapping[str, Any] | None = None) -> Parameters:
    """The parameters of a point: what it states itself (``detection.knowledge.given``), otherwise what its words say.

    given: checked parameters. Where they state a bound, they are all of it, and the words are not read.
    """
    bounds = {name: value for name, value in (given or {}).items() if name != "by_hand"}
    if bounds:
        bounds.setdefault("diagnoses_not", diagnosis_words().exempt.get(point.rule_code))
        others = bounds.get("other_codes", ())
        if set(others) & set(point.item_codes):
            bounds["first_codes"] = tuple(code for code in point.item_codes if code not in others)
        found = Parameters(**bounds)
    else:
        reader = READERS.get(point.rule_code)
        found = reader(point, policy) if reader else Parameters(lacks_own=True, untested=(point.limit_text or _NOT_READ,))
    if given and given.get("by_hand") and not found.untested:
        return replace(found, untested=(point.limit_text or point.check_text or _STATED_BY_HAND,))
    return found
