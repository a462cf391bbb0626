"""Legal bases: recorded by one person, approved by a second one, withdrawn; which one holds on a day, or what each lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.errors import Conflict, ConflictError, NotFoundError
from models.legal_basis import LegalBasis, LegalPurpose


@dataclass(frozen=True)
class NewBasis:
    """What is recorded. basis: the legal text, e.g. law and article. document: reference of the paper that says so. Both days inclusive."""

    purpose: LegalPurpose
    basis: str
    document: str
    valid_from: date
    valid_until: date


class Lack(StrEnum):
    """Why a recorded basis does not hold on a day."""

    NOT_APPROVED = "not_approved"
    WITHDRAWN = "withdrawn"
    NOT_YET = "not_yet"
    EXPIRED = "expired"


def record(session: Session, new: NewBasis, *, by: str, now: datetime) -> LegalBasis:
    """Add a basis that does not hold before a second person approved it. Raises ValueError for days out of order."""
    if new.valid_until < new.valid_from:
        raise ValueError(f"valid until {new.valid_until} lies before valid from {new.valid_from}")
    row = LegalBasis(
        purpose=new.purpose,
        basis=new.basis,
        document=new.document,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
        recorded_by=by,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, public_id: str) -> LegalBasis:
    """The basis with this public id. Raises NotFoundError."""
    row = session.scalar(select(LegalBasis).where(LegalBasis.public_id == public_id))
    if row is None:
        raise NotFoundError(f"there is no legal basis {public_id}: list them first")
    return row


def approve(session: Session, public_id: str, *, by: str, now: datetime) -> LegalBasis:
    """Approve a basis as a second person.

    Raises:
        NotFoundError: there is none with this id.
        ConflictError: LEGAL_BASIS_STATE; the same person recorded it, it was withdrawn, or somebody else approved it just now.
    """
    row = get(session, public_id)
    if _same(row.recorded_by, by):
        raise ConflictError(Conflict.LEGAL_BASIS_STATE, "who recorded a legal basis cannot approve it: a second person has to")
    done = session.execute(
        update(LegalBasis)
        .where(
            LegalBasis.id == row.id,
            LegalBasis.approved_by.is_(None),
            LegalBasis.withdrawn_by.is_(None),
            func.lower(LegalBasis.recorded_by) != by.strip().lower(),
        )
        .values(approved_by=by, approved_at=now)
        .returning(LegalBasis.id)
    ).all()
    if not done:
        raise ConflictError(Conflict.LEGAL_BASIS_STATE, "the legal basis was approved or withdrawn already: read its present state")
    session.refresh(row)
    return row


def withdraw(session: Session, public_id: str, *, by: str, now: datetime) -> LegalBasis:
    """End a basis at once, approved or not. Raises NotFoundError, or ConflictError: LEGAL_BASIS_STATE when it was withdrawn already."""
    row = get(session, public_id)
    done = session.execute(
        update(LegalBasis)
        .where(LegalBasis.id == row.id, LegalBasis.withdrawn_by.is_(None))
        .values(withdrawn_by=by, withdrawn_at=now)
        .returning(LegalBasis.id)
    ).all()
    if not done:
        raise ConflictError(Conflict.LEGAL_BASIS_STATE, "the legal basis was withdrawn already")
    session.refresh(row)
    return row


def listing(session: Session, purpose: LegalPurpose | None = None) -> Sequence[LegalBasis]:
    """Every basis, newest first, for one purpose when it is named."""
    query = select(LegalBasis).order_by(LegalBasis.id.desc())
    if purpose is not None:
        query = query.where(LegalBasis.purpose == purpose)
    return session.scalars(query).all()


def lack(row: LegalBasis, day: date) -> Lack | None:
    """Why the basis does not hold on the day, None when it does."""
    if row.withdrawn_by is not None:
        return Lack.WITHDRAWN
    if row.valid_until < day:
        return Lack.EXPIRED
    if row.approved_by is None:
        return Lack.NOT_APPROVED
    return Lack.NOT_YET if row.valid_from > day else None


def holding(session: Session, purpose: LegalPurpose, day: date) -> LegalBasis | None:
    """The basis that holds on the day; of several the one that holds longest."""
    rows = [row for row in listing(session, purpose) if lack(row, day) is None]
    return max(rows, key=lambda row: (row.valid_until, row.id), default=None)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
