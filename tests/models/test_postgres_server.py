from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import time
from tests.postgres import running_postgres

with running_postgres() as uri:
    print(uri, flush=True)
    time.sleep(60)
"""


def runs(pid: int) -> bool:
    """False for a process that has ended, also while nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_test_server_goes_when_the_tests_are_terminated() -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip().rpartition("host=")[2])
    server = int((folder / "postmaster.pid").read_text().splitlines()[0])
    assert runs(server)
    os.kill(process.pid, signal.SIGTERM)
    process.stdout.close()
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert not runs(server)
    assert not folder.exists()
