"""Requests per CPU-second of the status door through gunicorn, beside a bare select by primary key, in alternating rounds of one run.

    python -m benchmarks.status_doors --persons 200000                          its own PostgreSQL store in a temporary folder
    python -m benchmarks.status_doors --sqlite --persons 1000000 --folder F     a SQLite store, kept in the folder
    python -m benchmarks.status_doors --folder F                              the store that ``benchmarks.province make`` left in the folder

CPU-seconds are those of the gunicorn workers and of the database server; the driver, a process of its own, is not counted. Any answer but
200 ends the run with an error: a refusal is cheap, and would flatter the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import func, select, text

from benchmarks.province import ROOT, sample, server
from benchmarks.province_people import Province
from benchmarks.province_store import make
from models.database import Database
from models.keys import FileKeyRing
from models.person import Person
from models.repositories import clients
from models.schema import upgrade

PERSONS = 200_000
CONNECTIONS = 16
WORKERS = 2
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class _Connection(asyncio.Protocol):
    """One connection that stays open and always asks: the next request leaves when the answer is whole."""

    def __init__(self, requests: Iterator[bytes], until: float, times_ms: list[float], ended: asyncio.Future[None]) -> None:
        self._requests, self._until, self._times_ms, self._ended = requests, until, times_ms, ended
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._start = time.perf_counter()
        if self._start >= self._until:
            self._transport.close()
            self._end(None)
            return
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not blank or (length is not None and len(body) < int(length[1])):
            return
        if length is None or not head.startswith(b"HTTP/1.1 200 "):
            self._end(f"{head.splitlines()[0].decode('latin-1')} {body[:200]!r}")
            return
        self._times_ms.append((time.perf_counter() - self._start) * 1000)
        self._received = b""
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._end(f"the connection was closed ({error})")

    def _end(self, failure: str | None) -> None:
        if not self._ended.done():
            if failure is None:
                self._ended.set_result(None)
            else:
                self._ended.set_exception(SystemExit(failure))


def drive(port: int, kind: str, seconds: float, numbers: list[str], token: str) -> dict[str, Any]:
    """Send requests over 16 connections that stay open, from one thread; times in ms of each. For a process of its own.

    Raises SystemExit when an answer is not 200, or does not come.
    """

    def requests(draw: random.Random) -> Iterator[bytes]:
        while True:
            if kind == "bare":
                yield f"GET /persons/{draw.randint(1, int(numbers[0]))} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
                continue
            body = json.dumps({"resident_id": draw.choice(numbers)})
            head = f"POST /api/v1/statuses/lookup HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            yield f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async def all_connections() -> list[float]:
        loop = asyncio.get_running_loop()
        times_ms: list[float] = []
        until = time.perf_counter() + seconds
        ended = []
        for place in range(CONNECTIONS):
            end: asyncio.Future[None] = loop.create_future()
            ended.append(end)
            asked = requests(random.Random(place + int(time.time())))
            await loop.create_connection(lambda end=end, asked=asked: _Connection(asked, until, times_ms, end), "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.wait_for(asyncio.gather(*ended), seconds + 60)
        return times_ms

    try:
        return {"times_ms": [round(value, 3) for value in asyncio.run(all_connections())]}
    except (OSError, TimeoutError) as error:
        raise SystemExit(f"{kind}: no answer ({type(error).__name__} {error})") from None


def _cpu_s(pid: int, *, with_ended: bool = False) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11 : 15 if with_ended else 13]) / TICKS_PER_S


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def _family_cpu_s(pid: int) -> float:
    """Of a process and its children, ended ones too."""
    total = _cpu_s(pid, with_ended=True)
    for child in _children(pid):
        try:
            total += _cpu_s(child)
        except OSError:
            continue
    return total


def _postmaster(database: Database) -> int | None:
    if database.dialect == "sqlite":
        return None
    with database.read_scope() as session:
        backend = int(session.scalar(text("SELECT pg_backend_pid()")) or 0)
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


@contextmanager
def gunicorn(app: str, environment: dict[str, str], threads: int) -> Iterator[tuple[int, int]]:
    """(port, pid of the master) of a gunicorn with warm workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--threads", str(threads)]
    words += ["--worker-class", "gthread", "--keep-alive", "60", "--log-level", "warning", "--no-control-socket", app]
    process = subprocess.Popen(words, cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit(f"{app} did not start") from None
                time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def _round(kind: str, port: int, master: int, postmaster: int | None, seconds: float, question: dict[str, Any]) -> dict[str, Any]:
    def cpu_s() -> float:
        return _family_cpu_s(master) + (0.0 if postmaster is None else _family_cpu_s(postmaster))

    before = cpu_s()
    words = [sys.executable, "-m", "benchmarks.status_doors", "--drive", kind, "--port", str(port), "--seconds", str(seconds)]
    done = subprocess.run(words, cwd=ROOT, input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a round failed: {done.stderr.strip()}")
    used = cpu_s() - before
    times = sorted(json.loads(done.stdout)["times_ms"])
    at = {f"p{share}_ms": times[min(len(times) - 1, len(times) * share // 100)] for share in (50, 95, 99)}
    return {"requests": len(times), "cpu_s": round(used, 2), "per_cpu_s": round(len(times) / used, 1), **at}


def _persons(database: Database) -> int:
    with database.read_scope() as session:
        return session.scalar(select(func.count(Person.id))) or 0


def token_of(database: Database, keyring: FileKeyRing, scope: str = "status:read") -> str:
    """A token of a new machine client of the province with this right."""
    now, token = datetime.now(UTC), "benchmark-" + os.urandom(16).hex()
    with database.session_scope() as session:
        made = clients.add(
            session,
            name="benchmark",
            scopes=[scope],
            region_code="420000",
            rate_per_minute=10_000_000,
            certificate_sha256=None,
            with_secret=True,
            keyring=keyring,
            actor="benchmark",
            now=now,
        )
        client = clients.find(session, made.client_id)
        assert client is not None
        clients.save_token(session, token, client_pk=client.id, scopes=[scope], now=now, lifetime=timedelta(hours=12))
    return token


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make what is missing, and measure."""
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-doors-")))
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / "province.sqlite"
        in_file = options.sqlite or (file.exists() and not (folder / "postgres").exists())
        url = options.database or (f"sqlite:///{file}" if in_file else stack.enter_context(server(folder)))
        keys = folder / "home" / "keys.json"
        upgrade(url)
        database = Database(url)
        province = Province(options.persons or _persons(database) or PERSONS)
        make(url, province, keys)
        token = token_of(database, FileKeyRing.open(keys))
        postmaster = _postmaster(database)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
        environment = kept | {
            "LIFECERT_DATABASE_URL": url,
            "LIFECERT_HOME": str(folder / "home"),
            "LIFECERT_ENGINE": "scripted",
            "LIFECERT_LOG_LEVEL": "WARNING",
        }
        bare_port, bare = stack.enter_context(gunicorn("benchmarks.bare_select:make_app()", environment, options.threads))
        door_port, door = stack.enter_context(gunicorn("api.app:create_wsgi()", environment, options.threads))
        numbers = sample(province, options.sample)
        results: dict[str, Any] = {"persons": province.persons, "dialect": database.dialect, "bare": [], "door": []}
        for position in range(options.rounds + 1):
            seconds = options.seconds if position else 3.0  # the first round warms up
            asked = {"numbers": [str(province.persons)], "token": ""}
            bare_round = _round("bare", bare_port, bare, postmaster, seconds, asked)
            door_round = _round("door", door_port, door, postmaster, seconds, {"numbers": numbers, "token": token})
            if position:
                results["bare"].append(bare_round)
                results["door"].append(door_round)
        database.dispose()
        for kind in ("bare", "door"):
            results[f"{kind}_per_cpu_s"] = round(sum(r["requests"] for r in results[kind]) / sum(r["cpu_s"] for r in results[kind]), 1)
        results["ratio"] = round(results["door_per_cpu_s"] / results["bare_per_cpu_s"], 3)
    return results


def main() -> None:
    """Measure and print JSON; with --drive, be the driver of one round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, help=f"how many to make; those of the store in the folder, else {PERSONS}")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--database", help="URL of a store of your own; FOLDER/home/keys.json are its keys")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--sample", type=int, default=20_000, help="how many different people are asked for")
    parser.add_argument("--threads", type=int, default=8, help="of each of the two workers")
    parser.add_argument("--drive", choices=("bare", "door"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drive:
        question = json.load(sys.stdin)
        json.dump(drive(options.port, options.drive, options.seconds, question["numbers"], question["token"]), sys.stdout)
        return
    print(json.dumps(run(options), indent=2))


if __name__ == "__main__":
    main()
