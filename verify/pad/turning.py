"""Judging one prompt after the other from pose and blink, frame by frame.

Angles come from the mesh and are taken relative to the person's own frontal baseline (the median of the frontal step). A turn
counts when the head went there on a continuous path: jumps between frames that are larger than a head can do in the time between
them (another picture held up, a glitch of the mesh) void the turn until the head is frontal again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from verify.evidence import Reason
from verify.observation import Observation
from verify.policy import VerificationPolicy
from verify.views import PromptName

_SIDES = {PromptName.TURN_LEFT: 1.0, PromptName.TURN_RIGHT: -1.0}


class PromptStatus(StrEnum):
    """How one prompt came out."""

    OPEN = "open"
    DONE = "done"
    UNMEASURED = "unmeasured"  # waited out, because the engine has no mesh
    WRONG_SIDE = "wrong_side"


@dataclass(frozen=True)
class PromptState:
    """What was measured while one prompt was on show.

    furthest_deg: largest gated turn towards the asked side; away_deg: largest to the other side. blink_rise: over the person's own
    median. None where it was not measured.
    """

    name: PromptName
    status: PromptStatus
    furthest_deg: float | None
    away_deg: float | None
    blink_rise: float | None
    shown_ms: int


def gated(observation: Observation, policy: VerificationPolicy) -> bool:
    """True when pose and blink of this frame can be trusted (ungated frames of photographs fake turns)."""
    return (
        observation.yaw_deg is not None
        and observation.mesh_presence is not None
        and observation.mesh_presence > policy.frame.mesh_presence_min
        and observation.detector_score > policy.frame.detector_score_min
    )


class PromptJudge:
    """Feeds on frames in order; one instance walks through all the prompts of a session."""

    def __init__(self, policy: VerificationPolicy) -> None:
        self._policy = policy
        self._rules = policy.active
        self._baseline: float | None = None
        self._blinks: list[float] = []
        self._finished: list[PromptState] = []
        self._last: Observation | None = None
        self._continuous = False
        self._jumped = False
        self.failure: Reason | None = None
        self.begin(PromptName.LOOK_STRAIGHT, 0, 0)
        self._begun = False

    def see(self, observation: Observation) -> None:
        """Take a frame of any step: it keeps the path of the head continuous and knows the person's usual eyes."""
        if not gated(observation, self._policy):
            return
        if self._last is not None and self._baseline is not None:
            relative = self._relative(observation)
            if abs(observation.yaw_deg - self._last.yaw_deg) > self._step_limit(observation, self._last):  # type: ignore[operator]
                self._continuous = False
                self._jumped = True
            if abs(relative) <= self._rules.return_max_deg:
                self._continuous = True
                self._jumped = False
        self._last = observation
        if observation.blink is not None:
            self._blinks.append(observation.blink)

    def begin(self, name: PromptName, hold_ms: int, started_ms: int) -> None:
        """A new prompt is on show since started_ms (of the first of its frames)."""
        self._name, self._hold_ms, self._started_ms, self._latest_ms = name, hold_ms, started_ms, started_ms
        self._frontal: list[float] = []
        self._reached = 0
        self._wrong = 0
        self._furthest: float | None = None
        self._away: float | None = None
        self._rise: float | None = None
        self._closed = False
        self._faces_without_mesh = 0
        self._status = PromptStatus.OPEN
        # The usual opening of the eyes before the cue: shut eyes must not become usual.
        self._usual_blink = median(self._blinks) if self._blinks else None
        self._begun = True

    def feed(self, observation: Observation) -> bool:
        """Take a frame of the prompt on show; True when the prompt is satisfied by it."""
        self._latest_ms = observation.captured_at_ms
        if observation.box is not None and observation.mesh_presence is None:
            self._faces_without_mesh += 1
            if self._latest_ms - self._started_ms >= max(self._rules.unmeasured_prompt_ms, self._hold_ms):
                self._status = PromptStatus.UNMEASURED
                return True
            return False
        if not gated(observation, self._policy):
            return False
        if self._name is PromptName.LOOK_STRAIGHT:
            done = self._straight(observation)
        elif self._name is PromptName.BLINK:
            done = self._blink(observation)
        else:
            done = self._turn(observation, _SIDES[self._name])
        if done:
            self._status = PromptStatus.DONE
        return done

    def finish(self) -> None:
        """The prompt on show is satisfied: keep what was measured."""
        self._finished.append(self._state())
        self._begun = False

    @property
    def states(self) -> tuple[PromptState, ...]:
        """All prompts so far, the one on show last."""
        return (*self._finished, self._state()) if self._begun else tuple(self._finished)

    @property
    def fraction(self) -> float:
        """How far the prompt on show is, [0, 1)."""
        if self._name is PromptName.LOOK_STRAIGHT:
            return min(0.95, len(self._frontal) / self._rules.frontal_frames)
        if self._name in _SIDES and self._furthest is not None:
            return min(0.95, max(0.0, self._furthest / self._rules.turn_min_deg) * 0.7 + (0.25 if self._reached else 0.0))
        return 0.0

    @property
    def hints(self) -> tuple[Reason, ...]:
        """What would help with the prompt on show."""
        if self._name is PromptName.LOOK_STRAIGHT and not self._frontal:
            return (Reason.LOOK_STRAIGHT,)
        if self._name in _SIDES:
            if self._jumped:
                return (Reason.TURN_SLOWER,)
            if self._reached >= self._rules.turn_frames:
                return (Reason.LOOK_STRAIGHT,)
            if self._furthest is not None and self._furthest > self._rules.return_max_deg:
                return (Reason.TURN_FURTHER,)
        return ()

    def _state(self) -> PromptState:
        return PromptState(self._name, self._status, self._furthest, self._away, self._rise, self._latest_ms - self._started_ms)

    def _relative(self, observation: Observation) -> float:
        return float(observation.yaw_deg) - (self._baseline or 0.0)  # type: ignore[arg-type]

    def _step_limit(self, observation: Observation, before: Observation) -> float:
        """Largest plausible turn between two frames: grows with the time between them, for phones that send four a second."""
        elapsed_ms = max(0, observation.captured_at_ms - before.captured_at_ms)
        scaled = self._rules.step_max_deg * elapsed_ms / self._rules.step_reference_ms
        return min(self._rules.step_cap_deg, max(self._rules.step_max_deg, scaled))

    def _straight(self, observation: Observation) -> bool:
        yaw = float(observation.yaw_deg)  # type: ignore[arg-type]
        centre = 0.0 if self._baseline is None else self._baseline
        if abs(yaw - centre) > self._rules.frontal_yaw_max_deg:
            self._frontal = []
            return False
        self._frontal.append(yaw)
        recent = self._frontal[-self._rules.frontal_frames :]
        if len(recent) < self._rules.frontal_frames or max(recent) - min(recent) > self._rules.frontal_spread_max_deg:
            return False
        if self._latest_ms - self._started_ms < self._hold_ms:
            return False
        if self._baseline is None:
            self._baseline = median(recent)
            self._continuous = True
        return True

    def _turn(self, observation: Observation, side: float) -> bool:
        towards = side * self._relative(observation)
        self._furthest = towards if self._furthest is None else max(self._furthest, towards)
        self._away = -towards if self._away is None else max(self._away, -towards)
        if self._reached >= self._rules.turn_frames:
            return towards <= self._rules.return_max_deg
        if self._continuous and towards >= self._rules.turn_min_deg:
            self._reached += 1
        if -towards >= self._rules.wrong_side_deg and self._reached == 0:
            self._wrong += 1
            if self._wrong >= self._rules.wrong_side_frames:
                self._status = PromptStatus.WRONG_SIDE
                self.failure = Reason.WRONG_PROMPT_ORDER
        return False

    def _blink(self, observation: Observation) -> bool:
        if observation.blink is None or observation.box is None or float(observation.box[2]) < self._rules.blink_face_min_px:
            return False
        rise = observation.blink - (median(self._blinks) if self._usual_blink is None else self._usual_blink)
        self._rise = rise if self._rise is None else max(self._rise, rise)
        if rise > self._rules.blink_min:
            self._closed = True
        # Done only when the eyes are open again: shut eyes for a whole prompt are no blink.
        return self._closed and rise <= self._rules.blink_min / 2
