"""A pensioner at the pages: says who it is, follows the camera's prompts over HTTP, and gets the result. Also staff who sign in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import cv2
import numpy as np
from numpy.typing import NDArray

from api.accounts import demo_password
from api.rights import RoleName
from benchmarks.fire.ledger import Ledger
from benchmarks.fire.line import Answer, Line, as_json
from benchmarks.fire.people import Pensioner
from sample_data.captures import Actor, draw, jpeg
from verify.engines.scripted import Scene

FRAMES_MAX = 400
GIVE_UP_S = 240.0
"""A decision whose worker is killed is taken over after 30 s, by one that may be killed too."""
TRY_AGAIN = frozenset({0, 502, 503, 504})
_DRAWN: OrderedDict[tuple[Any, ...], NDArray[np.uint8]] = OrderedDict()
_DRAWN_MOST = 400
_NOISE = np.random.default_rng(20_260_101).integers(0, 4, (960, 1280, 3), dtype=np.uint8)


class RefusedError(Exception):
    """The service refused what it should have let in."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: {answer.status} {answer.text[:300]}")


def quick_draw(scene: Scene, *, tint_rgb: tuple[int, int, int] | None = None, noise_seed: int = 0) -> NDArray[np.uint8]:
    """As ``draw``, with heads drawn once each and fresh noise over them: no two pictures have the same bytes."""
    key = (scene, tint_rgb)
    drawn = _DRAWN.get(key)
    if drawn is None:
        drawn = _DRAWN[key] = draw(scene, tint_rgb=tint_rgb)
        if len(_DRAWN) > _DRAWN_MOST:
            _DRAWN.popitem(last=False)
    y, x = divmod(noise_seed * 7919 % (480 * 640), 640)
    picture: NDArray[np.uint8] = cv2.add(drawn, _NOISE[y : y + 480, x : x + 640])
    return picture


@dataclass
class Walk:
    """One verification of one person over a line. ledger: where every acknowledged step is noted. retry: send again what got no answer."""

    line: Line
    person: Pensioner
    ledger: Ledger | None = None
    retry: bool = False
    frames_per_s: float = 0.0
    seed: int = 0
    pictures: Callable[[], Iterator[bytes]] | None = None
    sleep: Callable[[float], None] = time.sleep
    read: Callable[[], None] = lambda: None  # before each button of a page
    sent_again: int = 0
    session: dict[str, Any] = field(default_factory=dict)
    seq: int = 0

    def identify(self, *, agree: bool = False) -> None:
        """Name and number, and the pages up to the camera. agree: say yes to the question about the face, which has to be asked then."""
        page = self._get("/identify", "identify page")
        self.read()
        form = {"csrf_token": page.csrf(), "full_name": self.person.name, "resident_id": self.person.resident_id}
        for _ in self._patiently():
            answer = self.line.send("POST", "/identify", label="identify", content=form)
            if answer.status not in TRY_AGAIN:
                break
        if answer.status != 200 or "csrf-token" not in answer.text:
            raise RefusedError("identify", answer)
        if agree:
            self._agree()
        if not self._get("/certify/camera", "camera page").csrf():
            raise RefusedError("camera page", answer)

    def _agree(self) -> None:
        page = self._get("/certify/consent", "consent page")
        self.read()
        form = {"csrf_token": page.csrf(), "text_version": page.hidden("text_version"), "answer": "yes"}
        for _ in self._patiently():
            answer = self.line.send("POST", "/certify/consent", label="consent", content=form)
            if answer.status not in TRY_AGAIN:
                break
        if answer.status != 200 or not form["text_version"]:
            raise RefusedError("consent", answer)

    def start(self) -> dict[str, Any]:
        """Open a session; its answer."""
        token = self._get("/certify/camera", "camera page").csrf()
        self.read()
        body, headers = as_json({"person_id": self.person.person_id, "channel": "self"})
        for _ in self._patiently():
            answer = self.line.send("POST", "/api/v1/verifications", label="start", content=body, headers={**headers, "X-CSRFToken": token})
            if answer.status not in TRY_AGAIN:
                break
        if answer.status != 201:
            raise RefusedError("start", answer)
        self.session, self.seq = answer.json, 0
        if self.ledger is not None:
            self.ledger.started(self.session["verification_id"])
        return self.session

    def frames(self, most: int = FRAMES_MAX) -> bool:
        """Follow the prompts; True when the service has seen enough."""
        actor = Actor(Scene(identity=self.person.identity), seed=self.seed, painter=quick_draw)
        own = self.pictures() if self.pictures else None
        guide, opened = self.session["guide"], time.monotonic()
        begun = opened
        for _ in range(most):
            due = begun + self.seq / self.frames_per_s if self.frames_per_s else 0.0
            if due > time.monotonic():
                self.sleep(due - time.monotonic())
            elif self.frames_per_s:  # slower than the camera: the page sends the newest picture only
                begun = time.monotonic() - self.seq / self.frames_per_s
            colour = guide["colour"]
            tint = None if colour is None else tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
            frame = None if own else actor.follow(guide["prompt"], colour_rgb=tint)
            data = next(own) if own else jpeg(frame.picture)
            at_ms = int((time.monotonic() - opened) * 1000)
            answer = self.send_frame(data, guide["step_token"], at_ms)
            if answer.status != 200:
                raise RefusedError("frame", answer)
            if answer.json["complete"]:
                return True
            guide = answer.json["guide"]
        return False

    def send_frame(self, data: bytes, step: str, at_ms: int) -> Answer:
        """Post one frame and count on."""
        query = urlencode({"seq": self.seq, "captured_at_ms": at_ms, "step": step})
        path = f"/api/v1/verifications/{self.session['verification_id']}/frames?{query}"
        for _ in self._patiently():
            answer = self.line.send("POST", path, label="frame", content=data, headers=self._headers("image/jpeg"))
            if answer.status not in TRY_AGAIN:
                break
        if answer.status == 200 and self.ledger is not None:
            self.ledger.frame(self.session["verification_id"], self.seq, sha256(data).digest(), accepted=answer.json["accepted"])
        self.seq += 1
        return answer

    def finish(self) -> dict[str, Any]:
        """Decide, and ask again while another worker decides; the decision."""
        path = f"/api/v1/verifications/{self.session['verification_id']}/finish"
        for _ in self._patiently():
            answer = self.line.send("POST", path, label="finish", headers=self._headers())
            if answer.status == 200 and answer.json["state"] == "decided":
                if self.ledger is not None:
                    self.ledger.decided(answer.json)
                result: dict[str, Any] = answer.json
                return result
            if answer.status not in TRY_AGAIN and answer.status != 200:
                break
        raise RefusedError("finish", answer)

    def result(self) -> None:
        """The pages behind the camera."""
        page = self._get("/certify/camera", "camera page")
        form = {
            "csrf_token": page.csrf(),
            "verification_id": self.session["verification_id"],
            "token": self.session["token"],
        }
        for _ in self._patiently():
            answer = self.line.send("POST", "/certify/done", label="result page", content=form)
            if answer.status not in TRY_AGAIN:
                break
        if answer.status != 200:
            raise RefusedError("result", answer)

    def whole(self) -> dict[str, Any]:
        """From the name to the result; the decision."""
        self.identify()
        self.start()
        self.frames()
        decided = self.finish()
        self.result()
        return decided

    def _headers(self, content_type: str = "") -> dict[str, str]:
        headers = {"Lifecert-Session": self.session["token"]}
        return {**headers, "Content-Type": content_type} if content_type else headers

    def _get(self, path: str, label: str) -> Answer:
        for _ in self._patiently():
            answer = self.line.send("GET", path, label=label)
            if answer.status not in TRY_AGAIN:
                break
        if answer.status != 200:
            raise RefusedError(label, answer)
        return answer

    def _patiently(self) -> Iterator[int]:
        """One try, or, with ``retry``, tries until GIVE_UP_S."""
        yield 0
        until, tries = time.monotonic() + GIVE_UP_S, 0
        while self.retry and time.monotonic() < until:
            self.sleep(min(0.1 * 1.5**tries, 2.0))
            tries += 1
            self.sent_again += 1
            yield tries


def sign_in(line: Line, role: RoleName) -> None:
    """Sign a demo account in over the page. Raises RefusedError."""
    page = line.send("GET", "/login")
    form = {"csrf_token": page.csrf(), "email": role.value, "password": demo_password(role), "submit": "1"}
    answer = line.send("POST", "/login", content=form)
    if answer.status != 200 or 'type="password"' in answer.text:
        raise RefusedError(f"sign in as {role.value}", answer)
