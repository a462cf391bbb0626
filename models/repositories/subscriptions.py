"""Subscriptions of alerts: who wants to be told of what, where, and up to which alert they were told.

Telling moves ``told_to`` and writes what is told in one transaction, and only when nobody moved it meanwhile: each alert is told once to
each subscription, however many tell and whenever one of them dies.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.detection import Signal
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing
from models.oversight import AlertSubscription, Cadence, NoticeChannel
from models.region import Region, region_bounds
from models.repositories.settled_alerts import newest_id
from models.repositories.webhooks import SECRET_BYTES, SECRET_PREFIX
from models.types import opaque_id


@dataclass(frozen=True)
class NewSubscription:
    """What somebody wants to be told of. codes: empty for all. quiet: minutes of the day, from and until. next_at: of a digest."""

    owner: str
    region_code: str
    channel: NoticeChannel
    cadence: Cadence
    language: str
    codes: tuple[str, ...] = ()
    amount_fen_min: int = 0
    target: str | None = None
    quiet: tuple[int, int] | None = None
    next_at: datetime | None = None


@dataclass(frozen=True)
class NamedAlert:
    """One alert as a notice names it; nothing about a person."""

    public_id: str
    code: str
    region_code: str
    amount_fen: int
    opened_at: datetime


@dataclass(frozen=True)
class CodeSum:
    """Alerts of one code. amount_fen: money at risk in them."""

    code: str
    count: int
    amount_fen: int


@dataclass(frozen=True)
class News:
    """What there is to tell. by_code: most money first. alerts: the first some, the most urgent first."""

    by_code: tuple[CodeSum, ...]
    alerts: tuple[NamedAlert, ...]

    @property
    def count(self) -> int:
        """All alerts, also those not named."""
        return sum(each.count for each in self.by_code)

    @property
    def amount_fen(self) -> int:
        """Money at risk in all of them."""
        return sum(each.amount_fen for each in self.by_code)


def add(session: Session, new: NewSubscription, *, most: int, keyring: KeyRing, now: datetime) -> tuple[AlertSubscription, str | None]:
    """A new subscription, and for a webhook its secret, which is told this once. It is told of alerts that open from now on.

    Raises:
        NotFoundError: the region is not in the store.
        ConflictError: SUBSCRIPTIONS_USED_UP; the owner has ``most`` already.
    """
    if session.get(Region, new.region_code) is None:
        raise NotFoundError(f"the region {new.region_code} is not in the store")
    mine = (AlertSubscription.owner == new.owner, AlertSubscription.ended_at.is_(None))
    there = session.scalar(select(func.count()).select_from(AlertSubscription).where(*mine)) or 0
    if there >= most:
        raise ConflictError(
            Conflict.SUBSCRIPTIONS_USED_UP, f"this account has {there} subscriptions, and may have {most}: end one of them first"
        )
    public_id, secret = opaque_id(), None
    if new.channel is NoticeChannel.WEBHOOK:
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    row = AlertSubscription(
        public_id=public_id,
        owner=new.owner,
        codes=sorted(set(new.codes)),
        region_code=new.region_code,
        amount_fen_min=new.amount_fen_min,
        channel=new.channel,
        target=new.target,
        secret_sealed=None if secret is None else keyring.seal(secret.encode("ascii"), sealed_for(public_id)),
        cadence=new.cadence,
        quiet_from=None if new.quiet is None else new.quiet[0],
        quiet_until=None if new.quiet is None else new.quiet[1],
        told_to=newest_id(session),
        next_at=new.next_at,
        language=new.language,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, secret


def open_secret(row: AlertSubscription, keyring: KeyRing) -> str:
    """The signing secret of a webhook. Raises UnsealError; ValueError for another channel."""
    if row.secret_sealed is None:
        raise ValueError("only subscriptions of webhooks have a secret")
    return keyring.unseal(row.secret_sealed, sealed_for(row.public_id)).decode("ascii")


def sealed_for(public_id: str) -> bytes:
    """What the secret of a subscription is bound to."""
    return f"alert_subscription.secret_sealed:{public_id}".encode("ascii")


def of_owner(session: Session, owner: str, *, limit: int) -> Sequence[AlertSubscription]:
    """Their subscriptions that have not ended, and those that ended by themselves, the newest first."""
    shown = or_(AlertSubscription.ended_at.is_(None), AlertSubscription.end_reason.is_not(None))
    query = select(AlertSubscription).where(AlertSubscription.owner == owner, shown).order_by(AlertSubscription.id.desc()).limit(limit)
    return session.scalars(query).all()


def find(session: Session, owner: str, public_id: str) -> AlertSubscription:
    """One of theirs. Raises NotFoundError; somebody else's is not there."""
    query = select(AlertSubscription).where(AlertSubscription.public_id == public_id, AlertSubscription.owner == owner)
    row = session.scalar(query)
    if row is None:
        raise NotFoundError("there is no such subscription")
    return row


def end(session: Session, key: int, *, now: datetime, reason: str | None = None) -> bool:
    """Tell no more. reason: None when its owner wants that, which also takes one away that ended by itself. False: done before."""
    wanted: list[ColumnElement[bool]] = [AlertSubscription.id == key]
    if reason is None:
        wanted.append(or_(AlertSubscription.ended_at.is_(None), AlertSubscription.end_reason.is_not(None)))
    else:
        wanted.append(AlertSubscription.ended_at.is_(None))
    changed = session.execute(
        update(AlertSubscription).where(*wanted).values(ended_at=now, end_reason=reason).returning(AlertSubscription.id)
    ).all()
    return bool(changed)


def due(session: Session, *, upto: int, now: datetime) -> Sequence[AlertSubscription]:
    """Those with a digest whose moment has come, and those told at once that have not seen the newest alerts. Hundreds, not thousands."""
    news = and_(AlertSubscription.cadence == Cadence.AT_ONCE, AlertSubscription.told_to < upto)
    digest = and_(AlertSubscription.cadence != Cadence.AT_ONCE, AlertSubscription.next_at <= now)
    query = select(AlertSubscription).where(AlertSubscription.ended_at.is_(None), or_(news, digest))
    return session.scalars(query.order_by(AlertSubscription.id)).all()


def last_of(session: Session, row: AlertSubscription, *, upto: int, limit: int) -> int:
    """Id up to which there are no more than ``limit`` alerts to tell of; ``upto`` when all of them fit."""
    wanted = select(Alert.id).where(*_matching(row, upto)).order_by(Alert.id).offset(limit - 1).limit(1)
    return session.scalar(wanted) or upto


def advance(session: Session, row: AlertSubscription, *, upto: int, next_at: datetime | None) -> bool:
    """Say that it is told of everything up to an alert. False when somebody else told it meanwhile, or it has ended: then tell nothing."""
    unchanged = AlertSubscription.next_at.is_(None) if row.next_at is None else AlertSubscription.next_at == row.next_at
    changed = session.execute(
        update(AlertSubscription)
        .where(AlertSubscription.id == row.id, AlertSubscription.told_to == row.told_to, unchanged, AlertSubscription.ended_at.is_(None))
        .values(told_to=max(upto, row.told_to), next_at=next_at)
        .returning(AlertSubscription.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(changed)


def news(session: Session, row: AlertSubscription, *, upto: int, listed: int) -> News:
    """What the subscription has not been told of, up to an alert. Alerts that are closed by now are left out."""
    matching = _matching(row, upto)
    amount = func.coalesce(func.sum(Alert.amount_fen), 0)
    by_code = select(Alert.code, func.count(), amount).where(*matching).group_by(Alert.code)
    sums = [CodeSum(code, count, int(fen or 0)) for code, count, fen in session.execute(by_code)]
    if not sums:
        return News((), ())
    columns = (Alert.public_id, Alert.code, Alert.region_code, func.coalesce(Alert.amount_fen, 0), Alert.opened_at)
    first = select(*columns).where(*matching).order_by(func.coalesce(Alert.priority, 0.0).desc(), Alert.id).limit(listed)
    named = tuple(NamedAlert(*found) for found in session.execute(first))
    return News(tuple(sorted(sums, key=lambda each: (-each.amount_fen, -each.count, each.code))), named)


def _matching(row: AlertSubscription, upto: int) -> tuple[Any, ...]:
    wanted = [
        Alert.id > row.told_to,
        Alert.id <= upto,
        Alert.state != AlertState.CLOSED,
        Alert.region_code.between(*region_bounds(row.region_code)),
    ]
    if row.amount_fen_min > 0:
        wanted.append(Alert.amount_fen >= row.amount_fen_min)
    if row.codes:
        behind = select(Signal.id).where(Signal.alert_id == Alert.id, Signal.code.in_(row.codes), Signal.vanished_at.is_(None)).exists()
        wanted.append(or_(Alert.code.in_(row.codes), behind))
    return tuple(wanted)


def note_sent(session: Session, public_id: str, *, now: datetime | None = None, error: str | None = None) -> None:
    """How the last message out of the house went: now when it arrived, else the error."""
    values: dict[str, Any] = {"last_error": None if error is None else error[:200]}
    if now is not None:
        values["sent_at"] = now
    session.execute(update(AlertSubscription).where(AlertSubscription.public_id == public_id).values(**values))
