"""The second engine: face_recognition (dlib's ResNet) on its five-point path, with no need of fetched weights.

Only the five-point predictor is used for alignment: the 68-point one was trained on iBUG 300-W, which is not for commercial use (the
library loads it at import all the same). Detection is YuNet where its weight is in the cache, else dlib's HOG detector on a picture
whose longest side is brought to 640 px.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from verify import weights as weight_store
from verify.engines.protocol import Capability, Embedding, Face, Image, Mesh
from verify.errors import EngineError

HOG_LONGEST_PX = 640


class DlibEngine:
    """See ``verify.engines.protocol.Engine``. Neither mesh nor passive detection."""

    name = "dlib"
    embedding_size = 128
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, detector: Any = None) -> None:
        try:
            import dlib
            import face_recognition
            import face_recognition_models
        except (ImportError, SystemExit) as error:  # face_recognition calls quit() when its models are not to be found
            raise EngineError(f"the dlib engine needs face_recognition, dlib-bin and face-recognition-models ({error})") from error
        self._library = face_recognition
        self._lock = threading.Lock()  # dlib's networks keep their activations
        self._five_points = dlib.shape_predictor(face_recognition_models.pose_predictor_five_point_model_location())
        self._rectangle = dlib.rectangle
        self._hog = dlib.get_frontal_face_detector()
        self._detector = detector
        model = Path(face_recognition_models.face_recognition_model_location())
        self.version = f"{weight_store.sha256_of(model)[:12]}-dlib5-{'yunet' if detector else 'hog'}"

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See Engine."""
        return tuple(self._detector(image)) if self._detector else self._detect_hog(image)

    def detect_faint(self, image: Image) -> tuple[Face, ...]:
        """See ``verify.still.FaintDetector``; without YuNet the same as detect."""
        return tuple(self._detector(image, faint=True)) if self._detector else self._detect_hog(image)

    def _detect_hog(self, image: Image) -> tuple[Face, ...]:
        height, width = image.shape[:2]
        factor = HOG_LONGEST_PX / max(height, width)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        rgb = np.ascontiguousarray(small[:, :, ::-1])
        faces = []
        with self._lock:
            found, scores, _ = self._hog.run(rgb, 0, 0.0)
            for rectangle, score in zip(found, scores, strict=True):
                box = np.array([rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height()], dtype=np.float32) / factor
                points = self._five_points(rgb, rectangle)
                landmarks = five_landmarks(np.array([[p.x, p.y] for p in points.parts()], dtype=np.float32) / factor)
                # the margin of the linear classifier, squeezed into [0, 1]: 0 is its threshold
                faces.append(Face(box, landmarks, float(1.0 / (1.0 + np.exp(-2.0 * score)))))
        return tuple(sorted(faces, key=lambda f: float(f.box[2] * f.box[3]), reverse=True))

    def embed(self, image: Image, face: Face) -> Embedding:
        """See Engine: (128,) float32, about unit length, compared by Euclidean distance."""
        left, top, width, height = (round(float(v)) for v in face.box)
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        location = (top, left + width, top + height, left)
        with self._lock:
            found = self._library.face_encodings(rgb, known_face_locations=[location], num_jitters=1, model="small")
        if not found:
            raise EngineError("face_recognition gave no encoding for this face")
        return np.asarray(found[0], dtype=np.float32)

    def similarity(self, left: Embedding, right: Embedding) -> NDArray[np.float32]:
        """1 - Euclidean distance; see Engine."""
        a = np.atleast_2d(left).astype(np.float64)
        b = np.atleast_2d(right).astype(np.float64)
        squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2.0 * (a @ b.T)
        distance: NDArray[np.float32] = np.sqrt(np.clip(squared, 0.0, None)).astype(np.float32)
        return np.float32(1.0) - distance

    def passive(self, image: Image, face: Face) -> float:  # noqa: ARG002
        """Not offered: raises EngineError."""
        raise EngineError("engine dlib has no passive presentation attack detection")

    def mesh(self, image: Image, face: Face) -> Mesh:  # noqa: ARG002
        """Not offered: raises EngineError."""
        raise EngineError("engine dlib has no face mesh")


def five_landmarks(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, 2) landmarks in our order from dlib's five: both corners of the image-right eye (outer, inner), of the image-left eye (outer,
    inner), and the base of the nose.

    An eye's centre is the middle of its corners. dlib's base of the nose lies under the tip: the tip is taken 15% of the eye distance
    above it. Mouth corners are not measured: they are placed as in ArcFace's template, by the eyes and the nose's base, good enough for
    guidance and cropping but never for alignment, which dlib does by its own five points.
    """
    right_eye, left_eye, nose_base = (points[0] + points[1]) / 2, (points[2] + points[3]) / 2, points[4]
    across = right_eye - left_eye
    down = np.array([-across[1], across[0]], dtype=np.float32)
    nose = nose_base - 0.15 * down
    mouth = nose_base + 0.43 * down
    return np.stack([left_eye, right_eye, nose, mouth - 0.41 * across, mouth + 0.41 * across]).astype(np.float32)


def load_dlib(weights_dir: Path | None) -> DlibEngine:
    """The engine, with YuNet when the cache has it. Raises EngineError, or WrongHashError when the cached YuNet was changed."""
    yunet = next(w for w in weight_store.pinned_weights() if w.name == "yunet")
    located = weight_store.locate(weights_dir, (yunet,)).weights[0]
    if located.state is weight_store.WeightState.MISSING:
        return DlibEngine()
    weight_store.locate(weights_dir, (yunet,)).require()
    from verify.engines.onnx import DetectorConfig, YuNetDetector

    return DlibEngine(YuNetDetector(DetectorConfig.of(located)))
