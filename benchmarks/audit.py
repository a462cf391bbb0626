"""What the audit costs: a status read with and without its entry, asked for at the same time; sealing and checking many entries.

    python -m benchmarks.audit                          its own PostgreSQL stores in a temporary folder
    python -m benchmarks.audit --sqlite

Two installations of the same people, each with its own store, answer side by side: what the machine does to one in some second, it does to
the other as well. Where the rounds took turns instead, two sides without entries differed by up to a tenth. CPU-seconds are those of the
gunicorn workers, of the database server and, on the side with entries, of the process that seals them every three seconds. The drivers,
processes of their own, are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import numpy as np
from flask import Flask
from sqlalchemy import insert

from api import audit_journal
from api.app import create_wsgi
from api.audit_sealing import SEAL_EVERY_S
from benchmarks import status_doors as doors
from benchmarks.province import ROOT, sample, server
from benchmarks.province_people import Province
from benchmarks.province_store import make
from models.audit import AuditEntry
from models.database import Database
from models.keys import FileKeyRing
from models.repositories import audit_sealing
from models.repositories.audit_verification import verify
from models.schema import upgrade

CHUNK = 10_000
WARM_WITHIN_S = 240.0
WARM_ANSWERS = 20
WARM_S = 4.0
DRAWS = 10_000


class _NoJournal:
    """Takes entries and forgets them."""

    def write(self, entries: object) -> None:
        """Nothing."""


def make_app_without() -> Flask:
    """The application whose status reads leave no entry, for comparison."""
    app = create_wsgi()
    app.extensions[audit_journal.KEY] = _NoJournal()
    return app


def seal_for_ever(url: str, keys: Path) -> None:
    """What `lifecert jobs` does about the audit. For a process of its own."""
    database, keyring = Database(url), FileKeyRing.open(keys)
    while True:
        audit_sealing.seal_waiting(database, keyring, now=datetime.now(UTC))
        time.sleep(SEAL_EVERY_S)


def _warm(port: int) -> None:
    """Return when the workers answer: on a busy machine that takes a while. Raises SystemExit."""
    deadline, answers = time.monotonic() + WARM_WITHIN_S, 0
    while answers < WARM_ANSWERS:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WARM_WITHIN_S):
                answers += 1
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("the workers do not answer") from None
            time.sleep(0.5)


def _sealing_and_checking(url: str, keys: Path, entries: int) -> dict[str, Any]:
    """Write entries at once, seal them, check them; CPU-seconds of this process, without those of the database server."""
    database, keyring = Database(url), FileKeyRing.open(keys)
    now = datetime.now(UTC)
    row = {"actor": "client:benchmarkbenchmark00", "action": "status_looked_up", "object": "benchmarkbenchmark0000", "at": now}
    for start in range(0, entries, CHUNK):
        with database.session_scope() as session:
            rows = [row | {"details": {"door": "api", "request_id": f"{number:032x}"}} for number in range(start, start + CHUNK)]
            session.execute(insert(AuditEntry), rows)
    results: dict[str, Any] = {"entries": entries}
    began, cpu = time.perf_counter(), time.process_time()
    audit_sealing.seal_waiting(database, keyring, now=now)
    results["seal"] = {"s": round(time.perf_counter() - began, 2), "cpu_s": round(time.process_time() - cpu, 2)}
    began, cpu = time.perf_counter(), time.process_time()
    checked = verify(database, keyring)
    results["verify"] = {
        "entries": checked.entries,
        "s": round(time.perf_counter() - began, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }
    if not checked.clean:
        raise SystemExit(f"the check found {checked.findings[:3]}")
    results["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    database.dispose()
    return results


@dataclass(frozen=True)
class _Side:
    """One installation. families: processes that count with their children, the master of gunicorn first; others: that count alone."""

    port: int
    families: list[int]
    others: list[int]
    question: dict[str, Any]

    def cpu_s(self) -> float:
        return sum(map(doors._family_cpu_s, self.families)) + sum(map(doors._cpu_s, self.others))

    def round(self, seconds: float) -> dict[str, Any]:
        return doors._round("door", self.port, self.families[0], None, seconds, self.question)


def _install(stack: ExitStack, folder: Path, options: argparse.Namespace, *, with_entries: bool) -> _Side:
    """Make a store and serve it until the stack is left."""
    home = folder / "home"
    home.mkdir(mode=0o700, parents=True)
    url = f"sqlite:///{folder / 'province.sqlite'}" if options.sqlite else stack.enter_context(server(folder))
    keys = home / "keys.json"
    upgrade(url)
    database, province = Database(url), Province(options.persons)
    make(url, province, keys)
    token = doors.token_of(database, FileKeyRing.open(keys))
    postmaster = doors._postmaster(database)
    database.dispose()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    environment = kept | {
        "LIFECERT_DATABASE_URL": url,
        "LIFECERT_HOME": str(home),
        "LIFECERT_ENGINE": "scripted",
        "LIFECERT_LOG_LEVEL": "WARNING",
    }
    app = "api.app:create_wsgi()" if with_entries else "benchmarks.audit:make_app_without()"
    port, master = stack.enter_context(doors.gunicorn(app, environment, options.threads))
    _warm(port)
    others = []
    if with_entries:
        words = [sys.executable, "-m", "benchmarks.audit", "--seal", url, "--keys", str(keys)]
        sealer = subprocess.Popen(words, cwd=ROOT, env=environment)
        stack.callback(sealer.wait)
        stack.callback(sealer.kill)
        others.append(sealer.pid)
    question = {"numbers": sample(province, options.sample), "token": token}
    return _Side(port, [master, *([] if postmaster is None else [postmaster])], others, question)


def _round(sides: dict[str, _Side], seconds: float) -> dict[str, dict[str, Any]]:
    """Ask all sides at the same time; CPU-seconds until the last entry is sealed."""
    before = {kind: side.cpu_s() for kind, side in sides.items()}
    with ThreadPoolExecutor(len(sides)) as threads:
        measured = dict(zip(sides, threads.map(lambda side: side.round(seconds), sides.values()), strict=True))
    time.sleep(audit_journal.TAKE_IN_EVERY_S + SEAL_EVERY_S)  # the last entries of the round are taken in and sealed, too
    for kind, side in sides.items():
        measured[kind]["cpu_s"] = round(side.cpu_s() - before[kind], 2)
        del measured[kind]["per_cpu_s"]
    return measured


def _overhead(rounds: dict[str, list[dict[str, Any]]]) -> tuple[dict[str, float], float, list[float]]:
    """Microseconds of CPU per read of each side; the share by which the entry is above; its 95% interval over draws of rounds."""
    cpu, requests = (np.array([[r[name] for r in rounds[kind]] for kind in ("without", "with")]) for name in ("cpu_s", "requests"))
    drawn = np.random.default_rng(DRAWS).integers(cpu.shape[1], size=(DRAWS, cpu.shape[1]))
    costs = cpu[:, drawn].sum(axis=2) / requests[:, drawn].sum(axis=2)
    each = cpu.sum(axis=1) / requests.sum(axis=1)
    interval = np.quantile(costs[1] / costs[0] - 1, [0.025, 0.975])
    per_read = dict(zip(("without", "with"), (each * 1e6).round(1).tolist(), strict=True))
    return per_read, round(float(each[1] / each[0] - 1), 3), interval.round(3).tolist()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make the stores, and measure."""
    results: dict[str, Any] = {"persons": options.persons, "dialect": "sqlite" if options.sqlite else "postgresql"}
    with TemporaryDirectory(prefix="lifecert-audit-") as name:
        with ExitStack() as stack:
            sides = {kind: _install(stack, Path(name) / kind, options, with_entries=kind == "with") for kind in ("without", "with")}
            _round(sides, WARM_S)
            rounds = [_round(sides, options.seconds) for _ in range(options.rounds)]
        results |= {kind: [measured[kind] for measured in rounds] for kind in sides}
        results["us_per_read"], results["overhead"], results["interval"] = _overhead(results)
        with ExitStack() as stack:
            folder = Path(name) / "with"
            url = f"sqlite:///{folder / 'province.sqlite'}" if options.sqlite else stack.enter_context(server(folder))
            results["many"] = _sealing_and_checking(url, folder / "home" / "keys.json", options.entries)
    return results


def main() -> None:
    """Measure and print JSON; with --seal, be the process that seals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=50_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--sample", type=int, default=20_000, help="how many different people are asked for")
    parser.add_argument("--threads", type=int, default=8, help="of each of the two workers")
    parser.add_argument("--entries", type=int, default=200_000, help="written at once, sealed and checked")
    parser.add_argument("--seal", help=argparse.SUPPRESS)
    parser.add_argument("--keys", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seal:
        seal_for_ever(options.seal, options.keys)
        return
    print(json.dumps(run(options), indent=2))


if __name__ == "__main__":
    main()
