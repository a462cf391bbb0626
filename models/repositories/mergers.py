"""Mergers of records of one human being, and their splits. Rows move nowhere: ``person.merged_into_id`` follows from the open mergers.

The open mergers form trees: each says that one record (merged_id) is the same human being as another (kept_id). At the top of a tree is the
record that speaks for the person; ``merged_into_id`` of every other one names it directly. A split takes a record, with all that was merged
into it, out of its tree, so that it is again what it was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, aliased

from models.errors import Conflict, ConflictError, NotFoundError
from models.person import Person
from models.person_merge import PersonMerge
from models.repositories.conflicts import named_conflicts

# Two mergers that cross (A into B, B into A) see each other only when one waits: they are rare, so all wait for one another.
LOCK = 5_101_001


def merge(session: Session, kept_id: int, merged_id: int, *, reason: str, by: str, now: datetime) -> PersonMerge:
    """Say that both records are of one human being; the one that speaks for ``kept_id`` speaks for both.

    Raises:
        ConflictError: MERGER_STATE; both belong together already, or ``merged_id`` belongs to another record.
        NotFoundError: there is no such record.
    """
    _wait_for_others(session)
    kept_root, merged_root = _root(session, kept_id), _root(session, merged_id)
    if kept_root == merged_root:
        raise ConflictError(Conflict.MERGER_STATE, "both records belong to one person already: there is nothing to merge")
    if merged_root != merged_id:
        raise ConflictError(
            Conflict.MERGER_STATE, "the record is merged into another already: merge the record that speaks for it, or split it first"
        )
    row = PersonMerge(kept_id=kept_id, merged_id=merged_id, reason=reason, merged_by=by, merged_at=now)
    done = (Conflict.MERGER_STATE, "the record was merged elsewhere meanwhile: read its present state")
    with named_conflicts(session, {"uq_person_merge_open": done, "person_merge.merged_id": done}):
        session.add(row)
    _point(session, [merged_id, *_below(session, merged_id)], kept_root)
    return row


def split(session: Session, merged_id: int, *, reason: str, by: str, now: datetime) -> PersonMerge:
    """Take a record out again, with the records that were merged into it; it is what it was before.

    Raises ConflictError: MERGER_STATE when it is not merged into another (any more).
    """
    _wait_for_others(session)
    row = session.scalars(
        update(PersonMerge)
        .where(PersonMerge.merged_id == merged_id, PersonMerge.split_at.is_(None))
        .values(split_at=now, split_by=by, split_reason=reason)
        .returning(PersonMerge)
    ).one_or_none()
    if row is None:
        raise ConflictError(Conflict.MERGER_STATE, "the record is not merged into another: read its present state")
    session.execute(update(Person).where(Person.id == merged_id).values(merged_into_id=None))
    _point(session, _below(session, merged_id), merged_id)
    return row


def open_mergers(session: Session, person_ids: Sequence[int]) -> Sequence[PersonMerge]:
    """The open mergers among these records, oldest first."""
    return session.scalars(
        select(PersonMerge).where(PersonMerge.merged_id.in_(person_ids), PersonMerge.split_at.is_(None)).order_by(PersonMerge.id)
    ).all()


def _wait_for_others(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":  # on SQLite a writing transaction holds the only lock from its start
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _root(session: Session, person_id: int) -> int:
    row = session.execute(select(Person.id, Person.merged_into_id).where(Person.id == person_id)).first()
    if row is None:
        raise NotFoundError("there is no such record")
    return row.id if row.merged_into_id is None else row.merged_into_id


def _below(session: Session, person_id: int) -> list[int]:
    """Every record that was merged into this one, directly or through others."""
    first = select(PersonMerge.merged_id).where(PersonMerge.kept_id == person_id, PersonMerge.split_at.is_(None))
    tree = first.cte("tree", recursive=True)
    further = aliased(PersonMerge)
    tree = tree.union(select(further.merged_id).where(further.kept_id == tree.c.merged_id, further.split_at.is_(None)))
    return list(session.scalars(select(tree.c.merged_id)))


def _point(session: Session, person_ids: Sequence[int], root: int) -> None:
    if person_ids:
        session.execute(update(Person).where(Person.id.in_(person_ids)).values(merged_into_id=root))
    session.expire_all()
