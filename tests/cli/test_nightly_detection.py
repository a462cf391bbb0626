"""The runs of the night: asked for once a day in the hours of the policy, and not for ever when they fail."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from api import detection_requests
from api.context import Context, open_context
from api.jobs import add_jobs, make_queue
from api.nightly_detection import ASKED_BY, TRIES, ask_for_tonight
from api.settings import Settings
from models.detection import DetectionKind, DetectionRun, RunState
from tests.conftest import FixedClock

NIGHT = datetime(2026, 3, 14, 18, 30, tzinfo=UTC)  # 02:30 of the 15th in China
TODAY = date(2026, 3, 15)


@pytest.fixture
def context(home: Path) -> Context:
    return open_context(Settings(), clock=FixedClock(NIGHT))


def ran(context: Context, kind: DetectionKind, state: RunState, *, region: str = "") -> None:
    with context.database.session_scope() as session:
        run = DetectionRun(kind=kind, state=state, as_of=TODAY, region_code=region, engine="duckdb", policy_hash="x")
        run.started_by, run.started_at, run.finished_at = "test", NIGHT, NIGHT
        session.add(run)


def test_each_kind_is_asked_for_once_a_night(context: Context) -> None:
    kinds = list(context.policy.triage.nightly.kinds)
    assert ask_for_tonight(context) == kinds
    waiting = detection_requests.waiting(context)
    assert {(one.kind, one.as_of, one.region_code, one.asked_by) for one in waiting} == {(kind, TODAY, "", ASKED_BY) for kind in kinds}
    assert ask_for_tonight(context) == []
    queue = make_queue(context)
    assert add_jobs(queue, context)["ask_for_detection"].call_local() == 0
    queue.storage.close()


def test_a_note_that_nobody_can_read_does_not_stop_the_others(context: Context) -> None:
    broken = detection_requests.folder(context) / "claims-20260315-all.json"
    for content in ("", "[]", '{"kind": "astrology"}'):
        broken.write_text(content, encoding="utf-8")
        assert detection_requests.waiting(context) == []
        assert not broken.exists()  # it can be asked for again
    assert ask_for_tonight(context)


def test_nothing_is_asked_for_by_day(context: Context) -> None:
    assert ask_for_tonight(dataclasses.replace(context, clock=FixedClock(NIGHT.replace(hour=6)))) == []


def test_what_was_done_today_is_not_asked_for_and_a_region_is_not_everybody(context: Context) -> None:
    ran(context, DetectionKind.BENEFITS, RunState.DONE)
    ran(context, DetectionKind.PAYMENTS, RunState.DONE, region="420100")
    assert ask_for_tonight(context) == [DetectionKind.DUPLICATES, DetectionKind.PAYMENTS, DetectionKind.CLAIMS]


def test_a_run_that_fails_again_and_again_is_left_to_people(context: Context) -> None:
    for _ in range(TRIES):
        ran(context, DetectionKind.BENEFITS, RunState.FAILED)
    assert DetectionKind.BENEFITS not in ask_for_tonight(context)
