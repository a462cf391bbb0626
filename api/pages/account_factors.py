"""Second factors of one's own: set up, named, removed; recovery codes, shown once. The first one is set up before anything else opens."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from api import second_factor, security_keys, sessions
from api.callers import Caller
from api.context import Context, current
from api.pages import second_factor as steps
from api.pages.account import factor_allowed, own_account
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right
from api.security_keys import KeyRefused
from api.sessions import Step
from api.staff import StaffUser
from models.repositories import account_factors, audit

WRONG = 422
NAME_MAX = security_keys.NAME_MAX


@dataclass(frozen=True)
class _Owner:
    """Whoever sets a factor up. first: before anything else opens."""

    user: StaffUser
    first: bool

    @property
    def actor(self) -> str:
        return f"staff:{self.user.username or self.user.id}"


def _owner() -> _Owner | None:
    """Who may set a factor up: a sign-in that waits for it, or an open session whose sign-in is young."""
    waiting = sessions.pending()
    if waiting is not None:
        return _Owner(waiting.user, first=True) if waiting.step is Step.SET_UP else None
    user = sessions.signed_in()
    return _Owner(user, first=False) if user is not None and sessions.is_fresh(user.proved_at) else None


def _elsewhere() -> ResponseReturnValue:
    """Where somebody goes who may not: the next step, or the account's page by way of a fresh sign-in."""
    return redirect(url_for("counter.account_factor_add" if sessions.pending() is None else "counter.second_factor"), 303)


@counter_pages.get("/desk/account/factors/add")
@staff_needed(*Right, fresh=True)
def account_factor_add(caller: Caller) -> ResponseReturnValue:  # noqa: ARG001
    """The way to a further factor: by a young sign-in."""
    return redirect(url_for("counter.factor_new" if factor_allowed() else "counter.account"), 303)


@counter_pages.get("/desk/account/factors/new")
def factor_new() -> ResponseReturnValue:
    """Set a factor up: an authenticator application, or a key."""
    owner = _owner()
    return _elsewhere() if owner is None else _page(owner)


def _page(owner: _Owner, problem: str | None = None, key_problem: str | None = None) -> str:
    secret = _secret(current(), owner.user)
    return render_template(
        "desk_account/set_up.html",
        first=owner.first,
        secret=second_factor.readable(secret),
        problem=problem,
        key_problem=key_problem,
        name=request.form.get("name", "")[:NAME_MAX],
        name_max=NAME_MAX,
    )


def _secret(context: Context, user: StaffUser) -> str:
    """The secret that waits for its first code, made when there is none."""
    with context.database.read_scope() as store:
        waiting = account_factors.waiting_totp(store, user.id)
        if waiting is not None:
            return account_factors.secret_of(waiting, context.keyring)
    secret = second_factor.new_secret()
    with context.database.session_scope() as store:
        account_factors.add_totp(store, user.id, secret, keyring=context.keyring, now=context.clock())
    return secret


@counter_pages.get("/desk/account/factors/qr.svg")
def factor_qr() -> ResponseReturnValue:
    """The waiting secret as a picture to be scanned."""
    owner = _owner()
    if owner is None:
        abort(404)
    context = current()
    with context.database.read_scope() as store:
        waiting = account_factors.waiting_totp(store, owner.user.id)
        if waiting is None:
            abort(404)
        secret = account_factors.secret_of(waiting, context.keyring)
    return steps.answer_picture(second_factor.qr_svg(secret, owner.user.username or owner.user.public_id))


@counter_pages.post("/desk/account/factors/code")
def factor_code() -> ResponseReturnValue:
    """The first code of the application: from now on it is asked for."""
    owner = _owner()
    if owner is None:
        return _elsewhere()
    context = current()
    with context.database.session_scope() as store:
        waiting = account_factors.waiting_totp(store, owner.user.id)
        counter = None if waiting is None else second_factor.counter_of(waiting, request.form.get("code", "")[:20], context)
        if waiting is not None and counter is not None and account_factors.take_counter(store, waiting, counter, now=context.clock()):
            account_factors.confirm_totp(store, waiting, now=context.clock())
            return _added(store, owner, "totp")
    return _page(owner, _("The code does not fit. Is the clock of the telephone right? Type the code that it shows now.")), WRONG


@counter_pages.post("/desk/account/factors/key-options")
def factor_key_options() -> ResponseReturnValue:
    """What the browser needs to make a key."""
    owner = _owner()
    if owner is None:
        abort(403)
    context = current()
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            abort(403)
        return jsonify(security_keys.registration_options(store, context, row, owner.user))


@counter_pages.post("/desk/account/factors/key")
def factor_key() -> ResponseReturnValue:
    """Keep the key that the browser made, under the name that its owner gave it."""
    owner = _owner()
    if owner is None:
        return _elsewhere()
    name, context = request.form.get("name", "").strip(), current()
    if not 0 < len(name) <= NAME_MAX:
        return _page(owner, key_problem=_("Write a name for the key, such as what it looks like.")), WRONG
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            return _elsewhere()
        try:
            security_keys.register(store, context, row, owner.user.id, name=name, answer=request.form.get("proof_key", ""))
        except KeyRefused:
            refused = True
        else:
            return _added(store, owner, "security_key")
    return _page(owner, key_problem=_("The key was not taken. Try again, or take another key.") if refused else None), WRONG


def _added(store: Session, owner: _Owner, kind: str) -> ResponseReturnValue:
    """Note the new factor; with the first one come the recovery codes, on this one answer."""
    context = current()
    now = context.clock()
    audit.record(store, actor=owner.actor, action="account.factor_added", now=now, object=owner.user.public_id, details={"kind": kind})
    step, codes = None, []
    row = sessions.locked_row(store)
    if row is None:
        abort(403)
    row.factor_at = now
    if not account_factors.codes_left(store, owner.user.id):
        codes = _new_codes(store, context, owner.user.id)
    if owner.first:
        step = sessions.advance(store, row, now=now)
    if codes:
        return render_template("desk_account/codes.html", codes=codes, first=owner.first)
    flash(_("It is set up, and asked for at the next sign-in."), "success")
    return steps.onward(step) if owner.first else redirect(url_for("counter.account"), 303)


def _new_codes(store: Session, context: Context, account_id: int) -> list[str]:
    number = context.policy.accounts.recovery_codes
    return account_factors.new_recovery_codes(store, account_id, number, keyring=context.keyring, now=context.clock())


@counter_pages.post("/desk/account/recovery-codes")
@staff_needed(*Right, fresh=True)
def account_codes(caller: Caller) -> ResponseReturnValue:
    """New recovery codes in place of the former ones, shown on this one answer."""
    context, user = current(), own_account()
    if not factor_allowed() or not second_factor.has_factor(context, user.id):
        abort(403)
    with context.database.session_scope() as store:
        codes = _new_codes(store, context, user.id)
        audit.record(store, actor=caller.actor, action="account.recovery_codes_made", now=context.clock(), object=user.public_id)
    return render_template("desk_account/codes.html", codes=codes, first=False)


@counter_pages.post("/desk/account/factors/<public_id:factor_id>/removal")
@staff_needed(*Right, fresh=True)
def account_factor_remove(caller: Caller, factor_id: str) -> ResponseReturnValue:
    """Remove one of one's own factors; never the last where one is required."""
    context, user = current(), own_account()
    if not factor_allowed():
        abort(403)
    now = context.clock()
    with context.database.session_scope() as store:
        mine = account_factors.of_account(store, user.id)
        if len(mine) == 1 and context.settings.second_factor_required:
            flash(_("This is your only second factor. Set up another one first."), "warning")
        elif account_factors.remove(store, user.id, factor_id):
            if len(mine) == 1:
                account_factors.reset(store, user.id)  # codes that stand in for nothing
            audit.record(store, actor=caller.actor, action="account.factor_removed", now=now, object=user.public_id)
            flash(_("Removed."), "success")
        else:
            abort(404)
    return redirect(url_for("counter.account"), 303)
