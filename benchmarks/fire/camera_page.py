"""The camera page without a browser: two frames on their way at most, at the page's own pace, following the guide of each answer.

What api/static/js/camera does, on greenlets: to be used in a process that gevent has patched.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import gevent

from benchmarks.fire.film import FilmedPerson
from benchmarks.fire.line import Answer, Line
from benchmarks.fire.pace import Pace
from verify.attack_session import Cue
from verify.views import PromptName

IN_FLIGHT = 2
CAMERA_S = 1 / 30
COLOUR_HOLD_S = 0.5
TRIES = 12
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
PASSING = frozenset({0, 502, 503, 504})
LONGEST_S = 175.0  # a session is open for 180


class CameraPage:
    """One attempt before the camera. session: the answer of the door that starts one. colours: name of each by its #rrggbb."""

    def __init__(self, line: Line, session: dict[str, Any], person: FilmedPerson, colours: dict[str, str]) -> None:
        self._line, self._session, self._person, self._colours = line, session, person, colours
        self._pace = Pace()
        self._shown: dict[str, Any] = session["guide"]
        self._latest = self._shown
        self._shown_at = self._colour_at = self._begun = time.monotonic()
        self._last_seq = -1
        self._open = 0
        self.seq = 0
        self.complete = False
        self.broken: Answer | None = None
        self.levels: list[int] = []

    @property
    def over(self) -> bool:
        """Nothing more is to be sent."""
        return self.complete or self.broken is not None

    def run(self) -> bool:
        """Send until enough was seen, something broke, or the time is up: True when enough was seen."""
        due, sending = 0.0, []
        while not self.over and time.monotonic() - self._begun < LONGEST_S:
            now = time.monotonic()
            self._show(now)
            interval = 1 / self._pace.settings.fps
            if self._open >= IN_FLIGHT or now < due - interval / 10:
                gevent.sleep(CAMERA_S)
                continue
            due = max(due + interval, now + interval / 2)
            sending = [one for one in sending if not one.dead]
            sending.append(gevent.spawn(self._send, *self._grab(now)))
            gevent.sleep(0)
        gevent.joinall(sending)
        return self.complete

    def _show(self, now: float) -> None:
        if self._latest["step_token"] == self._shown["step_token"]:
            return
        if self._latest["colour"] != self._shown["colour"]:
            if now < self._colour_at + COLOUR_HOLD_S:
                return
            self._colour_at = now
        self._shown, self._shown_at = self._latest, now

    def _grab(self, now: float) -> tuple[int, bytes, int, str]:
        colour = self._shown["colour"]
        at_ms, since_ms = round((now - self._begun) * 1000), round((now - self._shown_at) * 1000)
        named = None if colour is None else self._colours[colour.lower()]
        cue = Cue(PromptName(self._shown["prompt"]), self._shown["steps_done"], since_ms, at_ms, self.seq, named)
        seq, self.seq = self.seq, self.seq + 1
        self._open += 1
        self.levels.append(self._pace.level)
        return seq, self._person.picture(cue, self._pace.level), at_ms, self._shown["step_token"]

    def _send(self, seq: int, data: bytes, at_ms: int, step: str) -> None:
        try:
            answer = self._until_answered(seq, data, at_ms, step)
            if self.over:
                return
            if answer.status != 200:
                self.broken = answer
                return
            told = answer.json
            if told["seq"] >= self._last_seq:
                self._last_seq, self._latest = told["seq"], told["guide"]
                self.complete = told["complete"]
        finally:
            self._open -= 1

    def _until_answered(self, seq: int, data: bytes, at_ms: int, step: str) -> Answer:
        query = urlencode({"seq": seq, "captured_at_ms": at_ms, "step": step})
        path = f"/api/v1/verifications/{self._session['verification_id']}/frames?{query}"
        headers = {"Lifecert-Session": self._session["token"], "Content-Type": "image/jpeg"}
        wait_s = FIRST_WAIT_S
        for _ in range(TRIES):
            sent = time.monotonic()
            answer = self._line.send("POST", path, label="frame", content=data, headers=headers)
            if answer.status == 200:
                self._pace.answered((time.monotonic() - sent) * 1000)
                return answer
            again_s = float(answer.headers.get("retry-after", "0") or 0)
            if self.over or not (answer.status in PASSING or (answer.status == 429 and again_s <= 10)):
                return answer
            self._pace.lost()
            gevent.sleep(max(wait_s, again_s))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        return answer
