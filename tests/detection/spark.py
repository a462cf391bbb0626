"""Spark in tests: whether it is here, and sessions that start quickly."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detection.compute import Compute, EngineName, Limits, open_compute

SPARK = importlib.util.find_spec("pyspark") is not None and (shutil.which("java") is not None or bool(os.environ.get("JAVA_HOME")))

ON_SPARK = (
    pytest.mark.slow,
    pytest.mark.timeout(1_800),  # ten minutes of both cores beside other tests
    pytest.mark.skipif(not SPARK, reason="Spark needs Java 17 and the extra `spark`; `make test` installs pyspark where Java is"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # pyspark leaves its sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)
"""Marks of each test that starts Spark."""

AT_ONCE = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
}
"""Plans are carried out as they are: most of the time would go into compiling them, with a hundred thousand persons too."""


def on_spark(test: Callable[..., None]) -> Callable[..., None]:
    """One test that starts Spark."""
    for mark in ON_SPARK:
        test = mark(test)
    return test


@contextmanager
def quick_start() -> Iterator[None]:
    """Java that starts within this block compiles nothing thoroughly, and what pyspark leaves to the garbage collector is collected."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield
        gc.collect()  # or its warnings would fall upon another test


@contextmanager
def open_spark(folder: Path, threads: int = 2) -> Iterator[Compute]:
    """Spark that compiles nothing."""
    with quick_start(), open_compute(EngineName.SPARK, Limits(1_024, threads), folder) as opened:
        for name, value in AT_ONCE.items():
            opened.backend._session.conf.set(name, value)
        yield opened
