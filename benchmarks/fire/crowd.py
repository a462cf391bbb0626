"""Pensioners at the pages, all at once, as users of Locust: started by ``benchmarks.fire load`` in a process of its own.

    python -m benchmarks.fire.crowd plan.json

gevent patches this process, so nothing of the service runs in it. Prints JSON.
"""

from __future__ import annotations

import locust  # isort: skip - patches sockets and threads before anything else is imported

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser

from benchmarks.fire.camera_page import CameraPage
from benchmarks.fire.film import Film, FilmedPerson, read_film
from benchmarks.fire.line import Answer
from benchmarks.fire.pensioner import RefusedError, Walk
from benchmarks.fire.people import Pensioner
from verify.policy import VerificationPolicy, load_verification_policy

READING_S = (0.5, 1.5)  # on each page: less than people take, so that most of them are before the camera
LEAVING_S = 120.0  # whoever is at it when the time is over may finish


class LocustLine:
    """A line that Locust counts. page: frames on their way when enough was seen are refused, and that is no failure."""

    def __init__(self, client: FastHttpSession) -> None:
        self._client = client
        self.page: CameraPage | None = None

    def send(self, method: str, path: str, *, label: str = "", content: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """See Line."""
        more = dict(headers or {})
        if isinstance(content, dict):
            content, more["Content-Type"] = urlencode(content), "application/x-www-form-urlencoded"
        with self._client.request(method, path, name=label or path, data=content, headers=more, catch_response=True) as answer:
            said = answer.request_meta["response"]  # without an answer the context manager has no status of its own
            named = {name.lower(): value for name, value in (said.headers or {}).items()}
            got = Answer(said.status_code or 0, said.content or b"", named)
            late = label == "frame" and self.page is not None and self.page.over
            if 200 <= got.status < 400 or (late and got.code == "verification_closed"):
                answer.success()
            else:
                answer.failure(f"{got.status} {got.code or got.text[:120]}")
        return got


class Plan:
    """What the crowd does, and what came of it."""

    def __init__(self, path: Path) -> None:
        values = json.loads(path.read_text(encoding="utf-8"))
        self.address: str = values["address"]
        self.crowd, self.seconds = int(values["pensioners"]), float(values["seconds"])
        self.film: Film = read_film(Path(values["film"]))
        self.policy: VerificationPolicy = load_verification_policy(Path(values["policy"]))
        self.colours = {"#{:02x}{:02x}{:02x}".format(*rgb): name for name, rgb in self.policy.flash.colours.items()}
        self.people = [Pensioner(**person) for person in values["people"]]
        self.until = float("inf")
        self.next = 0
        self.outcomes: Counter[str] = Counter()
        self.levels: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.refused: list[str] = []
        self.took_s: list[float] = []

    def person(self) -> tuple[int, Pensioner]:
        """The next one: nobody comes twice."""
        if self.next >= len(self.people):
            raise StopUser
        self.next += 1
        return self.next, self.people[self.next - 1]


def user_class(plan: Plan) -> type[locust.FastHttpUser]:
    """A place in the crowd: one pensioner after the other, each with a browser of its own."""

    class AtThePages(locust.FastHttpUser):
        host = plan.address
        wait_time = locust.constant(0)

        @locust.task
        def certify(self) -> None:
            if time.monotonic() >= plan.until:
                raise StopUser
            number, person = plan.person()
            self.client.cookiejar.clear()
            line, rng, begun = LocustLine(self.client), random.Random(number), time.monotonic()
            walk = Walk(line, person, seed=number, read=lambda: gevent.sleep(rng.uniform(*READING_S)))
            try:
                walk.identify(agree=True)
                walk.start()
                line.page = page = CameraPage(line, walk.session, FilmedPerson(plan.film, plan.policy, number), plan.colours)
                page.run()
                decided = walk.finish()
                walk.result()
            except RefusedError as error:
                plan.refused.append(str(error)[:300])
                return
            plan.levels.update(page.levels)
            plan.outcomes[decided["outcome"]] += 1
            plan.reasons.update(decided["reasons"])
            plan.took_s.append(time.monotonic() - begun)

    return AtThePages


def run(plan: Plan) -> dict[str, Any]:
    """Let the crowd in, wait until the time is over and everybody is through; what Locust counted."""
    environment = Environment(user_classes=[user_class(plan)])
    runner = environment.create_local_runner()
    begun = time.monotonic()
    plan.until = begun + plan.seconds
    runner.start(plan.crowd, spawn_rate=2)
    while runner.user_count or time.monotonic() < begun + plan.crowd / 2:
        gevent.sleep(0.5)
        if time.monotonic() > plan.until + LEAVING_S:
            plan.refused.append(f"{runner.user_count} did not come to an end within {LEAVING_S:.0f} s")
            break
    seconds = time.monotonic() - begun
    plan.refused += [f"{each['msg']} ({each['count']} times): {each['traceback'][-400:]}" for each in runner.exceptions.values()]
    runner.quit()
    stats, total = environment.stats, environment.stats.total
    return {
        "seconds": round(seconds, 1),
        "requests": total.num_requests,
        "failed_requests": total.num_failures,
        "failures": [f"{error.method} {error.name}: {error.error} ({error.occurrences} times)" for error in stats.errors.values()],
        "broken_off": plan.refused,
        "verifications": dict(plan.outcomes),
        "reasons": dict(plan.reasons),
        "verification_s": _spread(plan.took_s),
        "levels": {str(level): count for level, count in sorted(plan.levels.items())},
        "answers": {
            entry.name: {
                "requests": entry.num_requests,
                "failed": entry.num_failures,
                "ms": {f"p{round(share * 100)}": entry.get_response_time_percentile(share) for share in (0.5, 0.95, 0.99)},
            }
            for entry in stats.entries.values()
        },
    }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {f"p{share}": round(ordered[int(len(ordered) * share / 100)], 1) for share in (5, 50, 95)} if ordered else {}


if __name__ == "__main__":
    print(json.dumps(run(Plan(Path(sys.argv[1])))))
