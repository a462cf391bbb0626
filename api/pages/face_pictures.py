"""Pictures of faces in an answer: made small, as data addresses, because they must have no address of their own."""

from __future__ import annotations

import base64

import cv2
import numpy as np

JPEG_QUALITY = 85


def data_address(data: bytes, *, longest_px: int) -> str | None:
    """The picture as a data address, its longer side at most ``longest_px``; None when the bytes are no picture any more."""
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    factor = longest_px / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    done, small = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(small.tobytes()).decode("ascii") if done else None
