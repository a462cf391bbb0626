"""Running services for the fire: a home each, temporary folders only, no process left behind. At the end a table of faults and losses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from benchmarks.fire.people import People, fill
from benchmarks.fire.service import RunningService, roomy_policy, running

COLUMNS = ("faults", "requests", "acknowledged", "lost", "doubled", "unanswered", "refused_503", "slowest_recovery_s")
Start = Callable[..., AbstractContextManager[tuple[RunningService, People]]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Fill a store and serve it: ``with start(database_url, pensioners=2, workers=1) as (service, people)``."""

    @contextmanager
    def started(
        database_url: str,
        *,
        workers: int = 2,
        pensioners: int = 4,
        open_alerts: int = 0,
        variables: dict[str, str] | None = None,
    ) -> Iterator[tuple[RunningService, People]]:
        home, temporary = tmp_path / "home", tmp_path / "temporary"
        temporary.mkdir()
        people = fill(home, database_url, pensioners=pensioners, open_alerts=open_alerts)
        own = {"LIFECERT_POLICY_FILE": str(roomy_policy(tmp_path)), "TMPDIR": str(temporary), **(variables or {})}
        with running(home, database_url, workers=workers, log=tmp_path / "service.log", variables=own) as service:
            yield service, people

    return started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests noted with ``record_property("fire", {...})``, as the table of docs/operations/faults.md; passed or not."""
    rows = []
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            kind = re.search(r"\[(sqlite|postgresql)", report.nodeid)
            store = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[kind[1]] if kind else ""
            for name, told in report.user_properties:
                if name == "fire" and report.when == "call":
                    cells = [str(told.get(column, "")) for column in COLUMNS]
                    rows.append("| " + " | ".join([told["fault"], told.get("store", store), *cells, outcome]) + " |")
    if rows:
        terminalreporter.section("faults and losses")
        head = ("fault", "store", *COLUMNS, "test")
        for line in ("| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *rows):
            terminalreporter.write_line(line)
