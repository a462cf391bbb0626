"""Analytical files of claims: Parquet by month of ``Claim.to_date``, named by one manifest that is replaced whole.

Below the folder ``YYYY-MM/claim.TOKEN.parquet`` and ``line.TOKEN.parquet``, and ``manifest.json``, which says what counts. A file never
changes; a month that changed gets new ones, and the manifest names them in one step, so that a reader sees the old or the new, never half.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.tables import SCHEMAS
from detection.errors import RunFailedError

TABLES = ("claim", "line")
MANIFEST = "manifest.json"
UNFINISHED = ".unfinished"
ROWS_A_GROUP = 250_000
SUPERSEDED_KEPT_S = 24 * 3_600
"""A file that no longer counts stays so long, for readers that began before."""


@dataclass(frozen=True)
class Month:
    """The files of one month. revision: of the store when they were written. files: table -> name. rows: table -> rows."""

    revision: int
    files: Mapping[str, str]
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Manifest:
    """What counts. speaking: merged record -> the record that speaks for it, as the claim files have it."""

    months: Mapping[date, Month] = field(default_factory=dict)
    speaking: Mapping[int, int] = field(default_factory=dict)


def files(folder: Path, from_date: date | None = None, to_date: date | None = None) -> dict[str, list[Path]]:
    """Table -> its files of the months that these days touch, in order; both days inclusive, None without end. No claims: no files.

    Raises:
        RunFailedError: the manifest is damaged.
    """
    first = None if from_date is None else from_date.replace(day=1)
    found: dict[str, list[Path]] = {table: [] for table in TABLES}
    for month, entry in sorted(read_manifest(folder).months.items()):
        if (first is None or month >= first) and (to_date is None or month <= to_date):
            for table in TABLES:
                found[table].append(month_folder(folder, month) / entry.files[table])
    return found


def read_manifest(folder: Path) -> Manifest:
    """The manifest; an empty one when there is none. Raises RunFailedError: it is damaged."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        months = {
            date.fromisoformat(f"{month}-01"): Month(int(one["revision"]), dict(one["files"]), dict(one["rows"]))
            for month, one in content["months"].items()
        }
        if any(set(one.files) != set(TABLES) for one in months.values()):
            raise ValueError("a month lacks a table")
        return Manifest(months, {int(key): int(value) for key, value in content["speaking"].items()})
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFailedError(
            f"{folder / MANIFEST} is damaged ({type(error).__name__}): delete it, and the next run writes the files anew"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step. Raises OSError."""
    months = {
        f"{month:%Y-%m}": {"revision": one.revision, "files": dict(one.files), "rows": dict(one.rows)}
        for month, one in sorted(manifest.months.items())
    }
    unfinished = folder / (MANIFEST + UNFINISHED)
    with unfinished.open("w", encoding="utf-8") as stream:
        json.dump({"months": months, "speaking": {str(key): value for key, value in manifest.speaking.items()}}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, folder / MANIFEST)
    _sync_folder(folder)


def with_month(manifest: Manifest, month: date, entry: Month | None) -> Manifest:
    """The manifest with other files for a month, or without it."""
    months = {key: value for key, value in manifest.months.items() if key != month}
    return replace(manifest, months=months if entry is None else {**months, month: entry})


def is_whole(folder: Path, month: date, entry: Month) -> bool:
    """True when the files of a month are there."""
    return all((month_folder(folder, month) / name).is_file() for name in entry.files.values())


def month_folder(folder: Path, month: date) -> Path:
    """The folder of a month. Not ``month=...``: an engine would add a column of that name to the tables."""
    return folder / f"{month:%Y-%m}"


def write_file(folder: Path, month: date, table: str, batches: Iterable[pa.RecordBatch]) -> tuple[str, int]:
    """Write the rows of a table into a new file of a month; (its name, its rows). It does not count until the manifest names it.

    Raises:
        OSError: the disk is full; nothing is left.
    """
    own, name, rows = month_folder(folder, month), f"{table}.{secrets.token_hex(6)}.parquet", 0
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished, schema = own / (name + UNFINISHED), SCHEMAS[table]
    texts = [one.name for one in schema if pa.types.is_string(one.type)]  # numbers of records are all different
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            with pq.ParquetWriter(stream, schema, compression="lz4", use_dictionary=texts) as writer:
                for group in _groups(batches, schema):
                    writer.write_table(group, row_group_size=ROWS_A_GROUP)
                    rows += group.num_rows
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, own / name)
        _sync_folder(own)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return name, rows


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_A_GROUP:
            yield pa.Table.from_batches(waiting, schema)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def sweep(folder: Path, manifest: Manifest, *, now: float | None = None) -> int:
    """Delete what no longer counts and nobody can still be reading; how many files. Only while no other process writes."""
    counted = {month_folder(folder, month) / name for month, one in manifest.months.items() for name in one.files.values()}
    before, deleted = (time.time() if now is None else now) - SUPERSEDED_KEPT_S, 0
    for path in folder.glob("*/*"):
        left = path.name.endswith(UNFINISHED)
        if path not in counted and path.is_file() and (left or (path.suffix == ".parquet" and path.stat().st_ctime < before)):
            path.unlink(missing_ok=True)
            deleted += 1
    for own in folder.glob("????-??"):
        if own.is_dir() and not any(own.iterdir()):
            own.rmdir()
    return deleted


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_json(manifest: Manifest) -> dict[str, Any]:
    """Months and rows, for a report."""
    return {f"{month:%Y-%m}": dict(one.rows) for month, one in sorted(manifest.months.items())}
