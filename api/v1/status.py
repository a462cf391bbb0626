"""The certification status of one person, derived on the day asked."""

from __future__ import annotations

from api.callers import Reached
from api.context import current
from api.v1.schemas import StatusAnswer
from models.repositories.certifications import status_of


def read_status(person: Reached) -> StatusAnswer:
    """Status of a person whom the caller may see, today in the policy's time zone."""
    context = current()
    policy = context.policy.certification
    with context.database.read_scope() as session:
        status = status_of(session, person.key, policy, policy.today(context.clock()))
    return StatusAnswer(
        person_id=person.person_id,
        state=status.state,
        on=status.on,
        last_certified_on=status.last_certified_on,
        due_on=status.due_on,
    )
