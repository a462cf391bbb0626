"""Planted cases of duplicate enrolment (D1 to D5) and of duplicate benefits (B1 to B4)."""

from __future__ import annotations

from datetime import date, timedelta

from models.certification import add_months
from models.identifiers import check_character
from sample_data.people import MadeUpPerson, integer
from sample_data.place import COUNTIES
from sample_data.planting import MEDICAL, PENSION, RESIDENT, RESIDENT_MEDICAL, Sower

UNEMPLOYMENT, WORK_INJURY = "unemployment", "work_injury"
FUNERAL_FEN, SURVIVOR_FEN = 900_000, 2_400_000
SCHEMES_OF_WORK = (PENSION, UNEMPLOYMENT, WORK_INJURY, MEDICAL)


def worker(sow: Sower, since: date, last: date | None = None) -> MadeUpPerson:
    """Somebody in work since a month."""
    person = sow.person(integer(sow.random, 34, 48))
    for scheme in SCHEMES_OF_WORK:
        sow.enrol(person, scheme, since, last)
    return person


def other_county(sow: Sower, than: str) -> str:
    """Another county's code."""
    codes = [county.code for county in COUNTIES if county.code != than]
    return codes[integer(sow.random, 0, len(codes) - 1)]


def employee_and_resident(sow: Sower) -> None:
    """D1: the resident pension went on after work began."""
    began, ended = integer(sow.random, 24, 40), integer(sow.random, 3, 15)
    person = worker(sow, sow.month(began))
    sow.enrol(person, RESIDENT, sow.month(90), sow.month(ended))
    sow.label("D1", person, range(ended, began + 1))


def two_regions(sow: Sower) -> None:
    """D2: moved, and the old place goes on for months."""
    moved, ended = integer(sow.random, 14, 24), integer(sow.random, 4, 10)
    person = sow.person(integer(sow.random, 34, 48))
    sow.enrol(person, PENSION, sow.month(80), sow.month(ended))
    sow.enrol(person, PENSION, sow.month(moved), region=other_county(sow, person.region_code))
    sow.enrol(person, MEDICAL, sow.month(80))
    sow.label("D2", person, range(ended, moved + 1))


def two_covers(sow: Sower) -> None:
    """D4: covered as a resident and as an employee."""
    began, ended = integer(sow.random, 12, 20), integer(sow.random, 2, 8)
    person = worker(sow, sow.month(began))
    sow.enrol(person, RESIDENT_MEDICAL, date(2012, 1, 1), sow.month(ended))
    sow.label("D4", person, range(ended, began + 1))


def contributions_after_death(sow: Sower) -> None:
    """D5: the employer pays on. The thirty days end within the month after the death, so that the months from the second one on count."""
    died_back, last = integer(sow.random, 6, 9), integer(sow.random, 1, 3)
    person = sow.person(integer(sow.random, 40, 55))
    sow.enrol(person, PENSION, sow.month(120), sow.month(last))
    sow.enrol(person, MEDICAL, sow.month(120), sow.month(died_back))
    sow.evidence(person, "death_record", sow.day_in(died_back), "civil affairs")
    sow.label("D5", person, range(last, died_back - 1))


def contributions_in_custody(sow: Sower) -> None:
    """D5: paid as if at work."""
    first, last = integer(sow.random, 7, 9), integer(sow.random, 2, 4)
    person = sow.person(integer(sow.random, 34, 48))
    sow.enrol(person, PENSION, sow.month(120))
    sow.enrol(person, MEDICAL, sow.month(120))
    sow.evidence(person, "custody", sow.day_in(first + 1), "prison administration", ends_on=sow.day_in(last - 1))
    sow.label("D5", person, range(last, first + 1))


def two_pensions_of_two_schemes(sow: Sower) -> None:
    """B1: the resident pension goes on beside the employee pension; its first month is set off."""
    began, ended = integer(sow.random, 6, 11), integer(sow.random, 1, 2)
    person = sow.pensioner(age=integer(sow.random, 66, 75))
    sow.benefit(person, PENSION, sow.month(began))
    resident = sow.benefit(person, RESIDENT, add_months(sow.retired_from(person), 12), sow.month(ended))
    months = range(ended, began)  # without the first one
    sow.label("B1", person, months, len(months) * resident.monthly_fen)


def two_pensions_of_one_scheme(sow: Sower) -> None:
    """B2: drawn in two counties; the lesser of the two is at risk."""
    began = integer(sow.random, 6, 11)
    person = sow.pensioner()
    first = sow.benefit(person, PENSION, sow.retired_from(person))
    second = sow.benefit(person, PENSION, sow.month(began), region=other_county(sow, person.region_code))
    sow.label("B2", person, range(1, began + 1), began * min(first.monthly_fen, second.monthly_fen))


def unemployed_at_work(sow: Sower) -> None:
    """B3: work began, the benefit went on."""
    first, began, last = integer(sow.random, 9, 11), integer(sow.random, 6, 8), integer(sow.random, 1, 2)
    person = worker(sow, sow.month(began))
    for scheme in SCHEMES_OF_WORK:
        sow.enrol(person, scheme, sow.month(100), sow.month(first + 1))
    sow.certified(person)
    benefit = sow.benefit(person, UNEMPLOYMENT, sow.month(first), sow.month(last))
    months = range(last, began + 1)
    sow.label("B3", person, months, len(months) * benefit.monthly_fen)


def unemployed_and_retired(sow: Sower) -> None:
    """B3: the pension began, the unemployment benefit went on."""
    began, last = integer(sow.random, 6, 8), integer(sow.random, 1, 2)
    born = add_months(sow.month(began), -60 * 12 - 1) + timedelta(days=integer(sow.random, 0, 27))
    person = sow.person(60, sex="female", born=born)
    sow.enrol(person, PENSION, sow.month(300), sow.month(began + 6))
    sow.enrol(person, MEDICAL, sow.month(300))
    sow.certified(person, integer(sow.random, 5, 60))
    sow.benefit(person, PENSION, sow.month(began))
    benefit = sow.benefit(person, UNEMPLOYMENT, sow.month(began + 4), sow.month(last))
    months = range(last, began + 1)
    sow.label("B3", person, months, len(months) * benefit.monthly_fen)


def buried(sow: Sower) -> MadeUpPerson:
    """Somebody who died ten months ago and was paid no longer."""
    person = sow.pensioner(died_back=10)
    sow.evidence(person, "death_record", sow.day_in(10), "civil affairs")
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(10))
    return person


def funeral_paid_twice(sow: Sower) -> None:
    """B4: in two counties, to two people."""
    person, first, second = buried(sow), sow.person(50), sow.person(45)
    sow.grant(person, first, "funeral", sow.day_in(8), FUNERAL_FEN, person.region_code)
    sow.grant(person, second, "funeral", sow.day_in(6), FUNERAL_FEN - 50_000, other_county(sow, person.region_code))
    sow.label("B4", person, (), FUNERAL_FEN - 50_000)


def survivor_paid_twice(sow: Sower) -> None:
    """B4: the same person received the survivors' grant twice."""
    person, heir = buried(sow), sow.person(50)
    sow.grant(person, heir, "survivor", sow.day_in(8), SURVIVOR_FEN, person.region_code)
    sow.grant(person, heir, "survivor", sow.day_in(5), SURVIVOR_FEN, person.region_code)
    sow.label("B4", person, (), SURVIVOR_FEN)


def two_records_of_one_human(sow: Sower) -> None:
    """D3: one human being under two numbers: two digits of the second one changed places, and a pension is paid under each."""
    first = sow.pensioner()
    number = first.resident_id
    second = None
    for place in (14, 15, 13, 12):
        digits = list(number[:17])
        digits[place], digits[place + 1] = digits[place + 1], digits[place]
        changed = "".join(digits)
        if changed != number[:17] and (second := sow.double(first, changed + check_character(changed))) is not None:
            break
    if second is None:
        second = sow.double(first, None)
    assert second is not None  # noqa: S101 - the last resort draws until one is free
    sow.certified(second)
    one = sow.benefit(first, PENSION, sow.retired_from(first))
    other = sow.benefit(second, RESIDENT, sow.retired_from(first))
    months = range(1, sow.paid_months + 1)
    fen = len(months) * min(one.monthly_fen, other.monthly_fen)
    sow.label("D3", first, months, fen, other=second)
    sow.label("D3", second, months, fen, other=first)


CASES = {
    "employee and resident": employee_and_resident,
    "two regions": two_regions,
    "one human, two records": two_records_of_one_human,
    "two covers": two_covers,
    "contributions after death": contributions_after_death,
    "contributions in custody": contributions_in_custody,
    "two pensions of two schemes": two_pensions_of_two_schemes,
    "two pensions of one scheme": two_pensions_of_one_scheme,
    "unemployed at work": unemployed_at_work,
    "unemployed and retired": unemployed_and_retired,
    "funeral paid twice": funeral_paid_twice,
    "survivor paid twice": survivor_paid_twice,
}
