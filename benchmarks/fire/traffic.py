"""Mixed traffic that notes what it was told: pensioners before the camera, caseworkers who propose, reviewers who sign."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from api.rights import RoleName
from benchmarks.fire import cases
from benchmarks.fire.ledger import Compared, Ledger
from benchmarks.fire.line import Answer, HttpxLine
from benchmarks.fire.pensioner import TRY_AGAIN, RefusedError, Walk, sign_in
from benchmarks.fire.people import People
from benchmarks.fire.service import RunningService
from models.casework import CaseStep
from models.database import Database

PROBLEM = "application/problem+json"


class CountingLine(HttpxLine):
    """Counts statuses, and keeps what an answer of 5xx lacks: Retry-After, and a problem behind a JSON door."""

    def __init__(self, address: str, traffic: Traffic, from_address: str) -> None:
        super().__init__(address, from_address=from_address)
        self._traffic = traffic

    def send(self, method: str, path: str, **more: object) -> Answer:  # type: ignore[override]
        """See Line."""
        answer = super().send(method, path, **more)  # type: ignore[arg-type]
        self._traffic.count(path, answer)
        return answer


@dataclass
class Traffic:
    """What goes on. tried: requests. statuses: of their answers (0: none came). wrong: answers that should not have been like that."""

    service: RunningService
    people: People
    ledger: Ledger = field(default_factory=Ledger)
    told: list[cases.Acknowledged] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    last_trouble: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, path: str, answer: Answer) -> None:
        """One request and its answer."""
        with self._lock:
            self.statuses[answer.status] += 1
            if answer.status in TRY_AGAIN:
                self.last_trouble = time.monotonic()
            if answer.status < 500:
                return
            if answer.status != 503 or "retry-after" not in answer.headers:
                self.wrong.append(f"{path.partition('?')[0][:60]}: {answer.status}, headers {sorted(answer.headers)}, {answer.text[:200]}")
            elif path.startswith("/api/") and not answer.headers.get("content-type", "").startswith(PROBLEM):
                self.wrong.append(f"{path.partition('?')[0][:60]}: no problem document")

    @property
    def tried(self) -> int:
        """Requests so far."""
        return sum(self.statuses.values())

    def begin(self, *, pensioners: int, case_ids: list[str], frames_per_s: float = 6.0) -> None:
        """Start so many pensioners, one after another session each, and a caseworker and a reviewer who go through the cases."""
        for number, person in enumerate(self.people.pensioners[:pensioners]):
            self._start(self._pensioner, number, person, frames_per_s)
        if case_ids:
            proposed: list[str] = []
            self._start(self._caseworker, case_ids, proposed)
            self._start(self._reviewer, proposed)

    def end(self) -> None:
        """Let everybody finish what they are at."""
        self._over.set()
        for thread in self._threads:
            thread.join(300)
        if any(thread.is_alive() for thread in self._threads):
            self.wrong.append("somebody did not come to an end within 300 s")

    def compare(self) -> Compared:
        """All that was acknowledged against the store."""
        database = Database(self.service.database_url)
        try:
            return self.ledger.compare(database) + cases.compare(database, self.told)
        finally:
            database.dispose()

    def _start(self, work: object, *arguments: object) -> None:
        def guarded() -> None:
            try:
                work(*arguments)  # type: ignore[operator]
            except Exception as error:
                with self._lock:
                    self.wrong.append(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pensioner(self, number: int, person: object, frames_per_s: float) -> None:
        with CountingLine(self.service.address, self, f"127.0.4.{number + 1}") as line:
            attempt = 0
            while not self._over.is_set():
                walk = Walk(line, person, self.ledger, retry=True, frames_per_s=frames_per_s, seed=1_000 * number + attempt)  # type: ignore[arg-type]
                attempt += 1
                try:
                    decided = walk.whole()
                except RefusedError as error:
                    if "tries_used_up" in str(error):
                        return
                    if "verification_closed" not in str(error):  # expired while nothing answered: the page begins anew
                        raise
                    continue
                with self._lock:
                    self.outcomes[decided["outcome"]] += 1

    def _caseworker(self, case_ids: list[str], proposed: list[str]) -> None:
        with CountingLine(self.service.address, self, "127.0.5.1") as line:
            _patiently_signed_in(line, RoleName.CASEWORKER)
            for case_id in case_ids:
                if self._over.is_set():
                    return
                if self._do(line, case_id, CaseStep.PROPOSED, **cases.PROPOSE):
                    proposed.append(case_id)

    def _reviewer(self, proposed: list[str]) -> None:
        with CountingLine(self.service.address, self, "127.0.5.2") as line:
            _patiently_signed_in(line, RoleName.REVIEWER)
            while not self._over.is_set() or proposed:
                if not proposed:
                    time.sleep(0.05)
                    continue
                self._do(line, proposed.pop(0), CaseStep.SIGNED, what="sign")

    def _do(self, line: CountingLine, case_id: str, done: CaseStep, **fields: str) -> bool:
        """Press the button until there is an answer; True when the step is done. A 409 after a try without an answer: it was done."""
        unanswered, until = False, time.monotonic() + 120
        while time.monotonic() < until:
            answer = cases.step(line, case_id, **fields)
            if answer.status == 200:
                if not unanswered:  # else the page may be of the try before: the step is looked for in the store, once at most
                    with self._lock:
                        self.told.append(cases.Acknowledged(case_id, done))
                return True
            if answer.status == 409 and unanswered:
                return True
            if answer.status not in TRY_AGAIN:
                raise RefusedError(done.value, answer)
            unanswered = True
            time.sleep(0.2)
        raise RefusedError(done.value, answer)


def _patiently_signed_in(line: CountingLine, role: RoleName) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            sign_in(line, role)
            return
        except RefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.3)


def started(service: RunningService, people: People, *, pensioners: int, open_cases: int) -> Traffic:
    """Traffic that goes on."""
    traffic = Traffic(service, people)
    traffic.begin(pensioners=pensioners, case_ids=cases.take_cases(service, people, open_cases))
    return traffic
