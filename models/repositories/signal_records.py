"""The records that led to a signal, read for people to look at: what each one says, whose it is, and what was paid month by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.benefit import Benefit, Payment
from models.detection import Signal
from models.enrolment import Enrolment, Scheme
from models.face import FaceReference
from models.life_evidence import LifeEvidence
from models.person import Person, Sex
from models.relation import GrantPayment, PersonRelation

RECORDS_READ = 300  # of one signal; an account that hundreds are paid into names them all
PAYMENTS_READ = 6_000

EVIDENCE, BENEFIT, PAYMENT, ENROLMENT, PERSON = "life_evidence", "benefit", "payment", "enrolment", "person"
GRANT, RELATION, FACE = "grant_payment", "person_relation", "face_reference"
_TABLE = {"evidence": EVIDENCE, "grant": GRANT, "relation": RELATION}


@dataclass(frozen=True)
class PersonRow:
    """One record of a person. key: of the table. Names are whole, numbers masked."""

    key: int
    public_id: str
    name: str
    resident_id_masked: str
    birth_date: date
    sex: Sex
    region_code: str
    phone_masked: str | None
    merged: bool


@dataclass(frozen=True)
class RecordRow:
    """One record. kind: its table; role: in the finding; person: key of the record that it belongs to.

    on, until: first and last day or month; lasts: until is open. code: in the words of its table. benefit: of a payment. other: the second
    person of a relation, the recipient of a grant.
    """

    kind: str
    id: int
    role: str
    person: int
    on: date | None = None
    until: date | None = None
    lasts: bool = False
    code: str | None = None
    scheme: Scheme | None = None
    region_code: str | None = None
    amount_fen: int | None = None
    source: str | None = None
    strength: str | None = None
    account_masked: str | None = None
    benefit: int | None = None
    other: int | None = None


@dataclass(frozen=True)
class Lane:
    """One enrolment or benefit over time. from_month, to_month: first days, inclusive; to_month None while it lasts.

    paid: first day of a month -> fen, of the months that were asked for.
    """

    kind: str
    id: int
    person: int
    scheme: Scheme
    region_code: str
    from_month: date
    to_month: date | None
    monthly_fen: int | None = None
    paid: dict[date, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Behind:
    """Everything behind one signal. unread: records beyond those that were read."""

    records: tuple[RecordRow, ...]
    lanes: tuple[Lane, ...]
    persons: dict[int, PersonRow]
    unread: int


def read(session: Session, signal: Signal, *, first: date | None = None, last: date | None = None) -> Behind:
    """What is behind a signal. first, last: months of which the payments are read, first days; none without them."""
    named = [(_TABLE.get(one["kind"], one["kind"]), int(one["id"]), str(one.get("role", ""))) for one in signal.records]
    ids: dict[str, list[int]] = {}
    for kind, record_id, _ in named[:RECORDS_READ]:
        ids.setdefault(kind, []).append(record_id)
    evidence = _rows(session, LifeEvidence, ids.get(EVIDENCE, []))
    payments = _rows(session, Payment, ids.get(PAYMENT, []))
    benefits = _rows(session, Benefit, [*ids.get(BENEFIT, []), *(row.benefit_id for row in payments.values())])
    enrolments = _rows(session, Enrolment, ids.get(ENROLMENT, []))
    grants = _rows(session, GrantPayment, ids.get(GRANT, []))
    relations = _rows(session, PersonRelation, ids.get(RELATION, []))
    faces = _rows(session, FaceReference, ids.get(FACE, []))
    found: dict[str, dict[int, RecordRow]] = {
        EVIDENCE: {key: _evidence(row) for key, row in evidence.items()},
        BENEFIT: {key: _benefit(row) for key, row in benefits.items()},
        PAYMENT: {key: _payment(row, benefits[row.benefit_id]) for key, row in payments.items()},
        ENROLMENT: {key: _enrolment(row) for key, row in enrolments.items()},
        GRANT: {key: _grant(row) for key, row in grants.items()},
        RELATION: {key: _relation(row) for key, row in relations.items()},
        FACE: {key: RecordRow(FACE, key, "", row.person_id, row.enrolled_at.date()) for key, row in faces.items()},
        PERSON: {key: RecordRow(PERSON, key, "", key) for key in ids.get(PERSON, [])},
    }
    records = []
    for kind, record_id, role in named[:RECORDS_READ]:
        row = found.get(kind, {}).get(record_id)
        if row is not None:
            records.append(RecordRow(**{**row.__dict__, "role": role}))
    lanes = _lanes(session, benefits.values(), enrolments.values(), first, last)
    keys = {row.person for row in records} | {row.other for row in records if row.other is not None} | {lane.person for lane in lanes}
    if signal.person_id is not None:
        keys.add(signal.person_id)
    return Behind(tuple(records), lanes, persons_of(session, keys), max(0, len(named) - RECORDS_READ))


def persons_of(session: Session, keys: Iterable[int]) -> dict[int, PersonRow]:
    """Records of persons by key."""
    return {
        row.id: PersonRow(
            row.id,
            row.public_id,
            row.name,
            row.resident_id_masked,
            row.birth_date,
            row.sex,
            row.region_code,
            row.phone_masked,
            row.merged_into_id is not None,
        )
        for row in _rows(session, Person, list(keys)).values()
    }


def _rows(session: Session, table: type[Any], ids: Sequence[int]) -> dict[int, Any]:
    if not ids:
        return {}
    return {row.id: row for row in session.scalars(select(table).where(table.id.in_(set(ids))).order_by(table.id))}


def _lanes(
    session: Session, benefits: Iterable[Benefit], enrolments: Iterable[Enrolment], first: date | None, last: date | None
) -> tuple[Lane, ...]:
    paid: dict[int, dict[date, int]] = {}
    drawn = {row.id: row for row in benefits}
    if drawn and first is not None and last is not None:
        query = (
            select(Payment.benefit_id, Payment.month, Payment.amount_fen)
            .where(Payment.benefit_id.in_(drawn), Payment.month.between(first, last))
            .order_by(Payment.month)
            .limit(PAYMENTS_READ)
        )
        for benefit_id, month, fen in session.execute(query):
            paid.setdefault(benefit_id, {})[month] = fen
    lanes = [
        Lane(BENEFIT, b.id, b.person_id, b.scheme, b.region_code, b.from_month, b.to_month, b.monthly_fen, paid.get(b.id, {}))
        for b in drawn.values()
    ]
    lanes += [Lane(ENROLMENT, e.id, e.person_id, e.scheme, e.region_code, e.from_month, e.to_month) for e in enrolments]
    return tuple(sorted(lanes, key=lambda lane: (lane.from_month, lane.kind, lane.id)))


def _evidence(row: LifeEvidence) -> RecordRow:
    lasts = row.kind.value == "custody" and row.ends_on is None
    return RecordRow(
        EVIDENCE,
        row.id,
        "",
        row.person_id,
        row.occurred_on,
        row.ends_on,
        lasts,
        row.kind.value,
        source=row.source,
        strength=row.strength.value,
    )


def _benefit(row: Benefit) -> RecordRow:
    return RecordRow(
        BENEFIT,
        row.id,
        "",
        row.person_id,
        row.from_month,
        row.to_month,
        row.to_month is None,
        row.status.value,
        row.scheme,
        row.region_code,
        row.monthly_fen,
        account_masked=row.account_masked,
    )


def _payment(row: Payment, benefit: Benefit) -> RecordRow:
    return RecordRow(
        PAYMENT,
        row.id,
        "",
        benefit.person_id,
        row.month,
        scheme=benefit.scheme,
        region_code=benefit.region_code,
        amount_fen=row.amount_fen,
        benefit=benefit.id,
    )


def _enrolment(row: Enrolment) -> RecordRow:
    lasts = row.to_month is None
    return RecordRow(
        ENROLMENT, row.id, "", row.person_id, row.from_month, row.to_month, lasts, scheme=row.scheme, region_code=row.region_code
    )


def _grant(row: GrantPayment) -> RecordRow:
    return RecordRow(
        GRANT,
        row.id,
        "",
        row.deceased_id,
        row.paid_on,
        code=row.kind.value,
        region_code=row.region_code,
        amount_fen=row.amount_fen,
        account_masked=row.account_masked,
        other=row.recipient_id,
    )


def _relation(row: PersonRelation) -> RecordRow:
    return RecordRow(
        RELATION,
        row.id,
        "",
        row.person_id,
        row.since,
        row.until,
        row.until is None,
        row.kind.value,
        source=row.source,
        other=row.other_id,
    )
