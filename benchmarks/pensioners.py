"""Answer times with several pensioners at once: real gunicorn workers, real frames over HTTP, at the pace of a camera page.

    python -m benchmarks.pensioners --clip head-turn.gif --pensioners 8 --seconds 30

Each pensioner posts 640x480 JPEG frames with at most two in flight, as the camera page does, and starts a new session when one is
over. The clients run on the same machine and take their share of it. Memory is that of the largest worker at the end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import cv2
import numpy as np

from api.context import Context, open_context
from api.settings import load_settings
from benchmarks.clip import frames_640x480
from models.consent import ConsentPurpose
from models.repositories import persons
from sample_data.county import load_county
from sample_data.generate import DEFAULT_SEED, generate
from verify.views import ChallengeKind, Channel

PORT = 8447


def prepare(home: Path, count: int, pictures: list[bytes]) -> tuple[Context, list[str]]:
    """A home with the made-up county and ``count`` enrolled, consenting persons; all have the clip's face."""
    context = open_context(load_settings(home=home, port=PORT))
    generate(home / "county", seed=DEFAULT_SEED)
    with context.sessions.begin() as session:
        load_county(session, context.keyring, home / "county")
    with context.database.read_scope() as session:
        found = [p.public_id for p in persons.search(session, limit=200)]
    reference = next((data for data in pictures if context.verification.references.check(data).acceptable), None)
    if reference is None:
        raise SystemExit("no frame of the clip is good enough to be a reference")
    ready: list[str] = []
    for person_id in found:
        try:
            context.verification.references.give_consent(
                person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="bench", language="zh", channel="bench"
            )
            context.verification.references.enrol(person_id, reference, source="file", actor="bench")
            context.verification.start(person_id, kind=ChallengeKind.STANDARD, channel=Channel.SELF)
        except Exception as error:
            print(f"passed over: {type(error).__name__}", file=sys.stderr)
            continue
        ready.append(person_id)
        if len(ready) == count:
            return context, ready
    raise SystemExit(f"only {len(ready)} persons could be enrolled")


class Pensioner(threading.Thread):
    """Posts frames at a fixed pace until told to stop; a frame that would be the third in flight is skipped, as the page does."""

    def __init__(self, context: Context, person_id: str, encoded: list[bytes], frames_per_s: float, until: float) -> None:
        super().__init__(daemon=True)
        self.context, self.person_id, self.encoded = context, person_id, encoded
        self.interval, self.until = 1 / frames_per_s, until
        self.answer_ms: list[float] = []
        self.errors = 0
        self.skipped = 0

    def run(self) -> None:
        """Sessions one after another."""
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        while time.monotonic() < self.until:
            started = self.context.verification.start(self.person_id, kind=ChallengeKind.STANDARD, channel=Channel.SELF)
            step, begin, seq = started.guide.step_token, time.monotonic(), 0
            while time.monotonic() < self.until and seq < 200:
                due = begin + seq * self.interval
                now = time.monotonic()
                if now < due:
                    time.sleep(due - now)
                elif now - due > self.interval:  # slower than the camera: the page sends the newest picture only
                    self.skipped += 1
                    begin += self.interval
                query = urlencode({"seq": seq, "captured_at_ms": int((time.monotonic() - begin) * 1000), "step": step})
                sent = time.monotonic()
                connection.request(
                    "POST",
                    f"/api/v1/verifications/{started.verification_id}/frames?{query}",
                    self.encoded[seq % len(self.encoded)],
                    {"Content-Type": "image/jpeg", "Lifecert-Session": started.token},
                )
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    self.errors += 1
                    print(response.status, body[:300], file=sys.stderr)
                    break
                self.answer_ms.append((time.monotonic() - sent) * 1000)
                answer = json.loads(body)
                step, seq = answer["guide"]["step_token"], seq + 1
                if answer["complete"]:
                    break


def worker_memory_mb(parent: int) -> list[int]:
    """Resident memory of each child of the server, in MB."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    sizes = []
    for child in children:
        for line in Path(f"/proc/{child}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                sizes.append(int(line.split()[1]) // 1024)
    return sorted(sizes, reverse=True)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True, help="a clip of a face (GIF or video)")
    parser.add_argument("--pensioners", type=int, default=8)
    parser.add_argument("--frames-per-s", type=float, default=4.0, help="of each pensioner")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    pictures = frames_640x480(options.clip)
    stills = [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for picture in pictures]
    rng = np.random.default_rng(0)
    encoded = [
        cv2.imencode(".jpg", np.clip(picture + rng.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8))[1].tobytes()
        for _ in range(4)
        for picture in pictures
    ]
    with tempfile.TemporaryDirectory(prefix="lifecert-bench-") as folder:
        home = Path(folder)
        context, people = prepare(home, options.pensioners, stills)
        environment = {**os.environ, "LIFECERT_HOME": str(home), "LIFECERT_PORT": str(PORT), "LIFECERT_WORKERS": "2"}
        server = subprocess.Popen([sys.executable, "-m", "api.cli", "run"], env=environment, stderr=subprocess.DEVNULL)
        try:
            _wait_until_ready()
            warm = time.monotonic() + 8
            _run(context, people, encoded, options.frames_per_s, warm)
            until = time.monotonic() + options.seconds
            crowd = _run(context, people, encoded, options.frames_per_s, until)
            memory = worker_memory_mb(server.pid)
        finally:
            server.terminate()
            server.wait(timeout=60)
    answers = sorted(ms for pensioner in crowd for ms in pensioner.answer_ms)
    print(
        json.dumps(
            {
                "pensioners": options.pensioners,
                "asked_frames_per_s": options.frames_per_s,
                "frames": len(answers),
                "frames_per_s": round(len(answers) / options.seconds, 1),
                "skipped": sum(p.skipped for p in crowd),
                "errors": sum(p.errors for p in crowd),
                "answer_ms": {
                    "p50": round(statistics.median(answers)),
                    "p95": round(answers[int(len(answers) * 0.95)]),
                    "p99": round(answers[int(len(answers) * 0.99)]),
                },
                "worker_memory_mb": memory,
            },
            indent=2,
        )
    )


def _run(context: Context, people: list[str], encoded: list[bytes], frames_per_s: float, until: float) -> list[Pensioner]:
    crowd = [Pensioner(context, person_id, encoded, frames_per_s, until) for person_id in people]
    for index, pensioner in enumerate(crowd):
        pensioner.start()
        time.sleep(1 / frames_per_s / len(crowd) if index else 0)  # people do not click at the same moment
    for pensioner in crowd:
        pensioner.join()
    return crowd


def _wait_until_ready() -> None:
    for _ in range(240):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the server did not come up")


if __name__ == "__main__":
    main()
