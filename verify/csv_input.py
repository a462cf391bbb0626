"""CSV lists as people give them: UTF-8 with or without BOM, or GB18030; every fault named with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from verify.errors import VerifyError


class ListError(VerifyError):
    """A list cannot be used: the message names file, line, column and what to do."""

    code = "list_error"


def read_rows(path: Path, required: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """(line number, column -> text) of every line that is not empty; texts are stripped, missing cells are empty.

    Raises:
        ListError: not readable, neither UTF-8 nor GB18030, a required column missing, or no lines.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ListError(f"{path}: {error.strerror}") from error
    text = _decode(raw, path)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        header = [name.strip() for name in reader.fieldnames or []]
        missing = [name for name in required if name not in header]
        if missing:
            raise ListError(f"{path.name}: column {', '.join(missing)} is missing; the first line has {', '.join(header) or 'nothing'}")
        reader.fieldnames = header
        rows = [
            (reader.line_num, {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)})
            for row in reader
            if any(isinstance(value, str) and value.strip() for value in row.values())
        ]
    except csv.Error as error:
        raise ListError(f"{path.name}, line {reader.line_num}: not CSV ({error})") from error
    if not rows:
        raise ListError(f"{path.name} has no lines below its heading")
    return rows


def _decode(raw: bytes, path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise ListError(f"{path.name} is neither UTF-8 nor GB18030 text: save it again as CSV UTF-8")
