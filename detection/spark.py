"""Spark on this machine. One place makes its sessions: the Java process outlives them, and what it is started with stays."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from detection.errors import EngineUnavailableError


def spark_session(folder: Path, *, memory_mb: int, threads: int, ansi: bool) -> Any:
    """A session of Spark that works below ``folder``; the caller stops it.

    Args:
        folder: for what does not fit into memory, and for tables.
        memory_mb: the heap. The first session of a process decides it.
        threads: of work at a time.
        ansi: whether a cast that fails or a number that overflows is an error rather than null.

    Raises:
        EngineUnavailableError: pyspark or Java is missing, or Spark does not start.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyspark.errors import PySparkRuntimeError
            from pyspark.sql import SparkSession
            from splink.backends.spark import similarity_jar_location
    except ImportError as error:
        raise EngineUnavailableError(
            "Spark is not installed: install Lifecert with its extra `spark` (pip install 'lifecert[spark]'), or take --engine duckdb"
        ) from error
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        raise EngineUnavailableError("Spark needs Java 17 or newer, and there is no java here: install it, or take --engine duckdb")
    # the driver talks to its own workers through this address alone
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": f"{memory_mb}m",
        # Splink's functions: classes can be added only when the Java process starts, and rules may have started it before linkage
        "spark.jars": similarity_jar_location(),
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.shuffle.partitions": str(threads * 2),
        "spark.default.parallelism": str(threads * 2),
        "spark.sql.ansi.enabled": str(ansi).lower(),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master(f"local[{threads}]").appName("lifecert")
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except PySparkRuntimeError as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise EngineUnavailableError(
            f"Spark does not start ({first}): check that `java -version` says 17 or newer, or take --engine duckdb"
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session
