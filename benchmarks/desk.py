"""The caseworkers' desk with 100,000 alerts that are not closed and 1,000,000 closed ones: queue, counts, the next case. PostgreSQL.

    python -m benchmarks.desk run --folder FOLDER --keep       fill, measure
    python -m benchmarks.desk measure --database URL           a store that is filled already
    python -m benchmarks.desk run --open 1000 --closed 5000    a small one, to see that it works

The store is that of ``benchmarks.oversight_store``, whose open cases are spread over what cases can be: kept, held, lapsed, nobody's,
waiting for a second person, on somebody's diary. Each figure is of many calls, each in a transaction of its own.
"""
# ruff: noqa: S608 - names and numbers of our own

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event

from benchmarks import province as provinces
from benchmarks.oversight_store import NOW, Work, fill
from benchmarks.province_people import AS_OF, Province
from benchmarks.province_store import make, plain, say
from detection.casework.rules import Worker
from detection.casework.views import Decision
from detection.casework_service import CaseworkService
from models import policy as models_policy
from models.alert import AlertSeverity, CaseOutcome
from models.casework import VERIFICATION_REFERRED
from models.database import Database
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import case_queue
from models.repositories.case_due import DueRules
from models.repositories.case_next import NextFilter
from models.repositories.case_queue import QueueFilter, QueueSort, QueueTab

CALLS = 20
TAKEN_AT_ONCE, TAKERS = 400, 8
REGIONS = {"the province": "42", "a city": "4203", "a county": "420305", "nowhere": "429999"}
KIND = "id / 10 % 10"
"""Of an open case: 0 to 2 and 6 nobody's (6 waits for a second person), 3 held, 4 lapsed, 5 on a diary, the rest kept."""
SPREAD = f"""
    UPDATE case_file SET
        owner = CASE WHEN {KIND} IN (0, 1, 2, 6) THEN NULL ELSE owner END,
        held_until = CASE {KIND} WHEN 3 THEN {NOW} + interval '2 hours 30 minutes' WHEN 4 THEN {NOW} - interval '1 day' END,
        diary_on = CASE {KIND} WHEN 5 THEN ({NOW} + (id % 41 - 20) * interval '1 day')::date END,
        proposed_outcome = CASE {KIND} WHEN 6 THEN 'confirmed' END,
        proposed_by = CASE {KIND} WHEN 6 THEN opened_by END,
        proposed_at = CASE {KIND} WHEN 6 THEN {NOW} - interval '1 day' END
    WHERE closed_at IS NULL"""


def clock() -> datetime:
    """The day that the store stands on, at noon in China."""
    return datetime.combine(AS_OF, datetime.min.time(), UTC) + timedelta(hours=4)


def spread(url: str) -> None:
    """What open cases are, by their number."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(SPREAD)
        connection.execute("VACUUM ANALYZE case_file")


def queue(database: Database, policy: RecordsPolicy) -> Iterator[tuple[str, dict[str, float]]]:
    """Pages of every part of the queue in both orders, and the counts; by region and with filters."""
    casework = policy.casework
    due = DueRules(casework.due_days, {VERIFICATION_REFERRED: casework.referred_days}, policy.certification.time_zone)
    base = QueueFilter("42", "staff:7", clock(), AS_OF, due, may_sign=True)
    for region, digits in REGIONS.items():
        here = replace(base, region=digits)
        yield f"counts, {region}", _milliseconds(database, partial(case_queue.counts, chosen=here))
        for tab in QueueTab:
            for sort in QueueSort:
                chosen = replace(here, tab=tab, sort=sort)
                yield f"page {tab.value} by {sort.value}, {region}", _milliseconds(database, partial(case_queue.page, chosen=chosen))
    with database.read_scope() as session:
        far = case_queue.page(session, base, limit=5_000)[-1].cursor
    narrowed = {
        "rare code": replace(base, code="R60"),
        "frequent code": replace(base, code="R1"),
        "unknown code": replace(base, code="none"),
        "severity": replace(base, severity=AlertSeverity.VIOLATION),
        "much money": replace(base, amount_fen_min=4_999_000),
        "due until": replace(base, due_until=AS_OF - timedelta(days=100)),
    }
    for name, chosen in narrowed.items():
        yield f"page, {name}", _milliseconds(database, partial(case_queue.page, chosen=chosen))
        yield f"counts, {name}", _milliseconds(database, partial(case_queue.counts, chosen=chosen))
    yield "page after 5,000", _milliseconds(database, partial(case_queue.page, chosen=base, after=far))


def work(database: Database, policy: RecordsPolicy, keyring: FileKeyRing) -> Iterator[tuple[str, Any]]:
    """Taking the next case, steps on it, and many who take at once."""
    service = CaseworkService(database, policy.casework, policy.certification, clock, keyring, frozenset())
    for region, digits in REGIONS.items():
        took = [_timed(lambda: service.take_next(Worker("staff:bench", digits)))[0] for _ in range(CALLS)]  # noqa: B023
        yield f"take the next, {region}", _summary(took)
    took = [_timed(lambda: service.take_next(Worker("staff:bench", "42"), NextFilter(code="R60")))[0] for _ in range(CALLS)]
    yield "take the next of a rare code", _summary(took)
    took = [_timed(lambda: service.take_next(Worker("staff:bench", "42", may_sign=True)))[0] for _ in range(CALLS)]
    yield "take the next to sign", _summary(took)
    case = service.take_next(Worker("staff:bench", "42"))
    if case is not None:
        who = Worker("staff:bench", "42")
        yield "details of a case", _summary([_timed(lambda: service.details(who, case.case_id))[0] for _ in range(CALLS)])
        yield "a note", _summary([_timed(lambda: service.add_note(who, case.case_id, "called"))[0] for _ in range(CALLS)])
        yield "decide", _summary([_timed(lambda: service.propose(who, case.case_id, Decision(CaseOutcome.UNFOUNDED, "no")))[0]])

    def one(number: int) -> str | None:
        found = service.take_next(Worker(f"staff:{number}", "42"))
        return None if found is None else found.case_id

    with ThreadPoolExecutor(TAKERS) as pool:
        wall_s, taken = _timed(lambda: list(pool.map(one, range(TAKEN_AT_ONCE))))
    found = [case_id for case_id in taken if case_id]
    yield (
        f"{TAKEN_AT_ONCE} taken by {TAKERS} at once",
        {"wall_s": round(wall_s, 2), "cases": len(found), "different": len(set(found)), "a_second": round(len(found) / wall_s)},
    )


def plans(database: Database, policy: RecordsPolicy) -> dict[str, str]:
    """How PostgreSQL finds the next case and a page of the queue."""
    said: dict[str, str] = {}
    due = DueRules(policy.casework.due_days, {}, policy.certification.time_zone)
    caught: list[tuple[str, Any]] = []

    def catch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        caught.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", catch)
    with database.read_scope() as session:
        case_queue.page(session, QueueFilter("42", "staff:7", clock(), AS_OF, due, tab=QueueTab.FREE))
        case_queue.counts(session, QueueFilter("42", "staff:7", clock(), AS_OF, due))
    event.remove(database.engine, "before_cursor_execute", catch)
    with database.engine.connect() as connection:
        for name, (statement, parameters) in zip(("page free", "codes behind", "counts"), caught, strict=False):
            rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", parameters).all()
            said[name] = "\n".join(str(row[0]) for row in rows)
    return said


def _milliseconds(database: Database, call: Callable[..., Any]) -> dict[str, float]:
    took, cpu = [], provinces.cpu_s(database)
    for _ in range(CALLS):
        began = time.monotonic()
        with database.read_scope() as session:
            call(session)
        took.append(time.monotonic() - began)
    # of PostgreSQL, which other work on the machine does not lengthen
    return _summary(took) | {"cpu_ms": round(1000 * (provinces.cpu_s(database) - cpu) / CALLS, 1)}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    result = call()
    return time.monotonic() - began, result


def _summary(took: list[float]) -> dict[str, float]:
    return {"median_ms": round(1000 * statistics.median(took), 1), "greatest_ms": round(1000 * max(took), 1)}


def main() -> None:
    """Fill, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "make", "measure"))
    parser.add_argument("--persons", type=int, default=50_000)
    parser.add_argument("--open", type=int, default=Work.open, help="alerts that are not closed")
    parser.add_argument("--closed", type=int, default=Work.closed)
    parser.add_argument("--database", help="URL of a PostgreSQL store of your own")
    parser.add_argument("--folder", type=Path, help="where data goes; a temporary folder when not given")
    parser.add_argument("--plans", action="store_true", help="also print how PostgreSQL carries the statements out")
    options = parser.parse_args()
    results = dict[str, Any]()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-desk-")))
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = folder / "home" / "keys.json"
        url = options.database or stack.enter_context(provinces.server(folder))
        if options.what in {"run", "make"}:
            province = Province(options.persons)
            results["make_s"] = make(url, province, keys)
            results["fill_s"] = fill(url, province, Work(options.open, options.closed))
            spread(url)
        if options.what in {"run", "measure"}:
            policy, database = models_policy.load(provinces.ROOT / "policy.toml"), Database(url, pool_size=TAKERS)
            results["load_before"] = os.getloadavg()[0]
            for name, figures in chain(queue(database, policy), work(database, policy, FileKeyRing.open(keys))):
                results[name] = figures
                say(f"{name}: {figures}")
            results["load_after"] = os.getloadavg()[0]
            if options.plans:
                for name, plan in plans(database, policy).items():
                    say(f"{name}\n{plan}")
            database.dispose()
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
