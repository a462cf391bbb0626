"""A session played from pictures: an actor shows a frame for each prompt, and everything from decoding to decision is the real thing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import ImageSequence

from verify.attack_media import camera, lit_by_screen
from verify.capture import decode
from verify.engines.protocol import Engine, Image
from verify.errors import InputFileError
from verify.observation import Observation
from verify.observe import FrameStamp, observe
from verify.pad.challenge import Challenge, Progress, Prompt, progress
from verify.policy import VerificationPolicy
from verify.views import ChallengeKind, PromptName

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cue:
    """What the actor sees: the prompt on show, since when, the time in the session, and the number of the frame."""

    prompt: PromptName
    step: int
    since_ms: int
    at_ms: int
    index: int
    colour: str | None


class Actor(Protocol):
    """Shows one frame after the other."""

    def frame(self, cue: Cue) -> bytes:
        """Encoded picture for this moment."""
        ...


@dataclass(frozen=True)
class Performance:
    """One played session: what was observed, the bytes sent, and how far the prompts were followed."""

    observations: tuple[Observation, ...]
    sent: tuple[bytes, ...]
    progress: Progress


def challenge_of(*turns: PromptName, colours: Sequence[str] = ()) -> Challenge:
    """A challenge with exactly these turns, for attacks that know or miss the order."""
    prompts = (Prompt(PromptName.LOOK_STRAIGHT), *(Prompt(turn) for turn in turns))
    return Challenge(ChallengeKind.STANDARD, prompts, tuple(colours), EPOCH, EPOCH.replace(year=2027))


def perform(
    actor: Actor,
    challenge: Challenge,
    engine: Engine,
    policy: VerificationPolicy,
    *,
    frames_per_s: float = 6.0,
    give_up_ms: int = 16_000,
    delay_ms: int = 60,
) -> Performance:
    """Play a session until the challenge is satisfied, has failed, or the actor gives up."""
    observations: list[Observation] = []
    sent: list[bytes] = []
    seen: dict[str, Observation] = {}
    state = progress(challenge, observations, policy)
    since_ms = index = 0
    interval_ms = 1000 / frames_per_s
    while not state.satisfied and state.failed is None and index * interval_ms < give_up_ms:
        at_ms = round(index * interval_ms)
        data = actor.frame(Cue(state.prompt, state.step, at_ms - since_ms, at_ms, index, state.colour))
        sha256 = hashlib.sha256(data).hexdigest()
        stamp = FrameStamp(index, at_ms, at_ms + delay_ms, state.step, state.colour, sha256)
        # The same bytes give the same observation; an attack that repeats itself need not be computed again.
        if sha256 not in seen:
            seen[sha256] = observe(decode(data, policy.capture.frame), engine, stamp, policy)
        observations.append(replace(seen[sha256], **asdict(stamp)))
        sent.append(data)
        before = state.step
        state = progress(challenge, observations, policy)
        index += 1
        if state.step != before:
            since_ms = round(index * interval_ms)
    return Performance(tuple(observations), tuple(sent), state)


def jpeg(image: Image, quality: int = 85) -> bytes:
    """JPEG bytes."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@dataclass(frozen=True)
class PosedFrame:
    """One picture of a clip with what was seen in it."""

    image: Image
    yaw_deg: float
    box: np.ndarray


@dataclass(frozen=True)
class TurnClip:
    """A real clip of a head turn as a library of poses. up: frames of a sweep from the right to the left, in order."""

    frames: tuple[PosedFrame, ...]
    sweeps: tuple[tuple[int, ...], ...] = field(default=())

    def nearest(self, yaw_deg: float, sweep: int = 0) -> PosedFrame:
        """The frame of a sweep whose yaw is nearest."""
        return min((self.frames[index] for index in self.sweeps[sweep]), key=lambda frame: abs(frame.yaw_deg - yaw_deg))


def load_turn_clip(
    path: Path, engine: Engine, width_px: int = 480, height_px: int = 360, face_share: float = 0.16, last_frame: int | None = None
) -> TurnClip:
    """Read a GIF of one head turn, cut every frame to the same window around the face and enlarge it to a phone's framing.

    last_frame: use only the frames before this one. Raises InputFileError when the clip does not show a face turned to both sides.
    """
    try:
        gif = PilImage.open(path)
    except OSError as error:
        raise InputFileError(f"{path.name} is not a picture: a GIF of one head turn is needed") from error
    with gif:
        pictures = [np.ascontiguousarray(np.asarray(part.convert("RGB"))[..., ::-1]) for part in ImageSequence.Iterator(gif)][:last_frame]
    found = [(picture, engine.detect(picture)) for picture in pictures]
    boxes = np.array([faces[0].box for _, faces in found if faces], np.float64)
    if not len(boxes):
        raise InputFileError(f"{path.name} shows no face")
    window = _window(boxes, pictures[0].shape[1], pictures[0].shape[0], width_px / height_px, face_share)
    frames = []
    for picture, faces in found:
        if not faces:
            continue
        left, top, right, bottom = window
        image = cv2.resize(picture[top:bottom, left:right], (width_px, height_px), interpolation=cv2.INTER_CUBIC)
        again = engine.detect(image)
        if again:
            frames.append(PosedFrame(image, engine.mesh(image, again[0]).yaw_deg, again[0].box))
    yaws = np.array([frame.yaw_deg for frame in frames])
    if not len(yaws) or yaws.max() < 20 or yaws.min() > -20:
        raise InputFileError(f"{path.name} does not show a face turned by 20 degrees to both sides")
    peak = int(yaws.argmax())
    lowest = int(yaws[:peak].argmin()) if peak else 0
    sweeps = (tuple(range(lowest, peak + 1)), tuple(range(peak, len(frames))))
    return TurnClip(tuple(frames), tuple(sweep for sweep in sweeps if yaws[list(sweep)].min() < -20))


def _window(boxes: np.ndarray, width: int, height: int, aspect: float, face_share: float) -> tuple[int, int, int, int]:
    """The largest-needed window of the wanted aspect, inside the picture, around the mean face."""
    wanted = min(width, height * aspect, float(np.median(boxes[:, 2])) / face_share)
    half_w, half_h = wanted / 2, wanted / aspect / 2
    x, y = (boxes[:, :2] + boxes[:, 2:] / 2).mean(axis=0)
    x, y = min(max(x, half_w), width - half_w), min(max(y, half_h), height - half_h)
    return round(x - half_w), round(y - half_h), round(x + half_w), round(y + half_h)


class LivePerson:
    """The clip's person following the prompts: walks along a sweep frame by frame, so that every step is one she really made."""

    def __init__(
        self,
        clip: TurnClip,
        rng: np.random.Generator,
        policy: VerificationPolicy,
        *,
        sweep: int = 0,
        sigma: float = 1.5,
        reaction_ms: int = 500,
    ) -> None:
        self._clip, self._rng, self._policy, self._sigma, self._reaction_ms = clip, rng, policy, sigma, reaction_ms
        self._path = sorted(clip.sweeps[sweep], key=lambda index: clip.frames[index].yaw_deg)
        self._at = self._index_of(0.0)
        self._hold = 0

    def _index_of(self, yaw_deg: float) -> int:
        return min(range(len(self._path)), key=lambda i: abs(self._clip.frames[self._path[i]].yaw_deg - yaw_deg))

    def image(self, cue: Cue) -> Image:
        """The next picture, before the camera."""
        target = 0.0
        if cue.prompt in (PromptName.TURN_LEFT, PromptName.TURN_RIGHT) and cue.since_ms >= self._reaction_ms:
            side = 1 if cue.prompt is PromptName.TURN_LEFT else -1
            self._hold = 0 if cue.since_ms < self._reaction_ms + 50 else self._hold
            yaw = side * self._clip.frames[self._path[self._at]].yaw_deg
            if yaw >= self._policy.active.turn_min_deg + 3:
                self._hold += 1
            target = side * 90.0 if self._hold < 4 else 0.0
        else:
            self._hold = 0
        goal = self._index_of(target)
        self._at += int(np.sign(goal - self._at))
        frame = self._clip.frames[self._path[self._at]]
        if cue.colour is None:
            return frame.image
        return lit_by_screen(frame.image, frame.box, self._policy.flash.colours[cue.colour], 0.12)

    def frame(self, cue: Cue) -> bytes:
        """See Actor."""
        return jpeg(camera(self.image(cue), self._rng, self._sigma), int(self._rng.integers(80, 93)))


@dataclass
class Script:
    """An actor from a function of the cue."""

    show: Callable[[Cue], bytes]

    def frame(self, cue: Cue) -> bytes:
        """See Actor."""
        return self.show(cue)


def replayed(recorded: Sequence[Observation], challenge: Challenge, policy: VerificationPolicy) -> tuple[Observation, ...]:
    """The very frames of a recorded session sent again, labelled with the steps of another challenge as they come on show."""
    observations: list[Observation] = []
    state = progress(challenge, observations, policy)
    for observation in recorded:
        if state.satisfied or state.failed is not None:
            break
        observations.append(replace(observation, step=state.step, colour=state.colour))
        state = progress(challenge, observations, policy)
    return tuple(observations)
