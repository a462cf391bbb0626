"""Audit entries of reads, in files of this machine until they are taken into the store.

A status read that waited for a commit of its own would cost a third more. So its entry goes to the end of a file before the answer leaves;
from there on no end of the process loses it, only a failing power supply within the moment until the next ``sync``. Every process has a
file of its own. ``models.repositories.audit_journal`` takes them in.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ENDING = ".jsonl"
ROTATE_BYTES = 8 * 1024 * 1024
"""A file that has grown to this is left to be taken in, and another begun."""


class Entry(NamedTuple):
    """One entry, as ``audit.record`` takes it. details: a JSON object; numbers, codes and public ids only."""

    actor: str
    action: str
    person_id: int | None
    object: str | None
    at: datetime
    details: str


def details_of(**values: Any) -> str:
    """The JSON of an entry's details."""
    return json.dumps(values, separators=(",", ":"))


def line_of(entry: Entry) -> str:
    """A JSON array: the members in their order, ``at`` in UTC as ``2026-01-02 03:04:05.678901``, details as an object."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    told = json.dumps([*entry[:4], at], separators=(",", ":"))
    return f"{told[:-1]},{entry.details}]"  # which are JSON already


class AuditJournal:
    """The file of this process in the folder, which is made when it is missing. Thread-safe; a forked process begins its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: int | None = None
        self._owner = 0
        self._size = 0

    def append(self, entries: Iterable[Entry]) -> None:
        """Return when all entries are in the file. Raises OSError; then some of them may be in it all the same."""
        data = "".join(f"{line_of(entry)}\n" for entry in entries).encode()
        with self._lock:
            file = self._current()
            try:
                written = os.write(file, data)
                if written < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                self._leave()  # half a line may be at its end: nothing is written behind that
                raise
            self._size += written

    def sync(self) -> None:
        """What was appended before is on the disk afterwards. Raises OSError."""
        with self._lock:
            file = None if self._file is None or self._owner != os.getpid() else os.dup(self._file)
        if file is not None:
            try:
                os.fdatasync(file)
            finally:
                os.close(file)

    def close(self) -> None:
        """Leave the file to whoever takes it in; the next entry begins another."""
        with self._lock:
            self._leave()

    def _current(self) -> int:
        if self._owner != os.getpid():
            self._file = None  # its number is the parent's file, which the parent goes on with
        elif self._size >= ROTATE_BYTES:
            self._leave()
        if self._file is None:
            self._file, self._owner, self._size = self._begin(), os.getpid(), 0
        return self._file

    def _begin(self) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(16)
        new = self.folder / f"{name}.new"
        file = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # before it can be found: who finds it unlocked deletes it once it is taken in
            new.rename(self.folder / f"{name}{ENDING}")
        except BaseException:
            os.close(file)
            new.unlink(missing_ok=True)
            raise
        return file

    def _leave(self) -> None:
        if self._file is not None and self._owner == os.getpid():
            try:
                os.fdatasync(self._file)
            finally:
                os.close(self._file)
                self._file = None


def files_in(folder: Path) -> Sequence[Path]:
    """The files to be taken in, of live processes and of those that are gone."""
    return sorted(folder.glob(f"*{ENDING}"))


def whole_lines(path: Path, start: int, limit: int) -> bytes:
    """Bytes from ``start`` up to the end of the last line that is whole within ``limit`` bytes; empty where there is none."""
    if limit <= 0:
        return b""
    with path.open("rb") as file:
        file.seek(start)
        read = file.read(limit)
    return read[: read.rfind(b"\n") + 1]


def delete_if_left(path: Path, taken: int) -> bool:
    """Delete a file that no process has open for writing and whose whole lines are all taken in. Raises OSError."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if whole_lines(path, taken, ROTATE_BYTES):
            return False
        path.unlink(missing_ok=True)
        return True
