"""How long and how often a limit allows an item: days in all, days between, quantity in a period."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from detection.knowledge.parse_text import Reading

_UNIT_DAYS = {"天": 1, "日": 1, "周": 7, "个月": 31, "月": 31, "年": 366}
"""The longest that a calendar unit can be, so that nobody within it is called over it."""
_NUMBERS = {"一": 1, "二": 2, "两": 2, "三": 3, "六": 6}
_N = r"(?P<number>\d{1,3}|[一二两三六])"
_U = r"(?P<unit>天|日|周|个月|月|年)"
_STAY = re.compile(rf"(?:单次住院|单次)(?:最多)?支付(?:不超过)?{_N}{_U}")
_TOTAL = re.compile(rf"(?:且)?(?:一个疾病过程|连续使用|总时间)?(?:最多)?(?:支付)?不超过{_N}{_U}")
_INTERVAL = re.compile(rf"(?:两次)?(?:评定)?间隔时间不短于{_N}{_U}")
_WEEKLY = re.compile(rf"每{_U}最多支付{_N}次")
_REFLECTS = re.compile(rf"(?:诊疗规范:)?[^,。:]*水平反映近(?P<low>\d)-\d{_U}的平均血糖水平")
_SHORTEST = {"周": 7, "个月": 30}
_HOURS, _DAYS = re.compile("^(?:每)?小时$"), re.compile("^(?:每)?[日天次]$")
HOURS_A_DAY = 24.0


def _days(match: re.Match[str]) -> int:
    number = _NUMBERS.get(match["number"]) or int(match["number"])
    days = number * _UNIT_DAYS[match["unit"]]
    return min(days, number * 366 // 12 + 2) if "月" in match["unit"] else days


def _stay(match: re.Match[str]) -> dict[str, Any]:
    return {"days_max": _days(match), "period": "stay"}


def _often(match: re.Match[str]) -> dict[str, Any]:
    count = _NUMBERS.get(match["number"]) or int(match["number"])
    return {"quantity_max": float(count), "period": "days", "period_days": 7 if match["unit"] == "周" else _UNIT_DAYS[match["unit"]]}


def _reflects(match: re.Match[str]) -> dict[str, Any]:
    return {"quantity_max": 1.0, "period": "days", "period_days": int(match["low"]) * _SHORTEST[match["unit"]]}


_READERS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, Any]]]] = [
    (_STAY, _stay),
    (_TOTAL, lambda match: {"days_max": _days(match)}),
    (_INTERVAL, lambda match: {"interval_days_min": _days(match)}),
    (_WEEKLY, _often),
    (_REFLECTS, _reflects),
    (_HOURS, lambda _match: {"quantity_max": HOURS_A_DAY, "period": "day"}),
    (_DAYS, lambda _match: {"quantity_max": 1.0, "period": "day"}),
]


def course_of(reading: Reading) -> dict[str, Any]:
    """Take days, intervals and frequencies; keys are columns of the table "point".

    days_max without a period: in all; with "stay": in one stay. quantity_max is in the unit of the item's price: hours of a day where it is
    charged by the hour, once a day where it is charged by the day.
    """
    found: dict[str, Any] = {}
    for pattern, made in _READERS:
        for match in reading.take(pattern):
            for name, value in made(match).items():
                found[name] = max(found[name], value) if name == "days_max" and name in found else value
    return found
