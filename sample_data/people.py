"""Draws the people of the county: names, numbers, ages."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from models.bank_account import check_digit_holds
from models.identifiers import check_character
from sample_data.place import AGES, CITY, COUNTIES, GIVEN, STREETS, SURNAMES, County

T = TypeVar("T")


@dataclass(frozen=True)
class MadeUpPerson:
    """One line of persons.csv."""

    person_no: str
    resident_id: str
    name: str
    sex: str
    birth_date: date
    social_security_number: str
    phone: str
    region_code: str
    address: str = ""


def account_number(place: int) -> str:
    """A card number of 19 digits with a right check digit; no bank's cards begin so."""
    first_18 = f"629999{place:012d}"
    return next(first_18 + digit for digit in "0123456789" if check_digit_holds(first_18 + digit))


def draw_address(random: Random, region: str) -> str:
    """An address in the county."""
    county = next(place.name for place in COUNTIES if place.code == region)
    street = STREETS[integer(random, 0, len(STREETS) - 1)]
    house, block, stairs, flat = (integer(random, 1, most) for most in (280, 24, 6, 18))
    return f"{CITY[1]}{county}{street}{house}号{block}栋{stairs}单元{flat}01室"


def weighted(random: Random, choices: Sequence[tuple[T, int]]) -> T:
    """One of the choices by weight, drawn by one number, so that the same seed gives the same choice in every Python."""
    mark = random.random() * sum(weight for _, weight in choices)
    for choice, weight in choices:
        mark -= weight
        if mark < 0:
            return choice
    return choices[-1][0]


def integer(random: Random, least: int, most: int) -> int:
    """A whole number from least to most, both included."""
    return least + int(random.random() * (most - least + 1))


def years_before(day: date, years: int) -> date:
    """The same day so many years before, 28 February for the 29th where there is none."""
    year = day.year - years
    return date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def draw_people(random: Random, number: int, as_of: date) -> list[MadeUpPerson]:
    """The people, in order of person_no."""
    taken: set[str] = set()
    people = []
    bands: list[tuple[tuple[int, int], int]] = [((first, last), share) for first, last, share in AGES]
    counties: list[tuple[County, int]] = [(county, county.share) for county in COUNTIES]
    for index in range(1, number + 1):
        county = weighted(random, counties)
        first, last = weighted(random, bands)
        age = integer(random, first, last)
        youngest = years_before(as_of, age)
        born = youngest - timedelta(days=integer(random, 1, (youngest - years_before(as_of, age + 1)).days - 1))
        sex = _sex(random, age)
        people.append(
            MadeUpPerson(
                person_no=f"P{index:06d}",
                resident_id=_resident_id(random, county.code, born, sex, taken),
                name=draw_name(random, sex, born),
                sex=sex,
                birth_date=born,
                social_security_number=f"{county.code}{index:06d}",
                phone=f"100{integer(random, 0, 99_999_999):08d}",
                region_code=county.code,
            )
        )
    return people


def _sex(random: Random, age: int) -> str:
    # Women live longer: their share grows from 49% to about 61% at 90.
    return "female" if random.random() < 0.49 + max(0, age - 60) * 0.004 else "male"


def _resident_id(random: Random, county: str, born: date, sex: str, taken: set[str]) -> str:
    while True:
        sequence = integer(random, 1, 499) * 2 + (1 if sex == "male" else 0)
        first_17 = f"{county}{born:%Y%m%d}{sequence:03d}"
        if first_17 not in taken:
            taken.add(first_17)
            return first_17 + check_character(first_17)


def draw_name(random: Random, sex: str, born: date) -> str:
    """A name that was common among those born then."""
    _, single_share, characters = next(row for row in GIVEN[sex] if born.year <= row[0])
    surname = weighted(random, SURNAMES)
    first = characters[integer(random, 0, len(characters) - 1)]
    if random.random() * 100 < single_share:
        return surname + first
    return surname + first + characters[integer(random, 0, len(characters) - 1)]


def next_of_sex(sequence: int) -> int:
    """The sequence of a resident ID after this one, from 1 to 999, of the same sex."""
    return sequence + 2 if sequence < 998 else 2 - sequence % 2
