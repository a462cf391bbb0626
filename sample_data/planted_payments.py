"""Planted cases of the signals about payments, P1 to P7."""

from __future__ import annotations

from datetime import timedelta

from models.certification import add_months
from sample_data.people import account_number, integer
from sample_data.planting import MEDICAL, PENSION, RESIDENT, Sower

GRACE_DAYS, MONTHS_AHEAD = 45, 1
"""As [rules.P4] of policy.toml has them; a test compares."""
ACCOUNT_MONTHS = 11
"""Months that [rules.P5] looks back on, without the one that is not paid yet."""
MANY = 12
"""Persons of one account, more than [rules.P5] takes for a family's."""
P5_OF_AN_ACCOUNT = "P5 account"
"""Code of a label about an account."""


def paid_after_death(sow: Sower) -> None:
    """P1: the death is reported, the benefit goes on."""
    last = integer(sow.random, 2, 6)
    scheme = PENSION if sow.random.random() < 0.5 else RESIDENT
    person = sow.pensioner(died_back=last + 1, scheme=scheme)
    source, strength = (("civil affairs", "conclusive"), ("police", "conclusive"), ("township list", "supporting"))[
        integer(sow.random, 0, 2)
    ]
    day = sow.day_in(last + 1)
    sow.evidence(person, "death_record", day, source, strength=strength)
    if sow.random.random() < 0.3:  # told twice
        sow.evidence(person, "death_record", day, "hospital")
    benefit = sow.benefit(person, scheme, sow.retired_from(person))
    sow.label("P1", person, range(1, last + 1), last * benefit.monthly_fen)


def conflicting_deaths(sow: Sower) -> None:
    """P2: the police know an earlier day than the office that stopped the payment; P1 for the months from the earlier one on."""
    later = integer(sow.random, 2, 4)
    earlier = later + integer(sow.random, 2, 4)
    person = sow.pensioner(died_back=earlier)
    sow.evidence(person, "death_record", sow.day_in(earlier), ("police", "hospital", "crematorium")[integer(sow.random, 0, 2)])
    sow.evidence(person, "death_record", sow.day_in(later), "civil affairs")
    benefit = sow.benefit(person, PENSION, sow.retired_from(person), sow.month(later))
    months = range(later, earlier)
    sow.label("P2", person, months, len(months) * benefit.monthly_fen)
    sow.label("P1", person, months, len(months) * benefit.monthly_fen)


def paid_in_custody(sow: Sower) -> None:
    """P3: months wholly in custody were paid; months in part are not counted."""
    person = sow.pensioner()
    benefit = sow.benefit(person, PENSION, sow.retired_from(person))
    first = integer(sow.random, 5, 8)
    lasts = sow.random.random() < 0.3
    last = 1 if lasts else integer(sow.random, 2, 3)
    ends_on = None if lasts else sow.day_in(last - 1)
    sow.evidence(person, "custody", sow.day_in(first + 1), "prison administration", ends_on=ends_on)
    months = range(last, first + 1)
    sow.label("P3", person, months, len(months) * benefit.monthly_fen)


def overdue_and_paid(sow: Sower) -> None:
    """P4: a pause could have counted for months."""
    person = sow.pensioner(alone=True)
    sow.records.fates[person.person_no] = "overdue"
    due_back = integer(sow.random, 5, 8)
    # 45 days of grace from the 8th to the 12th end within the next month, so a pause counts from the one after that
    due_on = sow.day_in(due_back, 8, 12)
    sow.evidence(person, "counter", add_months(due_on, -12), "service hall")
    benefit = sow.benefit(person, PENSION, sow.retired_from(person))
    grace_ends = due_on + timedelta(days=GRACE_DAYS)
    pause_month = add_months(grace_ends.replace(day=1), MONTHS_AHEAD)
    months = [back for back in range(1, due_back + 1) if sow.month(back) >= pause_month]
    sow.label("P4", person, months, len(months) * benefit.monthly_fen)


def shared_account(sow: Sower) -> None:
    """P5: two or three strangers, one account."""
    account = account_number(30_000_000_000 + len(sow.people))
    for _ in range(integer(sow.random, 2, 3)):
        person = sow.pensioner()
        benefit = sow.benefit(person, PENSION, sow.retired_from(person), account=account)
        sow.label("P5", person, range(1, ACCOUNT_MONTHS + 1), ACCOUNT_MONTHS * benefit.monthly_fen)


def shared_by_many(sow: Sower) -> None:
    """P5: one account for a dozen people; the finding is about the account, which the label names by the first of them."""
    account = account_number(32_000_000_000 + len(sow.people))
    region = sow.person(30).region_code
    people = [sow.pensioner(region=region, scheme=RESIDENT) for _ in range(MANY)]
    fen = sum(ACCOUNT_MONTHS * sow.benefit(person, RESIDENT, sow.retired_from(person), account=account).monthly_fen for person in people)
    sow.label(P5_OF_AN_ACCOUNT, people[0], range(1, ACCOUNT_MONTHS + 1), fen)


def shared_by_the_divorced(sow: Sower) -> None:
    """P5: the relation that allowed it has ended."""
    account = account_number(31_000_000_000 + len(sow.people))
    couple = [sow.pensioner(sex=sex) for sex in ("male", "female")]
    sow.relate(couple[0], couple[1], "spouse", None, sow.month(14))
    for person in couple:
        benefit = sow.benefit(person, PENSION, sow.retired_from(person), account=account)
        sow.label("P5", person, range(1, ACCOUNT_MONTHS + 1), ACCOUNT_MONTHS * benefit.monthly_fen)


def too_young(sow: Sower) -> None:
    """P6: papers make the person five years older than the resident ID does. Too young until now, so that this month counts too."""
    back = min(sow.paid_months, 12)
    first = sow.month(back)
    born = add_months(first, -12 * 55 - integer(sow.random, 1, 5)) + timedelta(days=integer(sow.random, 0, 27))
    person = sow.person(56, sex="male", born=born)
    by_papers = sow.random.random() < 0.7
    sow.enrol(person, PENSION, add_months(first, -240), add_months(first, -1))
    sow.enrol(person, MEDICAL, add_months(first, -240))
    sow.certified(person)
    approved = add_months(person.birth_date, -60) if by_papers else None
    benefit = sow.benefit(person, PENSION, first, approved_birth_date=approved, retirement_kind="normal")
    sow.label("P6", person, range(back + 1), back * benefit.monthly_fen)


def alive_after_death(sow: Sower) -> None:
    """P7: nobody is paid, but somebody goes to the doctor."""
    died_back = integer(sow.random, 3, 8)
    person = sow.pensioner(died_back=died_back)
    died_on = sow.day_in(died_back)
    sow.evidence(person, "death_record", died_on, "civil affairs")
    for number in range(integer(sow.random, 1, 3)):
        day = died_on + timedelta(days=integer(sow.random, 10, 50))
        trace, source = (("medical_visit", "identity check/First Hospital"), ("vaccination", "vaccination register"))[number % 2]
        sow.evidence(person, "data_match", day, source, strength="supporting", trace=trace)
    sow.benefit(person, PENSION, sow.retired_from(person), sow.month(died_back))
    sow.label("P7", person)


CASES = {
    "paid after death": paid_after_death,
    "conflicting deaths": conflicting_deaths,
    "paid in custody": paid_in_custody,
    "overdue and paid": overdue_and_paid,
    "shared account": shared_account,
    "shared by many": shared_by_many,
    "shared by the divorced": shared_by_the_divorced,
    "too young": too_young,
    "alive after death": alive_after_death,
}
