"""The species of simulated attacks: generators of attempts, each what would have arrived at the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from verify.attack_media import Display, Pose3D, camera, held, on_display, printed
from verify.attack_session import Cue, LivePerson, Performance, Script, TurnClip, challenge_of, jpeg, perform, replayed
from verify.capture import decode
from verify.engines.protocol import Engine, Image
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.pad.integrity import EarlierSession
from verify.policy import VerificationPolicy
from verify.views import PromptName

_LEFT, _RIGHT = PromptName.TURN_LEFT, PromptName.TURN_RIGHT
_ORDERS = (
    (_LEFT, _RIGHT),
    (_RIGHT, _LEFT),
    (_LEFT, _LEFT, _RIGHT),
    (_RIGHT, _RIGHT, _LEFT),
    (_LEFT, _RIGHT, _LEFT),
    (_RIGHT, _LEFT, _RIGHT),
)


@dataclass(frozen=True)
class Attempt:
    """One simulated attempt: what arrived at the service."""

    species: str
    observations: tuple[Observation, ...]
    challenge: Challenge
    options: dict[str, Any] = field(default_factory=dict)


class AttackStage:
    """Everything an attacker has: the clip, photographs of others, the engine that will judge, and a seeded hand."""

    def __init__(self, clip: TurnClip, photographs: Sequence[Image], engine: Engine, policy: VerificationPolicy, seed: int) -> None:
        self.clip, self.photographs, self.engine, self.policy = clip, photographs, engine, policy
        self.rng = np.random.default_rng(seed)
        self.height_px, self.width_px = clip.frames[0].image.shape[:2]

    def challenge(self, index: int, *, colours: bool = False) -> Challenge:
        """The index-th of the possible orders of turns, with or without a random sequence of colours after them."""
        sequence: list[str] = []
        while colours and len(sequence) < self.policy.flash.changes:
            name = str(self.rng.choice(sorted(self.policy.flash.colours)))
            if not sequence or name != sequence[-1]:
                sequence.append(name)
        return challenge_of(*_ORDERS[index % len(_ORDERS)], colours=sequence)

    def play(self, show: Callable[[Cue], bytes], challenge: Challenge) -> tuple[Observation, ...]:
        """A session of a scripted attacker."""
        return perform(Script(show), challenge, self.engine, self.policy, frames_per_s=4.0, give_up_ms=12_000).observations

    def live(self, challenge: Challenge, sweep: int = 0) -> Performance:
        """The real person's session, each with its own noise and shake."""
        actor = LivePerson(self.clip, np.random.default_rng(self.rng.integers(1 << 32)), self.policy, sweep=sweep % len(self.clip.sweeps))
        return perform(actor, challenge, self.engine, self.policy, frames_per_s=8.0)

    def background(self) -> Image:
        """A blurred room without a face."""
        room = cv2.GaussianBlur(self.clip.frames[0].image[:, ::-1], (0, 0), 30).astype(np.float32)
        return np.clip(room * self.rng.uniform(0.6, 1.1) + self.rng.uniform(0, 30, 3), 0, 255).astype(np.uint8)

    def portrait(self, index: int) -> Image:
        """A photograph of another person, cut to the frame."""
        picture = self.photographs[index % len(self.photographs)]
        factor = max(self.width_px / picture.shape[1], self.height_px / picture.shape[0])
        large = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        top, left = (large.shape[0] - self.height_px) // 2, (large.shape[1] - self.width_px) // 2
        return large[top : top + self.height_px, left : left + self.width_px]

    def shot(self, image: Image, sigma: float = 1.5) -> bytes:
        """The picture through the phone's camera and encoder."""
        return jpeg(camera(image, self.rng, sigma), int(self.rng.integers(80, 93)))


def _swing(cue: Cue) -> float:
    """-1 .. 1: the hand follows the prompt, over and back in 2.4 s; to the left positive."""
    side = {_LEFT: 1.0, _RIGHT: -1.0}.get(cue.prompt, 0.0)
    return side * abs(float(np.sin(np.pi * cue.since_ms / 2400)))


_MOTIONS: dict[str, Callable[[float], Pose3D]] = {
    "photograph_still": lambda _: Pose3D(),
    "photograph_moved": lambda s: Pose3D(x=0.16 * s, zoom=0.9),
    "photograph_rotated": lambda s: Pose3D(roll_deg=28 * s, zoom=0.95),
    "photograph_tilted": lambda s: Pose3D(yaw_deg=48 * s),
    "photograph_bent": lambda s: Pose3D(yaw_deg=22 * s, bend=0.9 + 0.7 * s),
    "photograph_zoomed": lambda s: Pose3D(zoom=1.0 + 0.35 * abs(s)),
}


def _print_attack(stage: AttackStage, picture: Image, motion: str, index: int, sigma: float = 1.5) -> tuple[Observation, ...]:
    paper, background = printed(picture), stage.background()
    zoom = float(stage.rng.uniform(0.92, 1.08))
    tremor = stage.rng.normal(0, 1.0, (64, 3))

    def show(cue: Cue) -> bytes:
        pose = _MOTIONS[motion](_swing(cue))
        dx, dy, turn = tremor[cue.index % len(tremor)]
        moved = Pose3D(
            pose.yaw_deg + turn, pose.pitch_deg, pose.roll_deg + turn / 2, pose.x + dx / 300, dy / 300, pose.zoom * zoom, pose.bend
        )
        return stage.shot(held(paper, background, moved), sigma)

    return stage.play(show, stage.challenge(index))


def photographs_of_a_frame(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """One frame of the clip as a print: still, moved, rotated, tilted, bent, zoomed, each following the prompts."""
    frames = [stage.clip.nearest(yaw, sweep % len(stage.clip.sweeps)).image for sweep in (0, 1) for yaw in (0.0, 12.0, -12.0)]
    for motion in _MOTIONS:
        for index in range(count):
            observations = _print_attack(stage, frames[index % len(frames)], motion, index)
            yield Attempt(motion, observations, stage.challenge(index))


def other_photographs(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """Photographs of other people, noise to blind the passive network, and one print for each pose."""
    motions = tuple(_MOTIONS)
    for index in range(count):
        observations = _print_attack(stage, stage.portrait(index), motions[index % len(motions)], index)
        yield Attempt("photograph_of_others", observations, stage.challenge(index))
    for index in range(count):
        observations = _print_attack(stage, stage.clip.nearest(0.0).image, motions[3 + index % 2], index, sigma=8.0)
        yield Attempt("photograph_with_noise", observations, stage.challenge(index))
    for index in range(count):
        prints = {name: printed(stage.clip.nearest(yaw).image) for name, yaw in ((_LEFT, 30.0), (_RIGHT, -40.0))}
        frontal, background = printed(stage.clip.nearest(0.0).image), stage.background()

        def swap(cue: Cue, prints: dict[PromptName, Image] = prints, frontal: Image = frontal, background: Image = background) -> bytes:
            turned = cue.prompt in prints and 400 < cue.since_ms % 2000 < 1400
            return stage.shot(held(prints[cue.prompt] if turned else frontal, background, Pose3D()))

        yield Attempt("photographs_swapped", stage.play(swap, stage.challenge(index)), stage.challenge(index))


def injected(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """Files fed in place of the camera: one picture over and over, a short loop, and either behind a virtual camera."""
    for name in ("one_picture_repeated", "frames_repeated"):
        for index in range(count):
            frames = (
                stage.clip.frames[index % len(stage.clip.frames) :][:1]
                if name == "one_picture_repeated"
                else stage.clip.frames[index % 4 :]
            )
            loop = [stage.shot(frame.image) for frame in frames]

            def again(cue: Cue, loop: list[bytes] = loop) -> bytes:
                return loop[cue.index % len(loop)]

            yield Attempt(name, stage.play(again, stage.challenge(index)), stage.challenge(index))
    for index in range(count):
        challenge = stage.challenge(index)
        yield Attempt("virtual_camera", stage.live(challenge, index).observations, challenge, {"camera_label": "OBS Virtual Camera"})


def displays(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """A display before the camera: a still, a video in its own order, and a video that somehow follows the prompts."""

    def display(visible: bool) -> Display:
        if visible:
            return Display(float(stage.rng.uniform(1.2, 2.4)), float(stage.rng.uniform(-4, 4)), float(stage.rng.uniform(0.25, 0.5)))
        return Display(float(stage.rng.uniform(0.9, 1.3)), float(stage.rng.uniform(-4, 4)), 0.9)

    for name, visible in (("screen_still", True), ("screen_video", True), ("screen_follows", True), ("perfect_screen_follows", False)):
        for index in range(count):
            shown, challenge = display(visible), stage.challenge(index)
            person = LivePerson(stage.clip, np.random.default_rng(index), stage.policy, sweep=index % len(stage.clip.sweeps))
            offset = int(stage.rng.integers(len(stage.clip.frames)))

            def show(cue: Cue, name: str = name, shown: Display = shown, person: LivePerson = person, offset: int = offset) -> bytes:
                if name == "screen_still":
                    image = stage.clip.nearest(0.0).image
                elif name == "screen_video":
                    image = stage.clip.frames[(cue.index + offset) % len(stage.clip.frames)].image
                else:
                    image = person.image(cue)
                return stage.shot(on_display(image, shown))

            yield Attempt(name, stage.play(show, challenge), challenge)


def replays(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """An earlier session of the same person again: the same bytes, encoded anew; the order of the prompts another or, by luck, the same."""
    for index in range(count):
        before = stage.challenge(index, colours=True)
        same, other = stage.challenge(index, colours=True), stage.challenge(index + 1, colours=True)
        recorded = stage.live(before, index)
        known = {"earlier": (EarlierSession.of(recorded.observations),)}
        yield Attempt("replay_other_order", replayed(recorded.observations, other, stage.policy), other)
        yield Attempt("replay_same_order_known", replayed(recorded.observations, same, stage.policy), same, known)
        pictures = [decode(data, stage.policy.capture.frame) for data in recorded.sent]

        def again(cue: Cue, pictures: list[Image] = pictures) -> bytes:
            image = pictures[cue.index % len(pictures)]
            smaller = cv2.resize(image, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
            return jpeg(smaller, 70)

        def run(challenge: Challenge, again: Callable[[Cue], bytes] = again) -> tuple[Observation, ...]:
            return perform(Script(again), challenge, stage.engine, stage.policy, frames_per_s=8.0).observations

        yield Attempt("replay_encoded_anew_other_order", run(other), other)
        anew = run(same)
        yield Attempt("replay_encoded_anew_same_order_known", anew, same, known)
        yield Attempt("replay_encoded_anew_same_order_unknown", anew, same)
        third = stage.live(other, index + 1).observations
        yield Attempt("bona_fide_after_earlier", third, other, known)


def tampered(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """Sessions spliced, faces changed or added, and frames out of order, ahead of time or of another session."""
    for index in range(count):
        challenge = stage.challenge(index)
        person = LivePerson(stage.clip, np.random.default_rng(index), stage.policy)
        second = LivePerson(stage.clip, np.random.default_rng(index + 99), stage.policy, sweep=len(stage.clip.sweeps) - 1)
        portrait, background = stage.portrait(index), stage.background()
        guest = cv2.resize(stage.portrait(index + 3), (stage.width_px // 3, stage.height_px // 3), interpolation=cv2.INTER_AREA)

        def splice(cue: Cue, person: LivePerson = person, second: LivePerson = second) -> bytes:
            return stage.shot((person if cue.step < 2 else second).image(cue))

        def change(cue: Cue, person: LivePerson = person, portrait: Image = portrait, background: Image = background) -> bytes:
            return stage.shot(person.image(cue) if cue.step < 2 else held(portrait, background, Pose3D(yaw_deg=40 * _swing(cue))))

        def guest_in(cue: Cue, person: LivePerson = person, guest: Image = guest) -> bytes:
            image = person.image(cue).copy()
            image[-guest.shape[0] :, : guest.shape[1]] = guest
            return stage.shot(image)

        yield Attempt("sessions_spliced", stage.play(splice, challenge), challenge)
        yield Attempt("face_changed", stage.play(change, challenge), challenge)
        yield Attempt("two_faces", stage.play(guest_in, challenge), challenge)
        live = stage.live(challenge, index).observations
        shuffled = [{"captured_at_ms": a.captured_at_ms} for a in live]
        early, late_on = len(live) // 3, 2 * len(live) // 3
        shuffled[early], shuffled[late_on] = shuffled[late_on], shuffled[early]
        yield Attempt("frames_out_of_order", _changed(live, shuffled), challenge)
        yield Attempt("frames_sent_too_fast", _changed(live, [{"received_at_ms": o.received_at_ms // 8} for o in live]), challenge)
        late = [{"received_at_ms": o.received_at_ms + (15_000 if o.seq >= len(live) // 2 else 0)} for o in live]
        yield Attempt("frames_late", _changed(live, late), challenge)
        yield Attempt("frames_of_another_session", live, challenge, {"foreign_frames": 3})


def _changed(observations: Sequence[Observation], changes: Sequence[dict[str, Any]]) -> tuple[Observation, ...]:
    return tuple(replace(observation, **change) for observation, change in zip(observations, changes, strict=True))


def bona_fide(stage: AttackStage, count: int) -> Iterator[Attempt]:
    """The clip's person following the prompts."""
    for index in range(count):
        challenge = stage.challenge(index, colours=True)
        yield Attempt("bona_fide", stage.live(challenge, index // 2).observations, challenge)


FAMILIES = (bona_fide, photographs_of_a_frame, other_photographs, injected, displays, replays, tampered)
