"""Audit entries of reads, in files of this machine until they are taken into the store.

A status read that waited for a commit of its own would cost a third more. So its entry goes to the end of a file before the answer leaves;
from there on no end of the process loses it, only a failing power supply within the moment until the next ``sync``. Every process has a
file of its own. ``models.repositories.audit_journal`` takes them in.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

ENDING = ".jsonl"
NEWLINE = 0x0A
FILE_BYTES = 4 * 1024 * 1024
"""A file that is full is left to be taken in, and another begun."""


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
    """The file of this process in the folder, which is made when it is missing. Thread-safe; a forked process begins its own.

    The file is mapped into memory at its full size: a line that is copied there is in the system's hands, and outlives the process, without
    a call that would let go of the interpreter's lock, for which the other threads of a busy server are waiting.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file = -1
        self._map: mmap.mmap | None = None
        self.path: Path | None = None  # of the file; its process may be another by now
        self._owner = 0
        self._used = 0

    def append(self, entries: Iterable[Entry]) -> None:
        """Return when all entries are in the file. Raises OSError: there is no room for another file; then none of them is."""
        lines = [line_of(entry).encode() for entry in entries]
        with self._lock:
            mapped = self._room(sum(len(line) + 1 for line in lines))
            for line in lines:
                end = self._used + len(line)
                mapped[self._used : end] = line
                mapped[end] = NEWLINE  # after the line: one that has its end is whole
                self._used = end + 1

    def sync(self) -> None:
        """What was appended before is on the disk afterwards. Raises OSError."""
        with self._lock:
            file = os.dup(self._file) if self._map is not None and self._owner == os.getpid() else -1
        if file >= 0:
            try:
                os.fdatasync(file)
            finally:
                os.close(file)

    def close(self) -> None:
        """Leave the file to whoever takes it in; the next entry begins another. Raises OSError."""
        with self._lock:
            if self._map is not None and self._owner == os.getpid():
                self._map.flush()
            self._leave()

    def _room(self, size: int) -> mmap.mmap:
        if self._owner != os.getpid() or self._map is None or self._used + size > len(self._map):
            self._leave()  # also what was the parent's: it goes on with it
            return self._begin(max(size, FILE_BYTES))
        return self._map

    def _begin(self, size: int) -> mmap.mmap:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(16)
        new = self.folder / f"{name}.new"
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, size)  # now, while a full disk is an error that can be told
            mapped = mmap.mmap(file, size)
            fcntl.flock(file, fcntl.LOCK_EX)  # before it can be found: who finds it unlocked deletes it once it is taken in
            self.path = new.rename(self.folder / f"{name}{ENDING}")
        except BaseException:
            os.close(file)
            new.unlink(missing_ok=True)
            raise
        self._file, self._map, self._owner, self._used = file, mapped, os.getpid(), 0
        return mapped

    def _leave(self) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None
            os.close(self._file)


def files_in(folder: Path) -> Sequence[Path]:
    """The files to be taken in, of live processes and of those that are gone."""
    return sorted(folder.glob(f"*{ENDING}"))


def is_left(path: Path) -> bool:
    """Whether no process has the file open for writing: then none ever will."""
    with path.open("rb") as file:
        return _lock(file)


def whole_lines(path: Path, start: int, limit: int, *, left: bool) -> bytes:
    """Bytes from ``start`` up to the end of the last line that is whole within ``limit`` bytes; empty where there is none.

    left: nobody writes to it any more. Otherwise a zero byte is one that another processor has written and this one does not see yet.
    """
    with path.open("rb") as file:
        file.seek(start)
        read = file.read(limit)
    if not left:
        read = read.partition(b"\0")[0]
    return read[: read.rfind(b"\n") + 1]


def delete_if_left(path: Path, taken: int) -> bool:
    """Delete a file that is left and whose whole lines are all taken in. Raises OSError."""
    with path.open("rb") as file:
        if not _lock(file):
            return False
        file.seek(taken)
        if b"\n" in file.read():
            return False
        path.unlink(missing_ok=True)
        return True


def _lock(file: BinaryIO) -> bool:
    """Until the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
