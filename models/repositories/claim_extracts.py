"""Claims of the store, and what rules over claims look at beside them, as Arrow batches: streamed, so that memory stays bounded.

No names and no numbers of persons are among the columns. Rows of records that were merged carry the id of the record that speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import and_, func, or_, select, union
from sqlalchemy.orm import Session, aliased

from models.claim import Claim, ClaimLine, Institution
from models.identity_check import IdentityCheck
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person import Person
from models.repositories.arrow_rows import AnySelect, stream
from models.repositories.extracts import NOT_OF_LIFE, Merged, spoken

DAYS_AROUND = 1
"""Identity checks are read so many days further than the claims, since days are local and moments are not."""


@dataclass(frozen=True)
class ClaimScope:
    """Which claims: ``Claim.to_date`` from and to these days, both inclusive, None without end. person_id: any record of one person."""

    from_date: date | None = None
    to_date: date | None = None
    person_id: int | None = None


def batches(session: Session, name: str, schema: pa.Schema, scope: ClaimScope, merged: Merged) -> Iterator[pa.RecordBatch]:
    """The rows of one table with the columns of the schema. name: one of ``TABLES``. Claims are ordered by id, lines by claim and number.

    patient: persons with claims in the scope. institution: all. evidence: deaths and custody, and life of those with a death record on any
    of their records, of everybody, whatever the days; visits to a counter and travels in the days of the scope, of persons with claims in
    it. identity_check: of the days of the scope.
    """
    for batch in stream(session, TABLES[name](scope), schema):
        yield spoken(batch, merged)


def _records_of(person_id: int) -> Any:
    """Ids of every record of the human being that a record is of."""
    named, record = aliased(Person), aliased(Person)
    root = select(func.coalesce(named.merged_into_id, named.id)).where(named.id == person_id).scalar_subquery()
    return select(record.id).where(or_(record.id == root, record.merged_into_id == root))


def _claims(query: AnySelect, scope: ClaimScope) -> AnySelect:
    if scope.from_date is not None:
        query = query.where(Claim.to_date >= scope.from_date)
    if scope.to_date is not None:
        query = query.where(Claim.to_date <= scope.to_date)
    if scope.person_id is not None:
        query = query.where(Claim.person_id.in_(_records_of(scope.person_id)))
    return query


def _patient(scope: ClaimScope) -> AnySelect:
    record, speaking = aliased(Person), aliased(Person)
    columns = (speaking.id.label("person_id"), speaking.birth_date, speaking.sex, speaking.region_code)
    if scope.person_id is not None:  # whether there is a claim of theirs or not
        return select(*columns).where(speaking.id.in_(_records_of(scope.person_id)), speaking.merged_into_id.is_(None))
    owners = _claims(select(Claim.person_id), scope)
    roots = select(func.coalesce(record.merged_into_id, record.id)).where(record.id.in_(owners))
    return select(*columns).where(speaking.id.in_(roots))


def _institution(_scope: ClaimScope) -> AnySelect:
    row = Institution
    return select(row.id, row.code, row.level, row.kind, row.region_code, row.beds)


def _claim(scope: ClaimScope) -> AnySelect:
    row = Claim
    query = select(
        row.id,
        row.person_id,
        row.institution_id,
        row.reference,
        row.setting,
        row.scheme,
        row.department,
        row.doctor,
        row.from_date,
        row.to_date,
        row.settled_at,
        row.uploaded_at,
        row.principal_diagnosis,
        row.diagnoses,
        row.procedures,
        row.hospital_acquired,
        row.drg,
        row.transferred_in,
        row.discharge_way,
        row.identity_check,
        row.total_fen,
        row.fund_fen,
        row.own_fen,
    )
    return _claims(query, scope).order_by(row.id)


def _line(scope: ClaimScope) -> AnySelect:
    row = ClaimLine
    query = select(
        row.id,
        row.claim_id,
        row.number,
        row.item_code,
        row.item_name,
        row.category,
        row.quantity,
        row.days,
        row.unit_price_fen,
        row.amount_fen,
        row.fund_fen,
        row.charged_on,
        row.executed_at,
        row.executed_quantity,
        row.doctor,
        row.department,
        row.prescription,
    ).join(Claim, Claim.id == row.claim_id)
    return _claims(query, scope).order_by(row.claim_id, row.number)


def _evidence(scope: ClaimScope) -> AnySelect:
    row, death, dead, member = aliased(LifeEvidence), aliased(LifeEvidence), aliased(Person), aliased(Person)
    died = select(death.person_id).where(death.kind == EvidenceKind.DEATH_RECORD, *_counts(death, scope))
    if scope.person_id is not None:
        died = died.where(death.person_id.in_(_records_of(scope.person_id)))
    speaking = select(func.coalesce(dead.merged_into_id, dead.id)).where(dead.id.in_(died))
    members = union(speaking, select(member.id).where(member.merged_into_id.in_(speaking)))
    told = row.kind.in_((EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY))
    lived = and_(row.kind.not_in(NOT_OF_LIFE), row.person_id.in_(members))
    columns = (row.id, row.person_id, row.kind, row.trace, row.occurred_on, row.ends_on, row.strength, row.source)
    query = select(*columns).where(*_counts(row, scope), or_(told, lived, and_(*_elsewhere(row, scope))))
    return query if scope.person_id is None else query.where(row.person_id.in_(_records_of(scope.person_id)))


def _elsewhere(row: Any, scope: ClaimScope) -> Iterator[Any]:
    """That a person stood at a counter or travelled on a day of the scope, of those with claims in it."""
    yield or_(row.kind == EvidenceKind.COUNTER, and_(row.kind == EvidenceKind.DATA_MATCH, row.trace == Trace.TRAVEL))
    if scope.from_date is not None:
        yield row.occurred_on >= scope.from_date
    if scope.to_date is not None:
        yield row.occurred_on <= scope.to_date
    if scope.person_id is None:
        owner, record = aliased(Person), aliased(Person)
        roots = _claims(select(func.coalesce(owner.merged_into_id, owner.id)).join(Claim, Claim.person_id == owner.id), scope)
        yield row.person_id.in_(select(record.id).where(func.coalesce(record.merged_into_id, record.id).in_(roots)))


def _counts(row: Any, scope: ClaimScope) -> tuple[Any, ...]:
    """Neither void nor corrected. Of everybody the corrections are read once, of one person each is looked up."""
    correction = aliased(LifeEvidence)
    if scope.person_id is not None:
        return row.strength != Strength.VOID, ~select(correction.id).where(correction.corrects_id == row.id).exists()
    return row.strength != Strength.VOID, row.id.not_in(select(correction.corrects_id).where(correction.corrects_id.is_not(None)))


def _identity_check(scope: ClaimScope) -> AnySelect:
    row = IdentityCheck
    query = select(row.id, row.person_id, row.institution, row.checked_at, row.level).where(row.person_id.is_not(None))
    if scope.from_date is not None:
        query = query.where(row.checked_at >= _midnight(scope.from_date, -DAYS_AROUND))
    if scope.to_date is not None:
        query = query.where(row.checked_at < _midnight(scope.to_date, DAYS_AROUND + 1))
    if scope.person_id is not None:
        query = query.where(row.person_id.in_(_records_of(scope.person_id)))
    return query


def _midnight(day: date, days: int) -> datetime:
    return datetime.combine(day + timedelta(days=days), time(), UTC)


TABLES: dict[str, Callable[[ClaimScope], AnySelect]] = {
    "patient": _patient,
    "institution": _institution,
    "claim": _claim,
    "line": _line,
    "evidence": _evidence,
    "identity_check": _identity_check,
}
