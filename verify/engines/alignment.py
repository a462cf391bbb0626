"""Cutting a face out of an image: similarity alignment to ArcFace's five points, and the passive net's enlarged box."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.protocol import Image

ARCFACE_SIZE_PX = 112
# left eye, right eye, nose tip, mouth corners in a 112 x 112 crop (insightface, recognition/arcface_torch)
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], dtype=np.float64
)


def similarity_2d(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """(2, 3) similarity transform that takes (n, 2) source points to target in the least-squares sense.

    Closed form of Umeyama (IEEE PAMI 13(4), 1991), in complex numbers as the plane allows: no reflection, no iteration, no random
    sampling. Points that all coincide give a transform of scale 0.
    """
    a = np.asarray(source, dtype=np.float64)
    b = np.asarray(target, dtype=np.float64)
    a_mean, b_mean = a.mean(axis=0), b.mean(axis=0)
    a, b = a - a_mean, b - b_mean
    spread = float((a * a).sum())
    if spread == 0.0:
        return np.array([[0.0, 0.0, b_mean[0]], [0.0, 0.0, b_mean[1]]])
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    x = b_mean[0] - cos * a_mean[0] + sin * a_mean[1]
    y = b_mean[1] - sin * a_mean[0] - cos * a_mean[1]
    return np.array([[cos, -sin, x], [sin, cos, y]])


def align_face(image: Image, landmarks: NDArray[np.float32], size_px: int = ARCFACE_SIZE_PX) -> Image:
    """(size_px, size_px, 3) crop, same colour order, with the five landmarks on ArcFace's places; black outside the image."""
    matrix = similarity_2d(landmarks, ARCFACE_POINTS * (size_px / ARCFACE_SIZE_PX))
    return cv2.warpAffine(image, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR)


def enlarged_box(width_px: int, height_px: int, box: NDArray[np.float32], scale: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (inclusive) of the box times scale, shifted back into the image and shrunk only where it must be.

    The cropping of Silent-Face-Anti-Spoofing (minivision, ``CropImage._get_new_box``): the passive net must see the picture's own
    surroundings of the face, never padding.
    """
    x, y, w, h = (float(v) for v in box)
    scale = min((height_px - 1) / h, (width_px - 1) / w, scale)
    half_w, half_h = w * scale / 2, h * scale / 2
    centre_x, centre_y = x + w / 2, y + h / 2
    # a box can lie partly outside; clipping the centre is the same as shifting the box
    centre_x = min(max(centre_x, half_w), width_px - 1 - half_w)
    centre_y = min(max(centre_y, half_h), height_px - 1 - half_h)
    left, top = int(centre_x - half_w), int(centre_y - half_h)
    return max(left, 0), max(top, 0), int(centre_x + half_w), int(centre_y + half_h)


def rotated_square(landmarks: NDArray[np.float32], box: NDArray[np.float32], scale: float, size_px: int) -> NDArray[np.float64]:
    """(2, 3) transform from image pixels to a square crop around the box, its longer side times scale, upright by the eyes."""
    right = np.asarray(landmarks[1], dtype=np.float64) - np.asarray(landmarks[0], dtype=np.float64)
    length = float(np.hypot(right[0], right[1]))
    cos, sin = (right[0] / length, right[1] / length) if length > 0 else (1.0, 0.0)
    side = max(float(box[2]), float(box[3])) * scale
    factor = size_px / side
    centre = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2], dtype=np.float64)
    rotation = np.array([[cos, sin], [-sin, cos]]) * factor
    offset = np.full(2, size_px / 2) - rotation @ centre
    return np.hstack([rotation, offset[:, None]])
