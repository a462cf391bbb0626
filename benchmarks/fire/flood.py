"""A thousand malformed uploads over every door that takes any, and what they did to the service: nothing."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from api.rights import RoleName
from benchmarks.fire.cases import take_cases
from benchmarks.fire.line import Answer, HttpxLine
from benchmarks.fire.pensioner import Walk, sign_in
from benchmarks.fire.people import People
from benchmarks.fire.service import RunningService
from benchmarks.fire.uploads import Upload, malformed, multipart

SENDERS = 4


@dataclass
class Flooded:
    """What came of it. statuses: how many answers of each status, by door. failed: requests that were answered with 5xx, or not at all.
    created: uploads that were kept (201), by door and kind.

    peak_kb, rest_kb: resident memory of the largest worker while it went on, and afterwards. started_kb: before. left: files in the
    service's folder for temporary files. new_workers: workers that had to be started again.
    """

    sent: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    created: Counter[tuple[str, str]] = field(default_factory=Counter)
    started_kb: int = 0
    peak_kb: int = 0
    rest_kb: int = 0
    left: tuple[str, ...] = ()
    new_workers: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, door: str, upload: Upload, answer: Answer) -> None:
        """One answer."""
        with self._lock:
            self.sent += 1
            self.statuses[door, answer.status] += 1
            self.kinds[upload.kind] += 1
            if answer.status == 201:
                self.created[door, upload.kind] += 1
            if answer.status >= 500:
                self.failed.append(f"{door} <- {upload.kind} ({upload.media_type}, {len(upload.data)} bytes): {answer.status}")


class Sender:
    """Sends uploads over all doors in turn, with accounts that may use them. Each has lines of its own."""

    def __init__(self, service: RunningService, people: People, number: int, case_id: str, stack: ExitStack) -> None:
        self._rng = random.Random(number)
        self._service, self._people, self._case = service, people, case_id
        address = f"127.0.9.{number + 1}"
        self.counter, self.desk, self.program, self.camera = (
            stack.enter_context(HttpxLine(service.address, from_address=address)) for _ in range(4)
        )
        sign_in(self.counter, RoleName.COUNTER)
        sign_in(self.desk, RoleName.CASEWORKER)
        form = {"grant_type": "client_credentials", "client_id": people.client_id, "client_secret": people.client_secret}
        token = self.program.send("POST", "/oauth/token", content=form).json["access_token"]
        self._bearer = {"Authorization": f"Bearer {token}"}
        self._counter_csrf = self.counter.send("GET", "/counter").csrf()
        self._desk_csrf = self.desk.send("GET", "/desk/cases/" + case_id).csrf()
        self._person = people.pensioners[number % len(people.pensioners)]
        self._walk = Walk(self.camera, self._person)
        self._walk.identify()
        self._walk.start()
        self.doors: dict[str, Callable[[Upload], Answer]] = {
            "frames": self._frame,
            "references/check": lambda upload: self._raw("/api/v1/references/check", upload),
            "reference": lambda upload: self._raw(f"/api/v1/persons/{self._person.person_id}/reference?source=file", upload),
            "reference form": lambda upload: self._form(f"/counter/person/{self._person.person_id}/reference", "picture", upload),
            "identity-checks": self._identity_check,
            "imports": self._import,
            "case papers": self._paper,
            "statuses/batch": lambda upload: self._program("/api/v1/statuses/batch", upload),
            "claims:screen": lambda upload: self._program("/api/v1/claims:screen", upload),
        }

    def send(self, upload: Upload) -> tuple[str, Answer]:
        """Send one upload over a door; (door, answer)."""
        if upload.media_type == "application/json":
            door = self._rng.choice(("identity-checks", "statuses/batch", "claims:screen"))
        elif upload.kind == "table that is none":
            door = self._rng.choice(("imports", "imports", "case papers"))
        else:
            door = self._rng.choice(tuple(self.doors))
        return door, self.doors[door](upload)

    def _headers(self, upload: Upload, more: dict[str, str]) -> dict[str, str]:
        given = {"Content-Type": upload.media_type, "Content-Encoding": upload.encoding}
        return {**{name: value for name, value in given.items() if value}, **more}

    def _frame(self, upload: Upload) -> Answer:
        session = self._walk.session
        query = urlencode({"seq": self._rng.randrange(10**6), "captured_at_ms": 5, "step": session["guide"]["step_token"]})
        path = f"/api/v1/verifications/{session['verification_id']}/frames?{query}"
        return self.camera.send("POST", path, content=upload.data, headers=self._headers(upload, {"Lifecert-Session": session["token"]}))

    def _raw(self, path: str, upload: Upload) -> Answer:
        return self.counter.send("POST", path, content=upload.data, headers=self._headers(upload, {"X-CSRFToken": self._counter_csrf}))

    def _form(self, path: str, name: str, upload: Upload) -> Answer:
        body, content_type = multipart(self._rng, name, upload, self._counter_csrf)
        return self.counter.send("POST", path, content=body, headers={"Content-Type": content_type})

    def _paper(self, upload: Upload) -> Answer:
        body, content_type = multipart(self._rng, "paper", upload, self._desk_csrf)
        return self.desk.send("POST", f"/desk/cases/{self._case}/papers", content=body, headers={"Content-Type": content_type})

    def _identity_check(self, upload: Upload) -> Answer:
        if upload.media_type == "application/json":
            return self._program("/api/v1/identity-checks", upload)
        picture = base64.b64encode(upload.data).decode()
        body = {"resident_id": self._person.resident_id, "institution": "First Hospital", "picture": picture}
        return self.program.send(
            "POST",
            "/api/v1/identity-checks",
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self._bearer},
        )

    def _program(self, path: str, upload: Upload) -> Answer:
        return self.program.send("POST", path, content=upload.data, headers=self._headers(upload, self._bearer))

    def _import(self, upload: Upload) -> Answer:
        return self._program(f"/api/v1/imports/{self._rng.choice(('persons', 'benefits', 'claims', 'deaths', 'nothing'))}", upload)


def flood(service: RunningService, people: People, *, count: int, seed: int = 7, temporary: Path) -> Flooded:
    """Send so many, some at a time, and look at the service afterwards. temporary: where the service has its temporary files."""
    done, uploads = Flooded(), list(malformed(seed, count))
    cases = take_cases(service, people, SENDERS)
    with ExitStack() as stack:
        senders = [Sender(service, people, number, cases[number], stack) for number in range(SENDERS)]
        before = set(service.workers())
        done.started_kb = max(service.memory_kb()[pid] for pid in before)
        begun, over = time.monotonic(), threading.Event()

        def watch() -> None:
            while not over.wait(0.1):
                done.peak_kb = max(done.peak_kb, *(service.memory_kb().get(pid, 0) for pid in service.workers()))

        def work(number: int) -> None:
            for upload in uploads[number::SENDERS]:
                done.note(*_in_order(senders[number].send(upload), upload))

        watching = threading.Thread(target=watch)
        watching.start()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        watching.join()
        done.seconds = time.monotonic() - begun
    after = set(service.workers())
    done.new_workers = len(after - before)
    done.rest_kb = max(service.memory_kb()[pid] for pid in after)
    done.left = tuple(str(path.relative_to(temporary)) for path in temporary.rglob("*") if path.is_file())
    done.left += tuple(str(path) for path in (service.home / "imports").rglob("*.part"))
    return done


def _in_order(sent: tuple[str, Answer], upload: Upload) -> tuple[str, Upload, Answer]:
    door, answer = sent
    return door, upload, answer
