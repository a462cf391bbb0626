"""CSV tables as people give them: UTF-8, UTF-16 or GB18030, comma, semicolon or tab; every fault named with its row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verify.errors import VerifyError

_MISTAKES_SHOWN = 5


class TableError(VerifyError):
    """A table, or a file that it names, cannot be used; the message names file, row, column and what to do."""

    code = "table_error"


@dataclass(frozen=True)
class Row:
    """One row of a table. number: as a spreadsheet shows it, the header being row 1."""

    number: int
    values: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The rows that could be read, and of the others their number and what is wrong with them."""

    rows: list[Row]
    mistakes: list[tuple[int, str]]


def read_table(path: Path, required: Sequence[str]) -> list[Row]:
    """Rows of a CSV file, for those to whom one wrong row spoils the table. Empty rows are left out, texts are stripped.

    Raises TableError: as ``read_rows``, or a row has too few or too many fields.
    """
    table = read_rows(path, required)
    raise_mistakes(path, [f"row {number} {mistake}" for number, mistake in table.mistakes])
    return table.rows


def read_rows(path: Path, required: Sequence[str]) -> Table:
    """Rows of a CSV file in UTF-8 (with or without byte order mark), UTF-16 with one, or GB18030. Empty rows are left out.

    Column names are taken without regard to case. Raises TableError: no such file, no rows, another encoding, not CSV, or a required
    column that is missing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} cannot be read ({error.strerror}): check the path") from error
    text = _decode(data, path)
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise TableError(f"{path.name} is not a CSV table: {error}") from error
    header = [name.strip().lower() for name in lines[0]] if lines else []
    missing = [name for name in required if name not in header]
    if missing:
        raise TableError(
            f"{path.name}, row 1: column {', '.join(missing)} missing. The header must have {','.join(required)}; "
            f"it has {','.join(header) or 'nothing'}"
        )
    rows: list[Row] = []
    mistakes: list[tuple[int, str]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            mistakes.append((number, f"has {len(line)} fields instead of {len(header)}"))
            continue
        rows.append(Row(number, {name: cell.strip() for name, cell in zip(header, line, strict=True)}))
    if not rows and not mistakes:
        raise TableError(f"{path.name} has a header but no rows")
    return Table(rows, mistakes)


def raise_mistakes(path: Path, mistakes: Sequence[str]) -> None:
    """Raise TableError with the first few mistakes of a file, if there are any."""
    if mistakes:
        more = f" (and {len(mistakes) - _MISTAKES_SHOWN} more)" if len(mistakes) > _MISTAKES_SHOWN else ""
        raise TableError(f"{path.name}: {'; '.join(mistakes[:_MISTAKES_SHOWN])}{more}")


def _decode(data: bytes, path: Path) -> str:
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf_16 else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise TableError(f"{path.name} is neither UTF-8 nor GB18030 text: save it as CSV UTF-8")
