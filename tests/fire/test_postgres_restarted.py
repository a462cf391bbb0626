"""PostgreSQL taken away in the middle of mixed traffic: 503 with Retry-After while it is gone, and work goes on by itself afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.fire.blows import restart_database
from models.schema import upgrade
from tests.fire.conftest import Start
from tests.postgres import RestartableServer, restartable_postgres

RECOVERED_S = 20.0
"""From the moment that the database takes connections again; a request may have waited for one for up to ten seconds."""


def hold(
    start: Start,
    server: RestartableServer,
    note: Callable[[str, object], None],
    *,
    restarts: int,
    pensioners: int,
    open_cases: int,
    away_s: float,
    workers: int = 2,
    jobs: bool = True,
) -> None:
    def restart() -> None:
        server.crash()
        time.sleep(away_s)
        server.start()

    variables = {"LIFECERT_JOBS": "on" if jobs else "off"}
    with start(server.uri, workers=workers, pensioners=pensioners, open_alerts=open_cases, variables=variables) as (service, people):
        before = service.workers()
        struck = restart_database(service, people, restart, restarts=restarts, open_cases=open_cases)
        assert service.workers() == before, "no worker had to be started again"
    note("fire", {"fault": "PostgreSQL crashed in mixed traffic", "store": "PostgreSQL", **struck.summary()})
    assert struck.wrong == ()
    assert struck.unanswered == 0
    assert struck.refused > 0, "nobody was hit"
    assert (struck.compared.lost, struck.compared.doubled) == ((), ())
    assert max(struck.recovered_s) < RECOVERED_S


def test_a_crash_of_the_database_loses_nothing_and_is_over_by_itself(start: Start, record_property: Callable[[str, object], None]) -> None:
    with restartable_postgres() as own:
        upgrade(own.uri)
        hold(start, own, record_property, restarts=1, pensioners=1, open_cases=3, away_s=1.0, workers=1, jobs=False)


@pytest.mark.thorough
def test_ten_crashes_of_the_database_lose_nothing(start: Start, record_property: Callable[[str, object], None]) -> None:
    with restartable_postgres() as own:
        upgrade(own.uri)
        hold(start, own, record_property, restarts=10, pensioners=4, open_cases=200, away_s=3.0)
