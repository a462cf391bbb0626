"""The page of one's own account: signed-in browsers, second factors, password, the last sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user

from api import account_passwords, account_proofs, sessions
from api.callers import Caller
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.own_address import own_address
from api.pages.staff_only import staff_needed
from api.rights import Right
from api.sessions import SESSION_KEY
from api.staff import StaffUser
from models.account_access import AccountSession, FactorKind, SessionEnd, SignedInBy
from models.repositories import account_factors, account_sessions, audit

WRONG = 422
DEVICES: dict[str, LazyString] = {
    "phone": lazy_gettext("Telephone"),
    "tablet": lazy_gettext("Tablet"),
    "computer": lazy_gettext("Computer"),
    "other": lazy_gettext("Another device"),
}
ENDS: dict[SessionEnd, LazyString] = {
    SessionEnd.SIGNED_OUT: lazy_gettext("Signed out"),
    SessionEnd.BY_OWNER: lazy_gettext("Ended by you from elsewhere"),
    SessionEnd.BY_ADMINISTRATOR: lazy_gettext("Ended by an administrator"),
    SessionEnd.PASSWORD_CHANGED: lazy_gettext("Ended when the password was changed"),
    SessionEnd.FACTORS_RESET: lazy_gettext("Ended when the second factors were reset"),
    SessionEnd.DISABLED: lazy_gettext("Ended when the account was disabled"),
    SessionEnd.IDLE: lazy_gettext("Ended because nothing was done"),
    SessionEnd.TOO_LONG: lazy_gettext("Ended after its longest time"),
}
WAYS: dict[SignedInBy, LazyString] = {
    SignedInBy.PASSWORD: lazy_gettext("Password"),
    SignedInBy.OIDC: lazy_gettext("Central sign-in"),
}
FACTORS: dict[FactorKind, LazyString] = {
    FactorKind.TOTP: lazy_gettext("Authenticator application"),
    FactorKind.SECURITY_KEY: lazy_gettext("Security key"),
}


@dataclass(frozen=True)
class SessionLine:
    """One sign-in in words. ended: why it is over, empty while it goes on. finished: it got through the second factor."""

    session_id: str
    since: datetime
    seen: datetime
    device: str
    network: str
    way: str
    ended: str
    own: bool
    finished: bool


def _line(row: AccountSession, own: str | None, now: datetime) -> SessionLine:
    over = account_sessions.end_of(row, current().policy.accounts, now)
    return SessionLine(
        session_id=row.public_id,
        since=row.created_at,
        seen=row.seen_at,
        device=str(DEVICES.get(row.device_class, DEVICES["other"])),
        network=row.network or "",
        way=str(WAYS[row.signed_in_by]),
        ended="" if over is None else str(ENDS[over]),
        own=row.public_id == own,
        finished=row.opened_at is not None,
    )


def own_account() -> StaffUser:
    """The account of the caller. Only behind ``staff_needed``."""
    user = current_user._get_current_object()
    if not isinstance(user, StaffUser):
        abort(403)
    return user


@counter_pages.get("/desk/account")
@staff_needed(*Right)
def account(caller: Caller) -> ResponseReturnValue:  # noqa: ARG001
    """Everything about one's own sign-in."""
    return _page(own_account())


def _page(user: StaffUser, problem: str | None = None) -> str:
    context = current()
    now = context.clock()
    with context.database.read_scope() as store:
        rows = [_line(row, user.session_id, now) for row in account_sessions.of_account(store, user.id)]
        factors = account_factors.of_account(store, user.id)
        codes = account_factors.codes_left(store, user.id)
    return render_template(
        "desk_account/account.html",
        user=user,
        going_on=[row for row in rows if not row.ended],
        over=[row for row in rows if row.ended],
        factors=[(factor, str(FACTORS[factor.kind])) for factor in factors],
        last_factor=len(factors) == 1 and context.settings.second_factor_required,
        codes=codes,
        required=context.settings.second_factor_required,
        problem=problem,
        least=context.policy.accounts.password_length_min,
        local=context.policy.certification.local,
    )


@counter_pages.post("/desk/account/sessions/<public_id:session_id>")
@staff_needed(*Right)
def account_session_end(caller: Caller, session_id: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    _end(caller, session_id=session_id)
    return redirect(url_for("counter.account"), 303)


@counter_pages.post("/desk/account/sessions")
@staff_needed(*Right)
def account_sessions_end(caller: Caller) -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    _end(caller, session_id=None)
    return redirect(url_for("counter.account"), 303)


def _end(caller: Caller, session_id: str | None) -> None:
    context, user = current(), own_account()
    now = context.clock()
    with context.database.session_scope() as store:
        but = user.session_id if session_id is None else None
        number = account_sessions.end(store, user.id, SessionEnd.BY_OWNER, now=now, public_id=session_id, but=but)
        if number:
            audit.record(
                store, actor=caller.actor, action="account.sessions_ended", now=now, object=user.public_id, details={"number": number}
            )
    if session_id is not None and session_id == session.get(SESSION_KEY):
        session.pop(SESSION_KEY)
    flash(_("Ended. That browser is out at its next page.") if number else _("It was over already."), "success")


@counter_pages.post("/desk/account/password")
@staff_needed(*Right)
def account_password(caller: Caller) -> ResponseReturnValue:  # noqa: ARG001
    """Change one's own password. The present one is asked for, and the second factor by the age of the sign-in."""
    context, user = current(), own_account()
    if user.session_id is None or not user.password:
        abort(403)
    problem = account_passwords.problem_of(context, user, request.form.get("new", ""), request.form.get("again", ""))
    if problem is not None:
        return _page(user, str(account_passwords.WORDS[problem])), WRONG
    if account_proofs.password_fits(user, request.form.get("present", "")) is not None:
        return _page(user, _("The present password does not fit. After several tries wait a minute.")), WRONG
    account_passwords.change(context, user, request.form["new"])
    flash(_("Your password is changed. Every other browser is signed out."), "success")
    return redirect(url_for("counter.account"), 303)


@counter_pages.post("/desk/account/proof")
@staff_needed(*Right, fresh=True)
def prove_again(caller: Caller) -> ResponseReturnValue:  # noqa: ARG001
    """Where the page that asks again leads when it was asked for by an address: on to that."""
    return redirect(own_address(request.form.get("next", ""), url_for("counter.account")), 303)


def factor_allowed() -> bool:
    """True in a browser's session; a token does not change how its account signs in."""
    return sessions.signed_in() is not None
