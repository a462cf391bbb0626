"""The planted part of a generated county: cases and look-alikes of the sample data, and second records of people of the background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import linkage_errors
from benchmarks.county_people import AS_OF, EVIDENCE_WAVES, RETIREMENT_MONTHS, STAMP, Background, month_number, public_id, sealed_hex
from models.bank_account import mask_bank_account
from models.identifiers import IdentifierError, check_character, mask_phone, mask_resident_id, parse_resident_id
from models.keys import KeyRing
from models.repositories.persons import BlindIndex, associated_data
from sample_data.people import MadeUpPerson, account_number
from sample_data.planted import sow_all
from sample_data.planting import LabelRow, Sower

ID_ERRORS = (
    ("id_birth_corrected", 30),
    ("id_other_region", 30),
    ("id_transposed", 20),
    ("id_typo", 20),
)
"""Errors after which a number is still a right one, with its own check digit: others do not come through the intake."""


@dataclass(frozen=True)
class Double:
    """A second record of somebody of the background. of: id of the first."""

    person: MadeUpPerson
    of: int
    errors: tuple[str, ...]

    @property
    def account(self) -> str:
        """Where the second pension is paid: never an account of the background."""
        return account_number(50_000_000_000 + self.of)


@dataclass(frozen=True)
class Plan:
    """What is planted in a county. labels: by the ids of the store. cases: id -> name of the case."""

    sow: Sower
    doubles: list[Double]
    labels: list[tuple[LabelRow, int, int | None]]
    cases: dict[int, str]


def plan(background: Background, seed: int, *, cases: int, lookalikes: int, doubles: int) -> Plan:
    """So many of each case and look-alike, and of second records."""
    random = Random(f"{seed} planted")
    taken = {number[:17] for number in background.resident_ids.tolist()}
    sow = sow_all(random, AS_OF, background.count + 1, taken=taken, paid_months=background.months, cases=cases, lookalikes_each=lookalikes)
    ids = {person.person_no: background.count + 1 + place for place, person in enumerate(sow.people)}
    labels = [(row, ids[row.person_no], None if row.other_no is None else ids[row.other_no]) for row in sow.planted.labels]
    named = {ids[number]: case for number, case in sow.planted.cases.items()}
    made = _doubles(background, random, taken, doubles, background.count + len(sow.people) + 1)
    for place, double in enumerate(made):
        second, case = background.count + len(sow.people) + 1 + place, f"second record {place + 1}"
        named[second] = named[double.of] = case
        months, fen = _paid_under_both(background, double)
        for one, other in ((double.of, second), (second, double.of)):
            row = LabelRow(case, "D3", str(one), str(other), months, fen)
            labels.append((row, one, other))
    return Plan(sow, made, labels, named)


def _retired_from(double: Double) -> int:
    """Number of the first month of the second record's pension, by the birth date of its own number."""
    return month_number(double.person.birth_date) + RETIREMENT_MONTHS


def _paid_under_both(background: Background, double: Double) -> tuple[int, int]:
    place = double.of - 1
    first = max(int(background.retired_from[place]), _retired_from(double), month_number(AS_OF) - background.months)
    months = month_number(AS_OF) - first
    return months, months * int(background.monthly_fen[place])


def _doubles(background: Background, random: Random, taken: set[str], count: int, first_number: int) -> list[Double]:
    living = np.flatnonzero((background.retired_from <= month_number(AS_OF) - 24) & (background.died_days_ago == 10**6))
    chosen = random.sample(living.tolist(), min(count, len(living)))
    counties = int(background.people.county.max()) + 1
    made: list[Double] = []
    for place in chosen:
        number = _second_number(str(background.resident_ids[place]), counties, random, taken)
        record = linkage_errors.Record(
            resident_id=number,
            full_name=str(background.names[place]),
            sex="男",
            birth_date=str(background.people.birth[place]),
            region_code=background.region(place),
            phone=background.phones[place],
            bank_account=None,
            address=str(background.addresses[place]),
        )
        changed, errors = linkage_errors.duplicate(record, number, counties, random)
        parsed = parse_resident_id(number)
        name = changed.full_name or record.full_name or ""
        made.append(
            Double(
                MadeUpPerson(
                    f"P{first_number + len(made):06d}",
                    number,
                    name.strip() or str(record.full_name),
                    parsed.sex.value,
                    parsed.birth_date,
                    "",
                    changed.phone or "",
                    changed.region_code or background.region(place),
                    changed.address or "",
                ),
                place + 1,
                tuple(sorted(each for each in errors if not each.startswith(("id_", "birth_", "sex_", "account_")))),
            )
        )
    return made


def _second_number(number: str, counties: int, random: Random, taken: set[str]) -> str:
    while True:
        kind = random.choices([name for name, _ in ID_ERRORS], [weight for _, weight in ID_ERRORS])[0]
        changed = linkage_errors.id_error(kind, number, counties, random)
        assert changed is not None
        changed = changed[:17] + check_character(changed[:17]) if changed[:17].isdigit() else ""
        try:
            parsed = parse_resident_id(changed)
        except IdentifierError:
            continue
        if changed[:17] not in taken and date(1920, 1, 1) <= parsed.birth_date <= date(1964, 1, 1):
            taken.add(changed[:17])
            return changed


def tables(background: Background, planned: Plan, keyring: KeyRing) -> Iterator[tuple[str, pa.Table]]:
    """(table, rows) of everything that is planted, with ids behind those of the background."""
    writer = _Writer(background, keyring)
    sow = planned.sow
    for number, person in enumerate((*sow.people, *(double.person for double in planned.doubles)), start=background.count + 1):
        writer.person(number, person)
    for enrolment in sow.records.enrolments:
        writer.add("enrolment", {"person_id": writer.ids[enrolment.person_no], **_without(vars(enrolment), "person_no")})
    for benefit in sow.records.benefits:
        writer.benefit(vars(benefit))
    for payment in sow.records.payments:
        writer.add("payment", {"benefit_id": writer.benefits[payment.benefit_no], "month": payment.month, "amount_fen": payment.amount_fen})
    for row in sow.records.evidence:
        corrects = None if row.corrects_no is None else writer.evidence[row.corrects_no]
        told = {name: getattr(row, name) for name in ("kind", "trace", "occurred_on", "ends_on", "strength", "source")}
        writer.evidence[row.evidence_no] = writer.add(
            "life_evidence",
            {"person_id": writer.ids[row.person_no], **told, "recorded_by": "benchmark", "recorded_at": STAMP, "corrects_id": corrects},
        )
    for relation in sow.planted.relations:
        told = {name: getattr(relation, name) for name in ("kind", "since", "until")}
        pair = {"person_id": writer.ids[relation.person_no], "other_id": writer.ids[relation.other_no]}
        writer.add("person_relation", {**pair, **told, "source": "benchmark"})
    for grant in sow.planted.grants:
        told = {name: getattr(grant, name) for name in ("kind", "region_code", "reference", "paid_on", "amount_fen")}
        recipient = None if grant.recipient_no is None else writer.ids[grant.recipient_no]
        digest = None if grant.account is None else writer.index.bank_account(grant.account)
        masked = None if grant.account is None else mask_bank_account(grant.account)
        writer.add(
            "grant_payment",
            {
                "deceased_id": writer.ids[grant.deceased_no],
                "recipient_id": recipient,
                **told,
                "account_index": digest,
                "account_masked": masked,
            },
        )
    for double in planned.doubles:
        writer.double(double)
    yield from writer.tables()


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


class _Writer:
    """Rows by table. ids: person_no -> id; benefits: benefit_no -> id; evidence: evidence_no -> id."""

    def __init__(self, background: Background, keyring: KeyRing) -> None:
        self._background, self._keyring, self.index = background, keyring, BlindIndex(keyring)
        self.ids: dict[str, int] = {}
        self.benefits: dict[str, int] = {}
        self.evidence: dict[str, int] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        count = background.count
        self._next = {
            "person": count + 1,
            "enrolment": 2 * count + 1,
            "benefit": count + 1,
            "payment": count * background.months + 1,
            "life_evidence": EVIDENCE_WAVES * count + 1,
            "person_relation": count + 1,
            "grant_payment": 1,
        }

    def add(self, table: str, row: dict[str, Any]) -> int:
        """The row's id."""
        number = self._next[table]
        self._next[table] += 1
        told = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
        self._rows.setdefault(table, []).append({"id": number, **told})
        return number

    def person(self, number: int, person: MadeUpPerson) -> None:
        """One row of a person."""
        public = public_id(number)

        def sealed(column: str, value: str) -> bytes | None:
            return sealed_hex(self._keyring.seal(value.encode(), associated_data(public, column))) if value else None

        self.ids[person.person_no] = self.add(
            "person",
            {
                "public_id": public,
                "resident_id_index": self.index.resident_id(person.resident_id),
                "resident_id_sealed": sealed("resident_id", person.resident_id),
                "resident_id_masked": mask_resident_id(person.resident_id),
                "name": person.name,
                "birth_date": person.birth_date,
                "sex": person.sex,
                "region_code": person.region_code,
                "phone_sealed": sealed("phone", person.phone),
                "phone_masked": mask_phone(person.phone) if person.phone else None,
                "address_sealed": sealed("address", person.address),
                "created_at": STAMP,
                "updated_at": STAMP,
            },
        )

    def benefit(self, told: dict[str, Any]) -> int:
        """One row of a benefit, told as a line of benefits.csv."""
        person, account = self.ids[told["person_no"]], told["account"]
        data = associated_data(public_id(person), "bank_account")
        number = self.add(
            "benefit",
            {
                "person_id": person,
                **_without(told, "person_no", "benefit_no", "account"),
                "account_index": self.index.bank_account(account),
                "account_sealed": sealed_hex(self._keyring.seal(account.encode(), data)),
                "account_masked": mask_bank_account(account),
            },
        )
        self.benefits[told["benefit_no"]] = number
        return number

    def double(self, double: Double) -> None:
        """Enrolment, pension, payments and certification of a second record: the other scheme, the same months."""
        background, place = self._background, double.of - 1
        resident = not bool(background.resident_scheme[place])
        scheme = "resident_pension" if resident else "employee_pension"
        retired = _retired_from(double)
        first = date(retired // 12, retired % 12 + 1, 1)
        fen = int(background.monthly_fen[place])
        benefit_no = f"{double.person.person_no}-1"
        self.benefit(
            {
                "person_no": double.person.person_no,
                "benefit_no": benefit_no,
                "scheme": scheme,
                "region_code": double.person.region_code,
                "monthly_fen": fen,
                "status": "active",
                "from_month": first,
                "to_month": None,
                "paused_on": None,
                "account": double.account,
                "approved_birth_date": None,
                "retirement_kind": None,
            }
        )
        last = month_number(AS_OF) - 1
        for number in range(max(retired, last - background.months + 1), last + 1):
            month = date(number // 12, number % 12 + 1, 1)
            self.add("payment", {"benefit_id": self.benefits[benefit_no], "month": month, "amount_fen": fen})
        self.add(
            "life_evidence",
            {
                "person_id": self.ids[double.person.person_no],
                "kind": "counter",
                "trace": None,
                "occurred_on": AS_OF - timedelta(days=100),
                "ends_on": None,
                "strength": "conclusive",
                "source": "service hall",
                "recorded_by": "benchmark",
                "recorded_at": STAMP,
                "corrects_id": None,
            },
        )

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Persons first."""
        for name in self._next:
            if rows := self._rows.get(name):
                yield name, pa.Table.from_pylist(rows)
