"""Loads what detection needs of the county's files: accounts of benefits, relations, grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.bank_account import mask_bank_account
from models.benefit import RetirementKind
from models.keys import KeyRing
from models.person import Person
from models.relation import GrantKind, GrantPayment, PersonRelation, RelationKind
from models.repositories.persons import BlindIndex, associated_data

Row = dict[str, str]
SOURCE = "civil affairs"


class Accounts:
    """Seals accounts. person_ids: person_no -> id."""

    def __init__(self, session: Session, keyring: KeyRing, person_ids: Mapping[str, int]) -> None:
        self._session, self._keyring, self._person_ids = session, keyring, person_ids
        self._index = BlindIndex(keyring)
        self._public_ids: dict[int, str] = {row.id: row.public_id for row in session.execute(select(Person.id, Person.public_id))}

    def columns(self, row: Row) -> dict[str, Any]:
        """Columns of a benefit that follow from its line."""
        number = row["account"]
        data = associated_data(self._public_ids[self._person_ids[row["person_no"]]], "bank_account")
        return {
            "account_index": self._index.bank_account(number) if number else None,
            "account_sealed": self._keyring.seal(number.encode("ascii"), data) if number else None,
            "account_masked": mask_bank_account(number) if number else None,
            "approved_birth_date": date.fromisoformat(row["approved_birth_date"]) if row["approved_birth_date"] else None,
            "retirement_kind": RetirementKind(row["retirement_kind"]) if row["retirement_kind"] else None,
        }

    def load_grants(self, rows: Sequence[Row]) -> int:
        """Add the grants that are not there; how many."""
        there = set(self._session.scalars(select(GrantPayment.reference)))
        new = [
            {
                "deceased_id": self._person_ids[row["deceased_no"]],
                "recipient_id": self._person_ids[row["recipient_no"]] if row["recipient_no"] else None,
                "kind": GrantKind(row["kind"]),
                "region_code": row["region_code"],
                "reference": row["reference"],
                "account_index": self._index.bank_account(row["account"]) if row["account"] else None,
                "account_masked": mask_bank_account(row["account"]) if row["account"] else None,
                "paid_on": date.fromisoformat(row["paid_on"]),
                "amount_fen": int(row["amount_fen"]),
            }
            for row in rows
            if row["reference"] not in there
        ]
        if new:
            self._session.execute(insert(GrantPayment), new)
        return len(new)


def load_relations(session: Session, rows: Sequence[Row], person_ids: Mapping[str, int]) -> int:
    """Add the relations that are not there; how many."""
    there = {tuple(row) for row in session.execute(select(PersonRelation.person_id, PersonRelation.other_id, PersonRelation.kind))}
    new = []
    for row in rows:
        first, second, kind = person_ids[row["person_no"]], person_ids[row["other_no"]], RelationKind(row["kind"])
        if (first, second, kind) in there:
            continue
        days = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("since", "until")}
        new.append({"person_id": first, "other_id": second, "kind": kind, "source": SOURCE, **days})
    if new:
        session.execute(insert(PersonRelation), new)
    return len(new)
