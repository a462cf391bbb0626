"""Where expressions run: DuckDB in this process, or Spark on this machine. A rule is written once, in Ibis, for both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from detection.errors import RunFailedError
from detection.spark import spark_session

ROWS_A_BATCH = 2_000


class EngineName(StrEnum):
    """Which engine."""

    DUCKDB = "duckdb"
    SPARK = "spark"


@dataclass(frozen=True)
class Limits:
    """What an engine may use. memory_mb: of DuckDB's buffers, or of Spark's heap."""

    memory_mb: int
    threads: int


@dataclass(frozen=True)
class Compute:
    """One engine that is open. folder: its own, for what does not fit into memory."""

    name: EngineName
    backend: Any
    folder: Path

    def table(self, files: Path | list[Path]) -> ir.Table:
        """A table of Parquet files, read when it is asked."""
        return self.backend.read_parquet([str(one) for one in files] if isinstance(files, list) else str(files))

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """The rows of an expression, computed once and written down, for expressions that use them several times."""
        target = self.folder / f"{name}.parquet"
        self._write(expression, target)
        return self.backend.read_parquet(str(target))

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        """The rows of an expression, some thousands at a time.

        Raises:
            RunFailedError: disk or memory did not suffice.
        """
        # written down first: Spark would hand over everything at once, and a query that waits for its reader holds its memory
        target = self.folder / "answer.parquet"
        self._write(expression, target)
        # sums and decimals come back in types of the engine's own
        schema = expression.schema().to_pyarrow()
        for part in sorted(target.glob("*.parquet")) if target.is_dir() else [target]:
            for batch in pq.ParquetFile(part).iter_batches(batch_size=ROWS_A_BATCH):
                yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

    def _write(self, expression: ir.Table, target: Path) -> None:
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        with _readable():
            expression.to_parquet(target)


@contextmanager
def open_compute(name: EngineName, limits: Limits, folder: Path) -> Iterator[Compute]:
    """An engine with a folder of its own below ``folder``; both are gone at the end of the block.

    Raises:
        EngineUnavailableError: Spark was asked for, and pyspark or Java is missing.
    """
    own = folder / f"compute-{name}"
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _duckdb(limits, own) if name is EngineName.DUCKDB else _spark(limits, own) as backend:
            yield Compute(name, backend, own)
    finally:
        shutil.rmtree(own, ignore_errors=True)


@contextmanager
def _duckdb(limits: Limits, folder: Path) -> Iterator[Any]:
    backend = ibis.duckdb.connect(
        threads=limits.threads,
        memory_limit=f"{limits.memory_mb}MB",
        temp_directory=str(folder),
        preserve_insertion_order=False,  # nothing here goes by it, and keeping it takes memory
        autoinstall_known_extensions=False,  # nothing is fetched
    )
    try:
        yield backend
    finally:
        backend.disconnect()


@contextmanager
def _spark(limits: Limits, folder: Path) -> Iterator[Any]:
    session = spark_session(folder, memory_mb=limits.memory_mb, threads=limits.threads, ansi=True)
    backend = ibis.pyspark.connect(session)
    try:
        yield backend
    finally:
        session.stop()


@contextmanager
def _readable() -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise RunFailedError(
            f"memory did not suffice ({_first_line(error)}): raise memory_mb in [rules] of the policy file, or make room on the disk"
        ) from error
    except duckdb.IOException as error:
        raise RunFailedError(f"the disk did not suffice or cannot be used ({_first_line(error)}): make room and run it again") from error
    except OSError as error:
        raise RunFailedError(f"files of the run cannot be written ({error.strerror}): make room and run it again") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
