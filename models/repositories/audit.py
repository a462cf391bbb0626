"""Audit entries: written in the transaction that they tell of, read by subject and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEntry


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    now: datetime,
    person_id: int | None = None,
    object: str | None = None,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add one entry. details: numbers, codes and public ids only, never names, ID numbers, faces."""
    entry = AuditEntry(actor=actor, action=action, person_id=person_id, object=object, reason=reason, at=now, details=details or {})
    session.add(entry)
    session.flush()
    return entry


def record_looks(
    session: Session,
    person_ids: Iterable[int],
    *,
    actor: str,
    action: str,
    now: datetime,
    object: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add one entry for each of several persons who were looked at together, in one statement."""
    told = details or {}
    session.add_all(
        AuditEntry(actor=actor, action=action, person_id=key, object=object, at=now, details=told) for key in sorted(set(person_ids))
    )
    session.flush()


def details_of(session: Session, entry_id: int) -> dict[str, Any]:
    """The details of one entry."""
    return session.scalar(select(AuditEntry.details).where(AuditEntry.id == entry_id)) or {}


def about(session: Session, person_id: int, *, limit: int = 100) -> Sequence[AuditEntry]:
    """The last entries about a person, newest first."""
    return session.scalars(
        select(AuditEntry).where(AuditEntry.person_id == person_id).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
    ).all()


def between(session: Session, start: datetime, end: datetime, *, action: str | None = None, limit: int = 1000) -> Sequence[AuditEntry]:
    """Entries from ``start`` to before ``end`` in order of time, of one action when it is named."""
    query = select(AuditEntry).where(AuditEntry.at >= start, AuditEntry.at < end).order_by(AuditEntry.at, AuditEntry.id).limit(limit)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    return session.scalars(query).all()
