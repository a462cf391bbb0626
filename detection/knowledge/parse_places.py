"""Where a limit allows an item, and who pays: level of the institution, department, way of treatment, scheme."""

from __future__ import annotations

import re

from detection.knowledge.parse_text import Reading
from models.claim import CareSetting, InstitutionLevel
from models.enrolment import Scheme

_LEVELS = [
    (re.compile("三级(?:综合)?医院眼科或二级及以上眼科专科医院医师处方"), InstitutionLevel.SECONDARY),
    (re.compile("(?:需)?由?三级(?:及以上)?(?:医疗机构|综合医院|医院)"), InstitutionLevel.TERTIARY),
    (re.compile("(?:需)?由?二级及以上(?:医疗机构|医院)"), InstitutionLevel.SECONDARY),
    (re.compile("(?:需)?由?一级及以上(?:医疗机构|医院)"), InstitutionLevel.PRIMARY),
]
_ORDER = list(InstitutionLevel)
_EYE = re.compile("医院眼科或二级及以上眼科专科")
_STAY = (CareSetting.INPATIENT, CareSetting.DAY_CASE)
_SETTINGS = [
    (re.compile("急诊或住院(?:患者)?|住院或急诊(?:患者)?"), (CareSetting.EMERGENCY, *_STAY)),
    (re.compile("住院方可支付|住院患者(?:方予支付)?"), _STAY),
    (re.compile("门诊患者|门诊方可支付"), (CareSetting.OUTPATIENT, CareSetting.EMERGENCY, CareSetting.CHRONIC)),
]
_SCHEMES = [(re.compile("^限?工伤保险$"), Scheme.WORK_INJURY), (re.compile("^限?生育保险$"), Scheme.MATERNITY)]


def levels_of(reading: Reading) -> tuple[str, ...] | None:
    """Take the level from which on the item may be used; every level that is high enough."""
    lowest: InstitutionLevel | None = None
    for pattern, level in _LEVELS:
        if reading.take(pattern) and (lowest is None or _ORDER.index(level) < _ORDER.index(lowest)):
            lowest = level
    return None if lowest is None else tuple(level.value for level in _ORDER[_ORDER.index(lowest) :])


def departments_of(reading: Reading) -> tuple[str, ...] | None:
    """The department that a limit names, by its Chinese name; before the levels are taken."""
    return ("眼科",) if _EYE.search(reading.text) else None


def settings_of(reading: Reading) -> tuple[str, ...] | None:
    """Take the ways of treatment. A day case is settled as a stay, so it is allowed where a stay is."""
    allowed: list[str] = []
    for pattern, settings in _SETTINGS:
        if reading.take(pattern):
            allowed += [setting.value for setting in settings if setting.value not in allowed]
    return tuple(allowed) or None


def schemes_of(reading: Reading) -> tuple[str, ...] | None:
    """Take the scheme where it is the whole limit."""
    for pattern, scheme in _SCHEMES:
        if reading.take(pattern):
            return (scheme.value,)
    return None


NOT_INTERNET = tuple(setting.value for setting in CareSetting if setting is not CareSetting.INTERNET)
"""Every way of treatment but the Internet."""
