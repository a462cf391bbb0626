"""Password and second factor once more, before a decision against a person: asked for on a page that carries the form's values along."""

from __future__ import annotations

from flask import abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_login import current_user

from api import account_proofs, sessions
from api.account_proofs import PROOF_FIELDS, ProofProblem
from api.accounts import signed_in_by_token
from api.callers import Caller
from api.context import current
from api.staff import StaffUser
from models.account_access import FactorKind

PROBLEMS: dict[ProofProblem, LazyString] = {
    ProofProblem.WRONG: lazy_gettext("The password or the code does not fit. Nothing was decided yet."),
    ProofProblem.WAIT: lazy_gettext("Too many tries. Wait a minute, then try again; nothing was decided yet."),
}
OF_A_PROOF = "lifecert_proof"  # a field of the page's own form: it was sent from there
NOT_CARRIED = PROOF_FIELDS | {"csrf_token", OF_A_PROOF}
FORBIDDEN = 403


def ask(caller: Caller) -> ResponseReturnValue | None:
    """None when the sign-in is young, or was just proved; else the page that asks."""
    if sessions.is_fresh(caller.proved_at):
        return None
    user = current_user._get_current_object()
    if signed_in_by_token() or not isinstance(user, StaffUser):
        abort(FORBIDDEN)  # a program gets a fresh token
    problem = None
    if request.method == "POST" and OF_A_PROOF in request.form:
        problem = account_proofs.prove(current(), user, request.form)
        if problem is None:
            return None
    return _page(user, problem)


def _page(user: StaffUser, problem: ProofProblem | None) -> ResponseReturnValue:
    context = current()
    kinds = account_proofs.factor_kinds(context, user.id)
    address, carried = url_for("counter.prove_again"), [("next", request.full_path.rstrip("?"))]
    if request.method != "GET":
        address = request.full_path.rstrip("?")
        carried = [(name, value) for name, values in request.form.lists() if name not in NOT_CARRIED for value in values]
    shown = render_template(
        "desk_account/fresh.html",
        address=address,
        carried=carried,
        problem=None if problem is None else PROBLEMS[problem],
        minutes=int(sessions.fresh_for(context).total_seconds() // 60),
        asks_code=bool(kinds),
        asks_key=FactorKind.SECURITY_KEY in kinds,
        has_password=bool(user.password),
        oidc=bool(context.settings.oidc_issuer),
    )
    return make_response(shown, FORBIDDEN)
