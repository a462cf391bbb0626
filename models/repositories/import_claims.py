"""Institutions, claims and lines that rows of imports are compared with."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, String, cast, column, func, literal, select
from sqlalchemy.orm import Session

from models.claim import (
    CareSetting,
    ChargeCategory,
    Claim,
    ClaimIdentityCheck,
    ClaimLine,
    DischargeWay,
    Institution,
    InstitutionKind,
    InstitutionLevel,
)
from models.enrolment import Scheme
from models.person import Person
from models.repositories.import_rows import parts
from models.types import JsonValue

NUMBERS_NAMED = 1_000
"""So many line numbers are named in a query; of more the range from the first to the last is read."""


class StoredInstitution(NamedTuple):
    """An institution."""

    id: int
    code: str
    name: str
    level: InstitutionLevel
    kind: InstitutionKind
    region_code: str
    beds: int | None


class StoredClaim(NamedTuple):
    """A claim. The fields from ``setting`` on are those of a record of the intake, but for the person."""

    id: int
    institution_id: int
    reference: str
    person_id: int
    person_region: str
    setting: CareSetting
    scheme: Scheme
    department: str | None
    doctor: str | None
    from_date: date
    to_date: date
    settled_at: datetime | None
    uploaded_at: datetime | None
    principal_diagnosis: str | None
    diagnoses: Sequence[str]
    procedures: Sequence[str]
    hospital_acquired: Sequence[str]
    drg: str | None
    transferred_in: bool | None
    discharge_way: DischargeWay | None
    identity_check: ClaimIdentityCheck | None
    total_fen: int
    fund_fen: int
    own_fen: int | None


class ClaimHead(NamedTuple):
    """What lines need of their claim."""

    id: int
    institution_id: int
    reference: str
    person_region: str
    to_date: date
    total_fen: int


class StoredLine(NamedTuple):
    """A line. The fields from ``item_code`` on are those of a record of the intake."""

    id: int
    claim_id: int
    number: int
    item_code: str
    item_name: str
    category: ChargeCategory
    quantity: float
    days: int | None
    unit_price_fen: int
    amount_fen: int
    fund_fen: int | None
    charged_on: date
    executed_at: datetime | None
    executed_quantity: float | None
    doctor: str | None
    department: str | None
    prescription: str | None


CLAIM_FIELDS = StoredClaim._fields[StoredClaim._fields.index("setting") :]
LINE_FIELDS = StoredLine._fields[StoredLine._fields.index("item_code") :]


def institutions_by_code(session: Session, codes: Collection[str]) -> dict[str, StoredInstitution]:
    """Code -> institution."""
    row = Institution
    query = select(row.id, row.code, row.name, row.level, row.kind, row.region_code, row.beds)
    found = (StoredInstitution(*one) for part in parts(codes) for one in session.execute(query.where(row.code.in_(part))))
    return {one.code: one for one in found}


def claims_by_key(session: Session, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], StoredClaim]:
    """(institution, reference) -> claim."""
    columns = (getattr(Claim, name) for name in CLAIM_FIELDS)
    head = (Claim.id, Claim.institution_id, Claim.reference, Claim.person_id, Person.region_code)
    found = (StoredClaim(*one) for one in _of_keys(session, (*head, *columns), keys))
    return {(one.institution_id, one.reference): one for one in found}


def heads_by_key(session: Session, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], ClaimHead]:
    """(institution, reference) -> claim, without what it says of the treatment."""
    columns = (Claim.id, Claim.institution_id, Claim.reference, Person.region_code, Claim.to_date, Claim.total_fen)
    found = (ClaimHead(*one) for one in _of_keys(session, columns, keys))
    return {(one.institution_id, one.reference): one for one in found}


def _of_keys(session: Session, columns: Sequence[Any], keys: Collection[tuple[int, str]]) -> list[Any]:
    # one parameter for all keys: a list of pairs is planned pair by pair, and two lists would read what only seems to fit
    if not keys:
        return []
    wanted = [[institution, reference] for institution, reference in keys]
    if session.get_bind().dialect.name == "postgresql":
        pairs = func.jsonb_array_elements(literal(wanted, JsonValue)).table_valued(column("value", JsonValue), name="wanted")
        institution: Any = cast(pairs.c.value.op("->>")(0), BigInteger)
        reference: Any = pairs.c.value.op("->>")(1)
    else:
        pairs = func.json_each(literal(json.dumps(wanted), String)).table_valued("value", name="wanted")
        institution, reference = func.json_extract(pairs.c.value, "$[0]"), func.json_extract(pairs.c.value, "$[1]")
    query = (
        select(*columns)
        .select_from(pairs)
        .join(Claim, (Claim.institution_id == institution) & (Claim.reference == reference))
        .join(Person, Person.id == Claim.person_id)
    )
    return list(session.execute(query))


def lines_of(session: Session, claim_ids: Collection[int], numbers: Collection[int]) -> dict[tuple[int, int], StoredLine]:
    """(claim, number) -> line, of these claims and at least these numbers."""
    row = ClaimLine
    query = select(row.id, row.claim_id, row.number, *(getattr(row, name) for name in LINE_FIELDS))
    if not numbers:
        return {}
    wanted = row.number.in_(numbers) if len(numbers) <= NUMBERS_NAMED else row.number.between(min(numbers), max(numbers))
    found = (StoredLine(*one) for part in parts(claim_ids) for one in session.execute(query.where(row.claim_id.in_(part), wanted)))
    return {(one.claim_id, one.number): one for one in found}


def line_sums(session: Session, claim_ids: Collection[int]) -> dict[int, int]:
    """Claim -> fen of its lines; claims without lines are not among the keys."""
    row = ClaimLine
    query = select(row.claim_id, func.sum(row.amount_fen)).group_by(row.claim_id)
    return {one[0]: int(one[1]) for part in parts(claim_ids) for one in session.execute(query.where(row.claim_id.in_(part)))}
