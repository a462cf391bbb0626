"""The card blacklist, for whoever takes cards."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1.door import Door, blueprint, door
from api.v1.identity_checks import NUMBER
from api.v1.schemas import Answer, Request
from models.identifiers import IdentifierError
from models.identity_check import BlacklistReason
from models.repositories import audit, blacklist, persons

EXAMPLE_REQUEST: dict[str, Any] = {"card_number": "190102000042"}
EXAMPLE: dict[str, Any] = {
    "blacklisted": True,
    "on": "2026-03-15",
    "reason": "lost",
    "from_on": "2026-01-10",
    "until_on": None,
    "source": "city card centre",
}


class BlacklistRequest(Request):
    """Which card, on which day."""

    card_number: str = Field(pattern=NUMBER, description="social-security number of the card")
    on: date | None = Field(None, description="today in the policy's time zone without it")


class BlacklistAnswer(Answer):
    """What stands against the card on the day; the newest entry of several."""

    blacklisted: bool
    on: date
    reason: BlacklistReason | None
    from_on: date | None
    until_on: date | None = Field(description="last day of the entry; null while it lasts")
    source: str | None


@blueprint.post("/blacklist/lookup")
@door(
    Door(
        summary="Look a card up in the blacklist",
        right=Right.READ_BLACKLIST,
        body=BlacklistRequest,
        body_example=EXAMPLE_REQUEST,
        answer=BlacklistAnswer,
        example=EXAMPLE,
        idempotent=True,
    )
)
def look_up_card(caller: Caller, body: BlacklistRequest) -> BlacklistAnswer:
    """Look a card up in the blacklist

    Of any region. The number goes in the body, never in an address, where logs would keep it.
    """
    context = current()
    now = context.clock()
    on = body.on or context.policy.certification.today(now)
    try:
        with context.database.read_scope() as session:
            entry = blacklist.lookup(session, body.card_number, keyring=context.keyring, on=on)
            holder = persons.find_by_social_security_number(session, body.card_number, keyring=context.keyring)
    except IdentifierError as error:
        raise Problem("validation_failed", str(error), (FieldError("card_number", error.problem.value),)) from None
    with context.database.session_scope() as session:
        audit.record(
            session,
            actor=caller.actor,
            action="blacklist_read",
            now=now,
            person_id=None if holder is None else holder.id,
            details={"door": "api", "request_id": current_request_id(), "hit": entry is not None},
        )
    if entry is None:
        return BlacklistAnswer(blacklisted=False, on=on, reason=None, from_on=None, until_on=None, source=None)
    return BlacklistAnswer(
        blacklisted=True, on=on, reason=entry.reason, from_on=entry.from_on, until_on=entry.until_on, source=entry.source
    )
