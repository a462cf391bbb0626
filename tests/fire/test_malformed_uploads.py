"""Malformed uploads over every door: each is refused or taken for what it is, and the service stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.fire.flood import Flooded, flood
from tests.fire.conftest import Start

GROWTH_KB = 600_000
"""Of the largest worker: a still of 50 megapixels takes 150 MB to decode and as much to measure; two at a time are sent."""


WHOLE_PICTURES = ("metadata that is too much", "length that lies", "wrong type")
"""Kinds of uploads of which some hold a face that can be read: that is kept as the reference that it is."""


def run(start: Start, url: str, folder: Path, count: int, seed: int) -> Flooded:
    with start(url, pensioners=4, open_alerts=4) as (service, people):
        done = flood(service, people, count=count, seed=seed, temporary=folder / "temporary")
        assert service.wait_until_ready(10) < 10
        assert "Traceback" not in service.log_text(), service.log_end(60)
    return done


def hold(done: Flooded, count: int, note: Callable[[str, object], None]) -> None:
    unanswered = sum(number for (_, status), number in done.statuses.items() if status == 0)
    fault = f"malformed uploads ({len(done.failed)} answered 5xx, {done.new_workers} workers ended, {len(done.left)} files left)"
    note("fire", {"fault": fault, "faults": done.sent, "requests": done.sent, "unanswered": unanswered})
    assert done.failed == []
    assert done.sent == count
    assert done.new_workers == 0
    assert done.left == ()
    assert done.peak_kb - done.started_kb < GROWTH_KB
    assert set(done.created) <= {("reference", kind) for kind in WHOLE_PICTURES}
    statuses = {status for _, status in done.statuses}
    assert statuses <= {0, 200, 201, 202, 400, 401, 404, 409, 413, 415, 422, 429}
    assert unanswered < count / 20, "lines closed on what is too long"


@pytest.mark.thorough
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_hundred_and_fifty_malformed_uploads_change_nothing(
    start: Start, database_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    hold(run(start, database_url, tmp_path, 150, seed=1), 150, record_property)


@pytest.mark.thorough
def test_a_thousand_malformed_uploads_change_nothing(
    start: Start, database_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    hold(run(start, database_url, tmp_path, 1_000, seed=2), 1_000, record_property)
