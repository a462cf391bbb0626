"""What the services look up of a person before a face is touched."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.errors import NotFoundError
from models.person import Person
from models.repositories import persons
from verify.service_errors import PersonUnknown


def known_person(session: Session, public_id: str) -> Person:
    """The person with this public id. Raises PersonUnknown."""
    try:
        return persons.get(session, public_id)
    except NotFoundError as error:
        raise PersonUnknown("there is no person with this id") from error
