"""Passwords of staff: which are taken, and what a new one ends."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any

from flask import current_app, session
from flask_babel import LazyString, lazy_gettext
from flask_security import hash_password
from zxcvbn import zxcvbn

from api.accounts import DEMO_PASSWORD_PREFIX
from api.context import Context
from api.sessions import SESSION_KEY
from api.staff import StaffUser
from models.account import Account
from models.account_access import SessionEnd
from models.repositories import account_sessions, audit

LONGEST = 256
ESTIMATED = 72  # the estimate takes longer with length; so many characters of a long one are enough
SCORE_MIN = 3  # of 4: more than 10^8 guesses, by the estimate of zxcvbn (Wheeler 2016)
TEMPORARY_BYTES = 15  # 20 characters, 120 bits
OWN_WORDS = ("lifecert", "password", "demo")


class PasswordProblem(StrEnum):
    """Why a password is not taken."""

    SHORT = "short"
    LONG = "long"
    KNOWN = "known"
    DIFFERS = "differs"
    SAME = "same"


WORDS: dict[PasswordProblem, LazyString] = {
    PasswordProblem.SHORT: lazy_gettext("The password is too short: take several words."),
    PasswordProblem.LONG: lazy_gettext("The password is too long: at most 256 characters."),
    PasswordProblem.KNOWN: lazy_gettext("This password is easy to guess: it is widely used, or made of your name. Take several words."),
    PasswordProblem.DIFFERS: lazy_gettext("The two are not the same. Type it twice."),
    PasswordProblem.SAME: lazy_gettext("This is the password that you have. Choose another one."),
}


def easy_to_guess(password: str, *names: str) -> bool:
    """True for what would be tried early: widely used passwords, runs, dates, keys beside each other, the account's own names."""
    return int(zxcvbn(password[:ESTIMATED], user_inputs=[*names, *OWN_WORDS])["score"]) < SCORE_MIN


def problem_of(context: Context, user: StaffUser, new: str, again: str) -> PasswordProblem | None:
    """None when the password can be taken. Length counts, and that nobody would try it first; there are no rules about kinds of signs."""
    security: Any = current_app.extensions["security"]
    plain = str(security.password_util.normalize(new))
    if len(plain) < context.policy.accounts.password_length_min:
        return PasswordProblem.SHORT
    if len(plain) > LONGEST:
        return PasswordProblem.LONG
    if plain.lower().startswith(DEMO_PASSWORD_PREFIX) or easy_to_guess(plain, user.username or "", user.email.split("@")[0]):
        return PasswordProblem.KNOWN
    if new != again:
        return PasswordProblem.DIFFERS
    return PasswordProblem.SAME if user.password and user.verify_and_update_password(plain) else None


def temporary_password() -> str:
    """A random one, to be changed at the first sign-in."""
    return secrets.token_urlsafe(TEMPORARY_BYTES)


def change(context: Context, user: StaffUser, new: str) -> None:
    """Keep the account's own new password. Every other session and every token of the account ends."""
    security: Any = current_app.extensions["security"]
    hashed = str(hash_password(str(security.password_util.normalize(new))))
    now = context.clock()
    with context.database.session_scope() as store:
        account = store.get_one(Account, user.id)
        account.password, account.password_temporary, account.password_changed_at = hashed, False, now
        account.fs_uniquifier = secrets.token_hex(32)
        own = session.get(SESSION_KEY)
        account_sessions.end(store, user.id, SessionEnd.PASSWORD_CHANGED, now=now, but=own if isinstance(own, str) else None)
        audit.record(store, actor=f"staff:{user.username or user.id}", action="account.password_changed", now=now)
        session["_user_id"] = account.fs_uniquifier  # this browser goes on
