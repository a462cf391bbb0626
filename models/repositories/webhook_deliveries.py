"""Messages to webhooks: which change goes to which address, and every message until it arrived or was given up.

Messages are made in the order of the changes and claimed oldest first; tries again and several workers may still turn two of them about.
So each carries the token of its change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Select, String, and_, delete, func, insert, literal, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from models.client import Client
from models.person import Person
from models.region import region_bounds
from models.repositories.changes_feed import AnnouncedChange, changes, newest_id
from models.status_change import StatusChange
from models.types import UtcDateTime
from models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint

# Messages that may wait at one address. Changes beyond stay where they are until there is room, so that an address that does not answer
# costs neither space nor time, however much happens.
WINDOW = 10_000


@dataclass(frozen=True)
class Claimed:
    """A message that a worker has taken. attempts: with this one."""

    key: int
    public_id: str
    attempts: int
    change: AnnouncedChange


@dataclass(frozen=True)
class Listed:
    """A message in a list."""

    key: int
    public_id: str
    change_id: int
    person_id: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    not_before: datetime
    finished_at: datetime | None


def to_fan_out(session: Session) -> Sequence[int]:
    """Addresses in use that have not seen the newest change, by key."""
    query = select(WebhookEndpoint.id).where(WebhookEndpoint.after_change_id < newest_id(session))
    return session.scalars(_in_use(query).order_by(WebhookEndpoint.id)).all()


def fan_out(session: Session, endpoint_key: int, *, now: datetime) -> int:
    """Make messages of the next changes for one address, as many as there is room for; how many.

    Where the address stands moves in the same transaction, and only if nobody moved it meanwhile: two workers make each message once.
    """
    row = session.execute(
        select(WebhookEndpoint.after_change_id, WebhookEndpoint.states, Client.region_code)
        .join(Client, Client.id == WebhookEndpoint.client_pk)
        .where(WebhookEndpoint.id == endpoint_key)
    ).first()
    room = WINDOW - _number_pending(session, endpoint_key, up_to=WINDOW)
    if row is None or room <= 0:
        return 0
    wanted = and_(StatusChange.id > row.after_change_id, StatusChange.region_code.between(*region_bounds(row.region_code)))
    if row.states is not None:
        wanted = and_(wanted, StatusChange.state.in_(row.states))
    newest = newest_id(session)
    next_ids = select(StatusChange.id).where(wanted, StatusChange.id <= newest).order_by(StatusChange.id).limit(room).subquery()
    number, last = session.execute(select(func.count(), func.max(next_ids.c.id))).one()
    upto = last if number == room else newest
    moved = _number(
        session,
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_key, WebhookEndpoint.after_change_id == row.after_change_id)
        .values(after_change_id=upto),
    )
    if moved == 0 or number == 0:
        return 0
    rows = (
        select(
            _random_id(session),
            literal(endpoint_key),
            StatusChange.id,
            literal(DeliveryState.PENDING.value),
            literal(0),
            literal(now, UtcDateTime),
            literal(now, UtcDateTime),
        )
        .where(wanted, StatusChange.id <= upto)
        .order_by(StatusChange.id)
    )
    names = ["public_id", "endpoint_id", "change_id", "state", "attempts", "not_before", "created_at"]
    return _number(session, insert(WebhookDelivery).from_select(names, rows))


def _random_id(session: Session) -> Any:
    # 22 hexadecimal digits, at least 82 random bits; the index on them is unique
    if session.get_bind().dialect.name == "postgresql":
        return func.substr(func.replace(cast_to(func.gen_random_uuid(), String), "-", ""), 1, 22)
    return func.lower(func.hex(func.randomblob(11)))


def _in_use(query: Select[Any]) -> Select[Any]:
    return query.join(Client, Client.id == WebhookEndpoint.client_pk).where(
        WebhookEndpoint.disabled_at.is_(None), Client.revoked_at.is_(None)
    )


def _number_pending(session: Session, endpoint_key: int, *, up_to: int) -> int:
    some = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.endpoint_id == endpoint_key, WebhookDelivery.state == DeliveryState.PENDING)
        .limit(up_to)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def with_due(session: Session, *, now: datetime) -> Sequence[int]:
    """Keys of the addresses in use that have a message to send now."""
    due = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.endpoint_id == WebhookEndpoint.id,
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.not_before <= now,
        )
        .correlate(WebhookEndpoint)
    )
    return session.scalars(_in_use(select(WebhookEndpoint.id)).where(due.exists()).order_by(WebhookEndpoint.id)).all()


def claim(session: Session, endpoint_key: int, *, now: datetime, until: datetime, limit: int) -> Sequence[Claimed]:
    """Take messages of one address to send. They come again at ``until`` unless an outcome is noted: a worker that dies loses nothing.

    Two workers never hold the same message before that (SKIP LOCKED on PostgreSQL; SQLite has one writer).
    """
    ids = session.scalars(
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.endpoint_id == endpoint_key,
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.not_before <= now,
        )
        .order_by(WebhookDelivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return []
    mine = WebhookDelivery.id.in_(ids)
    session.execute(update(WebhookDelivery).where(mine).values(not_before=until, attempts=WebhookDelivery.attempts + 1))
    columns = (WebhookDelivery.id, WebhookDelivery.public_id, WebhookDelivery.attempts, WebhookDelivery.change_id)
    taken = session.execute(select(*columns).where(mine).order_by(WebhookDelivery.id)).all()
    wanted = changes().where(StatusChange.id.in_([row.change_id for row in taken]))
    told = {row[0]: AnnouncedChange(*row) for row in session.execute(wanted)}
    return [Claimed(row.id, row.public_id, row.attempts, told[row.change_id]) for row in taken]


def mark_delivered(session: Session, key: int, *, status: int, now: datetime) -> None:
    """It arrived."""
    _settle(session, key, {"state": DeliveryState.DELIVERED, "last_status": status, "last_error": None, "finished_at": now})


def mark_failed(session: Session, key: int, *, status: int | None, error: str, retry_at: datetime) -> None:
    """It did not arrive, and is tried again."""
    _settle(session, key, {"last_status": status, "last_error": error[:200], "not_before": retry_at})


def mark_dead(session: Session, key: int, *, status: int | None, error: str, now: datetime) -> None:
    """It did not arrive, and is given up until somebody asks for another try."""
    _settle(session, key, {"state": DeliveryState.DEAD, "last_status": status, "last_error": error[:200], "finished_at": now})


def give_back(session: Session, keys: Collection[int], *, not_before: datetime) -> None:
    """Not tried after all: the try does not count."""
    if keys:
        waiting = (WebhookDelivery.id.in_(keys), WebhookDelivery.state == DeliveryState.PENDING)
        session.execute(update(WebhookDelivery).where(*waiting).values(attempts=WebhookDelivery.attempts - 1, not_before=not_before))


def hold_back(session: Session, endpoint_key: int, *, not_before: datetime, older_than: datetime, error: str, now: datetime) -> int:
    """The address does not answer: nothing goes there before a moment, and what has waited since ``older_than`` is given up. How many."""
    pending = (WebhookDelivery.endpoint_id == endpoint_key, WebhookDelivery.state == DeliveryState.PENDING)
    given_up = _number(
        session,
        update(WebhookDelivery)
        .where(*pending, WebhookDelivery.created_at < older_than)
        .values(state=DeliveryState.DEAD, finished_at=now, last_error=error[:200]),
    )
    session.execute(update(WebhookDelivery).where(*pending, WebhookDelivery.not_before < not_before).values(not_before=not_before))
    return given_up


def disable(session: Session, endpoint_key: int, *, reason: str, now: datetime) -> None:
    """Send nothing there any more; what waits is given up."""
    session.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_key, WebhookEndpoint.disabled_at.is_(None))
        .values(disabled_at=now, disabled_reason=reason[:200])
    )
    pending = (WebhookDelivery.endpoint_id == endpoint_key, WebhookDelivery.state == DeliveryState.PENDING)
    session.execute(update(WebhookDelivery).where(*pending).values(state=DeliveryState.DEAD, finished_at=now, last_error=reason[:200]))


def revive(session: Session, endpoint_key: int, *, now: datetime, public_ids: Collection[str] | None = None) -> int:
    """Send dead messages again, all or those that are named, and put a disabled address back to work. How many messages."""
    session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_key).values(disabled_at=None, disabled_reason=None))
    dead = [WebhookDelivery.endpoint_id == endpoint_key, WebhookDelivery.state == DeliveryState.DEAD]
    if public_ids is not None:
        dead.append(WebhookDelivery.public_id.in_(public_ids))
    again = {"state": DeliveryState.PENDING, "attempts": 0, "not_before": now, "created_at": now, "finished_at": None}
    return _number(session, update(WebhookDelivery).where(*dead).values(again))


def _settle(session: Session, key: int, values: dict[str, Any]) -> None:
    # only while pending: another worker may have finished it after this one's claim ran out
    session.execute(update(WebhookDelivery).where(WebhookDelivery.id == key, WebhookDelivery.state == DeliveryState.PENDING).values(values))


def listing(session: Session, endpoint_key: int, *, state: DeliveryState | None, after_key: int = 0, limit: int = 100) -> list[Listed]:
    """Messages of one address in the order of their making, from the first after ``after_key``."""
    query = (
        select(
            WebhookDelivery.id,
            WebhookDelivery.public_id,
            WebhookDelivery.change_id,
            Person.public_id,
            WebhookDelivery.state,
            WebhookDelivery.attempts,
            WebhookDelivery.last_status,
            WebhookDelivery.last_error,
            WebhookDelivery.created_at,
            WebhookDelivery.not_before,
            WebhookDelivery.finished_at,
        )
        .join(StatusChange, StatusChange.id == WebhookDelivery.change_id)
        .join(Person, Person.id == StatusChange.person_id)
        .where(WebhookDelivery.endpoint_id == endpoint_key, WebhookDelivery.id > after_key)
        .order_by(WebhookDelivery.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    return [Listed(*row) for row in session.execute(query)]


def purge(session: Session, *, before: datetime, limit: int = 10_000) -> int:
    """Delete messages that were delivered or given up before the moment, at most ``limit``; how many."""
    old = select(WebhookDelivery.id).where(WebhookDelivery.finished_at < before).limit(limit)
    return _number(session, delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)))


def _number(session: Session, statement: Executable) -> int:
    """Run it; how many rows it wrote (which drivers tell of an INSERT only when asked to keep it)."""
    return cast(CursorResult[Any], session.execute(statement, execution_options={"preserve_rowcount": True})).rowcount
