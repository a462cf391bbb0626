"""What every face engine offers, and the frozen values that it returns.

Coordinates are pixels of the image that was given, x to the right, y down. Images are (H, W, 3) uint8 in BGR order, as OpenCV
decodes them. Angles are degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Embedding = NDArray[np.float32]


class Capability(StrEnum):
    """What an engine can do beyond detecting and embedding."""

    PASSIVE = "passive"
    MESH = "mesh"


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face.

    box: (4,) float32 x, y, width, height. landmarks: (5, 2) float32: image-left eye, image-right eye, nose tip, image-left and
    image-right mouth corner (the order of ArcFace's template). detector_score: [0, 1], higher is surer.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    detector_score: float

    @property
    def inter_eye_px(self) -> float:
        """Distance between the two eye centres in pixels."""
        return float(np.linalg.norm(self.landmarks[0] - self.landmarks[1]))


@dataclass(frozen=True, eq=False)
class Mesh:
    """A dense face mesh.

    points: (478, 3) float32, x and y in image pixels, z in the same unit, towards the camera negative. presence: [0, 1].
    blendshapes: name -> [0, 1] (MediaPipe's 52 names, e.g. ``eyeBlinkLeft``). yaw_deg: positive when the head turns to its own
    left (the nose moves to the right of an unmirrored image); pitch_deg: positive looking up; roll_deg: positive clockwise in the image.
    """

    points: NDArray[np.float32]
    presence: float
    blendshapes: dict[str, float]
    yaw_deg: float
    pitch_deg: float
    roll_deg: float

    @property
    def blink(self) -> float:
        """Mean closing of both eyes, 0 open to 1 shut."""
        return (self.blendshapes["eyeBlinkLeft"] + self.blendshapes["eyeBlinkRight"]) / 2

    @property
    def jaw_open(self) -> float:
        """Opening of the mouth, 0 shut to 1 wide open."""
        return self.blendshapes["jawOpen"]


class Engine(Protocol):
    """A face engine. Instances are thread-safe, hold no state of a session, and are loaded once a process.

    ``similarity`` of two embeddings is always higher for more alike, whatever the engine's own metric: cosine for cosine engines,
    1 - distance for Euclidean ones.
    """

    @property
    def name(self) -> str:
        """Short stable name, e.g. ``onnx``."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever embeddings are no longer comparable: made of the weights' hashes and the alignment."""
        ...

    @property
    def embedding_size(self) -> int:
        """Length d of an embedding."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this engine offers beyond detection and embedding."""
        ...

    def detect(self, image: Image) -> tuple[Face, ...]:
        """All faces in the image, largest first; empty when there is none."""
        ...

    def embed(self, image: Image, face: Face) -> Embedding:
        """(d,) float32 template of one face, unit length for cosine engines."""
        ...

    def similarity(self, left: Embedding, right: Embedding) -> NDArray[np.float32]:
        """Similarities of (n, d) or (d,) left with (m, d) or (d,) right as (n, m) float32, higher is more alike."""
        ...

    def passive(self, image: Image, face: Face) -> float:
        """Probability in [0, 1] that the face is live skin before this camera. Raises EngineError without Capability.PASSIVE."""
        ...

    def mesh(self, image: Image, face: Face) -> Mesh:
        """Dense mesh with pose and blendshapes. Raises EngineError without Capability.MESH."""
        ...
