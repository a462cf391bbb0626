"""The restore drill: how long a backup of a province's store takes, and how long until it serves again from an empty home.

    python -m benchmarks.restore --sqlite --persons 1000000 --folder FOLDER
    python -m benchmarks.restore --persons 1000000 --folder FOLDER                PostgreSQL of the embedded kind

Makes the store of ``benchmarks.province`` (or uses the one that is in the folder), runs the two commands as an operator would, and compares
the number of rows of every table. Times are wall and CPU seconds of the command with the tools it starts; the server's own are not in them.
"""

from __future__ import annotations

import argparse
import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from benchmarks import children
from benchmarks.province import server
from benchmarks.province_people import Province
from benchmarks.province_store import make, say
from models.database import Database
from models.keys import FileKeyRing
from models.person import Person
from models.repositories.persons import associated_data

DATABASE = "lifecert_restored"


def command(home: Path, url: str, *arguments: str) -> dict[str, Any]:
    """Run one command with JSON, with its times."""
    done = children.lifecert(arguments, {"LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": url})
    say(f"{arguments[0]}: {done.wall_s:.1f} s")
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"wall_s": round(done.wall_s, 1), "cpu_s": round(done.cpu_s, 1), "peak_mb": done.peak_mb}


def drill(url: str, empty: str, folder: Path) -> dict[str, Any]:
    """Backup, restore into the empty store, figures."""
    place, fresh = folder / "drill.lifecert-backup", folder / "restored"
    shutil.rmtree(fresh, ignore_errors=True)
    made = command(folder / "home", url, "backup", "--out", str(place), "--force")
    done = command(fresh, empty, "restore", str(place), "--keys", made["keys_file"])
    if done["tables"] != made["tables"]:
        raise SystemExit("the restored store has other numbers of rows")
    result = {"rows": made["rows"], "persons": made["tables"]["person"], "backup_mb": round(made["bytes"] / 1e6)}
    for name, each in (("backup", made), ("restore", done)):
        result |= {f"{name}_wall_s": each["wall_s"], f"{name}_cpu_s": each["cpu_s"]}
    return result | {"peak_rss_mb": max(made["peak_mb"], done["peak_mb"])}


def seal_one(url: str, ring: FileKeyRing) -> None:
    """Seal one value of the made-up store with its keys: a backup refuses keys that open nothing in the store."""
    database = Database(url)
    with database.session_scope() as session:
        person = session.scalars(select(Person).order_by(Person.id).limit(1)).one()
        person.resident_id_sealed = ring.seal(b"0", associated_data(person.public_id, "resident_id"))
    database.dispose()


def main() -> None:
    """Make, drill, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    folder: Path = options.folder
    (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
    province = Province(options.persons)
    with ExitStack() as stack:
        if options.sqlite:
            url, empty = f"sqlite:///{folder / 'province.sqlite'}", f"sqlite:///{folder / 'restored' / 'store.sqlite'}"
        else:
            url = stack.enter_context(server(folder))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
                connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
            empty = url.replace("/postgres?", f"/{DATABASE}?")
        ring = FileKeyRing.open(folder / "home" / "keys.json")
        make(url, province, folder / "home" / "keys.json")
        seal_one(url, ring)
        print(json.dumps(drill(url, empty, folder), indent=2))


if __name__ == "__main__":
    main()
