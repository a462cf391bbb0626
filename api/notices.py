"""Telling subscribers of alerts: finds what is new for each of them, and writes the notice or the message in one step with how far it told.

Each alert is told once to each subscription, whoever tells and whenever somebody is killed. What falls into quiet hours waits for their
end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api import notice_texts
from api.context import Context
from api.notice_times import is_quiet, next_digest, quiet_of
from api.rights import Right, rights_of
from models.account import Account
from models.database import Database
from models.oversight import AlertSubscription, Cadence, NoticeChannel
from models.region import region_prefix
from models.repositories import audit, notices, outbox, settled_alerts, subscriptions

ACTOR = "job:notices"
EMAIL_KIND = "notice.email"
WEBHOOK_KIND = "notice.webhook"
KIND_OF = {NoticeChannel.EMAIL: EMAIL_KIND, NoticeChannel.WEBHOOK: WEBHOOK_KIND}
WAIT_FOR_WRITERS_S = 20.0
LOOK_AGAIN_S = 0.2
NO_LONGER_ALLOWED = "not_allowed"
"""Why a subscription ends by itself: the account is gone, or may not see these alerts any more."""


@dataclass(frozen=True)
class Told:
    """What a run did. notices: in the application; messages: to be sent; alerts: told of; ended: whose owner may not see them any more."""

    notices: int = 0
    messages: int = 0
    alerts: int = 0
    ended: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(self.notices + other.notices, self.messages + other.messages, self.alerts + other.alerts, self.ended + other.ended)


def tell_subscribers(context: Context, *, wait_s: float = WAIT_FOR_WRITERS_S, sleep: Callable[[float], None] = time.sleep) -> Told:
    """Tell every subscription that is due; those in their quiet hours are left for later.

    wait_s: for transactions that are writing alerts; when they take longer nothing is told in this run, and all of it in a later one.
    """
    upto = settled_alert(context.database, wait_s=wait_s, sleep=sleep)
    if upto is None:
        return Told()
    now = context.clock()
    with context.database.read_scope() as session:
        due = subscriptions.due(session, upto=upto, now=now)
        allowed = _allowed(session, due)
    told = Told()
    for row in due:
        if row.public_id not in allowed:
            told += _end(context, row)
        elif not is_quiet(quiet_of(row), now, context.policy.certification):
            told += _tell(context, row, upto, now)
    return told


def settled_alert(database: Database, *, wait_s: float, sleep: Callable[[float], None] = time.sleep) -> int | None:
    """Id of an alert up to which none can appear any more; None when somebody wrote alerts for longer than ``wait_s``."""
    with database.read_scope() as session:
        newest = settled_alerts.newest_id(session)
    waiting: frozenset[str] | None = None
    end = time.monotonic() + wait_s
    while True:
        with database.read_scope() as session:
            writing = settled_alerts.writers(session)
        waiting = writing if waiting is None else waiting & writing
        if not waiting:
            return newest
        if time.monotonic() >= end:
            return None
        sleep(LOOK_AGAIN_S)


def _allowed(session: Session, rows: Sequence[AlertSubscription]) -> frozenset[str]:
    accounts = owners(session, {row.owner for row in rows})
    return frozenset(row.public_id for row in rows if may_be_told(accounts.get(row.owner), row))


def owners(session: Session, actors: Collection[str]) -> dict[str, Account]:
    """The accounts of actors such as ``staff:name``, by actor; without those that there are none of."""
    names = {actor.removeprefix("staff:") for actor in actors}
    if not names:
        return {}
    numbers = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 19]
    query = select(Account).where(or_(Account.username.in_(names), Account.id.in_(numbers)))
    return {f"staff:{account.username or account.id}": account for account in session.scalars(query)}


def may_be_told(account: Account | None, row: AlertSubscription) -> bool:
    """True while the account is active, may read alerts, and its region has the subscription's in it."""
    if account is None or not account.active or account.region_code is None:
        return False
    rights = rights_of(frozenset(role.name for role in account.roles))
    return Right.READ_ALERTS in rights and row.region_code.startswith(region_prefix(account.region_code))


def _end(context: Context, row: AlertSubscription) -> Told:
    now = context.clock()
    with context.database.session_scope() as session:
        if not subscriptions.end(session, row.id, now=now, reason=NO_LONGER_ALLOWED):
            return Told()
        details = {"reason": NO_LONGER_ALLOWED}
        audit.record(session, actor=ACTOR, action="alert_subscription.ended", now=now, object=row.public_id, details=details)
    return Told(ended=1)


def _tell(context: Context, row: AlertSubscription, upto: int, now: datetime) -> Told:
    """Tell one subscription; a webhook that is told at once gets every alert by name, in several messages where they are many."""
    policy = context.policy.oversight
    following = next_digest(row.cadence, now, context.policy.certification, policy)
    in_parts = row.channel is NoticeChannel.WEBHOOK and row.cadence is Cadence.AT_ONCE
    told, mine = Told(), True
    while mine:
        with context.database.session_scope() as session:
            last, listed = upto, policy.notices.listed
            if in_parts:
                listed = policy.notices.at_a_time
                last = subscriptions.last_of(session, row, upto=upto, limit=listed)
            mine = subscriptions.advance(session, row, upto=last, next_at=following)
            if not mine:
                break
            news = subscriptions.news(session, row, upto=last, listed=listed)
            if news.count:
                told += _write(session, row, news, now)
        if last >= upto:
            break
        row.told_to, row.next_at = last, following
    return told


def _write(session: Session, row: AlertSubscription, news: subscriptions.News, now: datetime) -> Told:
    if row.channel is NoticeChannel.IN_APP:
        named = [each.public_id for each in news.alerts]
        notices.add(session, row, alerts=named, count=news.count, amount_fen=news.amount_fen, now=now)
        return Told(notices=1, alerts=news.count)
    outbox.put(session, kind=KIND_OF[row.channel], now=now, payload=notice_texts.payload_of(row, news, now=now))
    return Told(messages=1, alerts=news.count)


def send_test(context: Context, row: AlertSubscription) -> None:
    """A test to where the subscription tells: in the application at once, else with the messages of the next minute."""
    now = context.clock()
    with context.database.session_scope() as session:
        if row.channel is NoticeChannel.IN_APP:
            notices.add(session, row, alerts=(), count=0, amount_fen=0, now=now)
        else:
            outbox.put(session, kind=KIND_OF[row.channel], now=now, payload=notice_texts.trial_payload(row, now=now))
