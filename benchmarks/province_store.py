"""Filling a store with the made-up province: COPY into PostgreSQL with two processes, INSERT into SQLite; indexes are made afterwards."""

from __future__ import annotations

import io
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql
from sqlalchemy import make_url

from benchmarks import province_people as people
from benchmarks.province_people import Province
from models.database import Database
from models.keys import FileKeyRing
from models.person import Person
from models.repositories.persons import associated_data
from models.schema import upgrade

INDEX_PURPOSE = "blind index of resident IDs"
BIG_TABLES = ("person", "benefit", "life_evidence")
PROCESSES = 2
Job = tuple[str, int, int, int]  # table, wave, first, end

# Few against the rest, made by the database. Of an alert of another rule, a case, a correction, a past merger.
FEW = (
    "INSERT INTO alert (public_id, code, key, severity, state, person_id, region_code, priority, details, opened_by, opened_at) "
    "SELECT 'benchmark-' || id, 'P3', 'P3:' || id, 'warning', 'open', id, region_code, 0, '{}', 'benchmark', '2026-03-14 16:00:00' "
    "FROM person WHERE id % 1000 = 500",
    "INSERT INTO person_merge (kept_id, merged_id, reason, merged_by, merged_at) "
    "SELECT merged_into_id, id, 'benchmark', 'benchmark', '2026-03-14 16:00:00' FROM person WHERE merged_into_id IS NOT NULL",
    "INSERT INTO life_evidence (person_id, kind, occurred_on, strength, source, recorded_by, recorded_at, corrects_id) "
    "SELECT person_id, kind, occurred_on, 'void', 'benchmark', 'benchmark', '2026-03-14 16:00:00', id "
    "FROM life_evidence WHERE id % 1000 = 7",
)


def say(message: str) -> None:
    """A line of progress on stderr."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def jobs(province: Province) -> list[Job]:
    """Parts in which the rows are made, the ledger last."""
    todo = [("person", 0, first, end) for first, end in province.parts()]
    todo += [("benefit", 0, first, end) for first, end in province.parts()]
    return todo + [("life_evidence", wave, first, end) for wave in range(len(people.WAVES)) for first, end in province.parts()]


def table_of(province: Province, key: bytes, job: Job) -> pa.Table:
    """The rows of one part."""
    table, wave, first, end = job
    if table == "person":
        return people.persons(province, key, first, end)
    if table == "benefit":
        return people.benefits(province, first, end)
    return people.evidence(province, wave, first, end)


def make(url: str, province: Province, keys: Path) -> dict[str, float]:
    """Migrate the store and fill it; seconds of each step. keys: the key file that the resident IDs are found with, made when missing.

    Raises SystemExit when the store has persons already, of another number.
    """
    upgrade(url)
    keyring = FileKeyRing.open(keys)
    fill = _fill_postgresql if make_url(url).get_backend_name() == "postgresql" else _fill_sqlite
    steps = fill(url, province, keyring.derive(INDEX_PURPOSE))
    _seal_edges(url, province, keyring)
    return steps


def _seal_edges(url: str, province: Province, keyring: FileKeyRing) -> None:
    """The first and the last person are sealed for true: the service tries them at its start."""
    database = Database(url)
    with database.session_scope() as session:
        for number in (1, province.persons):
            person = session.get_one(Person, number)
            person.resident_id_sealed = keyring.seal(
                people.resident_id(number).encode("ascii"), associated_data(person.public_id, "resident_id")
            )
    database.dispose()


def timed(steps: dict[str, float], name: str, work: Callable[[], object]) -> None:
    """Do the work, and write down its seconds."""
    began = time.monotonic()
    work()
    steps[name] = round(time.monotonic() - began, 1)
    say(f"{name}: {steps[name]} s")


def _there(count: int, province: Province) -> bool:
    if count and count != province.persons:
        raise SystemExit(f"the store holds {count} persons already, not {province.persons}: give another database or folder")
    return count > 0


# PostgreSQL ------------------------------------------------------------------------------------------------------------------


def plain(url: str) -> str:
    """The URL as psycopg reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _fill_postgresql(url: str, province: Province, key: bytes) -> dict[str, float]:
    steps: dict[str, float] = {}
    with psycopg.connect(plain(url), autocommit=True) as connection:
        if _there(connection.execute("SELECT count(*) FROM person").fetchone()[0], province):  # type: ignore[index]
            return steps
        connection.execute("SET session_replication_role = replica")
        _insert_regions(
            lambda rows: connection.cursor().executemany(
                "INSERT INTO region (code, name, level, parent_code) VALUES (%s, %s, %s, %s)", rows
            ),
            province,
        )
        with without_indexes(connection, BIG_TABLES, steps):
            timed(steps, "copy", lambda: _copy_all(url, province, key))
        for table in BIG_TABLES:
            connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))").format(table, sql.Identifier(table))
            )
        for statement in FEW:
            connection.execute(statement)
        timed(steps, "vacuum analyze", lambda: connection.execute("VACUUM ANALYZE"))
        connection.execute("CHECKPOINT")
    return steps


def _copy_all(url: str, province: Province, key: bytes) -> None:
    todo = jobs(province)
    with ProcessPoolExecutor(PROCESSES) as pool:
        rows = 0
        for done, made in enumerate(pool.map(_copy, *zip(*((plain(url), province, key, job) for job in todo), strict=True)), start=1):
            rows += made
            if done % 50 == 0 or done == len(todo):
                say(f"copied {rows} rows, part {done} of {len(todo)}")


def _copy(url: str, province: Province, key: bytes, job: Job) -> int:
    table = table_of(province, key, job)
    data = io.BytesIO()
    pa_csv.write_csv(table, data, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
    columns = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # triggers and foreign keys: the rows are right by construction
        cursor.execute("SET LOCAL timezone = 'UTC'")
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(job[0]), columns)) as copy:
            copy.write(data.getbuffer())
    return int(table.num_rows)


@contextmanager
def without_indexes(connection: psycopg.Connection, tables: Sequence[str], steps: dict[str, float]) -> Iterator[None]:
    """Drop the secondary indexes and unique constraints of these tables, and make the same ones again at the end."""
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'u' AND conrelid::regclass::text = ANY(%s)",
        [list(tables)],
    ).fetchall()
    for table, name, _ in constraints:
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name)))
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT LIKE 'pk\\_%%'", [list(tables)]
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")

    def again() -> None:
        for _, definition in indexes:
            connection.execute(definition)
        for table, name, definition in constraints:
            connection.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}')

    timed(steps, "indexes", again)


def _insert_regions(insert: Callable[[list[tuple[str, str, str, str | None]]], object], province: Province) -> None:
    insert([(code, f"region {code}", level, parent) for code, level, parent in province.region_codes()])


# SQLite ----------------------------------------------------------------------------------------------------------------------


def _fill_sqlite(url: str, province: Province, key: bytes) -> dict[str, float]:
    steps: dict[str, float] = {}
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    try:
        if _there(connection.execute("SELECT count(*) FROM person").fetchone()[0], province):
            return steps
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        timed(steps, "insert", lambda: _insert_all(connection, province, key))
        connection.execute("BEGIN")
        for statement in FEW:
            connection.execute(statement.replace("16:00:00'", "16:00:00.000000'"))
        connection.execute("DELETE FROM status_touch")
        connection.execute("COMMIT")
        timed(steps, "analyze", lambda: connection.execute("ANALYZE"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return steps


def _insert_all(connection: sqlite3.Connection, province: Province, key: bytes) -> None:
    connection.execute("BEGIN")
    _insert_regions(
        lambda rows: connection.executemany("INSERT INTO region (code, name, level, parent_code) VALUES (?, ?, ?, ?)", rows), province
    )
    dropped = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN (?, ?, ?) AND type IN ('index', 'trigger')", BIG_TABLES
    ).fetchall()
    for name, definition in dropped:
        connection.execute(f'DROP {definition.split()[1].replace("UNIQUE", "INDEX")} "{name}"')
    for job in jobs(province):
        table = table_of(province, key, job)
        columns = [_for_sqlite(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
        marks = ", ".join("?" * len(columns))
        names = ", ".join(table.column_names)
        connection.executemany(f"INSERT INTO {job[0]} ({names}) VALUES ({marks})", zip(*columns, strict=True))  # noqa: S608 - names of tables
    for _, definition in dropped:
        connection.execute(definition)
    connection.execute("COMMIT")


def _for_sqlite(name: str, column: pa.ChunkedArray) -> list[object]:
    if pa.types.is_date32(column.type):
        return [None if day is None else day.isoformat() for day in column.to_pylist()]
    values: list[object] = column.to_pylist()
    if name in {"resident_id_index", "resident_id_sealed"}:
        return [bytes.fromhex(str(value)[2:]) for value in values]
    return values
