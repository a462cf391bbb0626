"""Relations and grants that rows of imports are compared with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.relation import GrantKind, GrantPayment, PersonRelation, RelationKind
from models.repositories.import_rows import parts


class StoredRelation(NamedTuple):
    """A relation of two persons."""

    id: int
    person_id: int
    other_id: int
    kind: RelationKind
    source: str
    since: date | None
    until: date | None


class StoredGrant(NamedTuple):
    """A grant that was paid."""

    id: int
    region_code: str
    reference: str
    deceased_id: int
    recipient_id: int | None
    kind: GrantKind
    account_index: bytes | None
    paid_on: date
    amount_fen: int


def relations_of(session: Session, person_ids: Collection[int]) -> list[StoredRelation]:
    """Every relation that begins with one of these persons."""
    table = PersonRelation
    query = select(table.id, table.person_id, table.other_id, table.kind, table.source, table.since, table.until)
    return [StoredRelation(*row) for part in parts(person_ids) for row in session.execute(query.where(table.person_id.in_(part)))]


def grants_of(session: Session, references: Collection[str]) -> list[StoredGrant]:
    """Every grant with one of these references, of whatever region."""
    table = GrantPayment
    query = select(
        table.id,
        table.region_code,
        table.reference,
        table.deceased_id,
        table.recipient_id,
        table.kind,
        table.account_index,
        table.paid_on,
        table.amount_fen,
    )
    return [StoredGrant(*row) for part in parts(references) for row in session.execute(query.where(table.reference.in_(part)))]
