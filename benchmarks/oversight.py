"""The supervisors' figures at the size of a province: how long they take to count, and how long a page takes to read them. PostgreSQL.

    python -m benchmarks.oversight run --folder FOLDER --keep      fill, count, read
    python -m benchmarks.oversight measure --database URL          a store that is filled already
    python -m benchmarks.oversight serve --folder FOLDER           start the kept server, print its URL

The store: persons with their ledger and announced statuses (``benchmarks.province``), and open and closed alerts with cases, steps,
signals and attempts by camera (``benchmarks.oversight_store``). Counting is measured of today, of a past day (which is derived from the
ledger) and of today again; reading as the median of many calls, each in a session of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks import province as provinces
from benchmarks.oversight_store import Work, fill
from benchmarks.province_people import AS_OF, Province
from benchmarks.province_store import make, say
from detection.figures_service import FiguresService
from models import policy as models_policy
from models.certification import add_months
from models.database import Database
from models.repositories import oversight

CALLS = 30


def clock() -> datetime:
    """The day that the store stands on, at noon in China."""
    return datetime.combine(AS_OF, datetime.min.time(), UTC) + timedelta(hours=4)


def measure(url: str, months: int) -> dict[str, Any]:
    """Count and read; seconds. months: how many month ends are counted before reading is
    measured; figures of the others up to 13 are copied from one of them.
    """
    policy = models_policy.load(provinces.ROOT / "policy.toml")
    database = Database(url)
    service = FiguresService(database, policy, clock)
    results: dict[str, Any] = {"load_before": os.getloadavg()[0]}
    past = AS_OF.replace(day=1) - timedelta(days=1)
    for name, day in (("count today", AS_OF), ("count a past day", past), ("count today again", AS_OF)):
        results[name] = _counted(database, service, day)
        say(f"{name}: {results[name]}")
    began = time.monotonic()
    service.fill(months - 1, past.replace(day=1) - timedelta(days=1), by="benchmark", progress=lambda _, done, of: say(f"{done} of {of}"))
    results[f"{months} month ends"] = {"wall_s": round(time.monotonic() - began, 1)}
    _copy_months(
        database, past, [add_months(past.replace(day=1), 1 - back) - timedelta(days=1) for back in range(months + 1, oversight.MONTHS - 1)]
    )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE oversight_figure, figures_run"))
        results["figures kept"] = connection.execute(text("SELECT count(*) FROM oversight_figure")).scalar_one()
    quarter = [add_months(AS_OF.replace(day=1), -back) for back in range(3)]
    classes = policy.oversight.backlog_days
    for region in ("420000", "420100", "420101"):
        results[f"overview {region}"] = _read(database, partial(oversight.overview, region_code=region, backlog_days=classes))
    results["one rule"] = _read(
        database,
        lambda session: (
            oversight.code_trend(session, region_code="420000", code="R1", day=AS_OF),
            oversight.code_places(session, region_code="420000", code="R1", day=AS_OF),
        ),
    )
    results["groups of attempts"] = _read(
        database, lambda session: oversight.verification_groups(session, region_code="420000", months=quarter)
    )
    results["routes"] = _read(database, lambda session: oversight.route_times(session, region_code="420000", months=quarter))
    results["load_after"] = os.getloadavg()[0]
    database.dispose()
    return results


def _copy_months(database: Database, from_day: date, days: list[date]) -> None:
    """Put the figures of a counted month end in the place of others that were not counted: a page reads as much of either."""
    copied = text(
        "INSERT INTO oversight_figure (period, day, region_code, kind, code, count, fen, seconds) "
        "SELECT period, CASE period WHEN 'day' THEN CAST(:day AS date) ELSE CAST(:month AS date) END, region_code, kind, code, count, fen, "
        "seconds FROM oversight_figure WHERE period = 'day' AND day = :from_day OR period = 'month' AND day = :from_month "
        "ON CONFLICT DO NOTHING"
    )
    run = text("INSERT INTO figures_run (day, at, by, took_ms, rows) VALUES (:day, :at, 'benchmark copy', 0, 0)")
    with database.session_scope() as session:
        for day in days:
            values = {"day": day, "month": day.replace(day=1), "from_day": from_day, "from_month": from_day.replace(day=1)}
            session.execute(copied, values)
            session.execute(run, {"day": day, "at": clock()})


def _counted(database: Database, service: FiguresService, day: date) -> dict[str, Any]:
    began, cpu = time.monotonic(), provinces.cpu_s(database)
    done = service.count(day, by="benchmark")
    return {"wall_s": round(time.monotonic() - began, 1), "cpu_s": round(provinces.cpu_s(database) - cpu, 1), "figures": done.rows}


def _read(database: Database, work: Callable[[Session], Any]) -> dict[str, float]:
    """Milliseconds of a call: median and greatest."""
    took = []
    for _ in range(CALLS):
        began = time.monotonic()
        with database.read_scope() as session:
            work(session)
        took.append((time.monotonic() - began) * 1000)
    result = {"median_ms": round(statistics.median(took), 1), "greatest_ms": round(max(took), 1)}
    say(f"  {result}")
    return result


def main() -> None:
    """Fill, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "make", "measure", "serve"))
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=Work.open, help="alerts that are not closed")
    parser.add_argument("--closed", type=int, default=Work.closed)
    parser.add_argument(
        "--months",
        type=int,
        default=13,
        help="month ends that are counted before reading is measured, of 13; figures of the others are copied",
    )
    parser.add_argument("--database", help="URL of a PostgreSQL store of your own")
    parser.add_argument("--folder", type=Path, help="where data goes; a temporary folder when not given")
    parser.add_argument("--keep", action="store_true", help="leave the data in the folder")
    options = parser.parse_args()
    province, results = Province(options.persons), dict[str, Any]()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-oversight-")))
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        url = options.database or stack.enter_context(provinces.server(folder))
        if options.what == "serve":
            print(url, flush=True)
            input("Enter stops the server.")
            return
        if options.what in {"run", "make"}:
            results["make_s"] = make(url, province, folder / "home" / "keys.json")
            results["announce"] = provinces.announce_everybody(url)
            results["fill_s"] = fill(url, province, Work(options.open, options.closed))
        if options.what in {"run", "measure"}:
            results |= measure(url, options.months)
    print(json.dumps(results, indent=2))
    if options.folder and not options.keep and options.what == "run" and not options.database:
        provinces.remove(folder)


if __name__ == "__main__":
    main()
