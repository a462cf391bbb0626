"""The tables of claims as Parquet files, the small ones of a run and the months of the archive, and as tables of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.rule import Window
from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute
from detection.errors import RunFailedError

SMALL = ("patient", "institution", "evidence", "identity_check", "point")
"""What is read anew for each run; claims and lines come from the archive."""

Read = Callable[[str, pa.Schema], Iterable[pa.RecordBatch]]
"""(name of the table, its schema) -> its rows."""


def days_read(window: Window, look_back_days: int) -> Window:
    """The days whose claims a run over the window looks at."""
    return Window(window.from_date - timedelta(days=look_back_days), window.to_date)


def write(read: Read, folder: Path, tables: Sequence[str] = SMALL, progress: Callable[[str, int], None] = lambda _name, _rows: None) -> int:
    """Write these tables, one file each; how many rows there are. progress: (table, its rows so far).

    Raises:
        RunFailedError: the disk is full.
    """
    total = 0
    for name in tables:
        rows, schema = 0, SCHEMAS[name]
        try:
            with pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="lz4") as writer:
                for batch in read(name, schema):
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    progress(name, rows)
        except OSError as error:
            raise RunFailedError(f"the records cannot be written to {folder} ({error.strerror}): make room and run it again") from error
        total += rows
    return total


def tables_of(compute: Compute, folder: Path, months: Mapping[str, Sequence[Path]], days: Window | None = None) -> ClaimTables:
    """The files as tables of an engine. months: files of claims and lines ("claim", "line"), which may be none; without them those of
    ``write``. days: only claims that ended on them; lines of others may be there, and belong to no claim.
    """
    found, present = {}, set[str]()
    for name, schema in SCHEMAS.items():
        files = list(months.get(name, ()))
        own = folder / f"{name}.parquet"
        if not files and not own.exists():
            pq.write_table(schema.empty_table(), own)
        found[name] = compute.table(files or own)
        present |= present_in_files(name, files or [own])
    if days is not None:
        claim = found["claim"]
        found["claim"] = claim.filter(claim.to_date.between(ibis.literal(days.from_date), ibis.literal(days.to_date)))
    return ClaimTables(**found, present=frozenset(present))


def present_in_files(table: str, files: Iterable[Path]) -> set[str]:
    """The table when it has rows, and its columns that hold anything, as ``detection.claims.tables.present_in`` names them. Only the ends
    of the files are read; a column of which they say nothing may hold something.
    """
    found = set[str]()
    for file in files:
        metadata = pq.read_metadata(file)
        if not metadata.num_rows:
            continue
        found.add(table)
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(number)
                known = chunk.statistics is not None and chunk.statistics.has_null_count
                if not known or chunk.statistics.null_count < chunk.num_values:
                    found.add(f"{table}.{chunk.path_in_schema.split('.')[0]}")
    return found
