"""What is done to a service while it works: its workers are killed, its database is taken away; and what was lost by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from api.context import open_context, utc_now
from benchmarks.fire.ledger import Compared, Ledger
from benchmarks.fire.line import HttpxLine
from benchmarks.fire.pensioner import Walk
from benchmarks.fire.people import People, settings_of
from benchmarks.fire.service import RunningService
from benchmarks.fire.traffic import Traffic, started
from models.database import Database
from models.verification import Verification, VerificationState


@dataclass(frozen=True)
class Struck:
    """What came of it. faults: blows dealt. requests: sent. unanswered: broken off. refused: 503 with Retry-After. recovered_s: from the
    end of each blow to the last answer that had to do with it. wrong: what should not have been.
    """

    faults: int
    requests: int
    unanswered: int
    refused: int
    compared: Compared
    recovered_s: tuple[float, ...] = ()
    wrong: tuple[str, ...] = ()
    outcomes: dict[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, object]:
        """For a table."""
        return {
            "faults": self.faults,
            "requests": self.requests,
            "unanswered": self.unanswered,
            "refused_503": self.refused,
            "acknowledged": self.compared.acknowledged,
            "lost": len(self.compared.lost),
            "doubled": len(self.compared.doubled),
            "slowest_recovery_s": round(max(self.recovered_s, default=0.0), 1),
            "wrong": list(self.wrong),
            "outcomes": self.outcomes,
        }


def kill_workers(service: RunningService, people: People, *, kills: int, pause_s: float = 2.5, open_cases: int) -> Struck:
    """kill -9 of one worker after the other in mixed traffic, each when there are as many as before."""
    wanted = len(service.workers())

    def blow(number: int) -> None:
        service.kill_worker(number)
        _until(lambda: len(service.workers()) >= wanted)

    return _strike(service, people, kills, blow, pause_s=pause_s, open_cases=open_cases)


def restart_database(service: RunningService, people: People, restart: Callable[[], None], *, restarts: int, open_cases: int) -> Struck:
    """Take the database away in mixed traffic, in the way that ``restart`` does it."""
    return _strike(service, people, restarts, lambda _number: restart(), pause_s=4.0, open_cases=open_cases)


def _strike(
    service: RunningService, people: People, faults: int, blow: Callable[[int], None], *, pause_s: float, open_cases: int
) -> Struck:
    traffic = started(service, people, pensioners=len(people.pensioners), open_cases=open_cases)
    recovered = []
    for number in range(faults):
        time.sleep(pause_s)
        blow(number)
        over = time.monotonic()
        time.sleep(pause_s)
        recovered.append(max(0.0, traffic.last_trouble - over))
    traffic.end()
    return _struck(traffic, faults, tuple(recovered))


def _struck(traffic: Traffic, faults: int, recovered: tuple[float, ...]) -> Struck:
    statuses = traffic.statuses
    return Struck(
        faults,
        traffic.tried,
        statuses[0],
        statuses[503],
        traffic.compare(),
        recovered,
        tuple(traffic.wrong),
        dict(traffic.outcomes),
    )


def kill_while_deciding(service: RunningService, people: People, *, frames: int = 40) -> tuple[int, Struck]:
    """Kill the only worker as soon as a session is being decided, one session a pensioner; (how many were hit in the middle, the rest).

    Afterwards another worker decides them all, by a clock that says that the dead ones' time is over.
    """
    hit, sent, ledger, walks = 0, 0, Ledger(), []
    database = Database(service.database_url)
    for person in people.pensioners:
        walk = Walk(HttpxLine(service.address), person, ledger)
        walk.identify()
        walk.start()
        walk.frames(frames)
        sent += 4 + walk.seq
        walks.append(walk)
    for walk in walks:
        service.wait_until_ready()
        asked = threading.Thread(target=_finish_once, args=(walk,))
        asked.start()
        _until(lambda walk=walk: _state(database, walk) is not VerificationState.OPEN, every_s=0.0)  # type: ignore[misc]
        service.kill_worker()
        asked.join()
        hit += _state(database, walk) is VerificationState.DECIDING
    context = open_context(settings_of(service.home, service.database_url), clock=lambda: utc_now() + timedelta(seconds=40))
    for walk in walks:
        view = context.verification.finish(walk.session["verification_id"], walk.session["token"])
        told = {"outcome": view.outcome.value if view.outcome else "", "certificate_id": view.certificate_id, "reasons": list(view.reasons)}
        ledger.decided({"verification_id": view.verification_id, **told})
        walk.line.close()  # type: ignore[attr-defined]
    compared = ledger.compare(database)
    context.database.dispose()
    database.dispose()
    return hit, Struck(service.killed, sent + 2 * len(walks), service.killed, 0, compared)


def _finish_once(walk: Walk) -> None:
    path = f"/api/v1/verifications/{walk.session['verification_id']}/finish"
    walk.line.send("POST", path, headers={"Lifecert-Session": walk.session["token"]})


def _state(database: Database, walk: Walk) -> VerificationState | None:
    with database.read_scope() as session:
        return session.scalar(select(Verification.state).where(Verification.id == walk.session["verification_id"]))


def _until(reached: Callable[[], bool], *, seconds: float = 60.0, every_s: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        time.sleep(every_s)
