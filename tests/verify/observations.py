"""Generated observations: a textured head that turns, blinks and carries on, without any picture of a person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from verify.attack_session import challenge_of
from verify.observation import Observation, Quality
from verify.pad.challenge import Challenge, progress
from verify.policy import VerificationPolicy, load_verification_policy
from verify.views import PromptName

POLICY: VerificationPolicy = load_verification_policy(Path(__file__).parents[2] / "policy.toml")
LEFT, RIGHT, STRAIGHT, BLINK = PromptName.TURN_LEFT, PromptName.TURN_RIGHT, PromptName.LOOK_STRAIGHT, PromptName.BLINK


@cache
def texture(seed: int = 0) -> np.ndarray:
    """(192, 192) smooth random grey with corners to track."""
    noise = np.random.default_rng(seed).normal(size=(192, 192)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


@cache
def _grain() -> np.ndarray:
    """Sensor noise, rolled differently for each frame."""
    return np.random.default_rng(9).normal(0, 2, (192, 192))


@cache
def embedding(person: int = 0, wobble: float = 0.02, seed: int = 0) -> np.ndarray:
    """(512,) unit template of a person."""
    centre = np.random.default_rng(person).normal(size=512)
    value = centre / np.linalg.norm(centre) + np.random.default_rng(seed + 1000).normal(size=512) * wobble
    return (value / np.linalg.norm(value)).astype(np.float32)


def frame(seq: int = 0, *, at_ms: int | None = None, yaw: float = 0.0, step: int = 0, person: int = 0, **changes: object) -> Observation:
    """One good frame of a live face."""
    at_ms = seq * 125 if at_ms is None else at_ms
    rng = np.random.default_rng(seq)
    patch = np.clip(texture(person) + np.roll(_grain(), int(rng.integers(0, 36_000))), 0, 255).astype(np.uint8)
    values: dict[str, object] = {
        "seq": seq,
        "captured_at_ms": at_ms,
        "received_at_ms": at_ms + 80,
        "step": step,
        "colour": None,
        "sha256": hashlib.sha256(f"{seq}/{at_ms}/{person}".encode()).hexdigest(),
        "width_px": 640,
        "height_px": 480,
        "faces": 1,
        "second_face_ratio": 0.0,
        "box": np.array([220, 120, 180, 220], np.float32),
        "landmarks": np.array([[270, 200], [350, 200], [310, 245], [280, 290], [340, 290]], np.float32),
        "detector_score": 0.95,
        "mesh_presence": 0.99,
        "yaw_deg": yaw,
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
        "blink": 0.1,
        "jaw_open": 0.02,
        "passive": 0.97,
        "noise_sigma": 1.0,
        "moire": 4.0,
        "patch": patch,
        "colour_means": np.array([[120, 130, 170]] * 3 + [[90, 90, 90]] * 2, np.float32) + rng.normal(0, 0.3, (5, 3)).astype(np.float32),
        "picture_hash": int(rng.integers(0, 1 << 63)),
        "embedding": embedding(person, seed=seq),
        "quality": Quality((), ()),
    }
    return Observation(**{**values, **changes})  # type: ignore[arg-type]


Reaction = Callable[[PromptName, int], dict[str, object]]


def follow(prompt: PromptName, since_ms: int, speed_deg_s: float = 60.0, peak_deg: float = 32.0) -> dict[str, object]:
    """A person who reacts after 400 ms, turns at a natural speed, holds a moment, and comes back; who blinks on cue."""
    if prompt is BLINK:
        return {"blink": 0.8 if 400 <= since_ms < 700 else 0.1}
    side = {LEFT: 1, RIGHT: -1}.get(prompt, 0)
    moving_s = max(0, since_ms - 400) / 1000
    there = min(peak_deg, speed_deg_s * moving_s)
    hold_s = peak_deg / speed_deg_s + 0.7
    back = max(0.0, peak_deg - speed_deg_s * (moving_s - hold_s)) if moving_s > hold_s else there
    return {"yaw_deg": side * min(there, back)}


def play(
    challenge: Challenge,
    react: Reaction = follow,
    *,
    policy: VerificationPolicy = POLICY,
    interval_ms: int = 125,
    most_ms: int = 60_000,
    drop: Sequence[int] = (),
    colour_gain: float = 0.0,
    person: int = 0,
) -> list[Observation]:
    """A session: each frame is labelled with the step on show when it is taken."""
    observations: list[Observation] = []
    state = progress(challenge, observations, policy)
    since_ms = at_ms = tick = 0
    while not state.satisfied and state.failed is None and at_ms < most_ms:
        if tick not in drop:
            made = replace(
                frame(len(observations), at_ms=at_ms, step=state.step, person=person, colour=state.colour),
                **react(state.prompt, at_ms - since_ms),
            )
            if state.colour is not None and colour_gain:
                made = replace(made, colour_means=lit(made.colour_means, policy.flash.colours[state.colour], colour_gain))
            observations.append(made)
            before = state.step
            state = progress(challenge, observations, policy)
            if state.step != before:
                since_ms = at_ms
        tick += 1
        at_ms = tick * interval_ms
    return observations


def lit(means: np.ndarray | None, rgb: tuple[int, int, int], gain: float) -> np.ndarray:
    """Colour means of a face that reflects the screen; the background does not."""
    assert means is not None
    result = means.copy()
    result[:3] *= 1 + gain * np.array(rgb[::-1], np.float32) / 255
    return result


def session(*turns: PromptName, **options: object) -> tuple[list[Observation], Challenge]:
    """A live session of a standard challenge with these turns, and the challenge."""
    challenge = challenge_of(*(turns or (LEFT, RIGHT)))
    return play(challenge, **options), challenge  # type: ignore[arg-type]
