"""Planted cases that look like a signal and are in order: no rule may say anything about these people."""

from __future__ import annotations

from datetime import date, timedelta

from models.certification import add_months
from sample_data.people import account_number, integer, next_of_sex
from sample_data.planted_covers import FUNERAL_FEN, SCHEMES_OF_WORK, SURVIVOR_FEN, UNEMPLOYMENT, buried, other_county, worker
from sample_data.planting import MEDICAL, PENSION, RESIDENT, RESIDENT_MEDICAL, Sower


def spouses(sow: Sower) -> None:
    """A couple draws its pensions into one account."""
    account = account_number(40_000_000_000 + len(sow.people))
    couple = [sow.pensioner(sex=sex) for sex in ("male", "female")]
    sow.relate(couple[0], couple[1], "spouse", add_months(sow.as_of.replace(day=1), -480))
    for person in couple:
        sow.benefit(person, PENSION, sow.retired_from(person), account=account)


def guardian(sow: Sower) -> None:
    """A guardian draws the pensions of two wards."""
    account = account_number(41_000_000_000 + len(sow.people))
    people = [sow.pensioner() for _ in range(3)]
    for ward in people[1:]:
        sow.relate(people[0], ward, "guardian")
    for person in people:
        sow.benefit(person, PENSION, sow.retired_from(person), account=account)


def twins(sow: Sower) -> None:
    """Two human beings born on one day, with numbers and names that differ in one character, at one address."""
    first = sow.pensioner()
    name = first.name[:-1] + ("明" if first.name[-1] != "明" else "强")
    second = sow.pensioner(
        sex=first.sex,
        born=first.birth_date,
        name=name,
        region=first.region_code,
        sequence=next_of_sex(int(first.resident_id[14:17])),
        like=first,
    )
    sow.relate(first, second, "twin")
    for person in (first, second):
        sow.benefit(person, PENSION, sow.retired_from(person))


def namesakes(sow: Sower) -> None:
    """The same name, two people of about the same age in two counties."""
    first = sow.pensioner()
    second = sow.pensioner(
        name=first.name, sex=first.sex, born=first.birth_date + timedelta(days=200), region=other_county(sow, first.region_code)
    )
    for person in (first, second):
        sow.benefit(person, PENSION, sow.retired_from(person))


def paid_in_the_month_of_death(sow: Sower) -> None:
    """The month of death is still paid."""
    died_back = integer(sow.random, 1, 6)
    person = sow.pensioner(died_back=died_back)
    sow.evidence(person, "death_record", sow.day_in(died_back, 1, 3), "civil affairs")
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(died_back))


def wrong_death_record(sow: Sower) -> None:
    """The death was booked to the wrong person, and taken away since; life goes on, paid and seen."""
    person = sow.pensioner()
    day = sow.day_in(6)
    number = sow.evidence(person, "death_record", day, "civil affairs")
    sow.evidence(person, "death_record", day, "civil affairs", strength="void", corrects_no=number)
    trace = day + timedelta(days=30)
    sow.evidence(person, "data_match", trace, "identity check/First Hospital", strength="supporting", trace="medical_visit")
    sow.benefit(person, PENSION, sow.retired_from(person))


def corrected_day_of_death(sow: Sower) -> None:
    """The first day was wrong and was corrected to a later one: what was paid in between is in order, and no two days contradict."""
    person = sow.pensioner(died_back=3)
    number = sow.evidence(person, "death_record", sow.day_in(5), "civil affairs")
    sow.evidence(person, "death_record", sow.day_in(3), "civil affairs", corrects_no=number)
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(3))


def two_reports_that_agree(sow: Sower) -> None:
    """Hospital and civil affairs tell of one death, a day apart."""
    person = sow.pensioner(died_back=4)
    day = sow.day_in(4)
    sow.evidence(person, "death_record", day, "hospital")
    sow.evidence(person, "death_record", day + timedelta(days=1), "civil affairs")
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(4))


def treated_until_the_end(sow: Sower) -> None:
    """The last trace of life is of the day before the death."""
    person = sow.pensioner(died_back=4)
    day = sow.day_in(4)
    sow.evidence(person, "death_record", day, "civil affairs")
    sow.evidence(
        person, "data_match", day - timedelta(days=1), "identity check/First Hospital", strength="supporting", trace="medical_visit"
    )
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(4))


def custody_that_ended(sow: Sower) -> None:
    """Out again before the first payment, and not paid inside."""
    person = sow.pensioner()
    ended = sow.day_in(8)
    sow.evidence(person, "custody", ended - timedelta(days=400), "prison administration", ends_on=ended)
    sow.benefit(person, PENSION, sow.retired_from(person), paid=range(1, 8))


def some_days_in_custody(sow: Sower) -> None:
    """Four weeks from one month into the next."""
    person = sow.pensioner()
    began = sow.day_in(5)
    sow.evidence(person, "custody", began, "public security", ends_on=began + timedelta(days=28))
    sow.benefit(person, PENSION, sow.retired_from(person))


def just_overdue(sow: Sower) -> None:
    """Overdue for three weeks: nobody could have paused anything yet."""
    person = sow.pensioner(alone=True)
    sow.records.fates[person.person_no] = "overdue"
    sow.certified(person, 365 + 21)
    sow.benefit(person, PENSION, sow.retired_from(person))


def early_by_law(sow: Sower) -> None:
    """A woman at fifty, special work at fifty-five, and unable to work at fifty."""
    sex, age, kind = (("female", 50, "normal"), ("male", 55, "special_work"), ("male", 50, "disability"))[integer(sow.random, 0, 2)]
    back = integer(sow.random, 2, 10)
    born = add_months(sow.month(back), -12 * (age + 10) - 1) + timedelta(days=integer(sow.random, 0, 27))
    person = sow.person(age + 10, sex=sex, born=born)
    first = add_months(born.replace(day=1), 12 * age + 1)
    sow.enrol(person, PENSION, date(1996, 1, 1), add_months(first, -1))
    sow.enrol(person, MEDICAL, date(2009, 9, 1))
    sow.certified(person)
    sow.benefit(person, PENSION, first, retirement_kind=kind, approved_birth_date=born)


def one_after_the_other(sow: Sower) -> None:
    """Resident until a month, at work from the next one on: pension and medical cover."""
    began = integer(sow.random, 12, 30)
    person = worker(sow, sow.month(began))
    sow.enrol(person, RESIDENT, sow.month(90), sow.month(began + 1))
    sow.enrol(person, RESIDENT_MEDICAL, sow.month(150), sow.month(began + 1))


def transfer_month(sow: Sower) -> None:
    """Moved: both places count the month of the move."""
    moved = integer(sow.random, 12, 24)
    person = sow.person(integer(sow.random, 34, 48))
    sow.enrol(person, PENSION, sow.month(80), sow.month(moved))
    sow.enrol(person, PENSION, sow.month(moved), region=other_county(sow, person.region_code))
    sow.enrol(person, MEDICAL, sow.month(80))


def month_of_change_of_cover(sow: Sower) -> None:
    """Both medical covers in the month in which work began."""
    began = integer(sow.random, 6, 20)
    person = worker(sow, sow.month(began))
    sow.enrol(person, RESIDENT_MEDICAL, sow.month(150), sow.month(began))


def deregistered_within_thirty_days(sow: Sower) -> None:
    """The employer's last return was for the month of death."""
    died_back = integer(sow.random, 4, 9)
    person = sow.person(integer(sow.random, 40, 55))
    for scheme in SCHEMES_OF_WORK:
        sow.enrol(person, scheme, sow.month(120), sow.month(died_back))
    sow.evidence(person, "death_record", sow.day_in(died_back), "civil affairs")


def offset_month(sow: Sower) -> None:
    """The resident pension of the month in which the employee pension began was set off."""
    began = integer(sow.random, 3, 10)
    person = sow.pensioner(age=integer(sow.random, 66, 75))
    sow.benefit(person, PENSION, sow.month(began))
    sow.benefit(person, RESIDENT, add_months(sow.retired_from(person), 12), sow.month(began))


def moved_pension(sow: Sower) -> None:
    """The pension moved to another county: the first one was last paid half a year before the second one began."""
    person = sow.pensioner()
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(10))
    sow.benefit(person, PENSION, sow.month(4), region=other_county(sow, person.region_code))


def work_found(sow: Sower) -> None:
    """The unemployment benefit ended with the month in which work began."""
    began = integer(sow.random, 3, 8)
    person = worker(sow, sow.month(began))
    for scheme in SCHEMES_OF_WORK:
        sow.enrol(person, scheme, sow.month(100), sow.month(began + 5))
    sow.certified(person)
    sow.benefit(person, UNEMPLOYMENT, sow.month(began + 4), sow.month(began))


def grants_as_they_should_be(sow: Sower) -> None:
    """One funeral grant, and a survivors' grant that two heirs shared."""
    person, first, second = buried(sow), sow.person(50), sow.person(45)
    sow.grant(person, first, "funeral", sow.day_in(8), FUNERAL_FEN, person.region_code)
    for heir in (first, second):
        sow.grant(person, heir, "survivor", sow.day_in(7), SURVIVOR_FEN // 2, person.region_code)


CASES = {
    "spouses": spouses,
    "guardian": guardian,
    "twins": twins,
    "namesakes": namesakes,
    "paid in the month of death": paid_in_the_month_of_death,
    "wrong death record": wrong_death_record,
    "corrected day of death": corrected_day_of_death,
    "two reports that agree": two_reports_that_agree,
    "treated until the end": treated_until_the_end,
    "custody that ended": custody_that_ended,
    "some days in custody": some_days_in_custody,
    "just overdue": just_overdue,
    "early by law": early_by_law,
    "one after the other": one_after_the_other,
    "transfer month": transfer_month,
    "month of change of cover": month_of_change_of_cover,
    "deregistered in time": deregistered_within_thirty_days,
    "offset month": offset_month,
    "moved pension": moved_pension,
    "work found": work_found,
    "grants as they should be": grants_as_they_should_be,
}
