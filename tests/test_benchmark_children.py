"""What a measured command is said to have cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import children

LITTLE = "import sys; sys.stdout.write('x' * 200_000)"
MUCH = "import time; held = b'x' * (300 << 20); time.sleep(0.5); sum(range(5_000_000))"


def test_the_memory_is_that_of_the_child_and_not_of_who_measures() -> None:
    held = b"x" * (400 << 20)
    little = children.run([sys.executable, "-c", LITTLE])
    assert len(held) > little.peak_mb << 20
    assert len(little.stdout) == 200_000  # more than a pipe holds


def test_memory_time_and_processor_of_a_child() -> None:
    much = children.run([sys.executable, "-c", MUCH])
    assert 300 <= much.peak_mb < 400
    assert much.wall_s >= 0.5
    assert 0 < much.cpu_s < much.wall_s


def test_a_command_that_fails_is_no_figure() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        children.run([sys.executable, "-c", "raise SystemExit(3)"])
    assert failed.value.returncode == 3
