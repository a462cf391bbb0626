"""Active face references of one engine version, read in bulk for the search of one face under two identities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.benefit import Benefit, Payment
from models.face import FaceReference
from models.keys import KeyRing, Sealed
from models.person import Person, Sex
from models.relation import PersonRelation, RelationKind
from models.templates import STORED_DTYPE, template_data

READ_AT_ONCE = 10_000
ASKED_AT_ONCE = 500


@dataclass(frozen=True)
class StoredFace:
    """One active reference and whose it is. human: the record that speaks for the person. record_id: public id of the record."""

    reference: int
    record_id: str
    human: int
    sex: Sex
    birth_date: date
    name: str
    region_code: str
    template: Sealed


@dataclass(frozen=True)
class Paid:
    """What a human being was paid in some months. months: how many of them have a payment."""

    amount_fen: int
    from_month: date
    to_month: date
    months: int


def newest_reference(session: Session) -> int:
    """The greatest id there is, 0 in an empty store: a search reads up to here."""
    return session.scalar(select(func.max(FaceReference.id))) or 0


def count(session: Session, engine_name: str, engine_version: str, *, until: int) -> int:
    """How many active references an engine version has up to an id."""
    return session.scalar(select(func.count()).select_from(FaceReference).where(*_active(engine_name, engine_version, 0, until))) or 0


def stored(session: Session, engine_name: str, engine_version: str, *, until: int) -> Iterator[Sequence[StoredFace]]:
    """Every active reference up to an id, in order of id, some thousand at a time."""
    last = 0
    while True:
        rows = session.execute(
            select(
                FaceReference.id,
                Person.public_id,
                func.coalesce(Person.merged_into_id, Person.id),
                Person.sex,
                Person.birth_date,
                Person.name,
                Person.region_code,
                FaceReference.template,
            )
            .join(Person, Person.id == FaceReference.person_id)
            .where(*_active(engine_name, engine_version, last, until))
            .order_by(FaceReference.id)
            .limit(READ_AT_ONCE)
        ).all()
        if not rows:
            return
        yield [StoredFace(*row[:7], row[7]) for row in rows if row[7] is not None]
        last = rows[-1][0]


def _active(engine_name: str, engine_version: str, after: int, until: int) -> tuple[ColumnElement[bool], ...]:
    return (
        FaceReference.engine_name == engine_name,
        FaceReference.engine_version == engine_version,
        FaceReference.revoked_at.is_(None),
        FaceReference.id > after,
        FaceReference.id <= until,
    )


def open_stored(keyring: KeyRing, face: StoredFace, engine_name: str, engine_version: str, size: int) -> NDArray[np.float32]:
    """(size,) float32 template. Raises UnsealError: other record, other engine, unknown key, altered bytes."""
    plain = keyring.unseal(face.template, template_data(face.record_id, engine_name, engine_version, size))
    return np.frombuffer(plain, dtype=STORED_DTYPE)


def qualities(session: Session, references: Sequence[int]) -> dict[int, int]:
    """Overall quality at enrolment (0-100) by reference, where it was measured."""
    found: dict[int, int] = {}
    for part in _parts(references):
        for reference, quality in session.execute(select(FaceReference.id, FaceReference.quality).where(FaceReference.id.in_(part))):
            if "overall" in quality:
                found[reference] = int(quality["overall"])
    return found


def records_of_all(session: Session, humans: Sequence[int]) -> dict[int, int]:
    """Record -> human being, for every record of these human beings."""
    found: dict[int, int] = {}
    for part in _parts(humans):
        found |= {record: record for record in part}
        merged = select(Person.id, Person.merged_into_id).where(Person.merged_into_id.in_(part))
        found |= {record: human for record, human in session.execute(merged) if human is not None}
    return found


def relations(session: Session, records: dict[int, int]) -> dict[tuple[int, int], frozenset[RelationKind]]:
    """(smaller, greater human being) -> how they belong together, by what is on record of any of their records."""
    found: dict[tuple[int, int], set[RelationKind]] = {}
    for part in _parts(list(records)):
        rows = session.execute(
            select(PersonRelation.person_id, PersonRelation.other_id, PersonRelation.kind).where(PersonRelation.person_id.in_(part))
        )
        for person, other, kind in rows:
            if other in records and records[other] != records[person]:
                one, two = sorted((records[person], records[other]))
                found.setdefault((one, two), set()).add(kind)
    return {pair: frozenset(kinds) for pair, kinds in found.items()}


def paid(session: Session, records: dict[int, int], *, from_month: date, to_month: date) -> dict[int, Paid]:
    """Human being -> what all of their records were paid in these months, both inclusive; nobody without a payment."""
    by_month: dict[int, dict[date, int]] = {}
    for part in _parts(list(records)):
        rows = session.execute(
            select(Benefit.person_id, Payment.month, func.sum(Payment.amount_fen))
            .join(Payment, Payment.benefit_id == Benefit.id)
            .where(Benefit.person_id.in_(part), Payment.month >= from_month, Payment.month <= to_month)
            .group_by(Benefit.person_id, Payment.month)
        )
        for record, month, amount_fen in rows:
            months = by_month.setdefault(records[record], {})
            months[month] = months.get(month, 0) + int(amount_fen)
    return {human: Paid(sum(months.values()), min(months), max(months), len(months)) for human, months in by_month.items()}


def regions(session: Session, humans: Sequence[int]) -> dict[int, str]:
    """Region of the record that speaks, by human being."""
    found: dict[int, str] = {}
    for part in _parts(humans):
        found |= {row.id: row.region_code for row in session.execute(select(Person.id, Person.region_code).where(Person.id.in_(part)))}
    return found


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), ASKED_AT_ONCE):
        yield ids[start : start + ASKED_AT_ONCE]
