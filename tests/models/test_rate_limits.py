"""Limits and failures in a row, counted in the store: on both databases, by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from models.database import Database
from models.policy import RetryPolicy, load
from models.policy_limits import RateLimit
from models.rate_limit import FailureCount, RateLimitState
from models.repositories import failure_counts, rate_limits

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
KEY, OTHER = b"k" * 16, b"o" * 16
TWENTY = RateLimit(most=20, per_s=60)  # one more every three seconds


def take(database: Database, key: bytes = KEY, *, limit: RateLimit = TWENTY, now: datetime = NOW, cost: int = 1) -> rate_limits.Taken:
    with database.session_scope() as session:
        return rate_limits.take(session, "test", key, limit, now=now, cost=cost)


def test_of_a_hundred_at_once_exactly_the_limit_gets_through(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take(database).granted, range(100)))
    assert sum(taken) == 20


def test_what_was_used_comes_back_evenly(database: Database) -> None:
    assert [take(database).granted for _ in range(21)] == [1] * 20 + [0]
    assert take(database).wait_s == 3
    assert take(database, now=NOW + timedelta(seconds=2)) == rate_limits.Taken(0, 1)
    assert take(database, now=NOW + timedelta(seconds=3)) == rate_limits.Taken(1, 0)
    assert take(database, now=NOW + timedelta(seconds=3)) == rate_limits.Taken(0, 3)
    later = NOW + timedelta(seconds=63)
    assert [take(database, now=later).granted for _ in range(21)] == [1] * 20 + [0]


def test_keys_and_scopes_are_apart(database: Database) -> None:
    assert take(database, cost=20).granted == 20
    assert take(database, OTHER).granted == 1
    with database.session_scope() as session:
        assert rate_limits.take(session, "another", KEY, TWENTY, now=NOW).granted == 1


def test_several_are_taken_all_or_not_at_all(database: Database) -> None:
    assert take(database, cost=15).granted == 15
    assert take(database, cost=6) == rate_limits.Taken(0, 3)
    assert take(database, cost=5).granted == 5
    assert take(database, OTHER, cost=1_000).granted == 20


def test_a_clock_that_was_ahead_holds_nobody_up_for_longer_than_the_limit(database: Database) -> None:
    take(database, cost=20, now=NOW + timedelta(days=365))
    assert take(database) == rate_limits.Taken(0, 3)
    assert take(database, now=NOW + timedelta(seconds=60)).granted == 1


def test_a_limit_survives_a_restart(database: Database) -> None:
    take(database, cost=20)
    again = Database(database.url)
    assert take(again).granted == 0
    again.dispose()


def test_rows_that_are_free_again_are_purged_and_no_others(database: Database) -> None:
    take(database, cost=20)
    take(database, OTHER)
    with database.session_scope() as session:
        assert rate_limits.purge(session, now=NOW + timedelta(seconds=3)) == 1
    with database.read_scope() as session:
        assert session.scalars(select(RateLimitState.key_digest)).all() == [KEY]
    assert take(database).granted == 0


def retry() -> RetryPolicy:
    return load(Path("policy.toml")).retry


def begin(database: Database, now: datetime = NOW) -> int:
    with database.session_scope() as session:
        return failure_counts.begin_try(session, "test", KEY, retry(), now=now)


def test_the_sixth_try_in_a_row_waits_and_waits_grow_to_the_longest(database: Database) -> None:
    assert [begin(database) for _ in range(6)] == [0] * 5 + [30]
    waits, now = [], NOW
    for _ in range(10):
        now += timedelta(seconds=begin(database, now))
        assert begin(database, now) == 0
        waits.append(begin(database, now))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


def test_tries_that_only_wait_are_not_counted(database: Database) -> None:
    for _ in range(40):
        begin(database)
    assert begin(database, NOW + timedelta(seconds=30)) == 0
    assert begin(database, NOW + timedelta(seconds=30)) == 60


def test_of_a_hundred_guesses_at_once_five_are_looked_at(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: begin(database), range(100)))
    assert waits.count(0) == 5


def test_a_success_and_a_day_forget(database: Database) -> None:
    for _ in range(5):
        begin(database)
    with database.session_scope() as session:
        assert failure_counts.wait_s(session, "test", KEY, now=NOW) == 30
        failure_counts.clear(session, "test", KEY)
    assert [begin(database) for _ in range(6)] == [0] * 5 + [30]
    tomorrow = NOW + timedelta(hours=24)
    assert [begin(database, tomorrow) for _ in range(6)] == [0] * 5 + [30]
    with database.session_scope() as session:
        assert failure_counts.purge(session, retry(), now=tomorrow + timedelta(hours=23)) == 0
        assert failure_counts.purge(session, retry(), now=tomorrow + timedelta(hours=24)) == 1
    with database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(FailureCount)) == 0
