"""A generated county with planted findings: what ``lifecert detect`` finds of them, signal by signal, and what it costs.

    python -m benchmarks.county --persons 1000000 --folder FOLDER                 on PostgreSQL, started in FOLDER
    python -m benchmarks.county --persons 20000 --sqlite --folder FOLDER --keep

Prints JSON: for each signal how many were planted and found, precision and recall with their bounds of 95%, and how often months and money
are the label's; for each kind of run wall time, CPU seconds (with the server's) and the greatest memory of its process. Everybody who is
not of a planted case is in order, and so are the look-alikes: any signal about them is a false one. A folder that holds such a store is
used again with --keep; the same persons and seed make the same county.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks import children, county_labels, county_people, county_planted, county_store
from benchmarks.county_labels import Score
from benchmarks.county_people import AS_OF, Background
from benchmarks.county_planted import Plan
from benchmarks.province import cpu_s, server
from benchmarks.province_store import say
from models.database import Database
from models.keys import FileKeyRing, KeyRing
from models.person import Person
from models.schema import upgrade
from sample_data.planted import CASES

KINDS = ("duplicates", "benefits", "payments")
PER_PERSONS = 10_000
"""Of each kind of case one for so many persons, and as many of each look-alike."""
DOUBLES_PER_PERSONS = 500
CASES_MIN = 3


def regions() -> list[county_store.Region]:
    """Of the background and of the planted cases; none of them exists."""
    counties = [(f"4298{number:02d}", f"county {number:02d}", "county", "429800") for number in range(1, 100)]
    return [("420000", "province", "province", None), ("429800", "city", "city", "420000"), *counties]


def draw(persons: int, seed: int, months: int) -> tuple[Background, Plan]:
    """The county and what is planted in it."""
    background = county_people.draw(persons, seed, months)
    each = max(CASES_MIN, persons // PER_PERSONS)
    doubles = max(CASES_MIN, persons // DOUBLES_PER_PERSONS)
    return background, county_planted.plan(background, seed, cases=each, lookalikes=each, doubles=doubles)


def make(url: str, background: Background, planned: Plan, keyring: KeyRing) -> dict[str, float]:
    """Fill a migrated, empty store; seconds of each step."""
    rows = chain(county_people.tables(background, keyring), county_planted.tables(background, planned, keyring))
    return county_store.fill(url, regions(), rows)


def detect(kind: str, url: str, home: Path, folder: Path) -> dict[str, Any]:
    """The real command, with what it cost."""
    words = ["detect", kind, "--as-of", AS_OF.isoformat(), "--out", str(folder / f"{kind}.csv")]
    database = Database(url)
    server_before, own_before = cpu_s(database), time.process_time()
    done = children.lifecert(words, {"LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": url})
    of_server = cpu_s(database) - server_before - (time.process_time() - own_before)
    database.dispose()
    return {
        "wall_s": round(done.wall_s, 1),
        "cpu_s": round(done.cpu_s, 1),
        "server_cpu_s": round(of_server, 1),
        "peak_mb": done.peak_mb,
        "said": json.loads(done.stdout),
    }


def scores(url: str, planned: Plan) -> list[Score]:
    """What stands in the store beside the labels."""
    database = Database(url)
    with database.read_scope() as session:
        found = county_labels.found_in(session)
    database.dispose()
    return county_labels.score(planned, found)


def _there(url: str) -> int:
    database = Database(url)
    with database.read_scope() as session:
        count = session.scalar(select(func.count()).select_from(Person)) or 0
    database.dispose()
    return count


def run(options: argparse.Namespace, url: str, folder: Path) -> dict[str, Any]:
    """Make, detect, score."""
    background, planned = draw(options.persons, options.seed, options.months)
    say(f"{background.count} persons, {len(planned.cases)} of planted cases, {len(planned.labels)} labels")
    results: dict[str, Any] = {
        "persons": options.persons,
        "planted_cases": len(CASES),
        "planted_persons": len(planned.cases),
        "labels": len(planned.labels),
        "months": options.months,
        "as_of": AS_OF.isoformat(),
        "store": "sqlite" if url.startswith("sqlite") else "postgresql",
    }
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(url)
    if not _there(url):
        results["make_s"] = make(url, background, planned, FileKeyRing.open(home / "keys.json"))
    results["runs"] = {}
    for kind in options.kinds:
        say(f"detect {kind}")
        results["runs"][kind] = detect(kind, url, home, folder)
        say(json.dumps({name: value for name, value in results["runs"][kind].items() if name != "said"}))
    results["signals"] = [one.as_json() for one in scores(url, planned)]
    return results


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=12, help="how many months of payments, 12 to 24")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sqlite", action="store_true", help="a SQLite file in the folder in place of PostgreSQL")
    parser.add_argument("--folder", type=Path, help="where data goes; a temporary folder when not given")
    parser.add_argument("--keep", action="store_true", help="leave the data in the folder")
    options = parser.parse_args()
    if not 12 <= options.months <= 24 or options.persons < 1_000:
        parser.error("--months must be from 12 to 24, and --persons 1000 at least")
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-county-")))
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder / 'county.sqlite'}" if options.sqlite else stack.enter_context(server(folder))
        results = run(options, url, folder)
    print(json.dumps(results, indent=2, ensure_ascii=False))
    if options.folder and not options.keep:
        for name in ("postgres", "home"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for path in folder.glob("county.sqlite*"):
            path.unlink()


if __name__ == "__main__":
    main()
