"""Where the work on pairs runs: DuckDB in this process, or Spark. Both are asked in the same few words."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from detection.errors import EngineUnavailableError
from detection.linkage.errors import LinkageEngineError
from detection.spark import spark_session

SPARK_MB_LEAST = 1_500
"""Below this heap Splink's plans do not fit."""


class EngineName(StrEnum):
    """Which engine."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class Engine(Protocol):
    """SQL on tables, and Splink's own interface to the same database. ``functions``: what a few functions are called here."""

    name: EngineName
    functions: dict[str, str]

    def create(self, table: str, sql: str) -> None:
        """Make a table of a query's rows, in place of one of that name."""

    def view(self, name: str, sql: str) -> None:
        """Give a query a name without keeping its rows."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""

    def arrow(self, sql: str) -> pa.Table:
        """All rows as an Arrow table."""

    def load(self, table: str, content: pa.Table) -> None:
        """Make a table of an Arrow table's rows."""

    def drop(self, table: str) -> None:
        """Remove a table that may exist."""

    def splink(self) -> Any:
        """Splink's database API on this engine."""


class DuckDbEngine:
    """DuckDB in memory with a folder of its own below the work folder, to which what does not fit into memory goes."""

    name = EngineName.DUCKDB
    functions = {
        "jaro_winkler": "jaro_winkler_similarity",
        "edits": "damerau_levenshtein",
        "hash": "hash",
        "any_common": "list_has_any",
        "contains": "list_contains",
        "starts_with": "starts_with",
        "explode": "unnest",
        "overlap": "(coalesce(list_sum(list_intersect(%s, %s)), 0) / 4294967296000.0)",
    }

    def __init__(self, folder: Path, *, memory_mb: int, threads: int) -> None:
        import duckdb

        self.connection = duckdb.connect(
            # in memory, spilling to the folder below: a file's compressed writing took ten times the processor time for each table
            ":memory:",
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self.connection.execute("SET enable_progress_bar = false")

    def create(self, table: str, sql: str) -> None:
        """Make a table of a query's rows, in place of one of that name."""
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} AS {sql}")

    def view(self, name: str, sql: str) -> None:
        """Give a query a name without keeping its rows."""
        self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        return list(self.connection.execute(sql).fetchall())

    def arrow(self, sql: str) -> pa.Table:
        """All rows as an Arrow table."""
        return self.connection.sql(sql).to_arrow_table()

    def load(self, table: str, content: pa.Table) -> None:
        """Make a table of an Arrow table's rows."""
        self.connection.register("loaded", content)
        self.create(table, "SELECT * FROM loaded")
        self.connection.unregister("loaded")

    def drop(self, table: str) -> None:
        """Remove a table that may exist."""
        self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    def splink(self) -> Any:
        """Splink's database API on this engine."""
        from splink import DuckDBAPI

        return DuckDBAPI(self.connection)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()


class SparkEngine:
    """A local or configured Spark session. Tables are Parquet files below the work folder, so that no plan grows without end."""

    name = EngineName.SPARK
    functions = {
        "jaro_winkler": "jaro_winkler",
        "edits": "damerau_levenshtein",
        "hash": "xxhash64",
        "any_common": "arrays_overlap",
        "contains": "array_contains",
        "starts_with": "startswith",
        "explode": "explode",
        "overlap": "(aggregate(array_intersect(%s, %s), CAST(0 AS BIGINT), (a, x) -> a + x) / 4294967296000.0)",
    }

    def __init__(self, folder: Path, *, memory_mb: int, threads: int) -> None:
        self._folder = folder / "spark"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._made = 0
        try:
            self.session = spark_session(self._folder, memory_mb=max(memory_mb, SPARK_MB_LEAST), threads=threads, ansi=False)
        except EngineUnavailableError as error:
            raise LinkageEngineError(str(error)) from error
        self.session.sparkContext.setCheckpointDir(str(self._folder / "checkpoints"))
        self._api = self._opened_api()  # brings the functions on texts, which pairs are told apart by before Splink is asked

    def create(self, table: str, sql: str) -> None:
        """Make a table of a query's rows, in place of one of that name."""
        self._made += 1
        path = str(self._folder / f"{table}_{self._made}.parquet")
        self.session.sql(sql).write.mode("overwrite").parquet(path)
        self.session.read.parquet(path).createOrReplaceTempView(table)

    def view(self, name: str, sql: str) -> None:
        """Give a query a name without keeping its rows."""
        self.session.sql(sql).createOrReplaceTempView(name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def arrow(self, sql: str) -> pa.Table:
        """All rows as an Arrow table."""
        return self.session.sql(sql).toArrow()

    def load(self, table: str, content: pa.Table) -> None:
        """Make a table of an Arrow table's rows."""
        import pyarrow.parquet as pq

        self._made += 1
        path = self._folder / f"{table}_{self._made}.parquet"
        pq.write_table(content, path)
        self.session.read.parquet(str(path)).createOrReplaceTempView(table)

    def drop(self, table: str) -> None:
        """Remove a table that may exist."""
        self.session.catalog.dropTempView(table)

    def splink(self) -> Any:
        """Splink's database API on this engine."""
        return self._api

    def _opened_api(self) -> Any:
        from splink import SparkAPI

        api: Any = SparkAPI
        return api(spark_session=self.session, break_lineage_method="parquet")

    def close(self) -> None:
        """End the session."""
        self.session.stop()


@contextmanager
def open_duckdb(work_folder: Path, *, memory_mb: int, threads: int) -> Iterator[DuckDbEngine]:
    """DuckDB with a folder of its own below the work folder; the folder goes when the engine is closed."""
    with _folder(work_folder) as folder:
        engine = DuckDbEngine(folder, memory_mb=memory_mb, threads=threads)
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def open_spark(work_folder: Path, *, memory_mb: int, threads: int) -> Iterator[SparkEngine]:
    """Spark with a folder of its own below the work folder.

    Raises:
        LinkageEngineError: Spark or Java is not there.
    """
    with _folder(work_folder) as folder:
        engine = SparkEngine(folder, memory_mb=memory_mb, threads=threads)
        try:
            yield engine
        finally:
            engine.close()


@contextmanager
def _folder(work_folder: Path) -> Iterator[Path]:
    logging.getLogger("splink").setLevel(logging.ERROR)
    work_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work_folder, prefix="linkage-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
