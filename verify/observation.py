"""What one frame showed: plain numbers that outlive the picture.

An observation is computed once, when the frame arrives, by ``verify.observe.observe``; everything after that (guidance, evidence,
decision) works on observations only, so that any worker can go on with a session and an evaluation can be run from files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.evidence import Reason


@dataclass(frozen=True)
class QualityComponent:
    """One component as named in ISO/IEC 29794-5: score 0-100 (higher is better), raw value in its own unit."""

    name: str
    score: int
    raw: float
    unit: str


@dataclass(frozen=True)
class Quality:
    """All components of one face, and the reasons why it is not good enough (most useful first; empty: good)."""

    components: tuple[QualityComponent, ...]
    reasons: tuple[Reason, ...]

    def score(self, name: str) -> int:
        """Score of one component. Raises KeyError for an unknown name."""
        for component in self.components:
            if component.name == name:
                return component.score
        raise KeyError(name)

    @property
    def overall(self) -> int:
        """Worst component, 0-100."""
        return min((c.score for c in self.components), default=0)


@dataclass(frozen=True, eq=False)
class Observation:
    """What one frame showed. Arrays are None where the frame had no face or the engine cannot measure them.

    seq: 0, 1, 2 ... as sent. captured_at_ms: the camera page's clock, from the session's start. received_at_ms: the server's
    clock, from the session's start. step: index of the prompt that was on show when the frame was taken. colour: name of the flash
    colour that was on show, or None. sha256: of the bytes sent. picture_hash: 64-bit perceptual hash of the face region. Faces
    beyond the largest are only counted.
    """

    seq: int
    captured_at_ms: int
    received_at_ms: int
    step: int
    colour: str | None
    sha256: str
    width_px: int
    height_px: int
    faces: int
    second_face_ratio: float  # area of the second largest face over the largest, 0 without one
    box: NDArray[np.float32] | None = None  # (4,)
    landmarks: NDArray[np.float32] | None = None  # (5, 2)
    detector_score: float = 0.0
    mesh_presence: float | None = None
    mesh_points: NDArray[np.float32] | None = None  # (478, 3)
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    blink: float | None = None
    jaw_open: float | None = None
    passive: float | None = None
    noise_sigma: float | None = None  # standard deviation of the sensor noise, 8-bit grey levels
    moire: float | None = None  # peak over median of the face region's spectrum
    patch: NDArray[np.uint8] | None = None  # (192, 192) aligned grey face for optical flow
    colour_means: NDArray[np.float32] | None = None  # (R, 3) mean BGR of face regions and background
    picture_hash: int | None = None
    embedding: NDArray[np.float32] | None = None
    quality: Quality | None = None
