"""Audit entries leave when they are old enough: by whole days of the chain, the oldest first, after the day was closed.

The closing seal stays, and a seal of its own says that the day is retired: only with that do the triggers let its rows be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.audit_canonical import Seal
from models.audit_chain import AuditLink, AuditSeal, SealKind
from models.database import Database
from models.keys import KeyRing
from models.repositories import audit, audit_chain
from models.repositories.audit_sealing import WORK, add_seal
from models.run_lock import only_one

LEAST_DAYS = 180
"""GB/T 22239-2019, level 3, has logs kept for six months (as the Cybersecurity Law, article 23, does)."""

ACTION = "audit.day_retired"


class TooYoungError(ValueError):
    """Entries were to be deleted that have to be kept."""


@dataclass(frozen=True)
class RetiredDay:
    """A day whose entries were deleted, and how many they were."""

    day: date
    entries: int


def retire_days(database: Database, keyring: KeyRing, *, before: date, now: datetime, by: str) -> tuple[RetiredDay, ...]:
    """Delete the entries of the days of the chain before ``before``; one transaction and one audit entry a day. Again: nothing to do.

    An entry is of the day on which it was sealed, which is that of its time or a later one.

    Raises:
        TooYoungError: days of the last 180 would go.
        ConflictError: RUN_IN_PROGRESS; another process seals or deletes just now. Try again.
    """
    if before > now.astimezone(UTC).date() - timedelta(days=LEAST_DAYS):
        raise TooYoungError(f"audit entries are kept for at least {LEAST_DAYS} days: {before} is too late a day")
    gone: list[RetiredDay] = []
    with only_one(database, WORK):
        while True:
            with database.session_scope() as session:
                closing = _oldest_kept(session, before)
                if closing is None:
                    return tuple(gone)
                gone.append(_retire(session, keyring, closing, now, by))


def _oldest_kept(session: Session, before: date) -> AuditSeal | None:
    retired = select(func.max(AuditSeal.day)).where(AuditSeal.kind == SealKind.RETIRED).scalar_subquery()
    closed = select(AuditSeal).where(AuditSeal.kind == SealKind.CLOSING, AuditSeal.day < before)
    later = closed.where(AuditSeal.day > func.coalesce(retired, date.min))
    return session.scalars(later.order_by(AuditSeal.day).limit(1)).first()


def _retire(session: Session, keyring: KeyRing, closing: AuditSeal, now: datetime, by: str) -> RetiredDay:
    last = audit_chain.last_seal(session)
    if last is None:
        raise TooYoungError("the audit has no seal")  # closing is one
    seal = Seal(
        last.id + 1,
        SealKind.RETIRED,
        closing.day,
        closing.position,
        closing.entries,
        bytes(closing.head_hash),
        closing.settled_id,
        now,
        bytes(last.signature),
    )
    add_seal(session, keyring, seal)
    of_day = select(AuditLink.entry_id).where(AuditLink.day == closing.day)
    session.execute(delete(AuditEntry).where(AuditEntry.id.in_(of_day)))
    session.execute(delete(AuditLink).where(AuditLink.day == closing.day))
    details = {"day": closing.day.isoformat(), "entries": closing.position, "seal": closing.id}
    audit.record(session, actor=by, action=ACTION, now=now, details=details)
    return RetiredDay(closing.day, closing.position)
