"""A camera stream for Chromium made of a real clip: an uncompressed YUV4MPEG2 file, which keeps its own frame rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

WIDTH, HEIGHT, FPS = 640, 480, 10
NOISE_SIGMA = 1.5  # like a phone's sensor in good light; and so no two frames are alike
CLIP = Path("clips") / "head-pose-face-detection-female.gif"

# Frames of the clip by what they show (measured yaw in degrees, the person's own left is positive).
FRONTAL = (9, 19, 18, 19)  # 2, -1, 9, -1
LEFT_AND_BACK = (10, 11, 12, 13, 14, 14, 14, 15, 16, 17, 18)  # 15 ... 33 ... 9
RIGHT_AND_BACK = (20, 21, 22, 22, 22, 22, 21, 20)  # -13 ... -26 ... -13

Picture = NDArray[np.uint8]


def clip_frames(data_folder: Path) -> list[Picture]:
    """The clip's frames as BGR, the middle 4:3 part around her face, 640x480: cropped and resized, nothing padded."""
    frames = []
    with Image.open(data_folder / CLIP) as clip:
        for frame in ImageSequence.Iterator(clip):
            picture = cv2.cvtColor(np.asarray(frame.convert("RGB")), cv2.COLOR_RGB2BGR)
            height = picture.shape[0]
            width = height * WIDTH // HEIGHT
            left = 45  # she sits left of the middle
            frames.append(cv2.resize(picture[:, left : left + width], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    return frames


def left_then_right() -> Iterator[int]:
    """Which frame of the clip is shown, ten a second: straight 9 s, left and back, straight 5 s, right and back, straight 10 s.

    She turns at a fifth of the clip's speed, as the page asks people to: a frame that the line drops is then no jump. A person waits
    for the prompt and a film does not: the long stretches leave a busy machine time to come to it.
    """
    yield from _straight(9)
    yield from _slowly(LEFT_AND_BACK)
    yield from _straight(5)
    yield from _slowly(RIGHT_AND_BACK)
    yield from _straight(10)


def _slowly(turn: tuple[int, ...]) -> Iterator[int]:
    return (index for index in turn for _ in range(4))


def _straight(seconds: int) -> Iterator[int]:
    for tick in range(seconds * FPS):
        yield FRONTAL[tick // 4 % len(FRONTAL)]


def write_stream(path: Path, frames: list[Picture], order: Iterator[int], *, seed: int = 1) -> Path:
    """Write the frames in this order as I420, each with fresh noise."""
    noise = np.random.default_rng(seed)
    with path.open("wb") as stream:
        stream.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420\n".encode())
        for index in order:
            picture = frames[index].astype(np.float32) + noise.normal(0, NOISE_SIGMA, frames[index].shape).astype(np.float32)
            stream.write(b"FRAME\n")
            stream.write(cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_BGR2YUV_I420).tobytes())
    return path
