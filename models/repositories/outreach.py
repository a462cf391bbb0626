"""The outreach list: who is on it, every attempt, and who has to be reminded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, insert, null, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit, BenefitStatus
from models.certification_sql import drawn_on, status_table
from models.certification_state import CertificationState
from models.errors import NotFoundError
from models.outbox import OutboxMessage
from models.outreach import Outreach, OutreachAttempt, OutreachChannel, OutreachEnd, OutreachOutcome
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_prefix
from models.types import opaque_id

REMINDER = "outreach.reminder"
"""Kind of the outbox message that reminds somebody. payload: {"outreach": public id}."""


@dataclass(frozen=True)
class Entry:
    """One open row of the list, with the person as lists show them."""

    id: int
    public_id: str
    person_id: str
    name: str
    resident_id_masked: str
    region_code: str
    due_on: date | None
    has_phone: bool


def last_person_id(session: Session) -> int:
    """The greatest id of a person, 0 when there is none: where a refresh ends."""
    return session.scalar(select(func.max(Person.id))) or 0


def last_open_id(session: Session) -> int:
    """The greatest id of an open row, 0 when there is none."""
    return session.scalar(select(func.max(Outreach.id)).where(Outreach.closed_at.is_(None))) or 0


def open_due(session: Session, policy: CertificationPolicy, on: date, *, after_id: int, to_id: int, now: datetime) -> int:
    """Put on the list whoever of the persons with these ids is due, draws a benefit that is not paused, and is not on it; how many."""
    persons = select(Person.id).where(Person.id > after_id, Person.id <= to_id, Person.merged_into_id.is_(None))
    status = status_table(policy, on, persons)
    listed = select(Outreach.id).where(Outreach.person_id == Person.id, Outreach.closed_at.is_(None)).exists()
    due = (
        select(Person.id, Person.region_code, status.c.due_on)
        .join(status, status.c.person_id == Person.id)
        .where(_due(status.c.state, status.c.due_on, on), _draws(Person.id.expression, on, BenefitStatus.ACTIVE), ~listed)
        .order_by(Person.id)
    )
    rows = [
        {"public_id": opaque_id(), "person_id": person_id, "region_code": region_code, "due_on": due_on, "opened_at": now}
        for person_id, region_code, due_on in session.execute(due)
    ]
    if not rows:
        return 0
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = upsert(Outreach).on_conflict_do_nothing(index_elements=["person_id"], index_where=Outreach.closed_at.is_(None))
    return len(session.execute(statement.returning(Outreach.id), rows).all())


def close_settled(
    session: Session, policy: CertificationPolicy, on: date, *, after_id: int, to_id: int, now: datetime
) -> dict[OutreachEnd, list[int]]:
    """Close the open rows with ids after ``after_id`` up to ``to_id`` whose persons are no longer due; ids of those closed, by reason."""
    open_rows = (Outreach.closed_at.is_(None), Outreach.id > after_id, Outreach.id <= to_id)
    status = status_table(policy, on, select(Outreach.person_id).where(*open_rows))
    settled = (CertificationState.CERTIFIED.value, CertificationState.DUE_SOON.value)
    still = or_(status.c.state == CertificationState.PAUSED.value, _due(status.c.state, status.c.due_on, on))
    ended = case(
        (status.c.state.is_(None), OutreachEnd.NOT_DUE.value),  # merged into another record
        (status.c.state == CertificationState.DECEASED.value, OutreachEnd.DECEASED.value),
        (status.c.state.in_(settled), OutreachEnd.CERTIFIED.value),
        (and_(still, _draws(Outreach.person_id.expression, on, BenefitStatus.ACTIVE, BenefitStatus.PAUSED)), null()),
        else_=OutreachEnd.NOT_DUE.value,
    )
    found = session.execute(
        select(Outreach.id, ended).select_from(Outreach).outerjoin(status, status.c.person_id == Outreach.person_id).where(*open_rows)
    )
    closed: dict[OutreachEnd, list[int]] = {}
    for row_id, reason in found:
        if reason is not None:
            closed.setdefault(OutreachEnd(reason), []).append(row_id)
    return {reason: _close(session, ids, reason, now) for reason, ids in closed.items()}


def _close(session: Session, ids: Collection[int], reason: OutreachEnd, now: datetime) -> list[int]:
    return list(
        session.scalars(
            update(Outreach)
            .where(Outreach.id.in_(ids), Outreach.closed_at.is_(None))
            .values(closed_at=now, ended=reason)
            .returning(Outreach.id)
            .execution_options(synchronize_session=False)
        )
    )


def _due(state: ColumnElement[str], due_on: ColumnElement[date], on: date) -> ColumnElement[bool]:
    never = and_(state == CertificationState.NEVER_CERTIFIED.value, due_on < on)
    return or_(state == CertificationState.OVERDUE.value, never)


def _draws(person_id: ColumnElement[int], on: date, *states: BenefitStatus) -> ColumnElement[bool]:
    """True for a person who draws a benefit of these states on the day, under whichever of their records."""
    member = aliased(Person)
    drawn = select(Benefit.id).where(Benefit.status.in_(states), drawn_on(on))
    own = drawn.where(Benefit.person_id == person_id).correlate_except(Benefit).exists()
    merged = drawn.join(member, member.id == Benefit.person_id).where(member.merged_into_id == person_id)
    return or_(own, merged.correlate_except(Benefit, member).exists())


def get(session: Session, public_id: str, *, lock: bool = False) -> Outreach:
    """The row with this public id, open or closed. lock: until the transaction ends. Raises NotFoundError."""
    query = select(Outreach).where(Outreach.public_id == public_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFoundError("there is no such row on the outreach list")
    return row


def open_of_person(session: Session, person_id: int) -> Outreach | None:
    """The open row of a person, None when they are not on the list."""
    return session.scalar(select(Outreach).where(Outreach.person_id == person_id, Outreach.closed_at.is_(None)))


def add_attempt(
    session: Session, outreach_id: int, *, channel: OutreachChannel, outcome: OutreachOutcome, note: str | None, by: str, now: datetime
) -> OutreachAttempt:
    """Record one attempt."""
    attempt = OutreachAttempt(outreach_id=outreach_id, channel=channel, outcome=outcome, note=note, made_by=by, made_at=now)
    session.add(attempt)
    session.flush()
    return attempt


def attempts_of(session: Session, outreach_ids: Collection[int]) -> dict[int, list[OutreachAttempt]]:
    """Every attempt of these rows, oldest first; a row without any has an empty list."""
    found: dict[int, list[OutreachAttempt]] = {row_id: [] for row_id in outreach_ids}
    query = select(OutreachAttempt).where(OutreachAttempt.outreach_id.in_(found)).order_by(OutreachAttempt.made_at, OutreachAttempt.id)
    for attempt in session.scalars(query):
        found[attempt.outreach_id].append(attempt)
    return found


def listing(
    session: Session,
    *,
    region_code: str,
    due_before: date | None = None,
    attempts_max: int | None = None,
    next_channel: OutreachChannel | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Sequence[Entry]:
    """Open rows of a region and all inside it, longest overdue first.

    due_before: due on or before the day. attempts_max: with at most so many attempts that were made. next_channel: whose least troublesome
    way not tried yet is this one. after: public id of the last row of the page before.
    """
    query = (
        select(
            Outreach.id, Outreach.public_id, Person.public_id, Person.name, Person.resident_id_masked, Outreach.region_code, Outreach.due_on
        )
        .add_columns(Person.phone_sealed.is_not(None))
        .join(Person, Person.id == Outreach.person_id)
        .where(Outreach.closed_at.is_(None), Outreach.region_code.startswith(region_prefix(region_code), autoescape=True))
        .order_by(Outreach.due_on, Outreach.id)
        .limit(limit)
    )
    if due_before is not None:
        query = query.where(Outreach.due_on <= due_before)
    made = OutreachAttempt.outcome != OutreachOutcome.FAILED
    if attempts_max is not None:
        number = select(func.count()).where(OutreachAttempt.outreach_id == Outreach.id, made).correlate(Outreach).scalar_subquery()
        query = query.where(number <= attempts_max)
    if next_channel is not None:
        query = query.where(_next_is(next_channel))
    if after is not None:
        last = session.execute(select(Outreach.due_on, Outreach.id).where(Outreach.public_id == after)).first()
        if last is not None:
            query = query.where(tuple_(Outreach.due_on, Outreach.id) > tuple_(*last))
    return [Entry(*row) for row in session.execute(query)]


def _next_is(channel: OutreachChannel) -> ColumnElement[bool]:
    def tried(way: OutreachChannel) -> ColumnElement[bool]:
        made = (OutreachAttempt.outcome != OutreachOutcome.FAILED, OutreachAttempt.channel == way)
        return select(OutreachAttempt.id).where(OutreachAttempt.outreach_id == Outreach.id, *made).correlate(Outreach).exists()

    has_phone = Person.phone_sealed.is_not(None)
    match channel:
        case OutreachChannel.SMS:
            return and_(has_phone, ~tried(OutreachChannel.SMS))
        case OutreachChannel.PHONE:
            return and_(has_phone, tried(OutreachChannel.SMS), ~tried(OutreachChannel.PHONE))
        case OutreachChannel.VISIT:
            by_phone = and_(tried(OutreachChannel.SMS), tried(OutreachChannel.PHONE))
            return and_(~tried(OutreachChannel.VISIT), or_(~has_phone, by_phone))


def remind(session: Session, *, every: timedelta, now: datetime, limit: int) -> int:
    """Put a reminder into the outbox for open rows whose person has a phone and was not reminded for so long; how many, up to ``limit``.

    Two jobs at once never remind anybody twice (SKIP LOCKED on PostgreSQL; SQLite has one writer).
    """
    rows = session.execute(
        select(Outreach.id, Outreach.public_id, Outreach.person_id)
        .join(Person, Person.id == Outreach.person_id)
        .where(
            Outreach.closed_at.is_(None),
            Person.phone_sealed.is_not(None),
            or_(Outreach.reminded_at.is_(None), Outreach.reminded_at <= now - every),
        )
        .order_by(Outreach.id)
        .limit(limit)
        .with_for_update(of=Outreach, skip_locked=True)
    ).all()
    if not rows:
        return 0
    session.execute(update(Outreach).where(Outreach.id.in_([row.id for row in rows])).values(reminded_at=now))
    common = {"kind": REMINDER, "created_at": now, "not_before": now, "attempts": 0}
    messages = [{**common, "person_id": row.person_id, "payload": {"outreach": row.public_id}} for row in rows]
    session.execute(insert(OutboxMessage), messages)
    return len(rows)
