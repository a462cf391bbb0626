"""The outbox: put in with the change, taken out by a sender, at least once each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.outbox import OutboxMessage


def put(
    session: Session,
    *,
    kind: str,
    now: datetime,
    person_id: int | None = None,
    payload: dict[str, Any] | None = None,
    not_before: datetime | None = None,
) -> OutboxMessage:
    """Add one message; it leaves only when this transaction is committed."""
    message = OutboxMessage(kind=kind, person_id=person_id, payload=payload or {}, created_at=now, not_before=not_before or now, attempts=0)
    session.add(message)
    session.flush()
    return message


def claim(
    session: Session, *, now: datetime, retry_at: datetime, limit: int = 100, kinds: Collection[str] | None = None
) -> Sequence[OutboxMessage]:
    """Take messages to send. They come again at ``retry_at`` unless marked as sent: a sender that dies loses nothing.

    kinds: only messages of these, None for all. Two senders never get the same message at once (SKIP LOCKED on PostgreSQL; SQLite has
    one writer).
    """
    wanted = [OutboxMessage.sent_at.is_(None), OutboxMessage.not_before <= now]
    if kinds is not None:
        wanted.append(OutboxMessage.kind.in_(kinds))
    ids = session.scalars(
        select(OutboxMessage.id)
        .where(*wanted)
        .order_by(OutboxMessage.not_before, OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return []
    session.execute(update(OutboxMessage).where(OutboxMessage.id.in_(ids)).values(not_before=retry_at, attempts=OutboxMessage.attempts + 1))
    return session.scalars(select(OutboxMessage).where(OutboxMessage.id.in_(ids)).order_by(OutboxMessage.id)).all()


def mark_sent(session: Session, message_id: int, *, now: datetime) -> bool:
    """Mark a message as sent. False when it was already."""
    changed = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.sent_at.is_(None))
        .values(sent_at=now, last_error=None)
        .returning(OutboxMessage.id)
    ).all()
    return bool(changed)


def mark_failed(session: Session, message_id: int, *, error: str, retry_at: datetime) -> None:
    """Note why a message did not leave, and when to try again."""
    session.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(last_error=error[:200], not_before=retry_at))


def purge_sent(session: Session, *, before: datetime) -> int:
    """Delete messages sent before the moment; how many there were."""
    gone = session.execute(delete(OutboxMessage).where(OutboxMessage.sent_at < before).returning(OutboxMessage.id)).all()
    return len(gone)


def settle(session: Session, message_id: int, *, note: str, now: datetime) -> bool:
    """Take a message out that will never leave, and note why. False when it was sent or settled already."""
    changed = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.sent_at.is_(None))
        .values(sent_at=now, last_error=note[:200])
        .returning(OutboxMessage.id)
    ).all()
    return bool(changed)


def put_off(session: Session, message_id: int, *, until: datetime) -> None:
    """Send a claimed message later: it was not tried, so the try does not count."""
    waiting = (OutboxMessage.id == message_id, OutboxMessage.sent_at.is_(None))
    session.execute(update(OutboxMessage).where(*waiting).values(not_before=until, attempts=OutboxMessage.attempts - 1))
