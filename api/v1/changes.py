"""Changes of certification status, read page after page with a cursor."""

from __future__ import annotations

from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1 import change_examples
from api.v1.change_schemas import ChangeAnswer, ChangesAnswer, ChangesQuery
from api.v1.door import Door, blueprint, door
from models.repositories import audit, changes_feed


def cursor_of(text: str | None) -> int:
    """What a cursor stands for; 0 without one. Raises Problem (422) for one that this service did not give."""
    if text is None:
        return 0
    try:
        return changes_feed.change_id_of(text)
    except ValueError:
        raise Problem("validation_failed", "The cursor is not one of ours.", (FieldError("cursor", "unknown_cursor", "query"),)) from None


@blueprint.get("/changes")
@door(
    Door(
        summary="Read changes of status since a cursor",
        right=Right.READ_CHANGES,
        query=ChangesQuery,
        answer=ChangesAnswer,
        example=change_examples.CHANGES,
    )
)
def read_changes(caller: Caller, query: ChangesQuery) -> ChangesAnswer:
    """Read changes of status since a cursor

    In the order in which they were told, of the client's region. Asking again with the same cursor gives the same changes again.
    """
    context = current()
    after = cursor_of(query.cursor)
    limit = min(query.limit, context.policy.integration.changes_max)
    with context.database.read_scope() as session:
        page = changes_feed.page(session, region=caller.region or "none", after_id=after, limit=limit)
    following = changes_feed.change_token(page.next_id)
    details = {"door": "api", "request_id": current_request_id(), "count": len(page.changes), "after": query.cursor, "upto": following}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="changes_read", now=context.clock(), details=details)
    return ChangesAnswer(
        changes=tuple(ChangeAnswer.model_validate(change) for change in page.changes), next_cursor=following, more=page.more
    )
