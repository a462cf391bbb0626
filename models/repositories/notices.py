"""Notices in the application: what an account was told, read and unread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.oversight import AlertSubscription, Notice

PURGED_AT_ONCE = 10_000


@dataclass(frozen=True)
class AlertInNotice:
    """One alert that a notice names, as it is now."""

    public_id: str
    code: str
    region_code: str
    amount_fen: int
    state: AlertState


def add(
    session: Session, subscription: AlertSubscription, *, alerts: Collection[str], count: int, amount_fen: int, now: datetime
) -> Notice:
    """Tell the owner of a subscription. alerts: public ids, the first some. count 0: a test."""
    row = Notice(
        owner=subscription.owner,
        subscription_id=subscription.id,
        alerts=list(alerts),
        count=count,
        amount_fen=amount_fen,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def unread_number(session: Session, owner: str, *, up_to: int) -> int:
    """How many the account has not read, counted no further than ``up_to``."""
    some = select(Notice.id).where(Notice.owner == owner, Notice.read_at.is_(None)).limit(up_to).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def unread(session: Session, owner: str, *, limit: int) -> Sequence[Notice]:
    """The newest that the account has not read."""
    query = select(Notice).where(Notice.owner == owner, Notice.read_at.is_(None)).order_by(Notice.id.desc()).limit(limit)
    return session.scalars(query).all()


def read(session: Session, owner: str, *, before: str | None, limit: int) -> Sequence[Notice]:
    """Those that the account has read, the newest first. before: public id of the last one of the page before; an unknown one: nothing."""
    query = select(Notice).where(Notice.owner == owner, Notice.read_at.is_not(None))
    if before is not None:
        query = query.where(Notice.id < select(Notice.id).where(Notice.public_id == before, Notice.owner == owner).scalar_subquery())
    return session.scalars(query.order_by(Notice.id.desc()).limit(limit)).all()


def mark_read(session: Session, owner: str, *, now: datetime, public_ids: Collection[str] | None = None, upto: str | None = None) -> int:
    """Mark those that are named, or all up to one, as read; how many were not before."""
    wanted = [Notice.owner == owner, Notice.read_at.is_(None)]
    if public_ids is not None:
        wanted.append(Notice.public_id.in_(public_ids))
    if upto is not None:
        wanted.append(Notice.id <= select(Notice.id).where(Notice.public_id == upto, Notice.owner == owner).scalar_subquery())
    return len(session.execute(update(Notice).where(*wanted).values(read_at=now).returning(Notice.id)).all())


def alerts_of(session: Session, notices: Collection[Notice], *, region: str) -> dict[str, AlertInNotice]:
    """The alerts that these notices name, by public id, of those in the region whose codes begin with ``region``."""
    wanted = {public_id for notice in notices for public_id in notice.alerts}
    if not wanted:
        return {}
    low, high = region.ljust(6, "0"), region.ljust(6, "9")
    columns = (Alert.public_id, Alert.code, Alert.region_code, func.coalesce(Alert.amount_fen, 0), Alert.state)
    query = select(*columns).where(Alert.public_id.in_(wanted), Alert.region_code.between(low, high))
    return {row[0]: AlertInNotice(*row) for row in session.execute(query)}


def purge_read(session: Session, *, before: datetime) -> int:
    """Delete notices that were read before the moment, some thousands at a time; how many."""
    old = select(Notice.id).where(Notice.read_at < before).limit(PURGED_AT_ONCE)
    return len(session.execute(delete(Notice).where(Notice.id.in_(old)).returning(Notice.id)).all())
