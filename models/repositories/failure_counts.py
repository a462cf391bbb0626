"""Failures in a row, with growing waits (NIST SP 800-63B section 3.2.2), held in the store for all workers and hosts.

A try is counted as failed before it is looked at, and forgotten when it succeeds: of a hundred tries at the same moment no more are
looked at than of a hundred one after the other.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, case, delete, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.policy import RetryPolicy
from models.rate_limit import FailureCount
from models.repositories.rate_limits import SECOND_US, microseconds

HOUR_US = 3600 * SECOND_US


def begin_try(session: Session, scope: str, key_digest: bytes, waits: RetryPolicy, *, now: datetime) -> int:
    """Count one try as failed, in one statement: 0 when it may be looked at, else the whole seconds to wait (then nothing is counted).

    Call ``clear`` when the try succeeds. Failures older than ``waits.forget_after_hours`` count no more.
    """
    at, table = microseconds(now), FailureCount
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    first = at + waits.wait_s(1, pad=False) * SECOND_US
    fresh = insert(table).values(scope=scope, key_digest=key_digest, failed=1, last_us=at, wait_until_us=first, let_in=True)
    forgotten = table.last_us <= at - waits.forget_after_hours * HOUR_US
    # a wait further ahead than the longest comes from a clock that was wrong
    waiting = and_(table.wait_until_us > at, table.wait_until_us <= at + waits.longest_wait_s * SECOND_US)
    after = case(
        *((table.failed + 1 == count, literal(at + wait * SECOND_US)) for count, wait in _waits(waits).items()),
        (table.failed < waits.failures_before_wait, literal(at)),
        else_=literal(at + waits.longest_wait_s * SECOND_US),
    )
    statement = fresh.on_conflict_do_update(
        index_elements=[table.scope, table.key_digest],
        set_={
            "failed": case((forgotten, 1), (waiting, table.failed), else_=table.failed + 1),
            "last_us": case((waiting, table.last_us), else_=literal(at)),
            "wait_until_us": case((forgotten, literal(first)), (waiting, table.wait_until_us), else_=after),
            "let_in": case((forgotten, True), (waiting, False), else_=True),
        },
    ).returning(table.let_in, table.wait_until_us)
    let_in, until = session.execute(statement).one()
    return 0 if let_in else max(1, -(-(until - at) // SECOND_US))


def wait_s(session: Session, scope: str, key_digest: bytes, *, now: datetime) -> int:
    """Whole seconds until a try would be looked at; counts nothing."""
    query = select(FailureCount.wait_until_us).where(FailureCount.scope == scope, FailureCount.key_digest == key_digest)
    until = session.scalar(query)
    return 0 if until is None else max(0, -(-(until - microseconds(now)) // SECOND_US))


def clear(session: Session, scope: str, key_digest: bytes) -> None:
    """Forget the failures: the try succeeded, or somebody who may has looked."""
    session.execute(delete(FailureCount).where(FailureCount.scope == scope, FailureCount.key_digest == key_digest))


def purge(session: Session, waits: RetryPolicy, *, now: datetime) -> int:
    """Delete what is so old that it counts no more."""
    before = microseconds(now) - waits.forget_after_hours * HOUR_US
    gone = session.execute(delete(FailureCount).where(FailureCount.last_us <= before))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _waits(waits: RetryPolicy) -> dict[int, int]:
    """Number of failures -> wait, from the first that has one to the first with the longest."""
    found: dict[int, int] = {}
    count = waits.failures_before_wait
    while not found or (found[count - 1] < waits.longest_wait_s and len(found) < 64):
        found[count] = waits.wait_s(count, pad=False)
        count += 1
    return found
