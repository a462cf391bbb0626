"""One picture to one observation: detection, mesh, pose, passive score, template, and what the PAD modules need of the picture.

The models take about 20 ms of a core; everything else works on crops of at most 256 px and stays near 2 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.alignment import align_face
from verify.engines.protocol import Capability, Engine, Face, Image
from verify.observation import Observation
from verify.policy import VerificationPolicy
from verify.quality import Purpose, assess_quality

PATCH_PX = 192
SPECTRUM_PX = 256
SPECTRUM_MIN_PX = 48
# rows of Observation.colour_means
FACE_REGIONS = (0, 1, 2)  # forehead, image-left cheek, image-right cheek
BACKGROUND_REGIONS = (3, 4)  # image-left and image-right of the head
# top, bottom, left, right in the 192 px aligned face
_FACE_WINDOWS = ((34, 60, 70, 122), (104, 136, 46, 76), (104, 136, 116, 146))


@dataclass(frozen=True)
class FrameStamp:
    """What is known of a frame beside its picture; the fields are those of Observation."""

    seq: int
    captured_at_ms: int
    received_at_ms: int
    step: int
    colour: str | None
    sha256: str


def observe(
    image: Image,
    engine: Engine,
    stamp: FrameStamp,
    policy: VerificationPolicy,
    *,
    embed: bool | None = None,
    passive: bool | None = None,
    texture: bool | None = None,
) -> Observation:
    """Measure one (H, W, 3) BGR picture.

    embed, passive, texture: run these models, and the measures of noise and moire, or not; None follows the policy's schedule (every
    n-th frame by its number). Whatever the engine cannot do stays None.
    """
    height, width = image.shape[:2]
    faces = engine.detect(image)
    common = {
        "seq": stamp.seq,
        "captured_at_ms": stamp.captured_at_ms,
        "received_at_ms": stamp.received_at_ms,
        "step": stamp.step,
        "colour": stamp.colour,
        "sha256": stamp.sha256,
        "width_px": width,
        "height_px": height,
        "faces": len(faces),
        "second_face_ratio": _second_ratio(faces),
    }
    if not faces:
        return Observation(**common)
    face = faces[0]
    mesh = engine.mesh(image, face) if Capability.MESH in engine.capabilities else None
    aligned = align_face(image, face.landmarks, PATCH_PX)
    patch = cv2.cvtColor(aligned, cv2.COLOR_BGR2GRAY)
    if texture is None:
        texture = stamp.seq % policy.frame.texture_every == 0
    region = _region_green(image, face) if texture else None
    if embed is None:
        embed = stamp.seq % policy.frame.embed_every == 0
    if passive is None:
        # Not on the frames that are embedded, where there is a choice: answers then take the same time.
        passive = (stamp.seq + 1) % policy.frame.passive_every == 0
    return Observation(
        **common,
        box=face.box.astype(np.float32),
        landmarks=face.landmarks.astype(np.float32),
        detector_score=face.detector_score,
        mesh_presence=mesh.presence if mesh else None,
        mesh_points=mesh.points.astype(np.float32) if mesh else None,
        yaw_deg=mesh.yaw_deg if mesh else None,
        pitch_deg=mesh.pitch_deg if mesh else None,
        roll_deg=mesh.roll_deg if mesh else None,
        blink=mesh.blink if mesh else None,
        jaw_open=mesh.jaw_open if mesh else None,
        passive=engine.passive(image, face) if passive and Capability.PASSIVE in engine.capabilities else None,
        noise_sigma=None if region is None else noise_sigma(region),
        moire=None if region is None else spectral_peak(region),
        patch=patch,
        colour_means=_colour_means(image, face, aligned),
        picture_hash=picture_hash(patch),
        embedding=engine.embed(image, face) if embed else None,
        quality=assess_quality(image, face, mesh, policy, Purpose.FRAME, aligned=aligned),
    )


def _second_ratio(faces: tuple[Face, ...]) -> float:
    areas = sorted((float(face.box[2] * face.box[3]) for face in faces), reverse=True)
    return areas[1] / areas[0] if len(areas) > 1 and areas[0] > 0 else 0.0


def _region_green(image: Image, face: Face) -> NDArray[np.uint8]:
    """The face's box at the picture's own resolution, its middle SPECTRUM_PX when it is larger, green only.

    Resampling, and mixing the channels, would hide noise and moire.
    """
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    half_w, half_h = min(w, SPECTRUM_PX) / 2, min(h, SPECTRUM_PX) / 2
    left, right = max(0, round(x + w / 2 - half_w)), min(width, round(x + w / 2 + half_w))
    top, bottom = max(0, round(y + h / 2 - half_h)), min(height, round(y + h / 2 + half_h))
    if right - left < 3 or bottom - top < 3:
        return np.zeros((0, 0), np.uint8)
    return np.ascontiguousarray(image[top:bottom, left:right, 1])


_NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def noise_sigma(region: NDArray[np.uint8]) -> float | None:
    """Standard deviation of additive noise in grey levels; None for a region under 16 px.

    The mask of Immerkaer (CVIU 64(2), 1996), which is blind to constant and planar grey, with the median in place of his mean,
    which takes hair and lashes for noise.
    """
    if min(region.shape) < 16:
        return None
    response = np.abs(cv2.filter2D(region, cv2.CV_16S, _NOISE_MASK)[1:-1, 1:-1])
    return float(np.median(response) / (0.6745 * 6.0))


@cache
def _spectrum_frame(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.bool_]]:
    """Window, ring number of each coefficient, and which coefficients are looked at."""
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    v, u = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.hypot(v, u)
    ring = np.minimum((radius * 64).astype(np.intp), 45)
    # Rows and columns near the axes hold the 8 px grid of JPEG and the edges of the crop.
    looked_at = (radius > 0.1) & (np.abs(v) > 0.02) & (u > 0.02)
    return window, ring, looked_at


def spectral_peak(region: NDArray[np.uint8]) -> float | None:
    """Highest spectral peak over the mean of its ring of equal frequency (so that a face's own fall-off does not matter).

    About 4-7 for a face before a camera; a display's grid beats with the sensor's and stands out. None for a region too small.
    """
    if min(region.shape) < SPECTRUM_MIN_PX:
        return None
    # Even sizes in steps of 16 keep the number of cached windows and the cost of the transform low.
    height, width = (min(SPECTRUM_PX, side // 16 * 16) for side in region.shape)
    window, ring, looked_at = _spectrum_frame(height, width)
    grey = region[:height, :width].astype(np.float32)
    magnitude = np.abs(np.fft.rfft2((grey - grey.mean()) * window))
    flat = ring.ravel()
    ring_mean = np.bincount(flat, magnitude.ravel(), 46) / np.maximum(np.bincount(flat, minlength=46), 1)
    whitened = magnitude / np.maximum(ring_mean[ring], 1e-6)
    return float(whitened[looked_at].max())


def picture_hash(patch: NDArray[np.uint8]) -> int:
    """64-bit perceptual hash: signs of the 8 x 8 lowest cosine coefficients (but the first) of the patch against their median."""
    small = cv2.resize(patch, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[1:9, 1:9].ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def _colour_means(image: Image, face: Face, aligned: Image) -> NDArray[np.float32]:
    """(5, 3) mean BGR of FACE_REGIONS and BACKGROUND_REGIONS; NaN for a background that is out of the picture."""
    rows = [cv2.mean(aligned[top:bottom, left:right])[:3] for top, bottom, left, right in _FACE_WINDOWS]
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    top, bottom = max(0, int(y)), min(height, int(y + h))
    for left, right in ((x - 0.9 * w, x - 0.4 * w), (x + 1.4 * w, x + 1.9 * w)):
        start, end = max(0, math.floor(left)), min(width, math.ceil(right))
        inside = end - start >= 4 and bottom - top >= 4
        rows.append(cv2.mean(image[top:bottom, start:end])[:3] if inside else (math.nan,) * 3)
    return np.array(rows, np.float32)
