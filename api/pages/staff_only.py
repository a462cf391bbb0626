"""Pages behind the sign-in: who may open them, and whose records they may see."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from api.callers import Caller, Reached, staff_caller
from api.context import current
from api.problems import Problem
from api.request_id import current_request_id
from api.rights import Right
from models.repositories import audit

View = Callable[..., ResponseReturnValue]


def staff_needed(right: Right, *others: Right) -> Callable[[View], View]:
    """Only for signed-in staff with this right or one of the others; the view gets the caller first.

    Whoever is not signed in is sent to the sign-in; whoever has none of the rights gets 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**arguments: Any) -> ResponseReturnValue:
            caller = staff_caller()
            if caller is None:
                return redirect(url_for("security.login", next=request.path if request.method == "GET" else None), 303)
            if caller.rights.isdisjoint({right, *others}):
                abort(403)
            return view(caller, **arguments)

        guarded.staff_right = right  # type: ignore[attr-defined]
        return guarded

    return decorate


def reach(caller: Caller, person_id: str) -> Reached:
    """Abort with 404 when the person is not there or belongs to a region that the caller does not see."""
    try:
        return caller.reach(person_id)
    except Problem:
        abort(404)


def record_look(caller: Caller, person: Reached, action: str) -> None:
    """Every look at a person at the counter leaves an audit entry. action: a stable word such as ``person_seen``."""
    context = current()
    details = {"door": "counter", "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action=action, now=context.clock(), person_id=person.key, details=details)
