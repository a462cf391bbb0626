"""The ledger of life evidence: rows are added and corrected by further rows, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.errors import Conflict, ModelsError, NotFoundError
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.repositories.conflicts import named_conflicts


class EvidenceError(ModelsError):
    """The evidence contradicts itself."""

    code = "evidence_error"


@dataclass(frozen=True)
class NewEvidence:
    """One fact to record. occurred_on: the day in the policy's time zone. The others: as in the ledger."""

    person_id: int
    kind: EvidenceKind
    occurred_on: date
    strength: Strength
    source: str
    reference: str | None = None
    trace: Trace | None = None
    ends_on: date | None = None
    details: dict[str, Any] | None = None
    based_on_id: int | None = None


def add(session: Session, new: NewEvidence, *, by: str, now: datetime) -> LifeEvidence:
    """Record one fact. Raises EvidenceError for strength void, which only a correction may have."""
    if new.strength is Strength.VOID:
        raise EvidenceError("strength: void is for corrections only; use correct()")
    row = _row(new, by=by, now=now)
    session.add(row)
    session.flush()
    return row


def correct(session: Session, evidence_id: int, new: NewEvidence, *, by: str, now: datetime) -> LifeEvidence:
    """Replace a wrong row by a right one; strength VOID takes it away without anything in its place.

    Raises:
        NotFoundError: there is no such row.
        EvidenceError: the correction is about another person.
        ConflictError: EVIDENCE_ALREADY_CORRECTED; correct the correction instead.
    """
    person_id = session.scalar(select(LifeEvidence.person_id).where(LifeEvidence.id == evidence_id))
    if person_id is None:
        raise NotFoundError("there is no such life evidence")
    if person_id != new.person_id:
        raise EvidenceError("person_id: a correction must be about the person of the row that it corrects")
    row = _row(new, by=by, now=now)
    row.corrects_id = evidence_id
    done = (Conflict.EVIDENCE_ALREADY_CORRECTED, "this life evidence was corrected already: correct the newest row")
    with named_conflicts(session, {"uq_life_evidence_corrects_id": done, "life_evidence.corrects_id": done}):
        session.add(row)
    return row


def effective(session: Session, person_id: int) -> Sequence[LifeEvidence]:
    """The rows that count (not corrected by another, not void), newest occurrence first."""
    correction = aliased(LifeEvidence)
    return session.scalars(
        select(LifeEvidence)
        .where(
            LifeEvidence.person_id == person_id,
            LifeEvidence.strength != Strength.VOID,
            ~select(correction.id).where(correction.corrects_id == LifeEvidence.id).exists(),
        )
        .order_by(LifeEvidence.occurred_on.desc(), LifeEvidence.id.desc())
    ).all()


def history(session: Session, person_id: int) -> Sequence[LifeEvidence]:
    """Every row of a person, corrected ones too, in the order of recording."""
    return session.scalars(select(LifeEvidence).where(LifeEvidence.person_id == person_id).order_by(LifeEvidence.id)).all()


def _row(new: NewEvidence, *, by: str, now: datetime) -> LifeEvidence:
    return LifeEvidence(
        person_id=new.person_id,
        kind=new.kind,
        occurred_on=new.occurred_on,
        strength=new.strength,
        source=new.source,
        reference=new.reference,
        trace=new.trace,
        ends_on=new.ends_on,
        details=new.details,
        based_on_id=new.based_on_id,
        recorded_by=by,
        recorded_at=now,
    )
