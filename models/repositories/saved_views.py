"""Filters of the queue that people keep under a name: each sees and changes their own only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from models.casework import SavedView
from models.errors import Conflict, ConflictError, NotFoundError
from models.repositories.conflicts import named_conflicts
from models.types import opaque_id

NAME_MAX, QUERY_MAX = 60, 500
OF_ONE_PERSON_MAX = 30


def of_owner(session: Session, owner: str) -> Sequence[SavedView]:
    """The views of one person, by name; at most OF_ONE_PERSON_MAX."""
    query = select(SavedView).where(SavedView.owner == owner).order_by(SavedView.name, SavedView.id).limit(OF_ONE_PERSON_MAX)
    return session.scalars(query).all()


def get(session: Session, public_id: str, *, owner: str) -> SavedView:
    """One view of this person. Raises NotFoundError, for other people's views too."""
    view = session.scalar(select(SavedView).where(SavedView.public_id == public_id, SavedView.owner == owner))
    if view is None:
        raise NotFoundError("there is no such saved view of yours")
    return view


def save(session: Session, *, owner: str, name: str, query: str, now: datetime) -> str:
    """Keep a filter under a new name; its public id.

    Raises:
        ConflictError: VIEW_NAME_TAKEN when the person has another view of that name, VIEWS_USED_UP when they have as many as one may.
    """
    if (session.scalar(select(func.count()).where(SavedView.owner == owner)) or 0) >= OF_ONE_PERSON_MAX:
        raise ConflictError(Conflict.VIEWS_USED_UP, f"there are {OF_ONE_PERSON_MAX} saved views already: delete one that is not needed")
    made = opaque_id()
    values = {"public_id": made, "owner": owner, "name": name, "query": query, "created_at": now}
    with named_conflicts(session, _taken(name)):
        session.execute(insert(SavedView).values(**values))
    return made


def rename(session: Session, public_id: str, *, owner: str, name: str) -> None:
    """Give a view another name. Raises NotFoundError, and ConflictError: VIEW_NAME_TAKEN."""
    with named_conflicts(session, _taken(name)):
        session.execute(update(SavedView).where(SavedView.id == get(session, public_id, owner=owner).id).values(name=name))


def remove(session: Session, public_id: str, *, owner: str) -> str:
    """Delete a view; the name that it had. Raises NotFoundError."""
    query = delete(SavedView).where(SavedView.public_id == public_id, SavedView.owner == owner).returning(SavedView.name)
    name = session.scalar(query)
    if name is None:
        raise NotFoundError("there is no such saved view of yours")
    return name


def _taken(name: str) -> dict[str, tuple[Conflict, str]]:
    # the unique index decides, so that two windows of one person cannot both take a name
    said = (Conflict.VIEW_NAME_TAKEN, f"a saved view is called {name} already: choose another name")
    return {"uq_saved_view_owner_name": said, "saved_view.owner, saved_view.name": said}
