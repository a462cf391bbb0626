"""A file as a table: its headings and, in a stream, its rows, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from detection.intake import delimited, workbooks
from detection.intake.encoding import examine
from detection.intake.errors import FileUnusableError
from detection.intake.headings import HeadingMap, missing_columns
from detection.intake.lines import RawRow
from detection.intake.trial import require_readable
from models.import_batch import ImportKind

HEADER_SEARCH = 10
"""Rows that a title may take above the headings."""
MAGIC = 8
ZIP, PARQUET, OLE = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Table:
    """A file whose headings were understood. places: field -> column. total: rows, about; 0 when not known.

    rows: starts the stream from the first data row. ignored: headings that mean nothing here.
    """

    path: Path
    places: Mapping[str, int]
    headings: Sequence[str]
    ignored: Sequence[str]
    total: int
    encoding: str
    rows: Callable[[], Iterator[RawRow]]


def open_table(path: Path, kind: ImportKind, headings: HeadingMap, *, encoding: str | None = None, file_name: str | None = None) -> Table:
    """Look at a file. Raises FileUnusableError: unreadable, empty, header only, or a required column missing."""
    name = file_name or path.name
    try:
        with path.open("rb") as stream:
            magic = stream.read(MAGIC)
    except OSError as error:
        raise FileUnusableError(f"{name}: cannot be read ({error.strerror})") from error
    try:
        if magic.startswith((PARQUET, ZIP, OLE)):
            require_readable(path, name)
        if magic.startswith(PARQUET):
            return _parquet(path, name, kind, headings)
        if magic.startswith((ZIP, OLE)):
            source, total = workbooks.open_rows(path, name)
            return _with_header(path, name, kind, headings, source, total, "", workbooks.fitted)
        return _text(path, name, kind, headings, encoding)
    except FileUnusableError as error:
        if path.name != name:
            raise FileUnusableError(str(error).replace(path.name, name, 1)) from error
        raise


def _text(path: Path, name: str, kind: ImportKind, headings: HeadingMap, encoding: str | None) -> Table:
    with path.open("rb") as stream:
        head = stream.read(4096).lstrip().lower()
    if head.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml")):
        raise FileUnusableError(f"{name}: is a web page or XML, not a table: open it in Excel and save it as .xlsx or CSV")
    if head.startswith(b"%pdf"):
        raise FileUnusableError(f"{name}: is a PDF: ask the sender for CSV, Excel or Parquet")
    if path.suffix.lower() in {".xlsx", ".ods"} and not head:
        raise FileUnusableError(f"{name}: the file is empty")
    if path.suffix.lower() in {".xlsx", ".ods", ".parquet"}:
        raise FileUnusableError(f"{name}: is not what its ending says, or is damaged: export it again")
    file = examine(path, encoding)
    best: tuple[int, str] = (-1, ",")
    for delimiter in delimited.DELIMITERS:
        for row in _first_rows(delimited.read(path, file, delimiter)):
            best = max(best, (len(headings.places(kind, row.values)), delimiter), key=lambda one: one[0])
    delimiter = best[1]
    return _with_header(
        path,
        name,
        kind,
        headings,
        lambda: delimited.read(path, file, delimiter),
        max(file.lines - 1, 0),
        file.encoding,
        delimited.fitted,
    )


def _first_rows(rows: Iterator[RawRow]) -> list[RawRow]:
    found = []
    for row in rows:
        if any(_filled(value) for value in row.values):
            found.append(row)
        if len(found) == HEADER_SEARCH or row.number > 50:
            break
    return found


def _filled(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def _with_header(
    path: Path,
    name: str,
    kind: ImportKind,
    headings: HeadingMap,
    source: Callable[[], Iterator[RawRow]],
    total: int,
    encoding: str,
    fitted: Callable[[RawRow, int], RawRow],
) -> Table:
    first = _first_rows(source())
    if not first:
        raise FileUnusableError(f"{name}: the file is empty")
    header = None
    for row in first:
        texts = [str(value or "") for value in row.values]
        if not missing_columns(kind, headings.places(kind, texts)):
            header = row
            break
    if header is None:
        row = max(first, key=lambda one: len(headings.places(kind, [str(value or "") for value in one.values])))
        raise _without_columns(name, kind, headings, row)
    texts = [str(value or "").strip() for value in header.values]
    while texts and not texts[-1]:
        texts.pop()
    places = headings.places(kind, texts)
    width, start = len(texts), header.number

    def rows() -> Iterator[RawRow]:
        for row in source():
            if row.number > start and (row.fault is not None or any(_filled(value) for value in row.values)):
                yield fitted(row, width)

    if next(rows(), None) is None:
        raise FileUnusableError(f"{name}: has headings in row {start} and no rows below them")
    ignored = [text for text in texts if text and headings.field_of(kind, text) is None]
    return Table(path, places, texts, ignored, total, encoding, rows)


def _without_columns(name: str, kind: ImportKind, headings: HeadingMap, row: RawRow) -> FileUnusableError:
    texts = [str(value or "").strip() for value in row.values]
    missing = ", ".join(missing_columns(kind, headings.places(kind, texts)))
    shown = ", ".join(text[:30] for text in texts[:30] if text)
    if sum(any(character.isdigit() for character in text) for text in texts) > len(texts) // 2:
        shown = "(values, no headings)"  # people's data is not repeated
    return FileUnusableError(
        f"{name}, row {row.number}: column {missing} missing for {kind.value}. The headings are: {shown}. "
        "Name the column so, or give a map of headings with --headings"
    )


def _parquet(path: Path, name: str, kind: ImportKind, headings: HeadingMap) -> Table:
    columns, total = workbooks.parquet_columns(path, name)
    places = headings.places(kind, columns)
    if missing_columns(kind, places):
        raise _without_columns(name, kind, headings, RawRow(1, columns))
    if total == 0:
        raise FileUnusableError(f"{name}: has columns and no rows")
    wanted = {field: position for position, field in enumerate(places)}
    names = [columns[place] for place in places.values()]
    ignored = [column for column in columns if headings.field_of(kind, column) is None]
    return Table(path, wanted, names, ignored, total, "", lambda: workbooks.parquet_rows(path, name, names))
