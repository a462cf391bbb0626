"""Sealing 1,000,000 templates again while serving: rows a second, and p99 of status reads and of opened templates, before and during.

    python -m benchmarks.rotation --persons 1000000                PostgreSQL of the embedded kind, in a temporary folder
    python -m benchmarks.rotation --persons 100000 --sqlite

Each person has a sealed number and one template as the service stores it: 512 values of four bytes, nonce and tag. A gunicorn of two
workers answers status reads at a steady pace; templates are opened at a steady pace as a verification opens them. The rotation is the
command that an operator runs.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Table, insert, text

from benchmarks import children
from benchmarks.province import server
from benchmarks.province_people import resident_id
from benchmarks.province_store import INDEX_PURPOSE, plain, say
from benchmarks.status_doors import gunicorn, token_of
from models.database import Database
from models.face import FaceReference, ReferenceSource
from models.keys import FileKeyRing
from models.person import Person
from models.region import Region, RegionLevel
from models.repositories import references
from models.repositories.persons import associated_data
from models.schema import upgrade
from models.templates import STORED_DTYPE, template_data
from models.types import SealedValue

ENGINE, VERSION, VALUES = "onnx", "benchmark", 512
PART = 5_000
READS_A_S, TEMPLATES_A_S, READERS = 10, 20, 4
"""Of each reader of statuses; of the one that opens templates; how many readers."""
BEFORE_S = 30.0
REGION = "429801"
NOW = datetime(2026, 3, 15, tzinfo=UTC)


def public_id(number: int) -> str:
    """Of the person with this number."""
    return f"benchmark-{number:012d}"


def rows(ring: FileKeyRing, first: int, end: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Persons and their references."""
    key = ring.derive(INDEX_PURPOSE)
    draw = np.random.default_rng(first)
    persons, faces = [], []
    for number in range(first, end):
        given, own = resident_id(number), public_id(number)
        vector = draw.standard_normal(VALUES).astype(STORED_DTYPE)
        persons.append(
            {
                "id": number,
                "public_id": own,
                "resident_id_index": hmac.digest(key, given.encode("ascii"), hashlib.sha256),
                "resident_id_sealed": ring.seal(given.encode("ascii"), associated_data(own, "resident_id")),
                "resident_id_masked": f"{given[:2]}************{given[-4:]}",
                "name": f"某{number % 1000}",
                "birth_date": date(1950, 1, 1),
                "sex": "male",
                "region_code": REGION,
                "created_at": NOW,
                "updated_at": NOW,
            }
        )
        sealed = ring.seal(vector.tobytes(), template_data(own, ENGINE, VERSION, VALUES))
        faces.append(
            {
                "id": number,
                "public_id": own,
                "person_id": number,
                "engine_name": ENGINE,
                "engine_version": VERSION,
                "key_id": sealed.key_id,
                "template": sealed,
                "source": ReferenceSource.COUNTER.value,
                "quality": {"overall": 80},
                "enrolled_by": "benchmark",
                "enrolled_at": NOW,
            }
        )
    return persons, faces


def fill(database: Database, ring: FileKeyRing, persons: int) -> None:
    """Regions, persons, references: COPY on PostgreSQL."""
    with database.session_scope() as session:
        session.add(Region(code="420000", name="某省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code=REGION, name="样板县", level=RegionLevel.COUNTY, parent_code="420000"))
    for first in range(1, persons + 1, PART):
        people, faces = rows(ring, first, min(first + PART, persons + 1))
        if database.dialect == "sqlite":
            with database.session_scope() as session:
                session.connection().execute(insert(Person), people)
                session.connection().execute(insert(FaceReference), faces)
            continue
        with psycopg.connect(plain(database.url)) as connection:
            _copy(connection, _table(Person), people)
            _copy(connection, _table(FaceReference), faces)
        if first % (PART * 20) == 1:
            say(f"{first - 1 + len(people)} persons")
    if database.dialect == "postgresql":
        with psycopg.connect(plain(database.url), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _table(mapped: Any) -> Table:
    table: Table = mapped.__table__
    return table


def _copy(connection: psycopg.Connection[Any], table: Table, lines: list[dict[str, Any]]) -> None:
    names = list(lines[0])
    kind = SealedValue()
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for line in lines:
            values = []
            for name in names:
                value = line[name]
                if isinstance(table.c[name].type, SealedValue):
                    value = kind.process_bind_param(value, None)  # type: ignore[arg-type]
                values.append(json.dumps(value) if isinstance(value, dict) else value)
            copy.write_row(values)


@contextmanager
def paced(work: Callable[[random.Random], None], a_second: float, number: int) -> Iterator[list[float]]:
    """Do the work in a thread of its own at a steady pace; milliseconds of each, from when it was due. An error ends the benchmark."""
    times: list[float] = []
    stop, failed = threading.Event(), []

    def run() -> None:
        draw, due = random.Random(number), time.perf_counter()
        try:
            while not stop.is_set():
                work(draw)
                times.append((time.perf_counter() - due) * 1000)
                due = max(due + 1 / a_second, time.perf_counter() - 1)
                stop.wait(max(0.0, due - time.perf_counter()))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join(60)
    if failed:
        raise SystemExit(f"a read failed: {failed[0]!r}")


def wait_until_alive(port: int) -> None:
    """Return when a worker answers; starting takes long on a busy machine."""
    deadline = time.monotonic() + 300
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("the service did not start") from None


def reader(port: int, token: str, persons: int) -> Callable[[random.Random], None]:
    """One status read over a connection that stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def read(draw: random.Random) -> None:
        number = draw.randint(1, persons)
        while resident_id(number)[14:17] == "000":
            number = draw.randint(1, persons)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/statuses/lookup", json.dumps({"resident_id": resident_id(number)}), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{answer.status} {body[:200]!r}")

    return read


def opener(database: Database, ring: FileKeyRing, persons: int) -> Callable[[random.Random], None]:
    """One template, read and opened as a verification does."""

    def read(draw: random.Random) -> None:
        number = draw.randint(1, persons)
        with database.read_scope() as session:
            row = references.active(session, number, ENGINE, VERSION)
            if row is None or row.template is None:
                raise RuntimeError(f"the template of {number} is gone")
            ring.unseal(row.template, template_data(public_id(number), ENGINE, VERSION, VALUES))

    return read


def summary(times: list[float]) -> dict[str, Any]:
    """Number and percentiles in ms."""
    ordered = sorted(times)
    return {"calls": len(ordered)} | {
        f"p{share}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 1) for share in (50, 95, 99)
    }


def serve(port: int, token: str, database: Database, ring: FileKeyRing, persons: int, during: Callable[[], None]) -> dict[str, Any]:
    """What readers see while ``during`` runs."""
    with ExitStack() as stack:
        lists = [stack.enter_context(paced(reader(port, token, persons), READS_A_S, number)) for number in range(READERS)]
        opened = stack.enter_context(paced(opener(database, ring, persons), TEMPLATES_A_S, READERS))
        during()
    return {"status_reads": summary([each for times in lists for each in times]), "templates": summary(opened)}


def command(environment: dict[str, str], *words: str) -> dict[str, Any]:
    """One command with JSON, with its times."""
    done = children.run([sys.executable, "-m", "api.cli", "keys", *words, "--json"], environment)
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"wall_s": round(done.wall_s, 1), "cpu_s": round(done.cpu_s, 1)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fill, measure before, measure during, check."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-rotation-", dir=options.folder)))
        (folder / "home").mkdir(mode=0o700)
        url = f"sqlite:///{folder / 'store.sqlite'}" if options.sqlite else stack.enter_context(server(folder))
        upgrade(url)
        database = Database(url)
        stack.callback(database.dispose)
        ring = FileKeyRing.open(folder / "home" / "keys.json")
        fill(database, ring, options.persons)
        say("filled")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
        environment = kept | {"LIFECERT_DATABASE_URL": url, "LIFECERT_HOME": str(folder / "home"), "LIFECERT_ENGINE": "scripted"}
        environment |= {"LIFECERT_LOG_LEVEL": "WARNING", "LIFECERT_ENVIRONMENT": "test"}
        token = token_of(database, ring)
        port, _ = stack.enter_context(gunicorn("api.app:create_wsgi()", environment, 8))
        done: dict[str, Any] = {}
        wait_until_alive(port)
        serve(port, token, database, ring, options.persons, lambda: time.sleep(3))  # warms up
        before = serve(port, token, database, ring, options.persons, lambda: time.sleep(BEFORE_S))
        say("measured before")
        words = ["--rate", str(options.rate)] if options.rate else []
        command(environment, "rotate")
        during = serve(port, token, database, ring, options.persons, lambda: done.update(command(environment, "reseal", *words)))
        with database.read_scope() as session:
            left = session.scalar(text("SELECT count(*) FROM face_reference WHERE key_id = 'k1'"))
        return {
            "dialect": database.dialect,
            "persons": options.persons,
            "resealed_rows": done["resealed"],
            "rows_a_second": round(done["resealed"] / done["wall_s"]),
            "wall_s": done["wall_s"],
            "cpu_s_of_the_command": done["cpu_s"],
            "load_of_the_machine": os.getloadavg()[0],
            "templates_of_the_old_key_left": left,
            "before": before,
            "during": during,
        }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rate", type=int, help="rows a second at most")
    parser.add_argument("--folder", type=Path, help="where the temporary folder goes")
    print(json.dumps(run(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
