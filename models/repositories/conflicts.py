"""Turning a broken constraint into a named conflict, without losing the transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Conflict, ConflictError


@contextmanager
def named_conflicts(session: Session, conflicts: Mapping[str, tuple[Conflict, str]]) -> Iterator[None]:
    """Run the block in a savepoint; a broken constraint that is listed raises ConflictError, any other the original error.

    conflicts: a text of the database's message -> conflict and what to say. PostgreSQL names the constraint; SQLite names the
    index's columns as ``table.column``; so a constraint has an entry for each.
    """
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        message = str(error.orig)
        for mark, (conflict, detail) in conflicts.items():
            if mark in message:
                raise ConflictError(conflict, detail) from error
        raise
