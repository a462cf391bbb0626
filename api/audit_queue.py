"""Audit entries of many requests in one transaction: no answer leaves before its entry is committed, and commits do not queue up.

While one transaction is being written, the entries of all who come gather in the next one; whoever came first writes them for all, and
wakes the others together. A statement and a commit cost several times what one more entry in it costs, so whoever writes waits some
milliseconds for requests that have said that they are coming. Where nobody is on the way, nobody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from flask import current_app

from api.problems import RETRY_SOON_S, Problem
from models.database import Database
from models.errors import DatabaseUnreachableError
from models.kept_connections import KeptConnections
from models.repositories import audit_batch
from models.repositories.audit_batch import Entry

View = Callable[..., Any]

KEY = "lifecert_audit_queue"
GATHER_S = 0.005
"""The longest that an entry waits for those of others."""


class _Batch:
    __slots__ = ("done", "entries", "error")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.error: Exception | None = DatabaseUnreachableError("whoever wrote the audit entries was stopped before they were committed")
        self.done = threading.Event()


class AuditQueue:
    """Writes entries in groups. Thread-safe; one an application."""

    def __init__(self, database: Database) -> None:
        self._dialect = database.dialect
        self._connections = KeptConnections(database, read_only=False)
        self._gathering = threading.Condition(threading.Lock())
        self._turn = threading.Lock()
        self._next = _Batch()
        self._coming = 0
        self._of_thread = threading.local()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Around the work of a request that will write in this thread, most likely: others may wait for it a little."""
        with self._gathering:
            self._coming += 1
        self._of_thread.coming = True
        try:
            yield
        finally:
            with self._gathering:
                self._arrived()

    def write(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are committed. Raises the error that kept them out; then none of them is in the store."""
        if not entries:
            return
        with self._gathering:
            batch = self._next
            first = not batch.entries
            batch.entries.extend(entries)
            self._arrived()
        if first:
            with self._turn:
                self._write(batch)
        else:
            batch.done.wait()
        if batch.error is not None:
            raise batch.error

    def _arrived(self) -> None:
        if getattr(self._of_thread, "coming", False):
            self._of_thread.coming = False
            self._coming -= 1
            if not self._coming:
                self._gathering.notify()  # one at most waits: who has the turn

    def _write(self, batch: _Batch) -> None:
        try:
            self._close()
            self._connections.run(lambda connection: audit_batch.insert(connection, batch.entries, dialect=self._dialect))
            batch.error = None
        except Exception as error:
            batch.error = error
        finally:
            batch.done.set()

    def _close(self) -> None:
        """Wait a little for who is coming; whoever comes after that is in the next batch."""
        with self._gathering:
            try:
                self._gathering.wait_for(lambda: not self._coming, GATHER_S)
            finally:
                self._next = _Batch()


def audit_queue() -> AuditQueue:
    """That of the running application."""
    found: AuditQueue = current_app.extensions[KEY]
    return found


def not_recorded() -> Problem:
    """What a caller is told when the look at a person could not be recorded: then nothing is shown."""
    return Problem("unavailable", "The store does not take the audit entry: try again.", headers={"Retry-After": str(RETRY_SOON_S)})


def announced(view: View) -> View:
    """Of a view that writes an entry towards its end: while it works, entries of others wait for it a little."""

    @wraps(view)
    def coming(**arguments: Any) -> Any:
        with audit_queue().coming():
            return view(**arguments)

    return coming
