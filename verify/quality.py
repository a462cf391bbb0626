"""Quality of one face, in the components of ISO/IEC 29794-5, and the reasons that a person can act on.

The standard's names are used; its trained algorithms are not to be had, so each component's own measure is stated below. Occlusion is
a best effort: it sees a mask or a scarf of a colour that skin cannot have, not a hand and not a white mask.
"""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.alignment import align_face
from verify.engines.protocol import Face, Image, Mesh
from verify.evidence import Reason
from verify.observation import Quality, QualityComponent
from verify.policy import QualityMinimums, VerificationPolicy

_PATCH_PX = 192
_SMALL_PX = 96


class Purpose(StrEnum):
    """What the picture is for: an enrolled reference is held to more than one of many frames."""

    ENROLMENT = "enrolment"
    FRAME = "frame"


# Component, the reason that it gives, in the order in which a person should mend things: place, light, then posture.
_REASONS = (
    ("inter_eye_distance", Reason.MOVE_CLOSER),
    ("under_exposure_prevention", Reason.TOO_DARK),
    ("over_exposure_prevention", Reason.TOO_BRIGHT),
    ("illumination_uniformity", Reason.UNEVEN_LIGHT),
    ("sharpness", Reason.BLURRED),
    ("face_occlusion_prevention", Reason.FACE_COVERED),
    ("head_pose_yaw", Reason.LOOK_STRAIGHT),
    ("head_pose_pitch", Reason.LOOK_STRAIGHT),
    ("head_pose_roll", Reason.LOOK_STRAIGHT),
    ("eyes_open", Reason.OPEN_EYES),
    ("mouth_closed", Reason.CLOSE_MOUTH),
    ("background_uniformity", Reason.BUSY_BACKGROUND),
)


def assess_quality(
    image: Image,
    face: Face,
    mesh: Mesh | None,
    policy: VerificationPolicy,
    purpose: Purpose = Purpose.ENROLMENT,
    *,
    aligned: Image | None = None,
) -> Quality:
    """Measure every component that can be measured; without a mesh yaw, pitch, eyes and mouth are left out.

    image: (H, W, 3) BGR. aligned: the (192, 192, 3) aligned face when the caller has it already.
    """
    if aligned is None:
        aligned = align_face(image, face.landmarks, _PATCH_PX)
    small = cv2.resize(aligned, (_SMALL_PX, _SMALL_PX), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    dark, bright = exposure_shares(grey, policy.quality.dark_level, policy.quality.bright_level)
    raws = [
        ("sharpness", sharpness(grey), "variance"),
        ("under_exposure_prevention", dark, "share"),
        ("over_exposure_prevention", bright, "share"),
        ("illumination_uniformity", illumination_uniformity(grey), "intersection"),
        ("background_uniformity", background_deviation(image, face), "grey levels"),
        ("inter_eye_distance", face.inter_eye_px, "px"),
        ("face_occlusion_prevention", skin_share(small), "share"),
    ]
    if mesh is None:
        raws.append(("head_pose_roll", abs(_eye_line_deg(face)), "deg"))
    else:
        raws += [
            ("head_pose_yaw", abs(mesh.yaw_deg), "deg"),
            ("head_pose_pitch", abs(mesh.pitch_deg), "deg"),
            ("head_pose_roll", abs(mesh.roll_deg), "deg"),
            ("eyes_open", mesh.blink, "blink"),
            ("mouth_closed", mesh.jaw_open, "opening"),
        ]
    scale = policy.quality.scale
    components = tuple(QualityComponent(name, getattr(scale, name).score(raw), float(raw), unit) for name, raw, unit in raws)
    minimums = policy.quality.enrolment if purpose is Purpose.ENROLMENT else policy.quality.frame
    covered = mesh is not None and mesh.presence < policy.frame.mesh_presence_min
    return Quality(components, _reasons(components, minimums, image, face, covered))


def _reasons(
    components: tuple[QualityComponent, ...], minimums: QualityMinimums, image: Image, face: Face, covered: bool
) -> tuple[Reason, ...]:
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    reasons = []
    if w > minimums.face_share_max * min(height, width):
        reasons.append(Reason.MOVE_BACK)
    margin = minimums.edge_margin_share * w
    if x < margin or y < margin or x + w > width - margin or y + h > height - margin:
        reasons.append(Reason.CENTRE_FACE)
    if covered:
        reasons.append(Reason.FACE_COVERED)
    scores = {component.name: component.score for component in components}
    reasons += [reason for name, reason in _REASONS if name in scores and scores[name] < getattr(minimums, name)]
    return tuple(dict.fromkeys(reasons))


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of the face at 96 px, over its contrast so that dim light does not read as blur."""
    contrast = float(grey.std())
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / max(contrast, 8.0)


def exposure_shares(grey: NDArray[np.uint8], dark_level: int, bright_level: int) -> tuple[float, float]:
    """Shares of the middle of the face at or under the dark level and at or over the bright one, [0, 1]."""
    middle = grey[16:-16, 20:-20]
    return float((middle <= dark_level).mean()), float((middle >= bright_level).mean())


def illumination_uniformity(grey: NDArray[np.uint8]) -> float:
    """Intersection of the grey histograms of the two halves of the face, [0, 1], 1 is even light (29794-5, 7.3.2)."""
    left, right = (cv2.calcHist([half], [0], None, [16], [0, 256]).ravel() for half in (grey[20:80, 16:48], grey[20:80, 48:80]))
    return float(np.minimum(left / left.sum(), right / right.sum()).sum())


# Red and blue chroma of skin of all tones in YCrCb (Chai and Ngan, IEEE TCSVT 9(4), 1999), widened for coloured light.
_SKIN_LOW, _SKIN_HIGH = np.array([122, 70]), np.array([190, 140])
_ALIKE = 15  # chroma levels


def skin_share(small: Image) -> float:
    """Share of the face whose chroma is possible for skin and near that of its middle (nose and cheeks), [0, 1]."""
    chroma = cv2.cvtColor(small[20:88, 22:74], cv2.COLOR_BGR2YCrCb)
    centre = np.median(chroma[26:48, 8:44, 1:].reshape(-1, 2), axis=0)
    low, high = np.maximum(centre - _ALIKE, _SKIN_LOW), np.minimum(centre + _ALIKE, _SKIN_HIGH)
    inside = cv2.inRange(chroma, (0.0, *low.tolist()), (255.0, *high.tolist()))
    return cv2.countNonZero(inside) / inside.size


def background_deviation(image: Image, face: Face) -> float:
    """Standard deviation of grey beside the head, in levels; 0 when the head fills the picture."""
    height, width = image.shape[:2]
    x, y, w, h = (float(value) for value in face.box)
    top, bottom = max(0, int(y - 0.3 * h)), min(height, int(y + 0.5 * h))
    deviations = []
    for left, right in ((x - w, x - 0.35 * w), (x + 1.35 * w, x + 2 * w)):
        start, end = max(0, int(left)), min(width, int(right))
        if end - start >= 8 and bottom - top >= 8:
            strip = cv2.resize(image[top:bottom, start:end], (24, 32), interpolation=cv2.INTER_NEAREST)
            deviations.append(float(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY).std()))
    return max(deviations, default=0.0)


def _eye_line_deg(face: Face) -> float:
    right = face.landmarks[1] - face.landmarks[0]
    return float(np.degrees(np.arctan2(right[1], right[0])))
