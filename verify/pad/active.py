"""Active evidence: the person did what random prompts asked for, in their order.

A flat print reaches 10-12 degrees of yaw, a bent one up to 15.6 to one side; real turns reach 57-85 over both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Outcome, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge, Progress, progress
from verify.pad.turning import PromptStatus, gated
from verify.policy import ActivePolicy, VerificationPolicy
from verify.views import ChallengeKind, PromptName

_KIND = EvidenceKind.ACTIVE


def active(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:
    """Were the prompts followed?

    passed: all of them, in order. borderline: a gentle challenge was, and policy wants a person to look. insufficient: not (yet)
    followed. contradicted: clearly the wrong side first, or nothing alive was seen in all the time that prompts were on show.
    absent: no challenge, or the engine cannot measure pose.
    """
    if challenge is None:
        return Evidence(_KIND, EvidenceState.ABSENT, (Reason.EVIDENCE_NOT_MEASURED,))
    rules = policy.active
    state = progress(challenge, observations, policy)
    blinks = measured_blinks(observations, policy)
    rise = blink_rise(blinks, policy)
    motion = motion_share(observations, policy)
    measures = (
        *_measures(state, challenge, rules),
        Measure("blink_rise", rise, rules.blink_min),
        Measure("motion", motion, None, "face widths"),
    )

    def evidence(outcome: EvidenceState, *reasons: Reason) -> Evidence:
        return Evidence(_KIND, outcome, reasons, measures)

    if state.failed is Reason.WRONG_PROMPT_ORDER:
        return evidence(EvidenceState.CONTRADICTED, Reason.WRONG_PROMPT_ORDER)
    if any(prompt.status is PromptStatus.UNMEASURED for prompt in state.judged):
        return evidence(EvidenceState.ABSENT, Reason.EVIDENCE_NOT_MEASURED)
    if state.step >= len(challenge.prompts):
        if challenge.kind is ChallengeKind.GENTLE and rules.gentle_outcome is not Outcome.CERTIFIED:
            return evidence(EvidenceState.BORDERLINE, Reason.GENTLE_NEEDS_PERSON)
        return evidence(EvidenceState.PASSED)
    if len(blinks) >= rules.lifeless_frames_min and _lifeless(state, rise, rules):
        moved = motion is not None and motion >= rules.photograph_motion_min
        return evidence(EvidenceState.CONTRADICTED, Reason.PHOTOGRAPH_MOVED if moved else Reason.PHOTOGRAPH)
    return evidence(EvidenceState.INSUFFICIENT, *state.hints, Reason.PROMPT_NOT_FOLLOWED)


def _measures(state: Progress, challenge: Challenge, rules: ActivePolicy) -> tuple[Measure, ...]:
    furthest = [
        Measure(f"turn_{index}_{prompt.name}", prompt.furthest_deg, rules.turn_min_deg, "deg")
        for index, prompt in enumerate(state.judged)
        if prompt.name in (PromptName.TURN_LEFT, PromptName.TURN_RIGHT)
    ]
    return (Measure("prompts_followed", min(state.step, len(challenge.prompts)), len(challenge.prompts), "prompts"), *furthest)


def _lifeless(state: Progress, rise: float | None, rules: ActivePolicy) -> bool:
    """No turn and not one blink in a long time of asking: a living face cannot do that for long.

    Only where enough frames came to catch a blink, which lasts a third of a second at most: a line that lets one frame through in some
    seconds sees no blink of anybody.
    """
    asked = [prompt for prompt in state.judged if prompt.name is not PromptName.LOOK_STRAIGHT]
    if any(prompt.status is PromptStatus.DONE for prompt in asked) or rise is None:
        return False
    return sum(prompt.shown_ms for prompt in asked) >= rules.lifeless_ms and rise < rules.lifeless_blink_max


def measured_blinks(observations: Sequence[Observation], policy: VerificationPolicy) -> list[float]:
    """How far the eyes are closed, [0, 1], in each frame of a face large enough to see it."""
    return [
        observation.blink
        for observation in observations
        if observation.blink is not None
        and observation.box is not None
        and float(observation.box[2]) >= policy.active.lifeless_face_min_px
        and gated(observation, policy)
    ]


def blink_rise(blinks: Sequence[float], policy: VerificationPolicy) -> float | None:
    """Largest closing of the eyes over their median, [0, 1]; None without enough frames."""
    if len(blinks) < policy.integrity.frames_min:
        return None
    return max(blinks) - median(blinks)


def motion_share(observations: Sequence[Observation], policy: VerificationPolicy) -> float | None:
    """How far the face travelled, grew or rolled in its plane: the largest of the three ranges, in face widths (or radians)."""
    boxes = [observation.box for observation in observations if observation.box is not None and gated(observation, policy)]
    if len(boxes) < 2:
        return None
    stack = np.stack(boxes).astype(np.float64)
    width = float(np.median(stack[:, 2]))
    centres = (stack[:, :2] + stack[:, 2:] / 2) / width
    travel = float(np.ptp(np.percentile(centres, (5, 95), axis=0), axis=0).max())
    growth = float(np.ptp(np.percentile(np.log(stack[:, 2]), (5, 95))))
    rolls = [
        np.deg2rad(observation.roll_deg) for observation in observations if observation.roll_deg is not None and gated(observation, policy)
    ]
    roll = float(np.ptp(np.percentile(rolls, (5, 95)))) if rolls else 0.0
    return max(travel, growth, roll)
