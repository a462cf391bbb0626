"""Engines and sessions for SQLite (WAL) and PostgreSQL (psycopg 3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from models import tables  # noqa: F401 - a session needs every mapper
from models.errors import DatabaseUnreachableError

# How long a SQLite writer waits for the one before it. Writers are short (no picture is decoded inside a transaction).
BUSY_TIMEOUT_MS = 15_000

CONNECT_TIMEOUT_S = 10

# A checkpoint syncs the disk inside whichever transaction comes at its time: at SQLite's own 1,000 pages, every thirtieth frame of a
# verification waited for it, up to half a second. Database.checkpoint does it beside the work; this is for when nobody calls that.
AUTOCHECKPOINT_PAGES = 16_000  # 64 MB

READ_ONLY = "lifecert_read_only"


def parse_url(url: str) -> URL:
    """The URL with its driver: ``sqlite:///path`` or ``postgresql://...`` (psycopg 3).

    Raises:
        DatabaseUnreachableError: not a URL, another kind of database, or SQLite in memory (each connection would have its own).
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnreachableError(
            "the database URL cannot be read: give sqlite:///path/to/file.sqlite or postgresql://user:password@host/database"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseUnreachableError(f"the database URL names {backend!r}: only sqlite and postgresql are supported")
    if not parsed.database or parsed.database == ":memory:":
        raise DatabaseUnreachableError("SQLite in memory cannot be shared between workers: give a file, sqlite:///path/to/file.sqlite")
    return parsed


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """Engine for the URL; connects to nothing yet, but makes the folder of a SQLite file.

    pool_size: PostgreSQL connections kept a process; as many again may be opened for a moment.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        folder = Path(str(parsed.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreachableError(f"the folder of the database file cannot be made ({error.strerror}): {folder}") from error
        engine = create_engine(parsed, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "checkin", _writable_again)
        return engine
    # An error shows no values (hide_parameters, _without_details): names and numbers must not get into logs.
    engine = create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )
    event.listen(engine, "handle_error", _without_details)
    event.listen(engine, "checkout", _as_the_server_says)
    return engine


def _as_the_server_says(connection: psycopg.Connection, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    # A connection that read before comes back as one that says READ WRITE at each BEGIN: that would write although the server's
    # default_transaction_read_only forbids it, and on a standby fail with an error of another kind. With None the server decides.
    connection.read_only = None


def _without_details(context: ExceptionContext) -> None:
    # PostgreSQL adds "DETAIL: Failing row contains (...)" to what it says: the whole row, names included.
    original = context.original_exception
    state = getattr(original, "sqlstate", None)
    if state is None or not state.startswith("23") or not original.args:
        return
    first_line = str(original).splitlines()[0]
    original.args = (first_line,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__module__}.{type(original).__name__}) {first_line}",)


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    # isolation_level None stops the driver from emitting BEGIN at a time of its own choice; _begin_sqlite does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once, without waiting, when another writer came between. So
    # a transaction that may write takes the write lock at its start; readers never wait in WAL mode.
    if connection.get_execution_options().get(READ_ONLY):
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _writable_again(connection: sqlite3.Connection | None, _record: ConnectionPoolEntry) -> None:
    if connection is not None:
        connection.execute("PRAGMA query_only = OFF")


class Database:
    """One database: writing and reading sessions over one pool. Thread-safe; one a process."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = url
        self.engine = make_engine(url, pool_size=pool_size)
        # postgresql_readonly has to be set before the transaction starts, as an engine option does.
        self._read_engine = self.engine.execution_options(**{READ_ONLY: True, "postgresql_readonly": True})
        self.sessions: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)
        self._read_sessions: sessionmaker[Session] = sessionmaker(self._read_engine, expire_on_commit=False)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def session_scope(self) -> Iterator[Session]:
        """Session of one writing transaction: committed at the end, rolled back on an error.

        Raises:
            DatabaseUnreachableError: no connection could be had.
        """
        with _readable_errors(self.engine), self.sessions.begin() as session:
            yield session

    @contextmanager
    def read_scope(self) -> Iterator[Session]:
        """Session of one transaction that the database itself keeps from writing; waits for no writer."""
        with _readable_errors(self.engine, writing=False), self._read_sessions.begin() as session:
            yield session

    @contextmanager
    def same_snapshot(self, connections: int) -> Iterator[list[Connection]]:
        """Connections whose transactions only read and all see the store of one moment. For threads, one connection each.

        PostgreSQL: the first one exports its snapshot. SQLite: no writer gets in while they begin.

        Raises:
            DatabaseUnreachableError: no connection could be had, or the write lock of SQLite was held for too long.
        """
        with _readable_errors(self.engine), ExitStack() as stack:
            if self.dialect == "sqlite":
                # a thread of its own works with each of them later
                opened = [stack.enter_context(self._read_engine.connect()) for _ in range(connections)]
                with self.engine.begin():  # BEGIN IMMEDIATE
                    for connection in opened:
                        connection.execute(text("SELECT 1 FROM sqlite_schema LIMIT 1")).all()
            else:
                engine = self._read_engine.execution_options(isolation_level="REPEATABLE READ")
                opened = [stack.enter_context(engine.connect()) for _ in range(connections)]
                snapshot = opened[0].execute(text("SELECT pg_export_snapshot()")).scalar_one()
                for connection in opened[1:]:
                    connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield opened

    def ping(self) -> None:
        """Return when the database answers. Raises DatabaseUnreachableError."""
        with self.read_scope() as session:
            session.execute(text("SELECT 1"))

    def checkpoint(self) -> None:
        """Bring SQLite's log into the database file without making anybody wait; nothing to do on PostgreSQL."""
        if self.dialect == "sqlite":
            connection = self.engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _readable_errors(engine: Engine, *, writing: bool = True) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if not writing and "readonly database" in str(error.orig):
            raise  # a write in a reading session: a fault of the code, not of the file
        raise explain(error, engine.url) or error from error


def explain(error: DBAPIError, url: URL) -> DatabaseUnreachableError | None:
    """What a failed connection means and what to do about it; None when the error is of another kind."""
    where = url.render_as_string(hide_password=True)
    detail = str(error.orig).strip().splitlines()[0] if error.orig and str(error.orig).strip() else type(error).__name__
    if url.get_backend_name() == "sqlite":
        if "unable to open" in detail or "readonly database" in detail or "disk" in detail:
            return DatabaseUnreachableError(f"the database file cannot be used ({detail}): check that {where} is writable by this user")
        if "database is locked" in detail:
            return DatabaseUnreachableError(
                f"another process has held the write lock of {where} for over {BUSY_TIMEOUT_MS // 1000} s: "
                "end that process, or use PostgreSQL for many writers"
            )
        return None
    connected = getattr(error, "connection_invalidated", False)
    sqlstate = getattr(error.orig, "sqlstate", None)
    # 08 connection, 57P server going away, 3D000 no such database, 28 wrong user or password; no state: never connected.
    if connected or sqlstate is None or sqlstate[:2] in {"08", "28"} or sqlstate[:3] == "57P" or sqlstate == "3D000":
        return DatabaseUnreachableError(f"the database {where} does not answer ({detail}): check that it runs and that the URL is right")
    return None
