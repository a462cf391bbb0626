"""Finding and embedding the face of a still photograph (a reference, an evaluation image), where time matters less than in a session.

For detection and embedding only: a padded copy must never reach passive PAD, which reads the picture's own surroundings of the face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from verify.engines.protocol import Embedding, Engine, Face, Image

# shares of the longer side; a face that fills the picture is found once it has surroundings
PADDINGS = (0.5, 0.25, 1.0)


@runtime_checkable
class FaintDetector(Protocol):
    """An engine that can also look for faces that its usual threshold passes over."""

    def detect_faint(self, image: Image) -> tuple[Face, ...]:
        """Faces down to a lower detector score, largest first."""
        ...


def find_still_face(engine: Engine, image: Image) -> Face | None:
    """The largest face, in pixels of the image that was given (parts of it may lie outside); None when there is none.

    Tries the picture itself, then copies with a black margin, then (where the engine can) both at a lower detector threshold; of
    faint faces the surest one counts.
    """
    found = engine.detect(image)
    if found:
        return found[0]
    for share in PADDINGS:
        faces = _detect_padded(engine.detect, image, share)
        if faces:
            return faces[0]
    if isinstance(engine, FaintDetector):
        for share in (0.0, *PADDINGS):
            faces = _detect_padded(engine.detect_faint, image, share)
            if faces:
                return max(faces, key=lambda f: f.detector_score)
    return None


def _detect_padded(detect: Callable[[Image], tuple[Face, ...]], image: Image, share: float) -> list[Face]:
    margin = round(max(image.shape[:2]) * share)
    padded: Image = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    offset = np.array([margin, margin], dtype=np.float32)
    corner = np.concatenate([offset, np.zeros(2, dtype=np.float32)])
    return [Face(f.box - corner, f.landmarks - offset, f.detector_score) for f in detect(padded)]


def embed_still(engine: Engine, image: Image, face: Face, *, flip: bool = False) -> Embedding:
    """(d,) template of a still's face. flip: mean with the mirrored picture's, for twice the time."""
    template = engine.embed(image, face)
    if not flip:
        return template
    width = image.shape[1]
    landmarks = face.landmarks[[1, 0, 2, 4, 3]].copy()
    landmarks[:, 0] = width - 1 - landmarks[:, 0]
    box = face.box.copy()
    box[0] = width - box[0] - box[2]
    mirrored = np.ascontiguousarray(image[:, ::-1])
    both = template + engine.embed(mirrored, replace(face, box=box, landmarks=landmarks))
    length = np.linalg.norm(template) / np.linalg.norm(both)
    return (both * length).astype(np.float32)
