"""The sower of planted cases: makes the people of a case and their records, and writes down what a run of detection has to say of them.

A case is a handful of people with records of their own. Of everybody in it the labels name every signal that has to be found; any other
signal about them is a false one. People of look-alikes have no labels at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from models.certification import add_months
from models.identifiers import IdentifierError, check_character, parse_resident_id
from sample_data.lives import BenefitRow, EnrolmentRow, EvidenceRow, PaymentRow, Records
from sample_data.people import MadeUpPerson, account_number, draw_address, draw_name, integer, next_of_sex
from sample_data.place import COUNTIES, PENSIONS_FEN

PENSION, RESIDENT = "employee_pension", "resident_pension"
MEDICAL, RESIDENT_MEDICAL = "employee_medical", "resident_medical"


@dataclass(frozen=True)
class RelationRow:
    """One line of relations.csv."""

    person_no: str
    other_no: str
    kind: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class GrantRow:
    """One line of grants.csv."""

    deceased_no: str
    recipient_no: str | None
    kind: str
    region_code: str
    reference: str
    account: str | None
    paid_on: date
    amount_fen: int


@dataclass(frozen=True)
class LabelRow:
    """One line of labels.csv: what has to be found about a person. case: name of the planted case, the same for its people.

    other_no: the second person of D3. months, amount_fen, from_month, to_month: as the signal has them.
    """

    case: str
    code: str
    person_no: str
    other_no: str | None = None
    months: int = 0
    amount_fen: int = 0
    from_month: date | None = None
    to_month: date | None = None


@dataclass
class Planted:
    """What was sown besides people and records. cases: person_no -> name of the case, of look-alikes too."""

    relations: list[RelationRow] = field(default_factory=list)
    grants: list[GrantRow] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    cases: dict[str, str] = field(default_factory=dict)


class Sower:
    """Makes people and records on ``as_of``. first_number: of the first person. paid_months: how many months payments go back."""

    def __init__(self, random: Random, as_of: date, first_number: int, *, paid_months: int, taken: set[str]) -> None:
        self.random, self.as_of, self.paid_months = random, as_of, paid_months
        self.people: list[MadeUpPerson] = []
        self.records, self.planted = Records(), Planted()
        self._number, self._benefits, self._evidence, self._grants = first_number, 0, 0, 0
        self._taken = taken
        self._case = ""

    def begin(self, case: str, number: int) -> None:
        """The next people belong to this case."""
        self._case = f"{case} {number}"

    def month(self, back: int) -> date:
        """First day of the month so many before the one of ``as_of``; 1 is the last month that was paid."""
        return add_months(self.as_of.replace(day=1), -back)

    def day_in(self, back: int, first: int = 8, last: int = 22) -> date:
        """A day within such a month."""
        return self.month(back).replace(day=integer(self.random, first, last))

    def person(
        self,
        age: int,
        *,
        sex: str | None = None,
        region: str | None = None,
        born: date | None = None,
        name: str | None = None,
        sequence: int | None = None,
        like: MadeUpPerson | None = None,
    ) -> MadeUpPerson:
        """Somebody who is of this age (or born on a day). like: somebody whose phone and address are the same."""
        random = self.random
        sex = sex or ("male" if random.random() < 0.5 else "female")
        region = region or COUNTIES[integer(random, 0, len(COUNTIES) - 1)].code
        day = born or add_months(self.as_of.replace(day=1), -12 * age - integer(random, 2, 9)) + timedelta(days=integer(random, 0, 27))
        number = self._number
        self._number += 1
        made = MadeUpPerson(
            person_no=f"P{number:06d}",
            resident_id=self._resident_id(region, day, sex, sequence),
            name=name or draw_name(random, sex, day),
            sex=sex,
            birth_date=day,
            social_security_number=f"{region}{number:07d}"[:18],
            phone=like.phone if like else f"100{integer(random, 0, 99_999_999):08d}",
            region_code=region,
            address=like.address if like else draw_address(random, region),
        )
        self.people.append(made)
        self.planted.cases[made.person_no] = self._case
        return made

    def double(self, person: MadeUpPerson, resident_id: str | None) -> MadeUpPerson | None:
        """A second record of somebody, under this number (None: a drawn one of the same day).

        None when the number is no right one, or somebody else's.
        """
        number = resident_id or self._resident_id(person.region_code, person.birth_date, person.sex, None)
        if resident_id is not None and not self._may_be(number):
            return None
        self._taken.add(number[:17])
        parsed = parse_resident_id(number)
        made = replace(
            person,
            person_no=f"P{self._number:06d}",
            resident_id=number,
            sex=parsed.sex.value,
            birth_date=parsed.birth_date,
            social_security_number=f"{person.region_code}{self._number:07d}"[:18],
        )
        self._number += 1
        self.people.append(made)
        self.planted.cases[made.person_no] = self._case
        return made

    def _may_be(self, number: str) -> bool:
        try:
            parsed = parse_resident_id(number)
        except IdentifierError:
            return False
        return number[:17] not in self._taken and date(1940, 1, 1) <= parsed.birth_date <= date(1962, 1, 1)

    def _resident_id(self, region: str, born: date, sex: str, sequence: int | None) -> str:
        while True:
            drawn = integer(self.random, 1, 499) * 2 - (1 if sex == "male" else 0)
            first_17 = f"{region}{born:%Y%m%d}{drawn if sequence is None else sequence:03d}"
            if first_17 not in self._taken:
                self._taken.add(first_17)
                return first_17 + check_character(first_17)
            if sequence is not None:
                sequence = next_of_sex(sequence)

    def enrol(self, person: MadeUpPerson, scheme: str, first: date, last: date | None = None, *, region: str | None = None) -> None:
        """An enrolment from month to month."""
        self.records.enrolments.append(EnrolmentRow(person.person_no, scheme, region or person.region_code, first, last))

    def benefit(
        self,
        person: MadeUpPerson,
        scheme: str,
        first: date,
        last: date | None = None,
        *,
        region: str | None = None,
        account: str | None = None,
        paid: Iterable[int] | None = None,
        approved_birth_date: date | None = None,
        retirement_kind: str | None = None,
    ) -> BenefitRow:
        """A benefit, paid in these months (how many back); without ``paid`` in every month that it runs in."""
        self._benefits += 1
        least, mode, most = PENSIONS_FEN.get(scheme, (120_000, 150_000, 190_000))
        row = BenefitRow(
            f"{person.person_no}-{self._benefits}",
            person.person_no,
            scheme,
            region or person.region_code,
            round(self.random.triangular(least, most, mode) / 100) * 100,
            "active" if last is None else "ended",
            first,
            last,
            None,
            account or account_number(10_000_000_000 + self._number * 100 + self._benefits % 100),
            approved_birth_date,
            retirement_kind,
        )
        self.records.benefits.append(row)
        backs = range(self.paid_months, 0, -1) if paid is None else sorted(paid, reverse=True)
        for back in backs:
            month = self.month(back)
            if paid is not None or (month >= first and (last is None or month <= last)):
                self.records.payments.append(PaymentRow(row.benefit_no, month, row.monthly_fen))
        return row

    def evidence(
        self, person: MadeUpPerson, kind: str, day: date, source: str, *, strength: str = "conclusive", **more: str | date | None
    ) -> str:
        """A row of the ledger; its number. more: corrects_no, trace, ends_on."""
        self._evidence += 1
        number = f"{person.person_no}-E{self._evidence}"
        recorded_on = min(self.as_of, day + timedelta(days=3))
        row = EvidenceRow(number, person.person_no, kind, day, strength, source, recorded_on, **more)  # type: ignore[arg-type]
        self.records.evidence.append(row)
        return number

    def certified(self, person: MadeUpPerson, days_ago: int | None = None) -> None:
        """A certification that holds; it is what the person's status follows from."""
        self.records.fates.setdefault(person.person_no, "certified")
        ago = days_ago or integer(self.random, 10, 250)
        self.evidence(person, "counter", self.as_of - timedelta(days=ago), "service hall")

    def pensioner(
        self, age: int | None = None, *, scheme: str = PENSION, died_back: int | None = None, alone: bool = False, **more: object
    ) -> MadeUpPerson:
        """Somebody retired with everything in order and no benefit yet: enrolments that ended, a certification.

        died_back: months ago in which the person died, so that the medical cover ended then. alone: no certification.
        """
        # the resident pension began in 2009
        person = self.person(age or integer(self.random, 66, 75 if scheme == RESIDENT else 84), **more)  # type: ignore[arg-type]
        retired = self.retired_from(person)
        self.enrol(person, scheme, date(2009, 9, 1) if scheme == RESIDENT else date(1996, 1, 1), add_months(retired, -1))
        self.enrol(
            person,
            RESIDENT_MEDICAL if scheme == RESIDENT else MEDICAL,
            date(2009, 9, 1),
            None if died_back is None else self.month(died_back),
        )
        if not alone:
            self.certified(person, None if died_back is None else died_back * 31 + integer(self.random, 20, 200))
        self.records.fates[person.person_no] = "certified" if died_back is None else "deceased"
        return person

    def retired_from(self, person: MadeUpPerson) -> date:
        """The month in which a pension at 60 begins."""
        return add_months(person.birth_date.replace(day=1), 60 * 12 + 1)

    def relate(self, one: MadeUpPerson, other: MadeUpPerson, kind: str, since: date | None = None, until: date | None = None) -> None:
        """A relation on record."""
        self.planted.relations.append(RelationRow(one.person_no, other.person_no, kind, since, until))

    def grant(self, deceased: MadeUpPerson, recipient: MadeUpPerson | None, kind: str, day: date, amount_fen: int, region: str) -> GrantRow:
        """A grant that was paid."""
        self._grants += 1
        row = GrantRow(
            deceased.person_no,
            None if recipient is None else recipient.person_no,
            kind,
            region,
            f"G{deceased.person_no}-{self._grants}",
            account_number(20_000_000_000 + self._number * 100 + self._grants % 100),
            day,
            amount_fen,
        )
        self.planted.grants.append(row)
        return row

    def label(
        self,
        code: str,
        person: MadeUpPerson,
        months: Iterable[int] = (),
        amount_fen: int = 0,
        *,
        other: MadeUpPerson | None = None,
    ) -> None:
        """What has to be found about a person. months: how many back each of them is."""
        backs = sorted(months)
        self.planted.labels.append(
            LabelRow(
                self._case,
                code,
                person.person_no,
                None if other is None else other.person_no,
                len(backs),
                amount_fen,
                self.month(backs[-1]) if backs else None,
                self.month(backs[0]) if backs else None,
            )
        )
