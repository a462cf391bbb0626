"""What the audit costs: a status read with and without its entry, in alternating rounds of one run; sealing and checking many entries.

    python -m benchmarks.audit                          its own PostgreSQL store in a temporary folder
    python -m benchmarks.audit --sqlite

CPU-seconds are those of the gunicorn workers, of the database server and, in rounds with entries, of the process that seals them every
three seconds. The driver, a process of its own, is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

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


def _cpu_s(master: int, postmaster: int | None, others: list[int]) -> float:
    return sum(map(doors._family_cpu_s, [master, *([] if postmaster is None else [postmaster])])) + sum(map(doors._cpu_s, others))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make the store, and measure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-audit-")))
        (folder / "home").mkdir(mode=0o700)
        url = f"sqlite:///{folder / 'province.sqlite'}" if options.sqlite else stack.enter_context(server(folder))
        keys = folder / "home" / "keys.json"
        upgrade(url)
        database, province = Database(url), Province(options.persons)
        make(url, province, keys)
        token = doors.token_of(database, FileKeyRing.open(keys))
        postmaster = doors._postmaster(database)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
        environment = kept | {
            "LIFECERT_DATABASE_URL": url,
            "LIFECERT_HOME": str(folder / "home"),
            "LIFECERT_ENGINE": "scripted",
            "LIFECERT_LOG_LEVEL": "WARNING",
        }
        without_port, without = stack.enter_context(doors.gunicorn("benchmarks.audit:make_app_without()", environment, options.threads))
        with_port, with_entry = stack.enter_context(doors.gunicorn("api.app:create_wsgi()", environment, options.threads))
        sealer = subprocess.Popen([sys.executable, "-m", "benchmarks.audit", "--seal", url, "--keys", str(keys)], cwd=ROOT, env=environment)
        stack.callback(sealer.wait)
        stack.callback(sealer.kill)
        _warm(without_port)
        _warm(with_port)
        question = {"numbers": sample(province, options.sample), "token": token}
        results: dict[str, Any] = {"persons": options.persons, "dialect": database.dialect, "without": [], "with": []}
        for position in range(options.rounds + 1):
            seconds = options.seconds if position else 3.0  # the first round warms up
            for kind in ("without", "with") if position % 2 else ("with", "without"):  # a machine that was busy just before is slower
                port, master = (without_port, without) if kind == "without" else (with_port, with_entry)
                counted = [sealer.pid] if kind == "with" else []
                before = _cpu_s(master, postmaster, counted)
                measured = doors._round("door", port, master, postmaster, seconds, question)
                time.sleep(SEAL_EVERY_S)  # the last entries of the round are taken in and sealed, too
                measured["cpu_s"] = round(_cpu_s(master, postmaster, counted) - before, 2)
                if position:
                    results[kind].append(measured)
        costs = {
            kind: sum(r["cpu_s"] for r in results[kind]) / sum(r["requests"] for r in results[kind]) * 1e6 for kind in ("without", "with")
        }
        results["us_per_read"] = {kind: round(cost, 1) for kind, cost in costs.items()}
        results["overhead"] = round(costs["with"] / costs["without"] - 1, 3)
        database.dispose()
        sealer.kill()
        sealer.wait()
        results["many"] = _sealing_and_checking(url, keys, options.entries)
    return results


def main() -> None:
    """Measure and print JSON; with --seal, be the process that seals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=50_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
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
