"""Delimited text: fields of each line, quoted fields over several lines, and rows that are broken."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detection.intake import rules
from detection.intake.encoding import DAMAGED, TextFile, text_lines
from detection.intake.lines import RawRow

DELIMITERS = (",", "\t", ";", "|", "，")
RECORD_LINES_MAX = 20
"""Lines that one quoted field may run over; beyond, the quotation mark was never closed."""


def read(path: Path, file: TextFile, delimiter: str) -> Iterator[RawRow]:
    """Rows in order, empty ones too (with no values). A row that cannot be split has a fault and the fields it could be split into."""
    number = 0
    width = 0
    lines = text_lines(path, file)
    waiting: list[str] = []  # read ahead, and given back because no quotation mark closed
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        number += 1
        if line.startswith(DAMAGED):
            yield RawRow(number, line[1:].split(delimiter), rules.ENCODING_DAMAGED)
            continue
        if "\x00" in line:
            yield RawRow(number, line.split(delimiter), rules.NUL_BYTE)
            continue
        if '"' not in line:
            values = line.split(delimiter)
            width = width or len(values)
            yield RawRow(number, values if line.strip() else ())
            continue
        split = _split(line, delimiter)
        if split is None and line.count('"') % 2:
            split, waiting = _over_lines(line, lines, waiting, delimiter, width)
        if split is None:
            yield RawRow(number, line.replace('"', "").split(delimiter), rules.QUOTES_UNBALANCED)
            continue
        width = width or len(split)
        yield RawRow(number, split)


def _split(record: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([record], delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _over_lines(line: str, lines: Iterator[str], waiting: list[str], delimiter: str, width: int) -> tuple[list[str] | None, list[str]]:
    taken: list[str] = []
    record = line
    for _ in range(RECORD_LINES_MAX):
        following = waiting.pop(0) if waiting else next(lines, None)
        if following is None:
            break
        taken.append(following)
        if following.startswith(DAMAGED) or "\x00" in following:
            break
        record = f"{record}\n{following}"
        if record.count('"') % 2 == 0:
            split = _split(record, delimiter)
            if split is not None and (not width or len(split) == width):
                return split, waiting
            break
    return None, taken + waiting


def fitted(row: RawRow, width: int) -> RawRow:
    """The row with as many fields as the header has; empty ones at the end may be too many. Otherwise a row with a fault."""
    if row.fault is not None or len(row.values) == width:
        return row
    if len(row.values) > width and not any(value.strip() for value in row.values[width:]):
        return RawRow(row.number, row.values[:width])
    return RawRow(row.number, row.values, rules.FIELD_COUNT)
