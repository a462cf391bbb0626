"""The temporary tables that silent certification works on: of one transaction, one chunk of persons.

With them the planner of PostgreSQL knows how many rows there are, and every step reads only what the step before left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    CompoundSelect,
    CursorResult,
    Date,
    Integer,
    MetaData,
    Result,
    Select,
    String,
    Table,
    insert,
    text,
)
from sqlalchemy.orm import Session

# an INSERT ... SELECT of a session does not say how many rows it wrote unless it is asked
COUNT_ROWS = {"preserve_rowcount": True}

_scratch = MetaData()


def _temporary(name: str, *columns: Column[object]) -> Table:
    return Table(name, _scratch, *columns, prefixes=["TEMPORARY"])


# owner_id: the record that speaks for the person. person_id: the record that the row is of.
TRACES = _temporary(
    "silent_trace",
    Column("owner_id", BigInteger, nullable=False, index=True),
    Column("evidence_id", BigInteger, nullable=False),
    Column("trace", String(32), nullable=False),
    Column("source", String(100), nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("points", Integer, nullable=False),
)
MEMBERS = _temporary(
    "silent_member",
    Column("owner_id", BigInteger, nullable=False, index=True),
    Column("person_id", BigInteger, primary_key=True, autoincrement=False),
)
DEATHS = _temporary(
    "silent_death",
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("died_on", Date, nullable=False),
    Column("evidence_id", BigInteger, nullable=False),
)
OWNERS = _temporary("silent_owner", Column("owner_id", BigInteger, primary_key=True, autoincrement=False))
# bound: traces up to this day count for nothing any more
PEOPLE = _temporary(
    "silent_person",
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(32), nullable=False),
    Column("cycle_months", Integer, nullable=False),
    Column("bound", Date),
)
COUNTED = _temporary("silent_counted", *(Column(column.name, column.type, index=column.index) for column in TRACES.columns))
JUDGED = _temporary(
    "silent_judged",
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("points", Integer, nullable=False),
    Column("newest_on", Date, nullable=False),
    Column("newest_id", BigInteger, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("contradiction", String(40)),
    Column("contradicted_by", BigInteger),
)


@contextmanager
def scratch(session: Session) -> Iterator[None]:
    """The temporary tables, gone at the end of the block."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL work_mem = '64MB'"))
    _scratch.create_all(connection, checkfirst=False)
    yield
    _scratch.drop_all(connection, checkfirst=False)


def fill(session: Session, table: Table, query: Select[Any] | CompoundSelect[Any]) -> int:
    """Insert what the query finds; how many rows there are."""
    done = session.execute(insert(table).from_select([column.name for column in table.columns], query), execution_options=COUNT_ROWS)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {table.name}"))  # nobody else does it for a temporary table
    return row_count(done)


def row_count(done: Result[Any]) -> int:
    """How many rows a statement wrote that was executed with COUNT_ROWS."""
    return cast(CursorResult[Any], done).rowcount
