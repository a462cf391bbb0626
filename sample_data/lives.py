"""Draws what the records hold of each person: enrolments, benefits, payments, life evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from models.certification import add_months
from sample_data.people import MadeUpPerson, account_number, integer, weighted
from sample_data.place import EVIDENCE, FATES, PENSIONS_FEN, RETIREMENT_AGE

PAYMENT_MONTHS = 14
# Rows are kept at this distance from the limits of due soon and overdue, so that a status is what it was drawn as.
MARGIN_DAYS = 5


@dataclass(frozen=True)
class EnrolmentRow:
    """One line of enrolments.csv."""

    person_no: str
    scheme: str
    region_code: str
    from_month: date
    to_month: date | None


@dataclass(frozen=True)
class BenefitRow:
    """One line of benefits.csv."""

    benefit_no: str
    person_no: str
    scheme: str
    region_code: str
    monthly_fen: int
    status: str
    from_month: date
    to_month: date | None
    paused_on: date | None
    account: str | None = None
    approved_birth_date: date | None = None
    retirement_kind: str | None = None


@dataclass(frozen=True)
class PaymentRow:
    """One line of payments.csv."""

    benefit_no: str
    month: date
    amount_fen: int


@dataclass(frozen=True)
class EvidenceRow:
    """One line of life_evidence.csv. corrects_no: evidence_no of the row that this one corrects. trace: of a data match.

    ends_on: last day of a custody.
    """

    evidence_no: str
    person_no: str
    kind: str
    occurred_on: date
    strength: str
    source: str
    recorded_on: date
    corrects_no: str | None = None
    trace: str | None = None
    ends_on: date | None = None


@dataclass
class Records:
    """Every row of the county. fates: person_no of each pensioner -> what was drawn."""

    enrolments: list[EnrolmentRow] = field(default_factory=list)
    benefits: list[BenefitRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    evidence: list[EvidenceRow] = field(default_factory=list)
    fates: dict[str, str] = field(default_factory=dict)


def draw_records(random: Random, people: list[MadeUpPerson], as_of: date) -> Records:
    """What the records hold on the day."""
    records = Records()
    for person in people:
        employee = random.random() < 0.42
        retired_from = add_months(person.birth_date.replace(day=1), RETIREMENT_AGE * 12 + 1)
        pensioner = retired_from <= as_of
        _enrol(random, records, person, as_of, employee=employee, retired_from=retired_from if pensioner else None)
        if pensioner:
            _retire(random, records, person, as_of, "employee_pension" if employee else "resident_pension", retired_from)
    _end_covers_of_the_dead(records)
    return records


def _end_covers_of_the_dead(records: Records) -> None:
    died_on = {row.person_no: row.occurred_on for row in records.evidence if row.kind == "death_record"}
    for place, row in enumerate(records.enrolments):
        if row.to_month is None and records.fates.get(row.person_no) == "deceased":
            records.enrolments[place] = replace(row, to_month=died_on[row.person_no].replace(day=1))


def _enrol(random: Random, records: Records, person: MadeUpPerson, as_of: date, *, employee: bool, retired_from: date | None) -> None:
    born = person.birth_date.replace(day=1)
    grown = add_months(born, 12 * integer(random, 18, 24))

    def enrol(scheme: str, start: date, end: date | None = None) -> None:
        # National schemes of this kind began in the nineties and, for residents, in 2009.
        start = max(start, date(2009, 9, 1) if scheme.startswith("resident") else date(1996, 1, 1))
        if start <= as_of and (end is None or end >= start):
            records.enrolments.append(EnrolmentRow(person.person_no, scheme, person.region_code, start, end))

    last_working_month = add_months(retired_from, -1) if retired_from else None
    if grown > as_of:
        enrol("resident_medical", born)
    elif employee:
        for scheme in ("employee_pension", "unemployment", "work_injury", "maternity"):
            enrol(scheme, grown, last_working_month)
        enrol("employee_medical", grown)
    else:
        enrol("resident_pension", grown, last_working_month)
        enrol("resident_medical", born)


def _retire(random: Random, records: Records, person: MadeUpPerson, as_of: date, scheme: str, retired_from: date) -> None:
    fate = weighted(random, FATES)
    if retired_from > add_months(as_of, -11):
        fate = "never_certified" if random.random() < 0.5 else "certified"  # too new to have been certified a year ago
    records.fates[person.person_no] = fate
    least, mode, most = PENSIONS_FEN[scheme]
    monthly_fen = round(random.triangular(least, most, mode) / 100) * 100
    last_on, death_on = _last_certification(random, fate, as_of)
    paused_on = as_of - timedelta(days=integer(random, 10, 90)) if fate == "paused" else None
    ended = death_on.replace(day=1) if death_on is not None and fate == "deceased" and random.random() < 0.9 else None
    status = "paused" if paused_on else "ended" if ended else "active"
    benefit = BenefitRow(
        f"B{len(records.benefits) + 1:06d}",
        person.person_no,
        scheme,
        person.region_code,
        monthly_fen,
        status,
        retired_from,
        ended,
        paused_on,
        account_number(len(records.benefits) + 1),
    )
    records.benefits.append(benefit)
    _pay(records, benefit, as_of)
    _witness(random, records, person, as_of, fate, last_on, death_on)


def _last_certification(random: Random, fate: str, as_of: date) -> tuple[date | None, date | None]:
    """(day of the last certification, day of death) for a fate, under a cycle of 12 months and a due-soon window of 60 days."""
    year = timedelta(days=365)
    if fate == "never_certified":
        return None, None
    if fate == "due_soon":
        return as_of - year + timedelta(days=integer(random, MARGIN_DAYS, 60 - MARGIN_DAYS)), None
    if fate in {"overdue", "paused"}:
        return as_of - year - timedelta(days=integer(random, 120 if fate == "paused" else MARGIN_DAYS, 300)), None
    if fate == "deceased":
        death_on = as_of - timedelta(days=integer(random, 5, 400))
        return death_on - timedelta(days=integer(random, 20, 360)), death_on
    last_on = as_of - timedelta(days=integer(random, 0, 365 - 60 - MARGIN_DAYS))
    return last_on, as_of - timedelta(days=integer(random, 30, 300)) if fate == "wrong_death_record" else None


def _pay(records: Records, benefit: BenefitRow, as_of: date) -> None:
    for back in range(PAYMENT_MONTHS, 0, -1):
        month = add_months(as_of.replace(day=1), -back)
        if month < benefit.from_month or (benefit.to_month is not None and month > benefit.to_month):
            continue
        if benefit.paused_on is not None and month > benefit.paused_on:
            continue
        records.payments.append(PaymentRow(benefit.benefit_no, month, benefit.monthly_fen))


def _witness(
    random: Random, records: Records, person: MadeUpPerson, as_of: date, fate: str, last_on: date | None, death_on: date | None
) -> None:
    def add(
        kind: str,
        day: date,
        source: str,
        strength: str = "conclusive",
        corrects_no: str | None = None,
        late: int = 0,
        trace: str | None = None,
    ) -> str:
        number = f"E{len(records.evidence) + 1:06d}"
        recorded_on = min(as_of, day + timedelta(days=late))
        records.evidence.append(EvidenceRow(number, person.person_no, kind, day, strength, source, recorded_on, corrects_no, trace))
        return number

    if last_on is not None:
        days = [last_on]
        for _ in range(integer(random, 0, 3)):
            days.append(days[-1] - timedelta(days=integer(random, 300, 380)))
        earliest = add_months(person.birth_date, RETIREMENT_AGE * 12)
        for day in sorted(day for day in days if day >= earliest or day == last_on):
            older = day.year - person.birth_date.year >= 80
            choices = EVIDENCE["older" if older else "younger"]
            kind, source = weighted(random, [((kind, source), weight) for kind, weight, source in choices])
            number = add(kind, day, source)
            if fate == "corrected" and day == last_on:
                # Entered under the wrong day; the right one is two weeks before.
                add(kind, day - timedelta(days=14), source, corrects_no=number, late=20)
    if random.random() < 0.12 and fate != "deceased":
        add("data_match", as_of - timedelta(days=integer(random, 1, 200)), "railway tickets", strength="indicative", trace="travel")
    if death_on is not None:
        number = add("death_record", death_on, "civil affairs", late=integer(random, 3, 40))
        if fate == "wrong_death_record":
            add("death_record", death_on, "civil affairs", strength="void", corrects_no=number, late=60)
