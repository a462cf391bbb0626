"""Pages behind the sign-in: who may open them, and whose records they may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from api import sessions
from api.callers import Caller, Reached, staff_caller
from api.context import current
from api.pages import fresh_sign_in
from api.problems import Problem
from api.request_id import current_request_id
from api.rights import Right
from models.repositories import audit

View = Callable[..., ResponseReturnValue]


def staff_needed(right: Right, *others: Right, fresh: bool | Callable[[], bool] = False) -> Callable[[View], View]:
    """Only for signed-in staff with this right or one of the others; the view gets the caller first.

    Whoever is not signed in is sent to the sign-in; whoever has none of the rights gets 403.

    fresh: the sign-in must be young (policy accounts.fresh_minutes), else password and second factor are asked for first; what a form was
    sent with is carried along, and the view runs after it. For what goes against a person. A function: asked in the request.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**arguments: Any) -> ResponseReturnValue:
            caller = staff_caller()
            if caller is None:
                return redirect(sign_in_address(), 303)
            if caller.rights.isdisjoint({right, *others}):
                abort(403)
            if fresh() if callable(fresh) else fresh:
                asked = fresh_sign_in.ask(caller)
                if asked is not None:
                    return asked
            return view(caller, **arguments)

        guarded.staff_right = right  # type: ignore[attr-defined]
        guarded.asks_again = bool(fresh)  # type: ignore[attr-defined]
        return guarded

    return decorate


def sign_in_address() -> str:
    """Where somebody goes who is not signed in, or not yet with everything: back to this page afterwards, when it only shows something."""
    wanted = request.path if request.method == "GET" else None
    endpoint = "security.login" if sessions.pending() is None else "counter.second_factor"
    return url_for(endpoint, next=wanted)


def reach(caller: Caller, person_id: str) -> Reached:
    """Abort with 404 when the person is not there or belongs to a region that the caller does not see."""
    try:
        return caller.reach(person_id)
    except Problem:
        abort(404)


def record_looks(caller: Caller, people: Iterable[Reached], action: str) -> None:
    """The same of several persons who are looked at together."""
    context = current()
    details = {"door": "counter", "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record_looks(session, [one.key for one in people], actor=caller.actor, action=action, now=context.clock(), details=details)


def record_look(caller: Caller, person: Reached, action: str) -> None:
    """Every look at a person at the counter leaves an audit entry. action: a stable word such as ``person_seen``."""
    context = current()
    details = {"door": "counter", "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action=action, now=context.clock(), person_id=person.key, details=details)
