"""A packed file is opened in a process of its own first, which may use only so much memory and time.

A workbook of two kilobytes can name one cell in the first row and one in the last column of the millionth: the reader then asks for
the whole area between them, and its process is ended on the spot. The same holds for text that is referred to a million times, and for
pages of Parquet. Nothing in the file tells it beforehand, so it is tried where nobody else is hurt.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from detection.intake import trial_process
from detection.intake.errors import FileUnusableError

MEMORY_BYTES = 2 * 1024**3
"""A sheet of a million rows with twelve columns needs about 1.4 GB."""
CPU_S = 30
"""Half of what a worker of the service may be deaf for (api.cli.serve)."""
WALL_S = 240

_one_at_a_time = threading.Lock()


def require_readable(path: Path, name: str, *, memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S) -> None:
    """Return when the file can be read whole with this memory and processor time; what is wrong with its content is not told here.

    Raises:
        FileUnusableError: it cannot.
    """
    words = [sys.executable, "-I", str(trial_process.__file__), str(path), str(memory_bytes), str(cpu_s)]
    with _one_at_a_time:
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=WALL_S)  # noqa: S603, PLW1510 - our own words; the code is looked at below
        except subprocess.TimeoutExpired as error:
            raise _too_much(name) from error
    if done.returncode != 0:
        raise _too_much(name)


def _too_much(name: str) -> FileUnusableError:
    return FileUnusableError(
        f"{name}: opening it takes more memory or time than a file of records may: save it as CSV, without empty rows and columns"
    )
