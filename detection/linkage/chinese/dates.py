"""Birth dates of records: one form for the ways to write them, and the other days they may mean (a lunar date, day and month swapped)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files

import pyarrow as pa

from detection.linkage.chinese.distinct import for_distinct

LUNAR_YEARS = range(1880, 2061)
"""Years whose months are in lunar_years.txt: the day of the new year, and for each month a for 29 days or b for 30, A or B for leap months.

The package lunar-python, from which the table was made (a test compares), takes seconds to work out what the table tells at once.
"""

LENGTHS = {"a": 29, "b": 30}

_WRITTEN = re.compile(r"^(\d{4})[-/.年\s]{0,2}(\d{1,2})[-/.月\s]{0,2}(\d{1,2})日?(?:[T\s].*)?$")
_PLAIN = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_YEAR_LAST = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})$")
_EXCEL = re.compile(r"^(\d{5})(?:\.0*)?$")  # from 18 May 1927 on; four digits are a year
_EXCEL_EPOCH = date(1899, 12, 30)


@dataclass(frozen=True)
class DateForms:
    """The forms of each date as YYYY-MM-DD, null where there is none.

    day: as written. from_lunar: the solar day that is meant when a lunar date is written. swapped: day and month the other way about.
    """

    day: pa.Array
    from_lunar: pa.Array
    swapped: pa.Array


def date_forms(values: pa.Array) -> DateForms:
    """The forms of each date. values: text."""
    return DateForms(*for_distinct(values, _forms))


def days_of(values: pa.Array) -> pa.Array:
    """The days alone, as written."""
    return for_distinct(values, lambda distinct: [_forms(distinct)[0]])[0]


def _forms(distinct: pa.Array) -> list[pa.Array]:
    rows = [_meanings(value) for value in distinct.to_pylist()]
    return [pa.array([row[place] for row in rows], pa.string()) for place in range(3)]


@lru_cache(maxsize=100_000)
def _meanings(text: str) -> tuple[str | None, str | None, str | None]:
    """The forms of one date. There are some 30,000 days on which people who live were born."""
    day = read_day(text)
    if day is None:
        return None, None, None
    year, month, number = day
    meant = (_valid(*day), solar_day(*day), _valid(year, number, month) if month != number else None)
    written, lunar, swapped = (None if one is None else one.isoformat() for one in meant)
    return written, lunar, swapped


def read_day(text: str) -> tuple[int, int, int] | None:
    """Year, month and day of a written date, also of one that only the lunar calendar has (30 February); None where it is no date.

    Read are 1950-03-01, 1950/3/1, 1950年3月1日, 19500301, 01/03/1950 (day first) and days of Excel since 1900.
    """
    found = _PLAIN.match(text) or _WRITTEN.match(text)
    if found:
        year, month, day = (int(part) for part in found.groups())
    elif found := _YEAR_LAST.match(text):
        day, month, year = (int(part) for part in found.groups())
    elif found := _EXCEL.match(text):
        counted = _EXCEL_EPOCH + timedelta(days=int(found[1]))
        year, month, day = counted.year, counted.month, counted.day
    else:
        return None
    return (year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def solar_day(year: int, month: int, day: int) -> date | None:
    """The solar day of a day of the lunar calendar; None where there is none. Of a month that comes twice the first is meant."""
    if year not in LUNAR_YEARS:
        return None
    first, length = _lunar_months(year)[month]
    return first + timedelta(days=day - 1) if day <= length else None


@cache
def _lunar_months(year: int) -> dict[int, tuple[date, int]]:
    """First solar day and number of days of each month of a lunar year; of a month that comes twice the first."""
    new_year, lengths = _lunar_years()[year]
    months: dict[int, tuple[date, int]] = {}
    begin = new_year
    for letter in lengths:
        days = LENGTHS[letter.lower()]
        if letter.islower():
            months[len(months) + 1] = (begin, days)
        begin += timedelta(days=days)
    return months


@cache
def _lunar_years() -> dict[int, tuple[date, str]]:
    lines = (files("detection.linkage.chinese") / "lunar_years.txt").read_text(encoding="ascii").splitlines()[1:]
    return {int(year): (date.fromisoformat(new_year), months) for year, new_year, months in (line.split(",") for line in lines)}
