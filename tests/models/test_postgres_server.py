from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import time
from tests.postgres import running_postgres

with running_postgres() as uri:
    print(uri, flush=True)
    time.sleep(60)
"""


def test_the_test_server_goes_when_the_tests_are_terminated() -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip().rpartition("host=")[2])
    server = int((folder / "postmaster.pid").read_text().splitlines()[0])
    os.kill(server, 0)  # it runs
    os.kill(process.pid, signal.SIGTERM)
    process.stdout.close()
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert not folder.exists()
