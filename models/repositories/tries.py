"""Failures in a row: how long a person waits before the next try (NIST SP 800-63B section on biometrics)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.policy import RetryPolicy
from models.repositories import persons
from models.verification import TryCounter


@dataclass(frozen=True)
class Tries:
    """Where a person stands. wait_until: None when the next try may start now."""

    failed_attempts: int
    wait_until: datetime | None
    offer_other_ways: bool
    used_up: bool


def standing(session: Session, person_id: int, *, policy: RetryPolicy, now: datetime) -> Tries:
    """Failures in a row and the wait that is left. Failures older than policy's forgetting time count no more.

    Of several records that are merged into one person the worst counts.
    """
    counters = session.execute(
        select(TryCounter.failed_attempts, TryCounter.locked_until).where(
            TryCounter.person_id.in_(persons.records_of(session, person_id)),
            TryCounter.last_failed_at > now - timedelta(hours=policy.forget_after_hours),
        )
    ).all()
    failed = max((counter.failed_attempts for counter in counters), default=0)
    waits = [counter.locked_until for counter in counters if counter.locked_until is not None and counter.locked_until > now]
    return _tries(failed, max(waits, default=None), policy)


def record_failure(session: Session, person_id: int, *, pad: bool, policy: RetryPolicy, now: datetime) -> Tries:
    """Count one failed attempt in one statement, so that failures at the same moment are all counted.

    pad: whether presentation attack detection was part of the attempt; it allows more failures before the wait.
    """
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(TryCounter)
    forgotten = TryCounter.last_failed_at <= now - timedelta(hours=policy.forget_after_hours)
    upsert = insert.values(person_id=person_id, failed_attempts=1, last_failed_at=now, locked_until=None).on_conflict_do_update(
        index_elements=["person_id"],
        set_={"failed_attempts": case((forgotten, 1), else_=TryCounter.failed_attempts + 1), "last_failed_at": now},
    )
    failed = session.execute(upsert.returning(TryCounter.failed_attempts)).scalar_one()
    seconds = policy.wait_s(failed, pad=pad)
    until = now + timedelta(seconds=seconds) if seconds else None
    session.execute(update(TryCounter).where(TryCounter.person_id == person_id).values(locked_until=until))
    return _tries(failed, until, policy)


def clear(session: Session, person_id: int) -> None:
    """Forget the failures: the person was certified, or staff looked."""
    session.execute(delete(TryCounter).where(TryCounter.person_id.in_(persons.records_of(session, person_id))))


def _tries(failed: int, until: datetime | None, policy: RetryPolicy) -> Tries:
    return Tries(failed, until, failed >= policy.offer_other_ways_after, failed >= policy.refer_after)
