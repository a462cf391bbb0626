"""A clock that jumped is not believed until it is right again or a person says that it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from api.clock_guard import ClockNotes, read_clock, require_steady_clock
from api.context import Context, open_context
from api.settings import EngineChoice, Environment, Settings
from models import clock_watch
from models.clock_watch import ClockDoubt, ClockInDoubtError
from models.database import Database
from models.policy import RecordsPolicy
from models.repositories import heartbeats
from tests.conftest import FixedClock


def test_the_time_is_compared_with_the_one_that_was_seen_last(database: Database, records_policy: RecordsPolicy, clock: FixedClock) -> None:
    policy = records_policy.operations
    seen = clock()
    with database.session_scope() as session:
        assert clock_watch.read(session, seen, policy).steady, "nothing was seen yet"
        assert clock_watch.note(session, seen, policy).steady
        for now, doubt in (
            (seen - timedelta(minutes=policy.clock_back_minutes), None),
            (seen - timedelta(minutes=policy.clock_back_minutes, seconds=1), ClockDoubt.BACKWARD),
            (seen + timedelta(days=policy.clock_forward_days), None),
            (seen + timedelta(days=policy.clock_forward_days, seconds=1), ClockDoubt.FORWARD),
        ):
            assert clock_watch.read(session, now, policy).doubt is doubt
            if doubt is not None:
                clock_watch.note(session, now, policy)
                assert clock_watch.read(session, seen, policy).last_seen == seen, "a time in doubt is not noted"
                with pytest.raises(ClockInDoubtError, match="lifecert health --accept-clock"):
                    clock_watch.require_steady(session, now, policy)
        far = seen + timedelta(days=400)
        clock_watch.accept(session, far)
        assert clock_watch.read(session, far, policy).steady


def test_a_clock_that_was_set_is_seen_by_the_steady_one(database_url: str, tmp_path: Path, clock: FixedClock) -> None:
    settings = Settings(home=tmp_path / "home", database_url=database_url, environment=Environment.TEST, engine=EngineChoice.SCRIPTED)
    context: Context = open_context(settings, clock=clock)
    steady = [1_000.0]
    notes = ClockNotes(context, lambda: steady[0])
    assert notes.note().steady
    for _ in range(3):  # both go on alike
        clock.advance(hours=1)
        steady[0] += 3600
        assert notes.note().steady
    before = clock()
    clock.advance(hours=2)  # set by hand: the steady one has gone on by 15 s
    steady[0] += 15
    assert notes.note().doubt is ClockDoubt.DRIFTED
    assert read_clock(context).doubt is ClockDoubt.DRIFTED, "every other process sees it too"
    with pytest.raises(ClockInDoubtError):
        require_steady_clock(context)
    with context.database.session_scope() as session:
        assert heartbeats.last_heard(session)[clock_watch.CLOCK] == before
        clock_watch.accept(session, clock())
    require_steady_clock(context)
    context.database.dispose()


def test_a_job_is_told_by_its_last_good_and_its_last_bad_run(database: Database, clock: FixedClock) -> None:
    with database.session_scope() as session:
        heartbeats.job_ended(session, "remind", started_at=clock(), now=clock(), error=None)
        good = clock()
        bad = clock.advance(minutes=5)
        heartbeats.job_ended(session, "remind", started_at=bad, now=bad, error="OperationalError")
    with database.read_scope() as session:
        (run,) = heartbeats.job_runs(session)
        assert (run.name, run.runs, run.failures, run.error) == ("remind", 2, 1, "OperationalError")
        assert (run.succeeded_at, run.failed_at) == (good, bad)
