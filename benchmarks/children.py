"""A command measured as a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOOKS_EVERY_S = 0.1


@dataclass(frozen=True)
class Child:
    """What a process said on stdout, and what it cost.

    cpu_s: with its own children that it waited for. peak_mb: greatest resident memory of the process itself, in MiB, as of the last look
    before its end; not what the system counts for children (``ru_maxrss``): they begin as a copy of their parent, and its size stays their
    greatest.
    """

    stdout: bytes
    wall_s: float
    cpu_s: float
    peak_mb: int


def run(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
    """Run it to its end, from the project's folder.

    Raises:
        subprocess.CalledProcessError: it ended with another code than 0.
    """
    before, began, peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        told = None
        while told is None:
            with suppress(subprocess.TimeoutExpired):
                told, _ = process.communicate(timeout=LOOKS_EVERY_S)
            peak_kb = max(peak_kb, _peak_kb(process.pid))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(words), told)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Child(told, time.monotonic() - began, spent, peak_kb // 1024)


def lifecert(words: Sequence[str], environment: Mapping[str, str]) -> Child:
    """``lifecert WORDS --json`` with the scripted engine, and these settings besides those of this process."""
    settings = {"LIFECERT_ENVIRONMENT": "test", "LIFECERT_ENGINE": "scripted", **environment}
    return run([sys.executable, "-m", "api.cli", *words, "--json"], os.environ | settings)


def _peak_kb(pid: int) -> int:
    """VmHWM of a process; 0 when it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
