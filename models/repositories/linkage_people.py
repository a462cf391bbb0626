"""What record linkage reads of the store: identifying values, sealed as they are; relations; what persons were paid by month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit, Payment
from models.enrolment import Scheme
from models.keys import Sealed
from models.person import Person, Sex
from models.relation import PersonRelation, RelationKind

READ_AT_ONCE = 10_000
Pair = tuple[int, int]
Months = Mapping[date, int]


@dataclass(frozen=True)
class SealedPerson:
    """One record that speaks for a person. account: of the newest benefit that has one."""

    id: int
    public_id: str
    name: str
    birth_date: date
    sex: Sex
    region_code: str
    resident_id: Sealed
    phone: Sealed | None
    address: Sealed | None
    account: Sealed | None


@dataclass(frozen=True)
class SealedCounts:
    """How many sealed values of each kind there are to open."""

    resident_ids: int
    phones: int
    addresses: int
    accounts: int


def counts(session: Session) -> SealedCounts:
    """Of the records that speak."""
    row = session.execute(
        select(func.count(), func.count(Person.phone_sealed), func.count(Person.address_sealed)).where(Person.merged_into_id.is_(None))
    ).one()
    accounts = select(func.count(Benefit.person_id.distinct())).join(Person, Person.id == Benefit.person_id)
    accounts = accounts.where(Benefit.account_index.is_not(None), Person.merged_into_id.is_(None))
    return SealedCounts(row[0], row[1], row[2], session.execute(accounts).scalar_one())


def people(session: Session, *, after: int, limit: int = READ_AT_ONCE) -> Sequence[SealedPerson]:
    """Records that speak, by id from after one."""
    query = (
        select(
            Person.id,
            Person.public_id,
            Person.name,
            Person.birth_date,
            Person.sex,
            Person.region_code,
            Person.resident_id_sealed,
            Person.phone_sealed,
            Person.address_sealed,
        )
        .where(Person.id > after, Person.merged_into_id.is_(None))
        .order_by(Person.id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    if not rows:
        return []
    held = select(Benefit.person_id, Benefit.account_sealed).where(
        Benefit.account_index.is_not(None), Benefit.person_id.between(rows[0].id, rows[-1].id)
    )
    accounts = {row[0]: row[1] for row in session.execute(held.order_by(Benefit.from_month, Benefit.id))}
    return [SealedPerson(*row, account=accounts.get(row.id)) for row in rows]


def relations(session: Session, pairs: Sequence[Pair]) -> dict[Pair, set[RelationKind]]:
    """(smaller, greater person) -> how they belong together, by any of their records; some hundreds of pairs at once."""
    root_of = _records(session, {one for pair in pairs for one in pair})
    wanted, found = set(pairs), defaultdict[Pair, set[RelationKind]](set)
    query = select(PersonRelation.person_id, PersonRelation.other_id, PersonRelation.kind)
    for person, other, kind in session.execute(query.where(PersonRelation.person_id.in_(list(root_of)))):
        if other in root_of:
            one, two = sorted((root_of[person], root_of[other]))
            if (one, two) in wanted:
                found[one, two].add(kind)
    return found


@dataclass(frozen=True)
class Drawn:
    """What a person was paid under some schemes. benefits: their keys; by_month: first day of a month -> fen."""

    benefits: tuple[int, ...]
    by_month: Months


def drawn(session: Session, person_ids: Sequence[int], schemes: Sequence[Scheme], until: date) -> dict[int, Drawn]:
    """Person -> what all records of theirs were paid up to a month; nobody without a benefit of the schemes."""
    root_of = _records(session, set(person_ids))
    benefits = defaultdict[int, list[int]](list)
    owner: dict[int, int] = {}
    query = select(Benefit.id, Benefit.person_id).where(Benefit.person_id.in_(list(root_of)), Benefit.scheme.in_(schemes))
    for benefit_id, person_id in session.execute(query.order_by(Benefit.id)):
        owner[benefit_id] = root_of[person_id]
        benefits[root_of[person_id]].append(benefit_id)
    months = defaultdict[int, dict[date, int]](dict)
    paid = select(Payment.benefit_id, Payment.month, Payment.amount_fen)
    paid = paid.where(Payment.benefit_id.in_(list(owner)), Payment.month <= until, Payment.amount_fen > 0)
    for benefit_id, month, fen in session.execute(paid):
        of = months[owner[benefit_id]]
        of[month] = of.get(month, 0) + fen
    return {person: Drawn(tuple(keys), months.get(person, {})) for person, keys in benefits.items()}


def regions(session: Session, person_ids: Sequence[int]) -> dict[int, str]:
    """Region of each person."""
    return {row[0]: row[1] for row in session.execute(select(Person.id, Person.region_code).where(Person.id.in_(person_ids)))}


def _records(session: Session, person_ids: set[int]) -> dict[int, int]:
    """Every record of these persons -> the one that speaks."""
    one = aliased(Person)
    query = select(one.id, func.coalesce(one.merged_into_id, one.id))
    query = query.where(or_(one.id.in_(person_ids), one.merged_into_id.in_(person_ids)))
    return {row[0]: row[1] for row in session.execute(query)}


def in_parts(pairs: Sequence[Pair], size: int) -> Iterator[Sequence[Pair]]:
    """Some pairs at a time."""
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
