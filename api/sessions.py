"""Signed-in sessions of staff: rows of the store that a cookie names, so that ending one holds in every worker at its next request.

A session opens pages once everything was given that the account has to give: its password (or the word of the issuer of OpenID Connect),
its second factor, a password of its own. Until then it leads only to the pages that ask for the rest.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask import g, request, session
from flask_login import current_user, user_logged_out
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, joinedload

from api.context import Context, current
from api.device_class import device_class
from api.limits import client_address
from api.settings import Environment
from api.staff import StaffUser
from models.account import Account
from models.account_access import AccountSession, SessionEnd, SignedInBy
from models.errors import DatabaseUnreachableError
from models.repositories import account_factors, account_sessions, audit

if TYPE_CHECKING:
    from flask import Flask

SESSION_KEY = "staff_session"
"""Key of the session's id in the cookie."""

BY_OIDC = "oidc"
"""What login_user is told about a sign-in at the issuer."""

FACTOR_GIVEN = "lifecert_factor_given"  # in g: the form that signs in took the second factor together with the password
V4_BITS, V6_BITS = 24, 48


class Step(StrEnum):
    """What is still to be given before a session opens pages."""

    FACTOR = "factor"
    PASSWORD = "password"  # noqa: S105 - a step, not a password
    SET_UP = "set_up"


@dataclass(frozen=True)
class Pending:
    """A session that does not open pages yet. key: of its row."""

    key: int
    user: StaffUser
    step: Step
    by: SignedInBy


def network(address: str | None) -> str | None:
    """The address without its last part: enough to know an office by, not a desk."""
    try:
        found = ipaddress.ip_address((address or "").partition("/")[0])
    except ValueError:
        return None
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, V4_BITS if found.version == 4 else V6_BITS), strict=False))


def say_factor_given(given: bool) -> None:
    """The second factor came together with the first one, in this request."""
    setattr(g, FACTOR_GIVEN, given)


def password_fits(_app: Flask, user: StaffUser, authn_via: list[str] | None = None, **_: object) -> None:
    """What Flask-Security calls when somebody signed in."""
    by = SignedInBy.OIDC if BY_OIDC in (authn_via or ()) else SignedInBy.PASSWORD
    begin(user, by=by, factor_given=g.pop(FACTOR_GIVEN, False))


def next_step(store: Session, context: Context, row: AccountSession, account: Account) -> Step | None:
    """What the session has to give next; None: nothing more."""
    has_factor = bool(account_factors.of_account(store, account.id))
    if has_factor and row.factor_at is None:
        return Step.FACTOR
    if account.password_temporary and row.signed_in_by is SignedInBy.PASSWORD:
        return Step.PASSWORD
    if context.settings.second_factor_required and not has_factor and row.factor_at is None:
        return Step.SET_UP
    return None


def begin(user: StaffUser, *, by: SignedInBy, factor_given: bool) -> Step | None:
    """The password was right, or the issuer knows the person: the browser gets a session. Returns what it still has to give."""
    context = current()
    now = context.clock()
    with context.database.session_scope() as store:
        row = account_sessions.begin(
            store,
            user.id,
            by=by,
            device_class=device_class(request.user_agent.string),
            network=network(client_address()),
            factor_given=factor_given,
            now=now,
        )
        account = store.get_one(Account, user.id)
        step = next_step(store, context, row, account)
        if step is None:
            _open(store, row, account, now)
        session[SESSION_KEY] = row.public_id
    return step


def advance(store: Session, row: AccountSession, *, now: datetime) -> Step | None:
    """Open the session when nothing more has to be given; else what comes next. The browser gets the session's new id."""
    account = store.get_one(Account, row.account_id)
    step = next_step(store, current(), row, account)
    if step is None:
        _open(store, row, account, now)
    session[SESSION_KEY] = row.public_id
    return step


def _open(store: Session, row: AccountSession, account: Account, now: datetime) -> None:
    account_sessions.open_(row, now=now)
    account.last_login_at = now
    details = {"by": row.signed_in_by.value, "second_factor": row.factor_at is not None}
    audit.record(store, actor=f"staff:{account.username or account.id}", action="account.sign_in", now=now, details=details)


def pending() -> Pending | None:
    """The session of this browser, when it still has something to give."""
    context = current()
    with context.database.read_scope() as store:
        found = _found(store)
        if found is None:
            return None
        row, account = found
        if row.opened_at is not None or not account.active or account_sessions.end_of(row, context.policy.accounts, context.clock()):
            return None
        step = next_step(store, context, row, account)
        return None if step is None else Pending(row.id, StaffUser(account), step, row.signed_in_by)


def _found(store: Session) -> tuple[AccountSession, Account] | None:
    """The row that the cookie names, with its account and its roles: one statement, because every page of staff begins with it."""
    public_id = session.get(SESSION_KEY)
    if not isinstance(public_id, str) or not public_id or "\x00" in public_id:
        return None
    query = select(AccountSession, Account).join(Account, Account.id == AccountSession.account_id)
    row = store.execute(query.where(AccountSession.public_id == public_id).options(joinedload(Account.roles))).unique().first()
    return None if row is None else (row[0], row[1])


def load(user_id: str) -> StaffUser | None:
    """The account of this browser's session; None when there is none, when it is over, or when it does not open pages yet.

    user_id: what Flask-Login keeps in the cookie; it changes with the password, and with it every session is over.
    """
    context = current()
    now = context.clock()
    with context.database.read_scope() as store:
        found = _found(store)
        if found is None:
            return None
        row, account = found
        if row.opened_at is None or row.ended_at is not None or not account.active or account.fs_uniquifier != user_id:
            return None
        over = account_sessions.end_of(row, context.policy.accounts, now)
        user = StaffUser(account)
        user.session_id, user.proved_at = row.public_id, row.proved_at
        key, seen_at = row.id, row.seen_at
    if over is not None:
        with context.database.session_scope() as store:
            account_sessions.end(store, user.id, over, now=now, public_id=user.session_id)
        return None
    if now - seen_at >= timedelta(seconds=context.policy.accounts.seen_every_s):
        # a store that cannot be written just now still shows pages
        with suppress(DBAPIError, DatabaseUnreachableError), context.database.session_scope() as store:
            account_sessions.seen(store, key, before=now, now=now)
    return user


def locked_row(store: Session) -> AccountSession | None:
    """The row of this browser's session, held until the transaction ends; None when the cookie names none, or one that is over."""
    public_id = session.get(SESSION_KEY)
    row = account_sessions.find(store, public_id, lock=True) if isinstance(public_id, str) else None
    context = current()
    return None if row is None or account_sessions.end_of(row, context.policy.accounts, context.clock()) is not None else row


def signed_in() -> StaffUser | None:
    """The account of this browser's open session."""
    user = current_user._get_current_object()
    return user if isinstance(user, StaffUser) and user.session_id is not None else None


def fresh_for(context: Context) -> timedelta:
    """How old a sign-in may be for a decision against a person."""
    policy = context.policy.accounts
    demo = context.settings.environment is Environment.DEMO
    return timedelta(minutes=policy.demo_fresh_minutes if demo else policy.fresh_minutes)


def is_fresh(proved_at: datetime | None) -> bool:
    """True while a proof of who sits there is young enough for a decision against a person."""
    context = current()
    return proved_at is not None and context.clock() - proved_at <= fresh_for(context)


def _signed_out(_app: Flask, user: Any, **_: object) -> None:
    public_id = session.pop(SESSION_KEY, None)
    if not isinstance(public_id, str) or not isinstance(user, StaffUser):
        return
    context = current()
    with context.database.session_scope() as store:
        account_sessions.end(store, user.id, SessionEnd.SIGNED_OUT, now=context.clock(), public_id=public_id)
        audit.record(store, actor=f"staff:{user.username or user.id}", action="account.sign_out", now=context.clock())


def forget_pending() -> None:
    """Leave a sign-in that was not finished."""
    public_id = session.pop(SESSION_KEY, None)
    session.pop("_user_id", None)
    g.pop("_login_user", None)
    context = current()
    with context.database.session_scope() as store:
        row = account_sessions.find(store, public_id) if isinstance(public_id, str) else None
        if row is not None:
            account_sessions.end(store, row.account_id, SessionEnd.SIGNED_OUT, now=context.clock(), public_id=row.public_id)


def register(app: Flask) -> None:
    """Look sessions up in the store, in place of what Flask-Security does."""
    app.extensions["security"].login_manager.user_loader(load)
    user_logged_out.connect(_signed_out, app)
