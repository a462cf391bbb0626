"""kill -9 of workers in the middle of frames, decisions and signatures: what was acknowledged is there, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.fire.blows import kill_while_deciding, kill_workers
from tests.fire.conftest import Start

Note = Callable[[str, object], None]


def mixed(start: Start, url: str, note: Note, *, kills: int, pensioners: int, open_cases: int) -> None:
    with start(url, pensioners=pensioners, open_alerts=open_cases) as (service, people):
        struck = kill_workers(service, people, kills=kills, open_cases=open_cases)
    note("fire", {"fault": "kill -9 of a worker in mixed traffic", **struck.summary()})
    assert struck.wrong == ()
    assert service.killed == kills
    assert struck.unanswered + struck.refused > 0, "nobody was hit"
    assert struck.compared.acknowledged > 50
    assert (struck.compared.lost, struck.compared.doubled) == ((), ())


@pytest.mark.thorough
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_killed_in_mixed_traffic_lose_and_double_nothing(start: Start, database_url: str, record_property: Note) -> None:
    mixed(start, database_url, record_property, kills=3, pensioners=2, open_cases=12)


@pytest.mark.thorough
def test_forty_workers_killed_in_mixed_traffic_lose_and_double_nothing(start: Start, database_url: str, record_property: Note) -> None:
    mixed(start, database_url, record_property, kills=40, pensioners=4, open_cases=200)


def hit_while_deciding(start: Start, url: str, note: Note, rounds: int) -> int:
    """How many workers were killed in the middle of a decision."""
    with start(url, pensioners=rounds, workers=1) as (service, people):
        hit, struck = kill_while_deciding(service, people)
    note("fire", {"fault": f"kill -9 of a worker that decides ({hit} in its middle)", **struck.summary()})
    assert (struck.compared.lost, struck.compared.doubled) == ((), ())
    assert struck.faults == rounds
    return hit


@pytest.mark.thorough
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_killed_while_it_decides_leaves_one_decision(start: Start, database_url: str, record_property: Note) -> None:
    assert hit_while_deciding(start, database_url, record_property, 2) >= 1


@pytest.mark.thorough
def test_twenty_workers_killed_while_they_decide_leave_one_decision_each(start: Start, database_url: str, record_property: Note) -> None:
    assert hit_while_deciding(start, database_url, record_property, 20) >= 10
