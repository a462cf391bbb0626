"""Limits on how often, held in the store: they survive restarts and hold over all workers and hosts.

The generic cell rate algorithm (GCRA, ITU-T I.371, a leaky bucket that needs one number): ``most`` may come at once, and what was taken
comes back evenly over ``per_s`` seconds. Whoever used everything waits for one place, not for the end of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Integer, case, cast, delete, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.policy_limits import RateLimit
from models.rate_limit import RateLimitState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Taken:
    """What was had. granted: how many were let through, 0 when all were refused. wait_s: until as many can be had, else 0."""

    granted: int
    wait_s: int


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware moment."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def take(session: Session, scope: str, key_digest: bytes, limit: RateLimit, *, now: datetime, cost: int = 1) -> Taken:
    """Take so many at once or none, in one statement; more than ``limit.most`` are taken for just that.

    The statement reads and writes the row under its lock, so that of requests at the same moment no more get through than may.
    """
    cost = max(1, min(cost, limit.most))
    each = limit.each_us
    at = microseconds(now)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    state = RateLimitState
    fresh = insert(state).values(scope=scope, key_digest=key_digest, free_at_us=at + cost * each, granted=cost)
    # What lies further ahead than a whole limit comes from a clock that was wrong, or from a larger limit: it holds nobody up longer.
    ahead = at + limit.most * each
    base = case((state.free_at_us < at, literal(at)), (state.free_at_us > ahead, literal(ahead)), else_=state.free_at_us)
    fits = base + cost * each <= ahead
    statement = fresh.on_conflict_do_update(
        index_elements=[state.scope, state.key_digest],
        set_={"free_at_us": case((fits, base + cost * each), else_=base), "granted": cast(case((fits, cost), else_=0), Integer)},
    ).returning(state.free_at_us, state.granted)
    free_at, granted = session.execute(statement).one()
    wait_us = 0 if granted else free_at + cost * each - ahead
    return Taken(granted, -(-wait_us // SECOND_US))


def purge(session: Session, *, now: datetime) -> int:
    """Delete the rows of all who have their whole limit again; they are as good as never seen."""
    gone = session.execute(delete(RateLimitState).where(RateLimitState.free_at_us <= microseconds(now)))
    return int(gone.rowcount)  # type: ignore[attr-defined]
