"""Running the migrations from an installed package, one process at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from models.database import Database, explain, make_engine
from models.errors import SchemaError

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number will do as long as nobody else takes the same one in this database.
ADVISORY_LOCK = 0x4C696665


# How long a statement of a migration may make others wait behind it, how often it tries, how much longer it waits after each try.
LOCK_TIMEOUT_S = 3
LOCK_TRIES = 10
LOCK_PAUSE_S = 1.0
LOCK_NOT_AVAILABLE = "55P03"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings without a file: the scripts are found beside this module."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    # read once a process: every command opens the store, and reading the migrations takes longer than finding nothing to do
    return ScriptDirectory.from_config(alembic_config())


def head_revision() -> str:
    """The revision that this code was written for."""
    head = _scripts().get_current_head()
    if head is None:  # a packaging fault
        raise SchemaError("the package holds no migrations: install it again")
    return head


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the tables up to ``revision`` in one transaction; a second process waits, and then finds nothing to do.

    Raises:
        DatabaseUnreachableError: the database does not answer.
        SchemaError: the tables are of a newer version of the code, or the migration leaves rows that refer to nothing.
    """

    def once() -> None:
        with _migrating(url) as connection:
            current = _refuse_newer(connection)
            if revision != "head" or current != head_revision():
                command.upgrade(alembic_config(connection), revision)
                _check_references(connection)

    patiently(once)


def patiently(migrate: Callable[[], None], wait: Callable[[float], None] = time.sleep) -> None:
    """Run a migration; where it waits too long for a table it gives up its place, so that whoever serves goes on, and tries again.

    While a statement waits for the lock of a table, every later reader waits behind it: so the wait is short and the tries are several.
    """
    for number in range(1, LOCK_TRIES + 1):
        try:
            return migrate()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or number == LOCK_TRIES:
                raise
            wait(number * LOCK_PAUSE_S)


def downgrade(url: str, revision: str) -> None:
    """Take the tables back to ``revision`` (``base``: no tables). Data of what goes away is lost."""
    with _migrating(url) as connection:
        _refuse_newer(connection)
        command.downgrade(alembic_config(connection), revision)
        _check_references(connection)


def current_revision(engine: Engine) -> str | None:
    """Revision of the tables as they are, None for an empty database."""
    try:
        with engine.connect() as connection:
            return _revision(connection)
    except OperationalError as error:
        raise explain(error, engine.url) or error from error


def check_schema(engine: Engine) -> None:
    """Return when the tables fit the code.

    Raises:
        SchemaError: they are older or newer; the message says which and what to do.
    """
    current = current_revision(engine)
    if current == head_revision():
        return
    if current is None or _is_known(current):
        raise SchemaError(
            f"the database is at revision {current or 'none'}, the code needs {head_revision()}: run the migrations (lifecert db upgrade)"
        )
    raise SchemaError(_newer(current))


def read_revision(database: Database) -> str | None:
    """Revision of the tables, without keeping a writer waiting, also of a store that takes no changes."""
    with database.read_scope() as session:
        return _revision(session.connection())


def is_known(revision: str) -> bool:
    """True for a revision that this code has, so that tables of it can be brought up to date."""
    return _is_known(revision)


@contextmanager
def _migrating(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        # Batch mode copies a table and drops the old one: with foreign keys on, that would delete the rows that refer to it. The
        # setting cannot be changed inside a transaction; so it is off for this engine and everything is checked before the commit.
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA foreign_keys = OFF"))
    try:
        # SQLite: the transaction begins by taking the write lock, so a second process waits right here.
        with engine.begin() as connection:
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
            yield connection
    except OperationalError as error:
        raise explain(error, engine.url) or error from error
    finally:
        engine.dispose()


def _check_references(connection: Connection) -> None:
    """After a migration of SQLite, whose foreign keys were off. It reads every table, so it is not for each start."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        names = sorted({row[0] for row in broken})
        raise SchemaError(f"the migration would leave {len(broken)} rows that refer to nothing in {names}: nothing was changed")


def _is_known(revision: str) -> bool:
    try:
        return _scripts().get_revision(revision) is not None
    except CommandError:
        return False


def _newer(current: str) -> str:
    return (
        f"the database is at revision {current}, which this code (revision {head_revision()}) does not know: "
        "it was migrated by a newer version. Run that version, or restore the backup taken before the upgrade"
    )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection) -> str | None:
    current = _revision(connection)
    if current is not None and not _is_known(current):
        raise SchemaError(_newer(current))
    return current
