"""Identity checks at treatment: added once for a caller's own number, read again by it, deleted when retention says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.identity_check import CheckWhy, IdentityCheck, MatchLevel
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.repositories.conflicts import named_conflicts
from models.repositories.life_evidence import effective


@dataclass(frozen=True)
class NewCheck:
    """One check to keep; the fields are those of the table."""

    public_id: str
    client_pk: int
    person_id: int
    institution: str
    reference: str | None
    request_digest: bytes
    answer: dict[str, Any]
    level: MatchLevel
    why: CheckWhy
    similarity: float | None
    card_hit: bool
    engine_version: str
    calibration: str
    policy_hash: str
    evidence_id: int | None


def add(session: Session, new: NewCheck, *, now: datetime) -> IdentityCheck:
    """Keep one check. Raises ConflictError: CHECK_REFERENCE_REUSED when the caller's number has a check already."""
    row = IdentityCheck(**vars(new), checked_at=now)
    taken = (Conflict.CHECK_REFERENCE_REUSED, "this reference has a check already: read its answer, or use a fresh one")
    with named_conflicts(session, {"uq_identity_check_client_reference": taken, "identity_check.client_pk": taken}):
        session.add(row)
    return row


def by_reference(session: Session, client_pk: int, reference: str) -> IdentityCheck | None:
    """The check that a client has made under its own number, None without one."""
    return session.scalar(select(IdentityCheck).where(IdentityCheck.client_pk == client_pk, IdentityCheck.reference == reference))


def members(session: Session, person: Person) -> Sequence[Person]:
    """The record that speaks for a person and those that were merged into it."""
    return session.scalars(select(Person).where(or_(Person.id == person.id, Person.merged_into_id == person.id)).order_by(Person.id)).all()


def death_records(session: Session, person_ids: Sequence[int]) -> list[LifeEvidence]:
    """Death records of these records that count, of any strength, in order of id."""
    rows = [row for person_id in person_ids for row in effective(session, person_id)]
    return sorted((r for r in rows if r.kind is EvidenceKind.DEATH_RECORD and r.strength is not Strength.VOID), key=lambda r: r.id)


def delete_older_than(session: Session, before: datetime, *, limit: int = 10_000) -> int:
    """Delete at most ``limit`` checks from before the moment; how many went. The traces of life stay in the ledger."""
    due = select(IdentityCheck.id).where(IdentityCheck.checked_at < before).order_by(IdentityCheck.checked_at).limit(limit)
    gone = session.scalars(delete(IdentityCheck).where(IdentityCheck.id.in_(due)).returning(IdentityCheck.id)).all()
    return len(gone)
