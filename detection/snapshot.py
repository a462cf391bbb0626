"""The tables of a run as Parquet files in a private folder, which is removed when the run ends, and as tables of an engine."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from detection.compute import Compute
from detection.errors import RunFailedError
from detection.rules.tables import SCHEMAS, Tables

PREFIX = "run-"
LOCK = "lock"

Read = Callable[[str, pa.Schema], Iterable[pa.RecordBatch]]
"""(name of the table, its schema) -> its rows."""


@contextmanager
def private_folder(below: Path) -> Iterator[Path]:
    """A folder that only this user can read, gone at the end of the block. Those that killed runs left are removed on the way.

    Raises:
        RunFailedError: it cannot be made.
    """
    try:
        below.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_left(below)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=below))
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RunFailedError(f"no folder for the run can be made below {below} ({error.strerror}): make room or mend its rights") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_left(below: Path) -> None:
    for folder in below.glob(f"{PREFIX}*"):
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            continue  # just made by another process, or no folder of a run
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # another run is at work in it
        finally:
            os.close(descriptor)


def write(read: Read, folder: Path, needed: Iterable[str], progress: Callable[[str, int], None] = lambda _name, _rows: None) -> int:
    """Write the needed tables, one file each, the others empty; how many rows there are. progress: (table, its rows so far).

    Raises:
        RunFailedError: the disk is full.
    """
    wanted, total = set(needed), 0
    for name, schema in SCHEMAS.items():
        rows = 0
        try:
            with pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="lz4") as writer:
                if name in wanted:
                    for batch in read(name, schema):
                        writer.write_batch(batch)
                        rows += batch.num_rows
                        progress(name, rows)
        except OSError as error:
            raise RunFailedError(f"the records cannot be written to {folder} ({error.strerror}): make room and run it again") from error
        total += rows
    return total


def tables_of(compute: Compute, folder: Path) -> Tables:
    """The files of ``write`` as tables of an engine."""
    return Tables(**{name: compute.table(folder / f"{name}.parquet") for name in SCHEMAS})
