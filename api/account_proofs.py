"""Proving again who sits there: password and second factor, taken together from one form. Tries count as those of the sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from flask import current_app

from api import second_factor, security_keys, sessions
from api.context import Context
from api.limits import client_address
from api.security_keys import KeyRefused
from api.sign_in_limit import SignInLimit
from api.staff import StaffUser
from models.account_access import FactorKind
from models.repositories import account_factors, audit

PASSWORD_FIELD, CODE_FIELD, KEY_FIELD = "proof_password", "proof_code", "proof_key"
PROOF_FIELDS = frozenset({PASSWORD_FIELD, CODE_FIELD, KEY_FIELD})


class ProofProblem(StrEnum):
    """Why a proof was not taken."""

    WRONG = "wrong"
    WAIT = "wait"


def password_fits(user: StaffUser, password: str) -> ProofProblem | None:
    """None when it is the account's password. Counts the try."""
    limit: SignInLimit = current_app.extensions["lifecert_sign_in_limit"]
    if limit.begin(user.limit_key, client_address()):
        return ProofProblem.WAIT
    security: Any = current_app.extensions["security"]
    if not user.password or not user.verify_and_update_password(security.password_util.normalize(password)):
        return ProofProblem.WRONG
    limit.succeeded(user.limit_key, client_address())
    return None


def factor_fits(context: Context, user: StaffUser, form: Mapping[str, str]) -> ProofProblem | None:
    """None when the code, or the key's answer, is of the account's second factor. Counts the try."""
    answer = form.get(KEY_FIELD, "")
    if not answer:
        given, wait = second_factor.code_fits(context, user, form.get(CODE_FIELD, "")[:40])
        return ProofProblem.WAIT if wait else None if given else ProofProblem.WRONG
    limit = second_factor.limit()
    if limit.begin(user.limit_key, second_factor.EVERYWHERE):
        return ProofProblem.WAIT
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None or row.account_id != user.id:
            return ProofProblem.WRONG
        try:
            security_keys.check(store, context, row, user.id, answer)
        except KeyRefused:
            return ProofProblem.WRONG  # the challenge is used up all the same
    limit.succeeded(user.limit_key, second_factor.EVERYWHERE)
    return None


def prove(context: Context, user: StaffUser, form: Mapping[str, str]) -> ProofProblem | None:
    """Password, and factor where there is one: from now on the session's proof is fresh. None when it is."""
    problem = password_fits(user, form.get(PASSWORD_FIELD, ""))
    if problem is None and second_factor.has_factor(context, user.id):
        problem = factor_fits(context, user, form)
    actor, now = f"staff:{user.username or user.id}", context.clock()
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None or row.account_id != user.id:
            return ProofProblem.WRONG
        if problem is None:
            row.proved_at = now
        audit.record(store, actor=actor, action="account.proved_again" if problem is None else "account.proof_failed", now=now)
    return problem


def factor_kinds(context: Context, account_id: int) -> frozenset[FactorKind]:
    """Which kinds of second factor the account has."""
    with context.database.read_scope() as store:
        return frozenset(factor.kind for factor in account_factors.of_account(store, account_id))
