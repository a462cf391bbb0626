"""One process at a time for work on the whole store. The lock is gone when its process is, also after kill -9."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from models.database import Database
from models.errors import Conflict, ConflictError


@contextmanager
def only_one(database: Database, work: str) -> Iterator[None]:
    """Hold the lock of this work while the block runs.

    PostgreSQL: an advisory lock of a session of its own, which the server lets go with the connection. SQLite: ``flock`` on a file beside
    the database, which the operating system lets go with the process; the file stays and means nothing by itself.

    Raises:
        ConflictError: RUN_IN_PROGRESS; another live process holds it.
    """
    if database.dialect == "postgresql":
        number = int.from_bytes(hashlib.sha256(f"lifecert {work}".encode()).digest()[:8], "big", signed=True)
        # AUTOCOMMIT: an open transaction over the whole run would keep the vacuum from its work
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}).scalar_one():
                raise _busy(work)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
        return
    store = Path(str(database.engine.url.database))
    descriptor = os.open(store.with_name(f"{store.name}-{work}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy(work) from error
        yield
    finally:
        os.close(descriptor)


def _busy(work: str) -> ConflictError:
    return ConflictError(Conflict.RUN_IN_PROGRESS, f"{work}: another process is at it; wait until it ends, then run the same command again")
