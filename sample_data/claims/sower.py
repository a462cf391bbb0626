"""The sower of planted claims: makes patients and claims that are in order but for what a case says, and writes labels for them.

Everybody in a case is in no other. Labels name each rule that has to fire for a patient or a hospital, and those that may; whatever else
fires about them is wrong. Patients of look-alikes have no rule that has to fire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Protocol

import pyarrow as pa

from detection.claims.tables import SCHEMAS
from sample_data.claims import items, places
from sample_data.claims.items import Item
from sample_data.claims.places import Institutions

PLANTED, LOOKALIKE, BAD = "planted", "lookalike", "bad"
LOCAL = timedelta(hours=8)
STAYING = {"inpatient", "day_case"}
PRESCRIBED = {"western_drug", "patent_drug", "herb"}

LABELS = pa.schema(
    [
        ("case", pa.string()),
        ("role", pa.string()),
        ("code", pa.string()),
        ("person_id", pa.int64()),
        ("subject_ref", pa.string()),
        ("claims", pa.list_(pa.int64())),
    ]
)
"""role: planted or lookalike; bad for hospitals and doctors that models should rank high. code: of the rule that has to fire; "" in rows
that only tell whose case it is; with a question mark behind it, of a rule that may fire.
"""


@dataclass(frozen=True)
class Patient:
    """Somebody. born: birth date."""

    id: int
    sex: str
    born: date
    region: int


@dataclass(frozen=True)
class Charge:
    """One line of a claim, in order unless it says otherwise. day: of the stay, from 0. executed: quantity; fen: of one."""

    item: Item
    quantity: float = 1
    days: int | None = None
    day: int = 0
    fen: int | None = None
    executed: float | None = None
    prescription: str | None = None
    amount: int | None = None
    fund: int | None = None


@dataclass(frozen=True)
class Billed:
    """A claim that was sown."""

    id: int
    person: Patient
    place: int
    first: date
    last: date


class People(Protocol):
    """Where patients of cases come from."""

    def person(self, *, sex: str, days_old: tuple[int, int], region: int | None) -> Patient:
        """Somebody of this sex and age on the last day of the month, who is in no other case."""


@dataclass
class NewPeople:
    """Made for each case. next_id: of the first."""

    random: Random
    last: date
    regions: int
    next_id: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    region_codes: Sequence[str] = ()

    def person(self, *, sex: str, days_old: tuple[int, int], region: int | None) -> Patient:
        """A new patient."""
        place = self.random.randrange(self.regions) if region is None else region
        born = self.last - timedelta(days=self.random.randint(*days_old))
        made = Patient(self.next_id, sex, born, place)
        self.next_id += 1
        self.rows.append({"person_id": made.id, "birth_date": born, "sex": sex, "region_code": self.region_codes[place]})
        return made


GROWN = (30 * 365, 55 * 365)


class Sower:
    """Sows claims of a month (first to last day) and, where a case needs it, of the year before."""

    def __init__(
        self, random: Random, institutions: Institutions, people: People, first: date, last: date, *, next_claim: int, next_line: int
    ) -> None:
        self.random, self.institutions, self.people, self.first, self.last = random, institutions, people, first, last
        self.next_claim, self.next_line = next_claim, next_line
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("claim", "line", "evidence", "identity_check", "institution")}
        self.labels: list[dict[str, Any]] = []
        self.case, self.role = "", PLANTED
        self._turn = 0
        self._spread: dict[int, int] = {}

    # --- cases

    def begin(self, case: str, number: int, role: str) -> None:
        """The next people belong to this case."""
        self.case, self.role = f"{case} {number}", role

    def expect(self, code: str, *claims: Billed, person: Patient | None = None, hospital: str | None = None) -> None:
        """This rule has to fire about the person of the claims, or the hospital."""
        self._label(code, claims, person, hospital)

    def allow(self, *codes: str, person: Patient | None = None, hospital: str | None = None) -> None:
        """These rules may fire as well, since what was planted is wrong in their sense too."""
        for code in codes:
            self._label(f"{code}?", (), person, hospital)

    def _label(self, code: str, claims: Sequence[Billed], person: Patient | None, hospital: str | None) -> None:
        owner = person or (claims[0].person if claims and hospital is None else None)
        self.labels.append(
            {
                "case": self.case,
                "role": self.role,
                "code": code,
                "person_id": owner.id if owner else None,
                "subject_ref": hospital,
                "claims": [claim.id for claim in claims],
            }
        )

    # --- people and places

    def person(self, sex: str | None = None, days_old: tuple[int, int] = GROWN, region: int | None = None) -> Patient:
        """Somebody new to the cases."""
        made = self.people.person(sex=sex or self.random.choice(("female", "male")), days_old=days_old, region=region)
        self._label("", (), made, None)
        return made

    def place(self, role: int, person: Patient | None = None, number: int = 0) -> int:
        """Place of an institution of the role; the same number gives the same for people of one region. None of those that inflate."""
        listed = [int(one) for one in self.institutions.by_role[role] if not self.institutions.bad[one]]
        region = person.region if person else 0
        near = [one for one in listed if self.institutions.region_places[one] == region] or listed
        return (
            near[number % len(near)] if number < len(near) else [*near, *(one for one in listed if one not in near)][number % len(listed)]
        )

    def spread(self, role: int) -> int:
        """Place of an institution of the role, each time the next, so that people of different cases do not meet."""
        listed = [int(one) for one in self.institutions.by_role[role] if not self.institutions.bad[one]]
        self._spread[role] = self._spread.get(role, -1) + 1
        return listed[self._spread[role] % len(listed)]

    def day(self, number: int) -> date:
        """A day of the month, from 0; negative before it."""
        return self.first + timedelta(days=number)

    # --- rows

    def drug(self, number: int | None = None) -> Item:
        """A drug that no point bounds; each time another."""
        self._turn += 1
        return items.DRUG_LIST[(self._turn if number is None else number) % items.DRUGS]

    def care(self, nights: int, *, drugs: int = 2) -> list[Charge]:
        """What a stay of so many nights is billed when all is well."""
        taken = [self.drug() for _ in range(drugs)]
        every = (items.ROUND, items.INFUSION, *taken)
        made = []
        for day in range(nights + 1):
            made += [Charge(item, day=day, days=1 if item.category == "western_drug" else None) for item in every]
            if day < nights or nights == 0:
                made += [Charge(items.BED, day=day), Charge(items.NURSING, day=day)]
        number = self._turn
        made.append(Charge(items.LABORATORY_LIST[number % items.LABORATORY]))
        made.append(Charge(items.EXAMINATION_LIST[number % items.EXAMINATIONS]))
        return made

    def stay(self, person: Patient, day: int, nights: int = 5, *, place: int | None = None, **more: Any) -> Billed:
        """A stay from a day of the month on."""
        return self.claim(
            person, day, nights, place=self.place(places.SECONDARY, person) if place is None else place, setting="inpatient", **more
        )

    def claim(
        self,
        person: Patient,
        day: int,
        nights: int = 0,
        *,
        place: int | None = None,
        setting: str = "outpatient",
        lines: Sequence[Charge] | None = None,
        extra: Sequence[Charge] = (),
        diagnosis: str = "K29.5",
        others: Sequence[str] = (),
        procedures: Sequence[str] = (),
        department: int = places.INTERNAL,
        scheme: str = "resident_medical",
        hour: float = 10.0,
        **more: Any,
    ) -> Billed:
        """One claim. lines: instead of the usual ones; extra: besides them. more: columns that are other than they should be."""
        first, last = self.day(day), self.day(day + nights)
        where = self.place(places.SECONDARY, person) if place is None else place
        staying = setting in STAYING
        usual = self.care(nights) if setting == "inpatient" else [Charge(items.CONSULTATION)] if setting != "pharmacy" else []
        charges = [*(usual if lines is None else lines), *extra]
        claim_id = self.next_claim
        self.next_claim += 1
        doctor = self.institutions.doctor(where, department, 1) if setting != "pharmacy" else None
        share = 70 if staying else 50
        billed = [self._line(claim_id, number, charge, first, doctor, department, share) for number, charge in enumerate(charges, 1)]
        self.rows["line"] += billed
        total = sum(line["amount_fen"] for line in billed)
        paid = sum(line["fund_fen"] for line in billed)
        settled = datetime.combine(last, time(), UTC) + timedelta(hours=hour, minutes=7, seconds=claim_id % 50) - LOCAL
        row = {
            "id": claim_id,
            "person_id": person.id,
            "institution_id": where + 1,
            "reference": f"M{claim_id}",
            "setting": setting,
            "scheme": scheme,
            "department": places.DEPARTMENTS[department] if doctor else None,
            "doctor": doctor,
            "from_date": first,
            "to_date": last,
            "settled_at": settled,
            "uploaded_at": settled + timedelta(hours=2),
            "principal_diagnosis": diagnosis,
            "diagnoses": [diagnosis, *others],
            "procedures": list(procedures),
            "hospital_acquired": [],
            "drg": None,
            "transferred_in": False if staying else None,
            "discharge_way": "home" if staying else None,
            "identity_check": None,
            "total_fen": total,
            "fund_fen": paid,
            "own_fen": total - paid,
        }
        self.rows["claim"].append(row | more)
        return Billed(claim_id, person, where, first, last)

    def _line(
        self, claim: int, number: int, charge: Charge, first: date, doctor: str | None, department: int, share: int
    ) -> dict[str, Any]:
        item, day = charge.item, first + timedelta(days=charge.day)
        fen = item.fen if charge.fen is None else charge.fen
        amount = round(charge.quantity * fen) if charge.amount is None else charge.amount
        line_id = self.next_line
        self.next_line += 1
        prescription = charge.prescription or (f"{claim}-{charge.day}" if item.category in PRESCRIBED else None)
        return {
            "id": line_id,
            "claim_id": claim,
            "number": number,
            "item_code": item.code,
            "item_name": item.name,
            "category": item.category,
            "quantity": float(charge.quantity),
            "days": charge.days,
            "unit_price_fen": fen,
            "amount_fen": amount,
            "fund_fen": amount * share // 100 if charge.fund is None else charge.fund,
            "charged_on": day,
            "executed_at": datetime.combine(day, time(2), UTC),
            "executed_quantity": charge.executed,
            "doctor": doctor,
            "department": places.DEPARTMENTS[department] if doctor else None,
            "prescription": prescription,
        }

    def evidence(self, person: Patient, kind: str, day: int, *, trace: str | None = None, until: int | None = None) -> None:
        """A record of the certification store."""
        self.rows["evidence"].append(
            {
                "id": len(self.rows["evidence"]) + 1,
                "person_id": person.id,
                "kind": kind,
                "trace": trace,
                "occurred_on": self.day(day),
                "ends_on": None if until is None else self.day(until),
                "strength": "indicative" if trace else "conclusive",
                "source": "民政" if kind == "death_record" else "登记",
            }
        )

    def check(self, person: Patient, place: int, day: int, level: str) -> None:
        """An identity check at an institution."""
        at = datetime.combine(self.day(day), time(2, 30), UTC)
        self.rows["identity_check"].append(
            {
                "id": len(self.rows["identity_check"]) + 1,
                "person_id": person.id,
                "institution": self.institutions.codes[place],
                "checked_at": at,
                "level": level,
            }
        )

    def hospital(self) -> tuple[int, str]:
        """(place, code) of a hospital of secondary level that has no other claims."""
        place, region_code = len(self.institutions.codes), self.institutions.regions[0]
        code = f"H{region_code}9{place:04d}"
        self.institutions.codes.append(code)
        self.rows["institution"].append(
            {"id": place + 1, "code": code, "level": "secondary", "kind": "hospital", "region_code": region_code, "beds": 300}
        )
        return place, code

    def table(self, name: str) -> pa.Table:
        """Rows as Arrow."""
        return pa.Table.from_pylist(self.rows[name], schema=SCHEMAS[name])

    def labelled(self) -> pa.Table:
        """The labels."""
        return pa.Table.from_pylist(self.labels, schema=LABELS)


def changed(charges: Sequence[Charge], **more: Any) -> list[Charge]:
    """The charges, each with other values."""
    return [replace(charge, **more) for charge in charges]
