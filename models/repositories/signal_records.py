"""The records that led to a signal, read for people to look at: what each one says, whose it is, and what was paid month by month."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.benefit import Benefit, Payment
from models.claim import Claim, ClaimLine, Institution
from models.detection import Signal
from models.enrolment import Enrolment, Scheme
from models.face import FaceReference
from models.life_evidence import LifeEvidence
from models.person import Person, Sex
from models.relation import GrantPayment, PersonRelation
from models.repositories.claim_names import ClaimName, LineName, Names

RECORDS_READ = 300  # of one signal; an account that hundreds are paid into names them all
PAYMENTS_READ = 6_000

EVIDENCE, BENEFIT, PAYMENT, ENROLMENT, PERSON = "life_evidence", "benefit", "payment", "enrolment", "person"
GRANT, RELATION, FACE = "grant_payment", "person_relation", "face_reference"
CLAIM, LINE = "claim", "claim_line"
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
    person of a relation, the recipient of a grant. about: institution of a claim, item of its line; quantity: of a line.
    claim: public id of the claim, or of the line's; reference: its number at the institution; number: of the line in it.
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
    about: str | None = None
    quantity: float | None = None
    claim: str | None = None
    reference: str | None = None
    number: int | None = None


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


Window = tuple[date, date]


def claim_names(found: Behind, persons: Collection[int]) -> Names:
    """How the claims and lines behind a signal are called, of these persons."""
    names: dict[tuple[str, int], ClaimName | LineName] = {}
    for row in found.records:
        if row.person not in persons or row.reference is None or row.on is None:
            continue
        if row.kind == CLAIM:
            names[CLAIM, row.id] = ClaimName(row.reference, row.on, row.until or row.on, row.amount_fen or 0)
        elif row.kind == LINE and row.number is not None:
            names[LINE, row.id] = LineName(row.reference, row.number, row.about or "", row.on, row.amount_fen or 0)
    return names


def read(session: Session, signal: Signal, *, first: date | None = None, last: date | None = None) -> Behind:
    """What is behind a signal. first, last: months of which the payments are read, first days; none without them."""
    window = None if first is None or last is None else (first, last)
    return read_all(session, [(signal, window)])[0]


def read_all(session: Session, signals: Sequence[tuple[Signal, Window | None]]) -> list[Behind]:
    """The same for each of several signals with its months, in one statement a kind of record, however many signals there are."""
    named = [_named(signal) for signal, _ in signals]
    ids: dict[str, list[int]] = {}
    for own in named:
        for kind, record_id, _ in own[:RECORDS_READ]:
            ids.setdefault(kind, []).append(record_id)
    evidence = _rows(session, LifeEvidence, ids.get(EVIDENCE, []))
    payments = _rows(session, Payment, ids.get(PAYMENT, []))
    benefits = _rows(session, Benefit, [*ids.get(BENEFIT, []), *(row.benefit_id for row in payments.values())])
    enrolments = _rows(session, Enrolment, ids.get(ENROLMENT, []))
    grants = _rows(session, GrantPayment, ids.get(GRANT, []))
    relations = _rows(session, PersonRelation, ids.get(RELATION, []))
    faces = _rows(session, FaceReference, ids.get(FACE, []))
    lines = _rows(session, ClaimLine, ids.get(LINE, []))
    claims = _rows(session, Claim, [*ids.get(CLAIM, []), *(row.claim_id for row in lines.values())])
    institutions = _rows(session, Institution, [row.institution_id for row in claims.values()])
    found: dict[str, dict[int, RecordRow]] = {
        CLAIM: {key: _claim(row, institutions[row.institution_id]) for key, row in claims.items()},
        LINE: {key: _line(row, claims[row.claim_id]) for key, row in lines.items()},
        EVIDENCE: {key: _evidence(row) for key, row in evidence.items()},
        BENEFIT: {key: _benefit(row) for key, row in benefits.items()},
        PAYMENT: {key: _payment(row, benefits[row.benefit_id]) for key, row in payments.items()},
        ENROLMENT: {key: _enrolment(row) for key, row in enrolments.items()},
        GRANT: {key: _grant(row) for key, row in grants.items()},
        RELATION: {key: _relation(row) for key, row in relations.items()},
        FACE: {key: RecordRow(FACE, key, "", row.person_id, row.enrolled_at.date()) for key, row in faces.items()},
        PERSON: {key: RecordRow(PERSON, key, "", key) for key in ids.get(PERSON, [])},
    }
    paid = _paid(session, benefits, [window for _, window in signals if window is not None])
    parts = []
    for (signal, window), own in zip(signals, named, strict=True):
        records: list[RecordRow] = []
        for kind, record_id, role in own[:RECORDS_READ]:
            row = found.get(kind, {}).get(record_id)
            if row is not None:
                records.append(RecordRow(**{**row.__dict__, "role": role}))
        drawn = {row.benefit if row.kind == PAYMENT else row.id for row in records if row.kind in {PAYMENT, BENEFIT}}
        lanes = _lanes(
            [benefits[key] for key in drawn if key is not None],
            [enrolments[key] for key in dict.fromkeys(row.id for row in records if row.kind == ENROLMENT)],
            paid,
            window,
        )
        keys = {row.person for row in records} | {row.other for row in records if row.other is not None} | {lane.person for lane in lanes}
        if signal.person_id is not None:
            keys.add(signal.person_id)
        parts.append((tuple(records), lanes, keys, max(0, len(own) - RECORDS_READ)))
    people = persons_of(session, {key for _, _, keys, _ in parts for key in keys})
    return [
        Behind(records, lanes, {key: row for key, row in people.items() if key in keys}, unread) for records, lanes, keys, unread in parts
    ]


def _named(signal: Signal) -> list[tuple[str, int, str]]:
    return [(_TABLE.get(one["kind"], one["kind"]), int(one["id"]), str(one.get("role", ""))) for one in signal.records]


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


def _paid(session: Session, benefits: Iterable[int], windows: Sequence[Window]) -> dict[int, dict[date, int]]:
    """Benefit -> month -> fen, from the first month of any window to the last."""
    drawn = list(benefits)
    paid: dict[int, dict[date, int]] = {}
    if drawn and windows:
        first, last = min(one for one, _ in windows), max(one for _, one in windows)
        query = (
            select(Payment.benefit_id, Payment.month, Payment.amount_fen)
            .where(Payment.benefit_id.in_(drawn), Payment.month.between(first, last))
            .order_by(Payment.month)
            .limit(PAYMENTS_READ)
        )
        for benefit_id, month, fen in session.execute(query):
            paid.setdefault(benefit_id, {})[month] = fen
    return paid


def _lanes(
    benefits: Iterable[Benefit], enrolments: Iterable[Enrolment], paid: dict[int, dict[date, int]], window: Window | None
) -> tuple[Lane, ...]:
    def of(benefit_id: int) -> dict[date, int]:
        months = paid.get(benefit_id, {})
        return {} if window is None else {month: fen for month, fen in months.items() if window[0] <= month <= window[1]}

    lanes = [Lane(BENEFIT, b.id, b.person_id, b.scheme, b.region_code, b.from_month, b.to_month, b.monthly_fen, of(b.id)) for b in benefits]
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


def _claim(row: Claim, institution: Institution) -> RecordRow:
    return RecordRow(
        CLAIM,
        row.id,
        "",
        row.person_id,
        row.from_date,
        row.to_date,
        code=row.setting.value,
        region_code=institution.region_code,
        amount_fen=row.total_fen,
        about=institution.name,
        claim=row.public_id,
        reference=row.reference,
    )


def _line(row: ClaimLine, claim: Claim) -> RecordRow:
    return RecordRow(
        LINE,
        row.id,
        "",
        claim.person_id,
        row.charged_on,
        code=row.category.value,
        amount_fen=row.amount_fen,
        about=row.item_name,
        quantity=row.quantity,
        claim=claim.public_id,
        reference=claim.reference,
        number=row.number,
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
