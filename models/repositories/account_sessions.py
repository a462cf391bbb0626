"""Signed-in sessions of staff: begun, opened, seen, proved again, ended. Every change of many is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from models.account_access import AccountSession, SessionEnd, SignedInBy
from models.policy_accounts import AccountsPolicy
from models.types import opaque_id

LISTED = 20


def begin(
    session: Session, account_id: int, *, by: SignedInBy, device_class: str, network: str | None, factor_given: bool, now: datetime
) -> AccountSession:
    """A session whose password was right. It opens nothing before ``open_``."""
    row = AccountSession(
        account_id=account_id,
        signed_in_by=by,
        created_at=now,
        seen_at=now,
        proved_at=now,
        factor_at=now if factor_given else None,
        device_class=device_class,
        network=network,
    )
    session.add(row)
    session.flush()
    return row


def find(session: Session, public_id: str, *, lock: bool = False) -> AccountSession | None:
    """The session with this id, ended or not. lock: others who want to change it wait (PostgreSQL; SQLite has one writer)."""
    query = select(AccountSession).where(AccountSession.public_id == public_id)
    return session.scalar(query.with_for_update() if lock else query)


def end_of(row: AccountSession, policy: AccountsPolicy, now: datetime) -> SessionEnd | None:
    """Why the session is over at this moment, None while it goes on."""
    if row.ended_at is not None:
        return row.ended_why
    if now - row.created_at >= timedelta(hours=policy.longest_hours):
        return SessionEnd.TOO_LONG
    rest = timedelta(minutes=policy.idle_minutes if row.opened_at is not None else policy.pending_minutes)
    return SessionEnd.IDLE if now - row.seen_at >= rest else None


def open_(row: AccountSession, *, now: datetime) -> None:
    """All that was asked was given: from now on the session opens pages, under an id that nobody knew before."""
    row.opened_at = row.proved_at = row.seen_at = now
    row.public_id = opaque_id()
    row.challenge = row.challenge_at = None


def seen(session: Session, row_id: int, *, before: datetime, now: datetime) -> None:
    """Note a request, unless one at or after ``before`` is noted already."""
    session.execute(update(AccountSession).where(AccountSession.id == row_id, AccountSession.seen_at < before).values(seen_at=now))


def end(session: Session, account_id: int, why: SessionEnd, *, now: datetime, public_id: str | None = None, but: str | None = None) -> int:
    """End sessions of an account: all, the one named, or all ``but`` one. Returns how many ended."""
    query = update(AccountSession).where(AccountSession.account_id == account_id, AccountSession.ended_at.is_(None))
    if public_id is not None:
        query = query.where(AccountSession.public_id == public_id)
    if but is not None:
        query = query.where(AccountSession.public_id != but)
    done = cast("CursorResult[Any]", session.execute(query.values(ended_at=now, ended_why=why, challenge=None)))
    return int(done.rowcount)


def of_account(session: Session, account_id: int) -> Sequence[AccountSession]:
    """The last sessions of an account, newest first."""
    query = select(AccountSession).where(AccountSession.account_id == account_id)
    return session.scalars(query.order_by(AccountSession.created_at.desc(), AccountSession.id.desc()).limit(LISTED)).all()


def forget(session: Session, policy: AccountsPolicy, *, now: datetime) -> int:
    """Delete what is kept no longer: sessions that ended, or could not be used any more, so many days ago."""
    before = now - timedelta(days=policy.sessions_kept_days)
    over = or_(AccountSession.ended_at < before, AccountSession.ended_at.is_(None))
    done = cast("CursorResult[Any]", session.execute(delete(AccountSession).where(AccountSession.seen_at < before, over)))
    return int(done.rowcount)
