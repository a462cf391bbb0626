"""Findings as a file: CSV, Parquet or Excel by its ending, whole or not at all. No names and no numbers of persons but masked ones."""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from detection.errors import DetectionError
from detection.findings import Finding
from models.repositories.claim_names import Names

SCHEMA = pa.schema(
    [
        ("code", pa.string()),
        ("key", pa.string()),
        ("severity", pa.string()),
        ("confidence", pa.float64()),
        ("person_id", pa.int64()),
        ("person", pa.string()),
        ("resident_id_masked", pa.string()),
        ("subject", pa.string()),
        ("region_code", pa.string()),
        ("from_month", pa.date32()),
        ("to_month", pa.date32()),
        ("months", pa.int64()),
        ("amount_fen", pa.int64()),
        ("facts", pa.string()),
        ("records", pa.string()),
    ]
)
"""One row a finding. person: public id; facts, records: JSON, the records with kind, id and role; of claims and lines
also reference (number of the claim), number (of the line), item, on, until and amount_fen, of the first dozen of a role."""
ENDINGS = (".csv", ".parquet", ".xlsx")
SHEET_ROWS = 1_048_575
CELL_CHARACTERS = 32_767
Row = Mapping[str, Any]
Write = Callable[[Sequence[Row]], None]


class OutFileError(DetectionError):
    """The file that was asked for cannot be written; the message says why."""

    code = "out_file"


def check_ending(path: Path) -> None:
    """Raises OutFileError unless the file can be written by its name, in a folder that is there."""
    if path.suffix.lower() not in ENDINGS:
        raise OutFileError(f"{path.name}: give a file that ends in {', '.join(ENDINGS)}")
    if path.is_dir() or not path.parent.is_dir():
        raise OutFileError(f"{path}: the folder is not there, or the name is one of a folder")


def named(records: Iterable[Mapping[str, Any]], names: Names) -> list[dict[str, Any]]:
    """Records with what reviewers call them: of claims and lines the number of the claim and the line, item, days and amount."""
    found = []
    for one in records:
        name = names.get((one["kind"], one["id"]))
        found.append({**one, **({} if name is None else asdict(name))})
    return found


def row_of(finding: Finding, *, person: str | None = None, masked: str | None = None, names: Names | None = None) -> dict[str, Any]:
    """The row of a finding that is not in the store. person: public id, masked: resident ID, names: of its claims, where they are known."""
    records = named(records_of(finding), names or {})
    values = {name: getattr(finding, name) for name in ("code", "key", "confidence", "person_id", "region_code")}
    values |= {name: getattr(finding, name) for name in ("from_month", "to_month", "months", "amount_fen")}
    values |= {"severity": finding.severity.value, "person": person, "resident_id_masked": masked, "subject": finding.subject_ref}
    return values | {"facts": as_json(finding.facts), "records": as_json(records)}


def records_of(finding: Finding) -> list[dict[str, Any]]:
    """The records of a finding as the store keeps them."""
    return [{"kind": record.kind, "id": record.id, "role": record.role} for record in finding.records]


def as_json(value: Any) -> str:
    """One line, keys in order, Chinese as it is."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False, sort_keys=True, default=str)


@contextmanager
def open_findings(path: Path) -> Iterator[Write]:
    """Yield ``write(rows)``; the file is there under its name when the block ended well, and not at all otherwise.

    Raises:
        OutFileError: the ending is not known, or there are more rows or longer cells than a sheet takes.
        OSError: the file cannot be written.
    """
    check_ending(path)
    unfinished = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    opener = {".csv": _csv, ".parquet": _parquet, ".xlsx": _xlsx}[path.suffix.lower()]
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
        with opener(unfinished) as write:
            yield write
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    # with a byte order mark, so that a spreadsheet takes it for UTF-8
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, SCHEMA.names)
        writer.writeheader()

        def write(rows: Sequence[Row]) -> None:
            writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)

        yield write


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    with pq.ParquetWriter(path, SCHEMA) as writer:

        def write(rows: Sequence[Row]) -> None:
            if rows:
                writer.write_batch(pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=SCHEMA))

        yield write


@contextmanager
def _xlsx(path: Path) -> Iterator[Write]:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("findings")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for column, name in enumerate(SCHEMA.names):
        sheet.write_string(0, column, name)
    number = 0

    def write(rows: Sequence[Row]) -> None:
        nonlocal number
        for row in rows:
            number += 1
            if number > SHEET_ROWS:
                raise OutFileError(
                    f"there are more findings than the {SHEET_ROWS:,} rows of a sheet: give a file that ends in .parquet or .csv"
                )
            for column, name in enumerate(SCHEMA.names):
                value = row[name]
                if isinstance(value, date):
                    sheet.write_datetime(number, column, value, day)
                elif isinstance(value, str):
                    if len(value) > CELL_CHARACTERS:
                        raise OutFileError(
                            f"finding {row['key']}: {name} is longer than a cell takes: give a file that ends in .parquet or .csv"
                        )
                    sheet.write_string(number, column, value)
                elif value is not None:
                    sheet.write_number(number, column, value)

    try:
        yield write
    finally:
        book.close()
