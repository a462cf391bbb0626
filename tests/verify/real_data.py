"""Real photographs and fetched weights for tests: both live outside the repository, and a test skips with a reason without them.

Where ``CI=true`` and the data folder is there, missing weights fail the test instead: it must run.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from verify.engines import load_engine
from verify.engines.protocol import Engine
from verify.weights import WeightsUnavailableError

ROOT = Path(__file__).parents[2]


def data_file(*parts: str) -> Path:
    """A file of the real data; skips when it is not there."""
    path = Path(os.environ.get("LIFECERT_TEST_DATA", ROOT.parent / "shared" / "data")).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real test data is not here ({'/'.join(parts)}): set LIFECERT_TEST_DATA to its folder")
    return path


def engine(name: str) -> Engine:
    """The onnx or dlib engine; skips when its weights were not fetched (fails where CI=true)."""
    try:
        return _load(name)
    except WeightsUnavailableError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@cache
def _load(name: str) -> Engine:
    return load_engine(name)
