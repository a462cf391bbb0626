"""Audit entries of many requests in one transaction: no answer leaves before its entry is committed, and commits do not queue up.

While one transaction is being written, the entries of all who come gather in the next one; whoever came first writes them for all, and
wakes the others together. So a busy worker commits as often as its disk allows, not once a request, and an idle one commits at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from flask import current_app

from api.problems import RETRY_SOON_S, Problem
from models.database import Database
from models.errors import DatabaseUnreachableError
from models.kept_connections import KeptConnections
from models.repositories import audit_batch
from models.repositories.audit_batch import Entry

KEY = "lifecert_audit_queue"


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
        self._gathering = threading.Lock()
        self._turn = threading.Lock()
        self._next = _Batch()

    def write(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are committed. Raises the error that kept them out; then none of them is in the store."""
        if not entries:
            return
        with self._gathering:
            batch = self._next
            first = not batch.entries
            batch.entries.extend(entries)
        if first:
            with self._turn:
                self._write(batch)
        else:
            batch.done.wait()
        if batch.error is not None:
            raise batch.error

    def _write(self, batch: _Batch) -> None:
        with self._gathering:
            self._next = _Batch()
        try:
            self._connections.run(lambda connection: audit_batch.insert(connection, batch.entries, dialect=self._dialect))
            batch.error = None
        except Exception as error:
            batch.error = error
        finally:
            batch.done.set()


def audit_queue() -> AuditQueue:
    """That of the running application."""
    found: AuditQueue = current_app.extensions[KEY]
    return found


def not_recorded() -> Problem:
    """What a caller is told when the look at a person could not be recorded: then nothing is shown."""
    return Problem("unavailable", "The store does not take the audit entry: try again.", headers={"Retry-After": str(RETRY_SOON_S)})
