"""`lifecert figures`: counts, prints, refuses; the job counts at the hours of the policy and not between."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from detection.figures_service import FiguresService
from models.database import Database
from models.oversight import FiguresRun
from models.policy import RecordsPolicy
from tests.cli.conftest import Command
from tests.cli.test_certify_silently import store  # noqa: F401 - a fixture
from tests.conftest import FixedClock


def runs(database: Database) -> list[date]:
    with database.read_scope() as session:
        return list(session.scalars(select(FiguresRun.day).order_by(FiguresRun.id)))


def test_month_ends_and_the_day_are_counted_oldest_first(store: Database, command: Command) -> None:  # noqa: F811
    done = command("figures", "--as-of", "2026-03-15", "--months", "2", "--json")
    assert done.code == 0, done.err
    assert [(each["day"], each["written"]) for each in done.json["days"]] == [
        ("2026-01-31", True),
        ("2026-02-28", True),
        ("2026-03-15", True),
    ]
    assert runs(store) == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 15)]
    told = command("figures", "--as-of", "2026-03-15")
    assert (told.code, told.out.split()[0]) == (0, "2026-03-15")


def test_a_day_to_come_is_bad_input_and_nothing_is_counted(store: Database, command: Command) -> None:  # noqa: F811
    done = command("figures", "--as-of", "2999-01-01", "--months", "3")
    assert done.code == 2
    assert "--as-of: 2999-01-01 has not begun" in done.err
    assert runs(store) == []


@pytest.mark.parametrize("bad", [("--months", "121"), ("--months", "-1"), ("--as-of", "15.3.2026")])
def test_bad_usage_is_told(command: Command, bad: tuple[str, str]) -> None:
    assert command("figures", *bad).code == 2


def china(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def test_the_job_counts_once_at_each_hour_of_the_policy(sqlite_database: Database, records_policy: RecordsPolicy) -> None:
    clock = FixedClock(china(15, 5, 50))
    service = FiguresService(sqlite_database, records_policy, clock)

    def due(at: datetime) -> list[int]:
        clock.now = at
        return [counted.day.day for counted in service.count_due(by="job:figures")]

    assert records_policy.oversight.refresh_hours[:2] == (6, 12)
    assert due(china(15, 5, 50)) == []
    assert due(china(15, 6, 10)) == [28, 14, 15]  # the end of last month and yesterday, now that they are over
    assert due(china(15, 6, 20)) == []
    assert due(china(15, 11, 50)) == []
    assert due(china(15, 13)) == [15]
    assert due(china(16, 5)) == []
    assert due(china(16, 7)) == [15, 16]  # yesterday again: it was not over when it was counted
    assert due(china(16, 8)) == []


def test_single_days_are_dropped_in_time_and_month_ends_are_not(sqlite_database: Database, records_policy: RecordsPolicy) -> None:
    clock = FixedClock(china(15, 12))
    service = FiguresService(sqlite_database, records_policy, clock)
    for day in (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 14)):
        service.count(day, by="test")
    clock.advance(days=records_policy.oversight.days_kept, minutes=1)
    service.count(by="test")
    today = records_policy.certification.today(clock())
    assert runs(sqlite_database) == [date(2026, 2, 28), today]
