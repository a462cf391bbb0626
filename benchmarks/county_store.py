"""Filling a store with rows of Arrow tables: COPY into PostgreSQL, INSERT into SQLite; no triggers, indexes are made afterwards."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterable

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.province_store import plain, timed, without_indexes

TABLES = ("person", "enrolment", "benefit", "payment", "life_evidence", "person_relation", "grant_payment")
Region = tuple[str, str, str, str | None]


def fill(url: str, regions: list[Region], rows: Iterable[tuple[str, pa.Table]]) -> dict[str, float]:
    """Bring regions and rows into a migrated store that is empty; seconds of each step. The rows are right by construction."""
    steps: dict[str, float] = {}
    work = _fill_postgresql if make_url(url).get_backend_name() == "postgresql" else _fill_sqlite
    work(url, regions, rows, steps)
    return steps


def _fill_postgresql(url: str, regions: list[Region], rows: Iterable[tuple[str, pa.Table]], steps: dict[str, float]) -> None:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        connection.cursor().executemany("INSERT INTO region (code, name, level, parent_code) VALUES (%s, %s, %s, %s)", regions)
        with without_indexes(connection, TABLES, steps):
            timed(steps, "copy", lambda: _copy_all(connection, rows))
        for name in TABLES:
            connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), greatest(1, (SELECT max(id) FROM {})))").format(
                    name, sql.Identifier(name)
                )
            )
        for name in (*TABLES, "region"):
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(name)))


def _copy_all(connection: psycopg.Connection, rows: Iterable[tuple[str, pa.Table]]) -> None:
    for name, table in rows:
        _copy(connection, name, table)


def _copy(connection: psycopg.Connection, name: str, table: pa.Table) -> None:
    for place, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):
            texts = [None if value is None else "\\x" + value.hex() for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    data = io.BytesIO()
    pa_csv.write_csv(table, data, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
    columns = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(name), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(data.getbuffer())


def _fill_sqlite(url: str, regions: list[Region], rows: Iterable[tuple[str, pa.Table]], steps: dict[str, float]) -> None:
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    marks = ", ".join("?" * len(TABLES))
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO region (code, name, level, parent_code) VALUES (?, ?, ?, ?)", regions)
        dropped = connection.execute(
            "SELECT type, name, sql FROM sqlite_master "  # noqa: S608 - marks only
            f"WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND tbl_name IN ({marks})",
            TABLES,
        ).fetchall()
        for kind, name, _ in dropped:
            connection.execute(f'DROP {kind} "{name}"')
        timed(steps, "insert", lambda: _insert_all(connection, rows))
        for _, _, definition in dropped:
            connection.execute(definition)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _insert_all(connection: sqlite3.Connection, rows: Iterable[tuple[str, pa.Table]]) -> None:
    for name, table in rows:
        _insert(connection, name, table)


def _insert(connection: sqlite3.Connection, name: str, table: pa.Table) -> None:
    columns = [column.to_pylist() for column in table.columns]
    names, marks = ", ".join(table.column_names), ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {name} ({names}) VALUES ({marks})", zip(*columns, strict=True))  # noqa: S608 - names of tables
