"""Every look at personal data through a door leaves an audit entry, written before the answer goes out."""

from __future__ import annotations

from api.callers import Caller, Reached
from api.context import current
from api.request_id import current_request_id
from models.repositories import audit


def record_look(caller: Caller, person: Reached | None, action: str, *, seen: str | None = None) -> None:
    """Add the entry. action: a stable word such as ``status_read``. seen: public id of what was shown. No personal data goes in."""
    context = current()
    with context.database.session_scope() as session:
        audit.record(
            session,
            actor=caller.actor,
            action=action,
            now=context.clock(),
            person_id=None if person is None else person.key,
            object=seen,
            details={"door": "api", "request_id": current_request_id()},
        )
