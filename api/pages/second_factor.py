"""Between password and desk: the second factor, a password of one's own, the first set-up. Nothing else opens before they are given."""

from __future__ import annotations

from flask import Response, abort, flash, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from api import account_passwords, account_proofs, security_keys, sessions
from api.account_proofs import ProofProblem
from api.context import current
from api.pages.blueprints import counter_pages
from api.pages.own_address import own_address
from api.sessions import Pending, Step
from api.staff import StaffUser
from models.account_access import FactorKind
from models.repositories import audit

NEXT_KEY = "after_sign_in"
WRONG, TOO_MANY = 422, 429
WORDS = {
    ProofProblem.WRONG: lazy_gettext("The code or the key does not fit. A code is good once, and for half a minute."),
    ProofProblem.WAIT: lazy_gettext("Too many tries. Wait a minute, then try again."),
}
ADDRESSES = {Step.FACTOR: "counter.second_factor", Step.PASSWORD: "counter.password_new", Step.SET_UP: "counter.factor_new"}


def _pending(step: Step | None = None) -> Pending | ResponseReturnValue:
    """The sign-in that is waiting, at this step; else the redirect to where its next step is."""
    wanted = request.args.get("next")
    if wanted:
        session[NEXT_KEY] = own_address(wanted, "")
    found = sessions.pending()
    if found is None:
        return redirect(url_for("counter.desk"), 303)
    return found if step is None or found.step is step else redirect(url_for(ADDRESSES[found.step]), 303)


def onward(step: Step | None) -> ResponseReturnValue:
    """To the next step, or to the page that was asked for before the sign-in."""
    if step is not None:
        return redirect(url_for(ADDRESSES[step]), 303)
    return redirect(own_address(session.pop(NEXT_KEY, ""), url_for("counter.desk")), 303)


@counter_pages.get("/desk/second-factor", endpoint="second_factor")
def second_factor_page() -> ResponseReturnValue:
    """Ask for the code, or the key."""
    found = _pending(Step.FACTOR)
    return _page(found.user) if isinstance(found, Pending) else found


def _page(user: StaffUser, problem: ProofProblem | None = None) -> str:
    kinds = account_proofs.factor_kinds(current(), user.id)
    return render_template(
        "desk_account/second_factor.html",
        problem=None if problem is None else WORDS[problem],
        asks_key=FactorKind.SECURITY_KEY in kinds,
        only_key=kinds == {FactorKind.SECURITY_KEY},
    )


@counter_pages.post("/desk/second-factor", endpoint="second_factor_give")
def give() -> ResponseReturnValue:
    """Take the code or the key's answer, and open the session."""
    found = _pending(Step.FACTOR)
    if not isinstance(found, Pending):
        return found
    context = current()
    problem = account_proofs.factor_fits(context, found.user, request.form)
    now, actor = context.clock(), f"staff:{found.user.username or found.user.id}"
    if problem is not None:
        with context.database.session_scope() as store:
            audit.record(store, actor=actor, action="account.second_factor_failed", now=now)
        return _page(found.user, problem), TOO_MANY if problem is ProofProblem.WAIT else WRONG
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            return redirect(url_for("counter.desk"), 303)
        row.factor_at = now
        step = sessions.advance(store, row, now=now)
    return onward(step)


@counter_pages.post("/desk/second-factor/key", endpoint="second_factor_key")
def key_options() -> ResponseReturnValue:
    """What the browser needs to ask a key of this account: at the sign-in, or to prove again."""
    found = sessions.pending()
    user = found.user if found is not None else sessions.signed_in()
    if user is None or (found is not None and found.step is not Step.FACTOR):
        abort(403)
    context = current()
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            abort(403)
        return jsonify(security_keys.authentication_options(store, context, row, user.id))


@counter_pages.post("/desk/second-factor/leave", endpoint="second_factor_leave")
def leave() -> ResponseReturnValue:
    """Give the sign-in up."""
    if sessions.pending() is not None:
        sessions.forget_pending()
    return redirect(url_for("security.login"), 303)


@counter_pages.get("/desk/new-password")
def password_new() -> ResponseReturnValue:
    """Ask for a password of one's own, in place of the one that somebody else chose."""
    found = _pending(Step.PASSWORD)
    return _password_page() if isinstance(found, Pending) else found


def _password_page(problem: str | None = None) -> str:
    return render_template("desk_account/new_password.html", problem=problem, least=current().policy.accounts.password_length_min)


@counter_pages.post("/desk/new-password")
def password_choose() -> ResponseReturnValue:
    """Keep it."""
    found = _pending(Step.PASSWORD)
    if not isinstance(found, Pending):
        return found
    context = current()
    problem = account_passwords.problem_of(context, found.user, request.form.get("new", ""), request.form.get("again", ""))
    if problem is not None:
        return _password_page(str(account_passwords.WORDS[problem])), WRONG
    account_passwords.change(context, found.user, request.form["new"])
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            return redirect(url_for("security.login"), 303)
        step = sessions.advance(store, row, now=context.clock())
    flash(_("Your password is changed."), "success")
    return onward(step)


def answer_picture(picture: bytes) -> Response:
    """A picture that is nobody else's business."""
    return Response(picture, mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})
