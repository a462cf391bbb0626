"""Requests of people about their own data: asked, prepared, signed, listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing, Sealed
from models.person import Person
from models.privacy import PrivacyKind, PrivacyRequest, PrivacyState
from models.repositories import persons
from models.repositories.conflicts import named_conflicts
from models.types import opaque_id

WAITING = (PrivacyState.OPEN, PrivacyState.PREPARED)


@dataclass(frozen=True)
class NewRequest:
    """What somebody asks for. wish: in their words; channel: self, counter or operator. due_on: last day for the answer."""

    kind: PrivacyKind
    wish: str | None
    channel: str
    by: str
    due_on: date


def wish_data(public_id: str) -> bytes:
    """What a sealed wish is bound to."""
    return f"privacy_request.wish:{public_id}".encode()


def ask(session: Session, person: Person, new: NewRequest, *, keyring: KeyRing, now: datetime) -> PrivacyRequest:
    """Add a request. Raises ConflictError PRIVACY_REQUEST_WAITS when one of this kind waits."""
    members = persons.records_of(session, person.id)
    waits = select(PrivacyRequest.id).where(
        PrivacyRequest.person_id.in_(members), PrivacyRequest.kind == new.kind, PrivacyRequest.done_at.is_(None)
    )
    told = (Conflict.PRIVACY_REQUEST_WAITS, "a request of this kind waits for its answer: there is no need for a second one")
    if session.scalar(waits.limit(1)) is not None:
        raise ConflictError(*told)
    public_id = opaque_id()
    row = PrivacyRequest(
        public_id=public_id,
        person_id=person.id,
        region_code=person.region_code,
        kind=new.kind,
        state=PrivacyState.OPEN,
        wish=None if new.wish is None else keyring.seal(new.wish.encode("utf-8"), wish_data(public_id)),
        channel=new.channel,
        asked_by=new.by,
        asked_at=now,
        due_on=new.due_on,
    )
    with named_conflicts(session, {"uq_privacy_request_waiting": told, "privacy_request.person_id": told}):
        session.add(row)
    return row


def one(session: Session, public_id: str, *, lock: bool = False) -> PrivacyRequest:
    """The request. lock: nobody else changes it until the transaction ends. Raises NotFoundError."""
    query = select(PrivacyRequest).where(PrivacyRequest.public_id == public_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFoundError("there is no such request")
    return row


def of_person(session: Session, person_id: int, *, limit: int = 20) -> Sequence[PrivacyRequest]:
    """The person's last requests, newest first."""
    return session.scalars(
        select(PrivacyRequest)
        .where(PrivacyRequest.person_id.in_(persons.records_of(session, person_id)))
        .order_by(PrivacyRequest.id.desc())
        .limit(limit)
    ).all()


def listing(
    session: Session, prefix: str, *, waiting: bool = True, after: tuple[date, int] | None = None, limit: int = 50
) -> Sequence[tuple[PrivacyRequest, Person]]:
    """Requests of a region and all inside it with their persons: those that wait by the day they are due, else the last answered first.

    after: (due_on, id) of the last row of the page before.
    """
    query = select(PrivacyRequest, Person).join(Person, Person.id == PrivacyRequest.person_id)
    query = query.where(PrivacyRequest.region_code.startswith(prefix, autoescape=True))
    position = tuple_(PrivacyRequest.due_on, PrivacyRequest.id)
    if waiting:
        query = query.where(PrivacyRequest.done_at.is_(None)).order_by(PrivacyRequest.due_on, PrivacyRequest.id)
        query = query if after is None else query.where(position > after)
    else:
        query = query.where(PrivacyRequest.done_at.is_not(None)).order_by(PrivacyRequest.due_on.desc(), PrivacyRequest.id.desc())
        query = query if after is None else query.where(position < after)
    return [(row[0], row[1]) for row in session.execute(query.limit(limit))]


def open_wish(row: PrivacyRequest, keyring: KeyRing) -> str | None:
    """What is wished, in clear. The caller writes the audit entry. Raises UnsealError."""
    sealed: Sealed | None = row.wish
    return None if sealed is None else keyring.unseal(sealed, wish_data(row.public_id)).decode("utf-8")


def move(session: Session, row: PrivacyRequest, *, from_states: Sequence[PrivacyState], **values: Any) -> None:
    """Change a request that is still in one of the states. Raises ConflictError PRIVACY_REQUEST_STATE when somebody was faster."""
    changed = session.execute(
        update(PrivacyRequest)
        .where(PrivacyRequest.id == row.id, PrivacyRequest.state.in_(from_states))
        .values(**values)
        .returning(PrivacyRequest.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise ConflictError(Conflict.PRIVACY_REQUEST_STATE, "the request was answered, prepared or withdrawn meanwhile: look at it again")
    session.refresh(row)


def purge(session: Session, *, before: datetime) -> int:
    """Delete requests that were answered before the moment; how many."""
    return len(session.scalars(delete(PrivacyRequest).where(PrivacyRequest.done_at < before).returning(PrivacyRequest.id)).all())
