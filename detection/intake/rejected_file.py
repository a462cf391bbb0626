"""The files of rejected rows, and of rows to look at: CSV that Excel opens (UTF-8 with byte order mark), values masked."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from detection.intake.rules import RowRejected
from detection.intake.verdicts import Warned
from models.spreadsheet_text import harmless

COLUMNS = ("row", "field", "value", "rule", "reason")
HEADER = ("\ufeff" + ",".join(COLUMNS) + "\r\n").encode("utf-8")


class RejectedFile:
    """Rows are written through to the disk before the transaction that counts them commits. length: bytes that are counted.

    Raises:
        OSError: full disk, no permission.
    """

    def __init__(self, path: Path, length: int, language: str) -> None:
        self._language = language
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._stream = os.fdopen(descriptor, "r+b", buffering=0)
        size = os.fstat(descriptor).st_size
        if size < length:  # lost since: the counts stay, and the rows that are to come are kept
            length = 0
        self._stream.truncate(length)  # what is beyond was written by a run that died
        self._stream.seek(length)
        self.length = length
        if length == 0:
            self._write(HEADER)

    def add(self, rejections: Iterable[tuple[int, RowRejected | Warned]]) -> None:
        """Append (row number, rejection or warning) lines and sync them."""
        text = io.StringIO()
        writer = csv.writer(text)
        for number, rejection in rejections:
            rule = rejection.rule
            writer.writerow([number, rejection.field, harmless(rejection.shown), rule.code, rule.reason(self._language)])
        if text.tell():
            self._write(text.getvalue().encode("utf-8", "replace"))

    def back_to(self, length: int) -> None:
        """Forget what was added beyond this length."""
        self._stream.truncate(length)
        self._stream.seek(length)
        self.length = length

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._stream.write(rest) or 0 :]
        os.fsync(self._stream.fileno())
        self.length += len(data)

    def __enter__(self) -> RejectedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()
