"""Audit entries in the form in which they are hashed, read the same from both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.audit_canonical import EntryRow, utc_text

_OF_ENTRY = {
    "postgresql": (
        "{e}.id, {e}.actor, {e}.action, {e}.person_id, {e}.object, {e}.reason, "
        "to_char({e}.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), {e}.details::text"
    ),
    # CAST: SQLite stores whatever kind of value somebody writes into a column
    "sqlite": (
        "{e}.id, CAST({e}.actor AS TEXT), CAST({e}.action AS TEXT), {e}.person_id, CAST({e}.object AS TEXT), CAST({e}.reason AS TEXT), "
        "CAST({e}.at AS TEXT), CAST({e}.details AS TEXT)"
    ),
}


def entry_columns(session: Session, alias: str) -> str:
    """SQL of the columns that ``entry_of`` takes."""
    return _OF_ENTRY[dialect_of(session)].format(e=alias)


def entry_of(values: Sequence[Any]) -> EntryRow:
    """The entry of one row of ``entry_columns``."""
    row = EntryRow._make(values)
    # PostgreSQL says it in the canonical form already
    return row if row.at is None or row.at.endswith("Z") else row._replace(at=_sqlite_moment(row.at))


def _sqlite_moment(stored: str) -> str:
    if len(stored) == 26 and stored[10] == " ":
        return f"{stored[:10]}T{stored[11:]}Z"
    try:
        return utc_text(datetime.fromisoformat(stored).replace(tzinfo=UTC))
    except ValueError:
        return stored  # not a time: somebody wrote it there


def dialect_of(session: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return str(session.get_bind().dialect.name)


def query(session: Session, sql: str, values: dict[str, Any]) -> list[Any]:
    """The rows of a statement whose parameters are ``:name``, as the driver gives them."""
    connection = session.connection()
    if dialect_of(session) == "sqlite":
        return list(connection.exec_driver_sql(sql, values).fetchall())
    for name in values:
        sql = sql.replace(f":{name} ", f"%({name})s ")
    return list(connection.exec_driver_sql(sql, values).fetchall())


@contextmanager
def any_text(session: Session) -> Iterator[None]:
    """Read text of SQLite that is not UTF-8, which somebody wrote there, instead of failing."""
    if dialect_of(session) != "sqlite":
        yield
        return
    driver: Any = session.connection().connection.driver_connection
    before = driver.text_factory
    driver.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
    try:
        yield
    finally:
        driver.text_factory = before
