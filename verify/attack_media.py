"""Simulated presentation of a picture: a print that is moved, tilted or bent before a camera, a display, a camera's own noise.

This is geometry and a pixel grid, not ink, paper, glass or a lens: figures made with it say how the evidence behaves when a picture
moves like a print or beats like a display. They do not replace attacks recorded with real prints and real displays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.protocol import Image

_FOCAL = 1.2  # focal length over picture width, about that of a phone's front camera
_SUBPIXELS = 3


@dataclass(frozen=True)
class Pose3D:
    """How a print is held. Degrees; x and y in picture widths; zoom 1 fills the picture; bend is the print's width in radians of arc."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    bend: float = 0.0


def camera(image: Image, rng: np.random.Generator, sigma: float = 1.5, shake_px: float = 0.4) -> Image:
    """The picture as a camera in a hand takes it: sub-pixel shake, a little exposure drift, noise of sigma grey levels in each channel."""
    height, width = image.shape[:2]
    dx, dy = rng.normal(0, shake_px, 2)
    moved = cv2.warpAffine(image, np.array([[1, 0, dx], [0, 1, dy]]), (width, height), borderMode=cv2.BORDER_REPLICATE)
    lit = moved.astype(np.float32) * np.float32(1 + rng.normal(0, 0.01))
    field = _noise_field()
    top, left = (int(rng.integers(0, limit)) for limit in (_NOISE_PX - height, _NOISE_PX - width))
    # A window of one large field, mirrored at random: fresh noise for every pixel costs more than all the models together.
    window = field[top : top + height, left : left + width][:: int(rng.choice([-1, 1])), :: int(rng.choice([-1, 1]))]
    return np.clip(lit + window * np.float32(sigma) + 0.5, 0, 255).astype(np.uint8)


_NOISE_PX = 1600


@lru_cache(maxsize=1)
def _noise_field() -> NDArray[np.float32]:
    return np.random.default_rng(20260101).standard_normal((_NOISE_PX, _NOISE_PX, 3), dtype=np.float32)


def printed(image: Image) -> Image:
    """The picture as ink on paper: a shorter range from black to white, less colour, slightly soft."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.7).astype(np.float32)
    grey = soft.mean(axis=2, keepdims=True)
    return np.clip(28 + 0.8 * (grey + 0.85 * (soft - grey)), 0, 255).astype(np.uint8)


def held(picture: Image, background: Image, pose: Pose3D) -> Image:
    """The print in front of a background of the same size, seen through a pinhole camera."""
    height, width = background.shape[:2]
    source = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    mask = np.full((height, width), 255, np.uint8)
    if pose.bend:
        grid = _bend(height, width, round(pose.bend, 3))
        source = cv2.remap(source, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        mask = cv2.remap(mask, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    matrix = _homography(height, width, pose)
    source = cv2.warpPerspective(source, matrix, (width, height), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(mask, matrix, (width, height), flags=cv2.INTER_LINEAR)
    result = background.copy()
    cv2.copyTo(source, (mask > 127).astype(np.uint8), result)
    return result


@lru_cache(maxsize=64)
def _bend(height: int, width: int, bend: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sampling grid of a sheet bent into an arc around a vertical axis, seen square on; outside the sheet it points off the picture."""
    radius = width / abs(bend)
    x = np.arange(width) - (width - 1) / 2
    reach = radius * math.sin(min(abs(bend) / 2, math.pi / 2))
    angle = np.arcsin(np.clip(x / radius, -1, 1))
    u = np.where(np.abs(x) <= reach, angle * radius + (width - 1) / 2, -10.0)
    # Convex towards the camera: the middle is nearer, the edges are further and so smaller.
    recess = radius * (1 - np.cos(angle)) * (1 if bend > 0 else -1)
    shrink = 1 + recess / (_FOCAL * width)
    y = (np.arange(height) - (height - 1) / 2)[:, None] * shrink[None] + (height - 1) / 2
    return np.broadcast_to(u, (height, width)).astype(np.float32).copy(), y.astype(np.float32)


def _homography(height: int, width: int, pose: Pose3D) -> NDArray[np.float64]:
    yaw, pitch, roll = (math.radians(angle) for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
    ry = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    rx = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    rz = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    focal = _FOCAL * width
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)
    solid = np.column_stack([corners, np.zeros(4)]) @ (rz @ ry @ rx).T
    scale = focal / (focal / pose.zoom + solid[:, 2])
    centre = np.array([width / 2, height / 2])
    target = solid[:, :2] * scale[:, None] + centre + np.array([pose.x, pose.y]) * width
    return cv2.getPerspectiveTransform((corners + centre).astype(np.float32), target.astype(np.float32))


@dataclass(frozen=True)
class Display:
    """A display before the camera. pitch_px: camera pixels a display pixel covers; blur_px: optics, in camera pixels; glow: black level."""

    pitch_px: float
    rotation_deg: float
    blur_px: float
    gap: float = 0.35
    glow: float = 0.02


def on_display(image: Image, display: Display) -> Image:
    """The picture as a camera sees it on a display: vertical red, green and blue stripes with dark gaps, resampled at the sensor's pitch.

    Works in linear light (gamma 2.2). With a pitch of more than a few camera pixels, or enough blur, no beat is left, as with real
    displays.
    """
    height, width = image.shape[:2]
    shown_w, shown_h = math.ceil(width / display.pitch_px), math.ceil(height / display.pitch_px)
    small = cv2.resize(image, (shown_w, shown_h), interpolation=cv2.INTER_AREA)
    linear = (np.float32(display.glow) + (1 - np.float32(display.glow)) * _LINEAR[small]).astype(np.float32)
    raster = np.repeat(np.repeat(linear, _SUBPIXELS, axis=0), _SUBPIXELS, axis=1) * _stripes(shown_h, shown_w, display.gap)
    step = display.pitch_px / _SUBPIXELS
    sigma = display.blur_px / step
    if sigma > 0.2:
        raster = cv2.GaussianBlur(raster, (0, 0), sigma)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), display.rotation_deg, 1.0)
    matrix = np.vstack([matrix, [0, 0, 1]]) @ np.diag([step, step, 1.0])
    seen = cv2.warpAffine(raster, matrix[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # The camera exposes for the mean: stripes and gaps cost light that it makes up for.
    seen *= np.float32(float(linear.mean()) / max(float(seen.mean()), 1e-6))
    return (255 * np.clip(seen, 0, 1) ** np.float32(1 / 2.2) + 0.5).astype(np.uint8)


_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@lru_cache(maxsize=4)
def _stripes(height: int, width: int, gap: float) -> NDArray[np.float32]:
    """(3 height, 3 width, 3) transmission of the pixel grid: a blue, a green and a red stripe, a darker row between pixels."""
    cell = np.zeros((_SUBPIXELS, _SUBPIXELS, 3), np.float32)
    for stripe, channel in enumerate((2, 1, 0)):
        cell[:, stripe, channel] = 1.0
    cell[-1] *= 1 - gap
    return np.tile(cell, (height, width, 1))


def lit_by_screen(image: Image, box: NDArray[np.float32], rgb: tuple[int, int, int], strength: float) -> Image:
    """The face lit by the phone's own screen: a soft ellipse around the box gets strength times its own colour times the screen's.

    Simulated reflection: Lambertian, no ambient change, no white balance.
    """
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in box)
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (round(x + w / 2), round(y + h / 2)), (round(0.75 * w), round(0.7 * h)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(1.0, w * 0.12))[..., None]
    light = 1 + np.float32(strength) * mask * (np.array(rgb[::-1], np.float32) / 255)
    # Light multiplies the linear value, so the coded one is multiplied by its root.
    return np.clip(image * light ** np.float32(1 / 2.2) + 0.5, 0, 255).astype(np.uint8)
