"""The audit journal of this process: entries of status reads go into it before the answer leaves, and from it into the store.

Beside the requests of a server a thread brings what is new to the disk and into the store; it sleeps while nobody is looked at. Elsewhere,
and after a process was killed, ``take_in`` does: the sealing calls it in every round, and whoever reads the audit calls it first.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from api.log import logger
from models.audit_journal import AuditJournal, Entry
from models.errors import ModelsError
from models.repositories import audit_journal

if TYPE_CHECKING:
    from pathlib import Path

    from api.context import Context

KEY = "lifecert_audit_journal"
FOLDER = "audit-journal"
SYNC_EVERY_S = 0.05
"""What the machine may lose of the journal where its power fails; the end of a process loses nothing."""
TAKE_IN_EVERY_S = 3.0
"""Rarely: entries that come in by the thousand cost the store less each than those that come in by the hundred."""
END_WITHIN_S = 10.0

log = logger("lifecert.audit")


class Journal:
    """Writes entries for one application. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._file = AuditJournal(folder_of(context))
        self._beside = False
        self._new = threading.Event()
        self._starting = threading.Lock()
        self._process = 0
        self._over = False
        self._thread: threading.Thread

    def work_beside(self) -> None:
        """From the first entry on, let a thread of this process bring entries to the disk and into the store."""
        self._beside = True
        atexit.register(self.end)

    def write(self, entries: Sequence[Entry]) -> None:
        """Return when the entries are in the journal. Raises OSError: then nobody may be shown what they tell of."""
        if not entries:
            return
        self._file.append(entries)
        if self._beside:
            if self._process != os.getpid():
                self._start()
            if not self._new.is_set():
                self._new.set()

    def _start(self) -> None:
        with self._starting:
            if self._process != os.getpid():
                self._thread = threading.Thread(target=self._keep, name="audit-journal", daemon=True)
                self._thread.start()
                self._process = os.getpid()

    def _keep(self) -> None:
        taken_at, waiting = time.monotonic(), False
        while not self._over:
            self._new.wait(max(0.0, taken_at + TAKE_IN_EVERY_S - time.monotonic()) if waiting else None)
            if self._new.is_set():
                waiting = True
                self._new.clear()
                time.sleep(SYNC_EVERY_S)
                self._sync()
            if time.monotonic() - taken_at >= TAKE_IN_EVERY_S:
                waiting = not take_in(self._context, of=self._file.path)
                taken_at = time.monotonic()

    def _sync(self) -> None:
        try:
            self._file.sync()
        except OSError as error:
            log.error("audit_journal_not_synced", why=type(error).__name__, errno=error.errno)

    def end(self) -> None:
        """Bring in what is left, and let the thread go."""
        self._beside = False
        atexit.unregister(self.end)
        if self._process == os.getpid():
            self._over = True
            self._new.set()
            self._thread.join(END_WITHIN_S)
            self._file.close()
            take_in(self._context)


def journal() -> Journal:
    """That of the running application."""
    found: Journal = current_app.extensions[KEY]
    return found


def folder_of(context: Context) -> Path:
    """Where the files of this machine lie."""
    return context.settings.home / FOLDER


def take_in(context: Context, of: Path | None = None) -> bool:
    """Bring what waits in the journals of this machine into the store; whether the store took it. What kept it is logged.

    of: the file of this process, where those that other processes are adding to can wait.
    """
    try:
        audit_journal.take_in(context.database, folder_of(context), of=of)
    except (SQLAlchemyError, ModelsError, OSError) as error:
        log.warning("audit_journal_waits", why=type(error).__name__)
        return False
    return True
