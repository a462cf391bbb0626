"""The service as its own processes: `lifecert run` with its workers and its jobs, to be measured and killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
READY_S = 600.0
STOP_S = 60.0


class ServiceTroubleError(Exception):
    """The service did not come up, or is not as it has to be; the message has the end of its log."""


@dataclass
class RunningService:
    """One `lifecert run`. process: the gunicorn arbiter, leader of a process group of its own. log: of all processes."""

    address: str
    home: Path
    database_url: str
    log: Path
    process: subprocess.Popen[bytes]
    killed: int = 0
    _seen: set[int] = field(default_factory=set)

    def workers(self) -> list[int]:
        """Process ids of the gunicorn workers that live, in order."""
        found = [pid for pid in children(self.process.pid) if "jobs" not in command_of(pid)]
        self._seen.update(found)
        return sorted(found)

    def jobs(self) -> int:
        """Process id of the background jobs."""
        found = [pid for pid in children(self.process.pid) if "jobs" in command_of(pid)]
        if not found:
            raise ServiceTroubleError("the background jobs do not run")
        return found[0]

    def kill_worker(self, number: int = 0) -> int:
        """kill -9 of one worker; its process id. Another one is started by the arbiter."""
        living = self.workers()
        if not living:
            return 0
        pid = living[number % len(living)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed += 1
        return pid

    def started_workers(self) -> int:
        """How many different workers were seen so far."""
        self.workers()
        return len(self._seen)

    def wait_until_ready(self, seconds: float = READY_S) -> float:
        """Return when the service can do its work: seconds waited. Raises ServiceTroubleError."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if self.process.poll() is not None:
                raise ServiceTroubleError(f"the service ended with {self.process.returncode}:\n{self.log_end()}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200:
                    self.workers()
                    return time.monotonic() - begun
            time.sleep(0.05)
        raise ServiceTroubleError(f"the service was not ready within {seconds:.0f} s:\n{self.log_end()}")

    def memory_kb(self) -> dict[int, int]:
        """Resident memory of each process of the service, in KiB."""
        return {pid: resident_kb(pid) for pid in (self.process.pid, *children(self.process.pid))}

    def log_text(self) -> str:
        """All that the service said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def log_end(self, lines: int = 30) -> str:
        """The last lines of its log."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def stop(self) -> int:
        """Tell it to stop, and wait; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=STOP_S)


@contextlib.contextmanager
def running(
    home: Path,
    database_url: str = "",
    *,
    workers: int = 2,
    threads: int = 8,
    engine: str = "scripted",
    log: Path | None = None,
    variables: dict[str, str] | None = None,
) -> Iterator[RunningService]:
    """Serve a home on a free loopback port until the block ends; no process of it is left then, however the block ends."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    for kept in ("LIFECERT_WEIGHTS_DIR",):
        if kept in os.environ:
            environment[kept] = os.environ[kept]
    environment |= {
        "LIFECERT_HOME": str(home),
        "LIFECERT_DATABASE_URL": database_url,
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": engine,
        "LIFECERT_THREADS": str(threads),
        **(variables or {}),
    }
    words = [sys.executable, "-m", "api.cli", "run", "--port", str(port), "--workers", str(workers)]
    where = log or home / "service.log"
    with where.open("ab") as stream:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    service = RunningService(f"http://127.0.0.1:{port}", home, database_url or f"sqlite:///{home / 'lifecert.sqlite3'}", where, process)
    try:
        service.wait_until_ready()
        yield service
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything in its process group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    """Child processes that live."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        found = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return []
    return [child for child in found if _state(child) not in ("Z", "")]


def command_of(pid: int) -> list[str]:
    """The words that a process was started with; of a forked worker those of its parent."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def resident_kb(pid: int) -> int:
    """Resident memory in KiB; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def roomy_policy(folder: Path) -> Path:
    """A copy of the policy with room for many requests from few addresses: what is tried here is not the limits."""
    text = (ROOT / "policy.toml").read_text(encoding="utf-8")
    head, found, rest = text.partition("\n[limits]")
    section, following, tail = rest.partition("\n[")
    wide = re.sub(r"most = [\d_]+", "most = 1_000_000", section)
    path = folder / "policy.toml"
    path.write_text(head + found + wide + following + tail, encoding="utf-8")
    return path
