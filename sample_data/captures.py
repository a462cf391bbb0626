"""Cartoon captures for the scripted engine: whole sessions of a drawn head that turns, blinks and answers the screen's colours.

No real person's face is in them. The drawn features follow the pose (points of a rounded head, turned and projected), so that
optical flow, sharpness and colour measurements have something to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.scripted import BAND_SHARE, Scene, encode_band, on_head, project

Image = NDArray[np.uint8]
WIDTH_PX, HEIGHT_PX = 640, 480
_SPECKLES = 420


def draw(scene: Scene, *, tint_rgb: tuple[int, int, int] | None = None, tint_strength: float = 0.18, noise_seed: int = 0) -> Image:
    """(480, 640, 3) uint8 BGR picture of a scene.

    tint_rgb: colour of the light from the screen, which the face gives back and the background hardly. noise_seed: seeds the slight
    sensor noise (standard deviation 1.5 grey levels), so that no two frames are the same bytes.
    """
    rng = np.random.default_rng([7, noise_seed])
    canvas = np.empty((HEIGHT_PX, WIDTH_PX, 3), dtype=np.float32)
    canvas[:] = np.linspace(150, 175, WIDTH_PX, dtype=np.float32)[None, :, None]
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), dtype=np.float32)
    for index in range(scene.faces):
        shown = (
            scene if index == 0 else replace(scene, centre_x=min(255, scene.centre_x + 75 * index), height=round(scene.height * 0.8**index))
        )
        _draw_head(canvas, mask, shown)
    if tint_rgb is not None:
        light = np.array(tint_rgb[::-1], dtype=np.float32) / 255
        gain = (1 - tint_strength) + 2 * tint_strength * light
        share = (0.08 + 0.92 * mask)[..., None]
        canvas *= share * gain + (1 - share)
    canvas += rng.normal(0.0, 1.5, canvas.shape).astype(np.float32)
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    _paint_band(picture, scene)
    return picture


def _draw_head(canvas: NDArray[np.float32], mask: NDArray[np.float32], scene: Scene) -> None:
    person = np.random.default_rng([11, scene.identity])
    skin = np.array([person.integers(110, 135), person.integers(140, 165), person.integers(180, 210)], dtype=np.float32)
    radius = scene.height / 255 * HEIGHT_PX / 2
    centre = (round(scene.centre_x / 255 * WIDTH_PX), round(scene.centre_y / 255 * HEIGHT_PX))
    axes = (round(radius * 0.75), round(radius))
    cv2.ellipse(canvas, centre, axes, scene.roll, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    cv2.ellipse(mask, centre, axes, scene.roll, 0, 360, 1.0, -1, cv2.LINE_AA)
    cv2.ellipse(canvas, centre, axes, scene.roll, 200, 340, (50, 50, 55), max(2, round(radius * 0.18)), cv2.LINE_AA)
    angle, distance = person.uniform(0, 2 * np.pi, _SPECKLES), np.sqrt(person.uniform(0, 0.8, _SPECKLES))
    plane = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
    surface = on_head(plane)
    shades = person.uniform(0.72, 1.18, _SPECKLES)
    for (x, y, z), shade in zip(project(surface, scene, WIDTH_PX, HEIGHT_PX), shades, strict=True):
        if z < -0.1 * radius:  # on the side that is seen
            cv2.circle(canvas, (round(x), round(y)), max(1, round(radius * 0.018)), (skin * shade).tolist(), -1, cv2.LINE_AA)
    _draw_features(canvas, scene, radius)


def _draw_features(canvas: NDArray[np.float32], scene: Scene, radius: float) -> None:
    places = np.array([[-0.38, 0.2], [0.38, 0.2], [0.0, -0.1], [0.0, -0.45], [-0.38, 0.36], [0.38, 0.36]])
    left_eye, right_eye, nose, mouth, *brows = (
        tuple(round(v) for v in p[:2]) for p in project(on_head(places), scene, WIDTH_PX, HEIGHT_PX)
    )
    opening = 1 - scene.blink / 15
    for eye in (left_eye, right_eye):
        size = (round(radius * 0.13), max(1, round(radius * 0.08 * opening)))
        cv2.ellipse(canvas, eye, size, scene.roll, 0, 360, (235, 235, 235), -1, cv2.LINE_AA)
        if opening > 0.3:
            cv2.circle(canvas, eye, round(radius * 0.055), (40, 40, 40), -1, cv2.LINE_AA)
        cv2.ellipse(canvas, eye, size, scene.roll, 0, 360, (60, 60, 70), 1, cv2.LINE_AA)
    for brow in brows:
        cv2.ellipse(canvas, brow, (round(radius * 0.15), round(radius * 0.05)), scene.roll, 180, 360, (45, 50, 60), 2, cv2.LINE_AA)
    cv2.circle(canvas, nose, round(radius * 0.07), (95, 120, 160), -1, cv2.LINE_AA)
    height = max(2, round(radius * (0.04 + 0.2 * scene.jaw_open / 15)))
    cv2.ellipse(canvas, mouth, (round(radius * 0.26), height), scene.roll, 0, 360, (90, 85, 165), -1, cv2.LINE_AA)


def _paint_band(picture: Image, scene: Scene) -> None:
    band = encode_band(scene) * np.uint8(255)
    height = round(HEIGHT_PX * BAND_SHARE)
    cells = cv2.resize(band, (WIDTH_PX, height), interpolation=cv2.INTER_NEAREST)
    picture[HEIGHT_PX - height :] = cells[..., None]


def jpeg(picture: Image, quality: int = 85) -> bytes:
    """The picture as JPEG bytes."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@dataclass(frozen=True)
class Frame:
    """One frame of a scripted session: what was drawn, and when, in milliseconds from the session's start."""

    at_ms: int
    scene: Scene
    picture: Image

    @property
    def data(self) -> bytes:
        """JPEG bytes as a camera page would post them."""
        return jpeg(self.picture)


class Actor:
    """A drawn person before the camera, who can be told what to do frame by frame.

    Each call of ``follow`` gives the next frame while ``prompt`` is on show; the head moves at a natural pace towards what is asked.
    Prompts are names of ``verify.views.PromptName``. interval_ms: time between frames. painter: called as ``draw`` is.
    """

    def __init__(
        self,
        scene: Scene | None = None,
        *,
        interval_ms: int = 100,
        seed: int = 0,
        obeys: bool = True,
        painter: Callable[..., Image] | None = None,
    ) -> None:
        self._base = scene or Scene()
        self._scene = self._base
        self._interval_ms = interval_ms
        self._count = 0
        self._seed = seed
        self._prompt = ""
        self._since = 0
        self._obeys = obeys
        self._paint = painter or draw

    def follow(self, prompt: str, *, colour_rgb: tuple[int, int, int] | None = None) -> Frame:
        """The next frame while this prompt (and this screen colour) is on show."""
        if prompt != self._prompt:
            self._prompt, self._since = prompt, 0
        self._since += 1
        changes = self._move(prompt) if self._obeys else {}
        rng = np.random.default_rng([self._seed, self._count])
        self._scene = replace(self._scene, **changes)
        sway = replace(
            self._scene, centre_x=self._base.centre_x + int(rng.integers(-1, 2)), pitch=self._base.pitch + int(rng.integers(-1, 2))
        )
        picture = self._paint(sway, tint_rgb=colour_rgb, noise_seed=self._seed * 100_003 + self._count)
        frame = Frame(self._count * self._interval_ms, sway, picture)
        self._count += 1
        return frame

    def _move(self, prompt: str) -> dict[str, int]:
        reaction = 3  # frames before a person answers
        yaw, blink = self._scene.yaw, self._base.blink
        target = self._base.yaw
        if self._since > reaction and prompt in ("turn_left", "turn_right"):
            out = (self._since - reaction - 1) % 16 < 9  # turn, hold, come back
            target = (35 if prompt == "turn_left" else -35) if out else self._base.yaw
        if prompt == "blink" and self._since > reaction and (self._since - reaction) % 10 in (1, 2):
            blink = 12
        elif self._count % 37 in (20, 21):  # people blink by themselves every few seconds
            blink = 11
        step = int(np.clip(target - yaw, -8, 8))
        return {"yaw": yaw + step, "blink": blink}


def session(
    prompts: Iterable[tuple[str, tuple[int, int, int] | None]], *, frames_each: int = 20, scene: Scene | None = None, seed: int = 0
) -> Iterator[Frame]:
    """A whole session with a fixed number of frames for each (prompt name, screen colour or None)."""
    actor = Actor(scene, seed=seed)
    for prompt, colour in prompts:
        for _ in range(frames_each):
            yield actor.follow(prompt, colour_rgb=colour)
