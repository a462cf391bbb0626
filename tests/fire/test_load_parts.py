"""The load test's cameras behave as the page's own: how much they send, how many frames are on their way, when they stop."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import cv2
import gevent
import numpy as np
import pytest

from benchmarks.fire import camera_page, pace
from benchmarks.fire.camera_page import CameraPage
from benchmarks.fire.film import own_bytes
from benchmarks.fire.line import Answer
from benchmarks.fire.load import is_clean, slope
from benchmarks.fire.pace import Level, Pace
from tests.conftest import ROOT
from verify.attack_session import Cue

SCRIPT = ROOT / "api" / "static" / "js" / "camera"
GUIDE = {"prompt": "look_straight", "step_token": "a", "colour": None, "steps_done": 0}
SESSION = {"verification_id": "v", "token": "t", "guide": GUIDE}


def constant(name: str, script: str) -> float:
    found = re.search(rf"const {name} = ([\d.]+);", (SCRIPT / script).read_text(encoding="utf-8"))
    assert found, name
    return float(found[1])


def test_the_numbers_are_those_of_the_camera_page() -> None:
    script = (SCRIPT / "pace.js").read_text(encoding="utf-8")
    levels = re.findall(r"\{ fps: (\d+), quality: ([\d.]+), side_px: (\d+) \}", script)
    assert tuple(Level(int(fps), float(quality), int(side)) for fps, quality, side in levels) == pace.LEVELS
    for name in ("SLOW_MS", "QUICK_MS", "WEIGHT", "ANSWERS_BEFORE_CHANGE"):
        assert constant(name, "pace.js") == getattr(pace, name)
    assert constant("IN_FLIGHT", "uplink.js") == camera_page.IN_FLIGHT
    assert constant("COLOUR_HOLD_MS", "stage.js") == camera_page.COLOUR_HOLD_S * 1000


def test_a_full_service_is_sent_less_and_a_quick_one_more() -> None:
    slow, quick = Pace(), Pace()
    for _ in range(20):
        slow.answered(900)
        quick.answered(40)
    assert (slow.settings, quick.settings) == (pace.LEVELS[-1], pace.LEVELS[0])
    quick.lost()
    assert quick.settings == pace.LEVELS[-1]


class SlowLine:
    """Answers after a while, in the order in which frames came; the last of ``frames`` ends the session."""

    def __init__(self, frames: int, statuses: dict[int, int] | None = None) -> None:
        self.frames, self.statuses = frames, dict(statuses or {})
        self.open = self.most = 0
        self.seen: list[int] = []

    def send(self, method: str, path: str, *, label: str = "", content: Any = None, headers: dict[str, str] | None = None) -> Answer:
        seq = int(re.findall(r"seq=(\d+)", path)[0])
        self.open += 1
        self.most = max(self.most, self.open)
        gevent.sleep(0.3)
        self.open -= 1
        status = self.statuses.pop(seq, 200)
        if status != 200:
            return Answer(status, b"{}", {"retry-after": "0"})
        self.seen.append(seq)
        body = {"seq": seq, "guide": GUIDE, "complete": len(self.seen) >= self.frames}
        return Answer(200, json.dumps(body).encode(), {})


class Still:
    """Shows the same picture always."""

    def picture(self, cue: Cue, level: int) -> bytes:
        return b"picture"


def test_two_frames_at_most_are_on_their_way_and_the_end_is_kept() -> None:
    line = SlowLine(6)
    page = CameraPage(line, SESSION, Still(), {})  # type: ignore[arg-type]
    assert page.run()
    assert line.most == camera_page.IN_FLIGHT
    assert sorted(line.seen)[:6] == list(range(6))


def test_what_got_no_answer_is_sent_again_and_a_refusal_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_page, "FIRST_WAIT_S", 0.01)
    line = SlowLine(4, {1: 503})
    page = CameraPage(line, SESSION, Still(), {})  # type: ignore[arg-type]
    assert page.run()
    assert 1 in line.seen
    refused = CameraPage(SlowLine(4, {2: 404}), SESSION, Still(), {})  # type: ignore[arg-type]
    assert not refused.run()
    assert refused.broken is not None
    assert refused.broken.status == 404


def test_no_two_pictures_are_the_same_bytes_and_all_show_the_same() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    rng = random.Random(1)
    one, other = own_bytes(jpeg, rng), own_bytes(jpeg, rng)
    assert one != other
    shown = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (jpeg, one, other)]
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[0], shown[2])


def test_growth_is_a_slope_and_a_lost_certificate_is_not_clean() -> None:
    assert slope([(0.0, 100), (10.0, 120), (20.0, 140)]) == pytest.approx(2.0)
    clean: dict[str, Any] = {"failed_requests": 0, "workers_lost": 0, "errors_in_the_log": 0, "broken_off": []}
    clean |= {"verifications": {"certified": 3, "retry": 1}, "certificates": 3, "life_evidence": 3}
    assert is_clean(clean)
    assert not is_clean(clean | {"certificates": 2})
    assert not is_clean(clean | {"failed_requests": 1})
