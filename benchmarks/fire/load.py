"""The whole verification over HTTP by many pensioners at once, against gunicorn with the real engine; errors, answer times, memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
from sqlalchemy import func, select

from benchmarks.fire.film import HEIGHT, WIDTH, write_film
from benchmarks.fire.people import fill
from benchmarks.fire.service import ROOT, RunningService, end_group, roomy_policy, running
from models.certificate import Certificate
from models.database import Database
from models.life_evidence import LifeEvidence
from models.verification import Verification
from verify.attack_session import load_turn_clip
from verify.engines import load_engine
from verify.policy import load_verification_policy

ENGINE = "onnx"
PEOPLE = "people.json"
QUICKEST_S = 14.0  # nobody is through sooner: so many people are enough for all the time
SAMPLE_S = 2.0
FACE_SHARE = 0.16
LEFT_OUT = 0.4  # of the time, at its beginning: caches and pools fill

Say = Callable[[str], None]


@dataclass
class Memory:
    """Resident memory of each worker while it went on. samples: (seconds since the start, KiB) by process id."""

    service: RunningService
    samples: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def _watch(self) -> None:
        begun = time.monotonic()
        while not self._over.is_set():
            known = self.service.memory_kb()
            for pid in self.service.workers():
                self.samples.setdefault(pid, []).append((time.monotonic() - begun, known.get(pid, 0)))
            self._over.wait(SAMPLE_S)

    def summary(self, seconds: float) -> list[dict[str, float]]:
        """For each worker its memory in MB at the start, at 40% of the time and at the end, its peak, and the slope from 40% on.

        The end is when the last new pensioner came: afterwards there is less and less to do.
        """
        told = []
        for pid, samples in sorted(self.samples.items()):
            within = [(at, kb) for at, kb in samples if at <= seconds]
            settled = [(at, kb) for at, kb in within if at >= LEFT_OUT * seconds]
            if len(settled) < 3:
                continue
            told.append(
                {
                    "pid": pid,
                    "start_mb": round(within[0][1] / 1024, 1),
                    "settled_mb": round(settled[0][1] / 1024, 1),
                    "end_mb": round(settled[-1][1] / 1024, 1),
                    "peak_mb": round(max(kb for _, kb in within) / 1024, 1),
                    "slope_mb_a_minute": round(slope(settled) * 60 / 1024, 2),
                }
            )
        return told


def slope(samples: list[tuple[float, int]]) -> float:
    """Least squares: how much the second value grows for one of the first."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def load(clip: Path, *, pensioners: int, minutes: float, workers: int, say: Say, prepared: Path | None = None) -> dict[str, Any]:
    """Serve a store of its own, and let the crowd in.

    clip: a GIF of one real head turn to both sides. prepared: a folder where the film and the people are kept for other runs.
    """
    with tempfile.TemporaryDirectory(prefix="lifecert-fire-") as folder:
        place = Path(folder)
        kept = prepared or place / "prepared"
        if not (kept / PEOPLE).exists():
            _prepare(clip, kept, crowd=pensioners, seconds=minutes * 60, say=say)
        shutil.copytree(kept / "home", place / "home")
        people = json.loads((kept / PEOPLE).read_text(encoding="utf-8"))
        policy = roomy_policy(place)
        variables = {"LIFECERT_POLICY_FILE": str(policy)}
        say("starting the service")
        with running(place / "home", workers=workers, engine=ENGINE, log=place / "service.log", variables=variables) as service:
            plan = place / "plan.json"
            values = {
                "address": service.address,
                "pensioners": pensioners,
                "seconds": minutes * 60,
                "film": str(kept / "film"),
                "policy": str(policy),
                "people": people,
            }
            plan.write_text(json.dumps(values), encoding="utf-8")
            before = service.workers()
            say(f"{pensioners} pensioners for {minutes:g} minutes")
            with Memory(service) as memory:
                counted = _crowd(plan, limit_s=minutes * 60 + 240)
            after = service.workers()
            troubles = [line for line in service.log_text().splitlines() if "Traceback" in line or "[error " in line]
            store = _stored(service.database_url)
    return {
        "pensioners": pensioners,
        "minutes": minutes,
        "workers": workers,
        "engine": ENGINE,
        **counted,
        **store,
        "workers_lost": len(set(before) - set(after)),
        "errors_in_the_log": len(troubles),
        "memory": memory.summary(minutes * 60),
        "load_average": [round(value, 1) for value in os.getloadavg()],
    }


def is_clean(result: dict[str, Any]) -> bool:
    """No failed request, nobody broken off, no worker lost, nothing lost or doubled, no error in the log."""
    told = result["verifications"].get("certified", 0)
    return (
        result["failed_requests"] == result["workers_lost"] == result["errors_in_the_log"] == 0
        and not result["broken_off"]
        and told == result["certificates"] == result["life_evidence"]
    )


def _prepare(clip: Path, kept: Path, *, crowd: int, seconds: float, say: Say) -> None:
    home, policy = kept / "home", load_verification_policy(ROOT / "policy.toml")
    kept.mkdir()
    engine = load_engine(ENGINE)
    turn = load_turn_clip(clip, engine, WIDTH, HEIGHT, FACE_SHARE)
    say("encoding the film")
    write_film(turn, policy, kept / "film")
    straight = min(turn.frames, key=lambda frame: abs(frame.yaw_deg))
    face = cv2.imencode(".jpg", straight.image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    count = round(crowd * (1 + seconds / QUICKEST_S))
    say(f"enrolling {count} pensioners")
    people = fill(home, pensioners=count, face=face, engine=ENGINE, agreed=False)
    (kept / PEOPLE).write_text(json.dumps([asdict(person) for person in people.pensioners]), encoding="utf-8")


def _crowd(plan: Path, *, limit_s: float) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.fire.crowd", str(plan)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        told, _ = process.communicate(timeout=limit_s)
    finally:
        end_group(process)
    if process.returncode:
        raise SystemExit(f"the crowd ended with {process.returncode}: what it said is above")
    counted: dict[str, Any] = json.loads(told)
    return counted


def _stored(url: str) -> dict[str, int]:
    database = Database(url)
    try:
        with database.read_scope() as session:
            return {
                "sessions": session.scalar(select(func.count()).select_from(Verification)) or 0,
                "certificates": session.scalar(select(func.count()).select_from(Certificate)) or 0,
                "life_evidence": session.scalar(select(func.count()).select_from(LifeEvidence)) or 0,
            }
    finally:
        database.dispose()
