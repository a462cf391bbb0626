"""Requests for assisted certification: added, taken on step by step, listed by side and region."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from models.assistance import AssistanceEvent, AssistanceMethod, AssistanceReason, AssistanceRequest, AssistanceState
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing, Sealed
from models.repositories.conflicts import named_conflicts

OPEN = (AssistanceState.REQUESTED, AssistanceState.ACCEPTED)


@dataclass(frozen=True)
class Step:
    """One step. version: of the request after it; None is one more than before. method, occurred_on: of carrying out only."""

    state: AssistanceState
    reason: AssistanceReason | None = None
    note: str | None = None
    method: AssistanceMethod | None = None
    occurred_on: date | None = None
    second_staff: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class QueueLine:
    """One line of a queue, masked. deadlines as in the table."""

    public_id: str
    name_masked: str
    resident_id_masked: str
    requesting_region: str
    performing_region: str
    state: AssistanceState
    accept_by: date
    carry_out_by: date
    requested_at: datetime
    id: int


def associated_data(public_id: str, column: str) -> bytes:
    """Binds a sealed value to its request and column."""
    return f"assistance_request:{public_id}:{column}".encode()


def seal(keyring: KeyRing, public_id: str, column: str, value: str) -> Sealed:
    """A value of one request's column. column: name, resident_id or contact."""
    return keyring.seal(value.encode("utf-8"), associated_data(public_id, column))


def unseal(keyring: KeyRing, public_id: str, column: str, sealed: Sealed | None) -> str | None:
    """The value in clear; None when there is none, or none any more. The caller writes the audit entry. Raises UnsealError."""
    return None if sealed is None else keyring.unseal(sealed, associated_data(public_id, column)).decode("utf-8")


def add(session: Session, row: AssistanceRequest, *, by: str, note: str | None = None) -> AssistanceRequest:
    """Add a request and its first event. Raises ConflictError: ASSISTANCE_STATE when one is open for the person already."""
    open_one = (Conflict.ASSISTANCE_STATE, "another region is being asked about this person already: wait for it, or withdraw that request")
    same = (Conflict.ASSISTANCE_STATE, "this request was brought in by another call at the same moment: ask again")
    marks = {
        "uq_assistance_request_open": open_one,
        "assistance_request.person_id": open_one,
        "uq_assistance_request_peer_remote": same,
        "assistance_request.peer_id": same,
    }
    with named_conflicts(session, marks):
        session.add(row)
        session.flush()
        session.add(
            AssistanceEvent(request_id=row.id, version=row.version, state=row.state, note=note, made_by=by, made_at=row.requested_at)
        )
    return row


def advance(session: Session, row: AssistanceRequest, step: Step, *, by: str, now: datetime) -> AssistanceRequest:
    """Take the request one step on, from the version that the row was read at.

    Raises ConflictError: ASSISTANCE_STATE when somebody else was faster; the transaction is to be given up.
    """
    version = row.version + 1 if step.version is None else step.version
    changed = session.execute(
        update(AssistanceRequest)
        .where(AssistanceRequest.id == row.id, AssistanceRequest.version == row.version)
        .values(
            state=step.state,
            version=version,
            method=step.method,
            occurred_on=step.occurred_on,
            second_staff=step.second_staff,
            updated_at=now,
        )
        .returning(AssistanceRequest.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise stale()
    event = AssistanceEvent(
        request_id=row.id, version=version, state=step.state, reason=step.reason, note=step.note, made_by=by, made_at=now
    )
    session.add(event)
    session.flush()
    session.refresh(row)
    return row


def stale() -> ConflictError:
    """The request has gone on since it was read."""
    return ConflictError(Conflict.ASSISTANCE_STATE, "somebody else has taken this request on in the meantime: read its present state")


def get(session: Session, public_id: str) -> AssistanceRequest:
    """The request with this public id. Raises NotFoundError."""
    row = session.scalar(select(AssistanceRequest).where(AssistanceRequest.public_id == public_id))
    if row is None:
        raise NotFoundError("there is no such request")
    return row


def shared_with(session: Session, peer_id: int, shared_id: str) -> AssistanceRequest | None:
    """Our copy of a request that is shared with an installation. shared_id: public id on the side that asks; None for others' requests."""
    ours = and_(AssistanceRequest.asked_here, AssistanceRequest.public_id == shared_id)
    theirs = and_(~AssistanceRequest.asked_here, AssistanceRequest.remote_id == shared_id)
    return session.scalar(select(AssistanceRequest).where(AssistanceRequest.peer_id == peer_id, or_(ours, theirs)))


def events(session: Session, request_id: int) -> Sequence[AssistanceEvent]:
    """Every step of a request, first one first."""
    return session.scalars(select(AssistanceEvent).where(AssistanceEvent.request_id == request_id).order_by(AssistanceEvent.version)).all()


def of_person(session: Session, person_ids: Sequence[int]) -> Sequence[AssistanceRequest]:
    """Every request about these records of a person, newest first."""
    return session.scalars(
        select(AssistanceRequest).where(AssistanceRequest.person_id.in_(person_ids)).order_by(AssistanceRequest.id.desc())
    ).all()


def asked_by(region_prefix: str) -> ColumnElement[bool]:
    """Requests that regions of this prefix make here."""
    return and_(AssistanceRequest.asked_here, AssistanceRequest.requesting_region.startswith(region_prefix, autoescape=True))


def asked_of(region_prefix: str) -> ColumnElement[bool]:
    """Requests that regions of this prefix are to carry out here: of this installation, or of another one that asks us."""
    here = or_(AssistanceRequest.peer_id.is_(None), ~AssistanceRequest.asked_here)
    return and_(here, AssistanceRequest.performing_region.startswith(region_prefix, autoescape=True))


def queue(
    session: Session, which: ColumnElement[bool], states: Collection[AssistanceState], *, after: tuple[date, int] | None = None, limit: int
) -> Sequence[QueueLine]:
    """Lines of one side's queue, the most urgent first: by the deadline that counts in the state, then by id.

    after: deadline and id of the last line of the page before.
    """
    deadline = _deadline()
    query = (
        select(
            AssistanceRequest.public_id,
            AssistanceRequest.name_masked,
            AssistanceRequest.resident_id_masked,
            AssistanceRequest.requesting_region,
            AssistanceRequest.performing_region,
            AssistanceRequest.state,
            AssistanceRequest.accept_by,
            AssistanceRequest.carry_out_by,
            AssistanceRequest.requested_at,
            AssistanceRequest.id,
        )
        .where(which, AssistanceRequest.state.in_(states))
        .order_by(deadline, AssistanceRequest.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(or_(deadline > after[0], and_(deadline == after[0], AssistanceRequest.id > after[1])))
    return [QueueLine(**row._mapping) for row in session.execute(query)]


def counts(session: Session, which: ColumnElement[bool]) -> dict[AssistanceState, int]:
    """How many requests of one side's queue are in each state."""
    query = select(AssistanceRequest.state, func.count()).where(which).group_by(AssistanceRequest.state)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {state: found.get(state, 0) for state in AssistanceState}


def late_count(session: Session, which: ColumnElement[bool], today: date) -> int:
    """How many open requests of one side's queue are past their deadline."""
    query = select(func.count()).select_from(AssistanceRequest).where(which, AssistanceRequest.state.in_(OPEN), _deadline() < today)
    return session.scalar(query) or 0


def late_without_alert(session: Session, today: date, *, limit: int) -> Sequence[AssistanceRequest]:
    """Open requests whose deadline has passed, and for which no alert was opened yet."""
    deadline = _deadline()
    told = or_(AssistanceRequest.alerted_for.is_(None), AssistanceRequest.alerted_for != deadline)
    return session.scalars(
        select(AssistanceRequest)
        .where(AssistanceRequest.state.in_(OPEN), deadline < today, told)
        .order_by(AssistanceRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def long_late(session: Session, before: date, *, limit: int) -> Sequence[AssistanceRequest]:
    """Open requests made here whose deadline was before the day."""
    return session.scalars(
        select(AssistanceRequest)
        .where(AssistanceRequest.asked_here, AssistanceRequest.state.in_(OPEN), _deadline() < before)
        .order_by(AssistanceRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def forget_persons(session: Session, closed_before: datetime) -> int:
    """Empty the sealed columns of requests that were closed before the moment; how many there were."""
    held = or_(
        AssistanceRequest.name_sealed.is_not(None),
        AssistanceRequest.resident_id_sealed.is_not(None),
        AssistanceRequest.contact_sealed.is_not(None),
    )
    gone: Any = session.execute(
        update(AssistanceRequest)
        .where(AssistanceRequest.state.not_in(OPEN), AssistanceRequest.updated_at < closed_before, held)
        .values(name_sealed=None, resident_id_sealed=None, contact_sealed=None)
        .returning(AssistanceRequest.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone)


def _deadline() -> ColumnElement[date]:
    return case((AssistanceRequest.state == AssistanceState.REQUESTED, AssistanceRequest.accept_by), else_=AssistanceRequest.carry_out_by)
