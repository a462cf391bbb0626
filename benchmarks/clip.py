"""Frames of a clip at the size that a phone's camera page sends."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence


def read_clip(path: Path) -> list[NDArray[np.uint8]]:
    """All frames as (H, W, 3) BGR, from a GIF or any video that OpenCV reads."""
    if path.suffix.lower() == ".gif":
        with Image.open(path) as gif:
            return [cv2.cvtColor(np.asarray(frame.convert("RGB")), cv2.COLOR_RGB2BGR) for frame in ImageSequence.Iterator(gif)]  # type: ignore[misc]
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames  # type: ignore[return-value]


def frames_640x480(path: Path) -> list[NDArray[np.uint8]]:
    """Frames cropped to 4:3 about their middle and scaled to 640 x 480; nothing is padded."""
    scaled = []
    for frame in read_clip(path):
        height, width = frame.shape[:2]
        crop_width = min(width, height * 4 // 3)
        left = (width - crop_width) // 2
        scaled.append(cv2.resize(frame[:, left : left + crop_width], (640, 480), interpolation=cv2.INTER_CUBIC))
    return scaled  # type: ignore[return-value]
