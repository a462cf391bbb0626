"""`lifecert demo`, `run` and `jobs` as processes: what they fill, that they serve, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from sqlalchemy import func, select

from api.policy import load_policy
from models.account import Account
from models.certification_state import CertificationState
from models.claim import Claim, ClaimLine
from models.database import Database
from models.knowledge import KnowledgePoint
from models.life_evidence import LifeEvidence
from models.person import Person
from models.repositories import certifications
from tests.cli.conftest import Command, one_line
from tests.conftest import ROOT, FixedClock
from tests.models.people import NOW
from tests.verify.real_data import engine as real_engine

LONG_S = 240  # a busy machine takes its time to import everything


def state_of(home: Path) -> tuple[dict[CertificationState, int], list[int]]:
    """How many pensioners are in each certification state today, and rows of the tables that the demo fills."""
    policy = load_policy(ROOT / "policy.toml").certification
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    try:
        with database.read_scope() as session:
            counts = certifications.counts(session, policy, policy.today(NOW))
            tables = (Person, LifeEvidence, Account, Claim, ClaimLine, KnowledgePoint)
            sizes = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    finally:
        database.dispose()
    return counts, sizes


def test_the_demo_fills_an_empty_home_once(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FixedClock(NOW)
    monkeypatch.setattr("api.context.open_context.__kwdefaults__", {"clock": clock})
    (home / "lifecert.sqlite3").unlink()
    first = command("demo", "--no-serve")
    assert first.code == 0
    assert first.out == ""
    for words in ("/counter", "/docs", "lifecert-demo-counter", "Made-up pensioners"):
        assert words in first.err
    counts, sizes = state_of(home)
    assert sizes[0] == 2175  # 2,000 persons, and those of the planted cases
    assert 1_000 < sizes[3] < 2_000  # claims of the last full month, each with its lines, and the points of the made-up province
    assert sizes[4] > 5 * sizes[3]
    assert sizes[5] > 60
    occurring = {state for state, number in counts.items() if number > 0}
    assert {CertificationState.CERTIFIED, CertificationState.DUE_SOON, CertificationState.OVERDUE} <= occurring
    assert len(occurring) >= 4
    clock.advance(days=40)
    second = command("demo", "--no-serve")
    assert second.code == 0
    assert state_of(home) == (counts, sizes)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    return kept | {"LIFECERT_HOME": str(home), "LIFECERT_ENVIRONMENT": "test", "LIFECERT_ENGINE": "scripted"}


@pytest.fixture
def server(environment: dict[str, str], free_port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running `lifecert run`, in a process group of its own."""
    words = [sys.executable, "-m", "api.cli", "run", "--port", str(free_port), "--workers", "1"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def group(number: int) -> list[int]:
    """Processes of a process group that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[2]) == number and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def get(url: str, *, until: float) -> bytes:
    """The body of a page, tried until it is there."""
    while True:
        try:
            with urlopen(url, timeout=5) as response:  # noqa: S310 - our own server
                body: bytes = response.read()
                return body
        except (URLError, ConnectionError, TimeoutError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_run_serves_and_leaves_nothing_behind(
    server: subprocess.Popen[bytes], free_port: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    deadline = time.monotonic() + LONG_S
    base = f"http://127.0.0.1:{free_port}"
    assert b'"ok"' in get(f"{base}/healthz", until=deadline)
    ready = get(f"{base}/readyz", until=deadline)
    assert ready.strip() == b'{"status":"ok"}', "no details for strangers"
    while len(group(server.pid)) < 3:  # the server, its worker, the jobs
        assert time.monotonic() < deadline
        time.sleep(0.1)

    words = [sys.executable, "-m", "api.cli", "run", "--port", str(free_port)]
    second = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{free_port}" in second.stderr
    assert "Traceback" not in second.stderr

    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=LONG_S) == 0
    assert group(server.pid) == []
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert "/healthz" not in log, "requests are not logged"


def test_a_worker_that_cannot_load_its_engine_stops_the_server(environment: dict[str, str], free_port: int, tmp_path: Path) -> None:
    real_engine("onnx")  # its weights must be here
    (tmp_path / "embedder.toml").write_text(f'[embedder]\nname = "own"\npath = "own.onnx"\nsha256 = "{"0" * 64}"\n')
    environment |= {"LIFECERT_ENGINE": "onnx", "LIFECERT_EMBEDDER_CONFIG": str(tmp_path / "embedder.toml")}
    words = [sys.executable, "-m", "api.cli", "run", "--port", str(free_port), "--workers", "1"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONG_S, check=False, start_new_session=True
    )
    assert done.returncode == 1
    assert f"lifecert: the embedder file {tmp_path / 'own.onnx'} does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_before_anything_is_done(command: Command, home: Path, free_port: int) -> None:
    (home / "lifecert.sqlite3").unlink()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        for words in (["run"], ["demo"]):
            result = command(*words, "--port", free_port)
            assert result.code == 1
            assert "choose another --port" in one_line(result)
    assert list(home.iterdir()) == []
