"""MediaPipe's Face Landmarker without MediaPipe: its two networks run by LiteRT, its graph's few steps written out here.

Source of index list, names and value ranges: MediaPipe, tasks/cc/vision/face_landmarker, ``face_landmarks_detector_graph.cc`` and
``face_blendshapes_graph.cc`` (Apache-2.0).
"""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from verify.engines.alignment import rotated_square
from verify.engines.pose import head_pose, read_canonical_face
from verify.engines.protocol import Face, Image, Mesh
from verify.errors import EngineError

INPUT_PX = 256
POINTS = 478

# the landmarks that the blendshape network reads
# fmt: off
BLENDSHAPE_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82,
    84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157,
    158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270,
    276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334,
    336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398,
    400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
])
BLENDSHAPE_NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)
# fmt: on


class FaceMesh:
    """Mesh, blendshapes and pose of a detected face. Thread-safe: LiteRT interpreters hold state, so each thread has its own."""

    def __init__(self, task: Path, inner: dict[str, str], roi_scale: float) -> None:
        try:
            with zipfile.ZipFile(task) as bundle:
                self._mesh_model = bundle.read(inner["mesh"])
                self._blendshape_model = bundle.read(inner["blendshapes"])
                self._canonical = read_canonical_face(bundle.read(inner["geometry"]))
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise EngineError(f"{task.name} is not the expected face landmarker bundle ({error}): fetch the weights again") from error
        self._roi_scale = roi_scale
        self._local = threading.local()

    def _models(self) -> tuple[_LiteModel, _LiteModel]:
        models = getattr(self._local, "models", None)
        if models is None:
            models = (_LiteModel(self._mesh_model), _LiteModel(self._blendshape_model))
            self._local.models = models
        return models

    def __call__(self, image: Image, face: Face) -> Mesh:
        """See ``Engine.mesh``."""
        mesh_model, blendshape_model = self._models()
        to_crop = rotated_square(face.landmarks, face.box, self._roi_scale, INPUT_PX)
        crop = cv2.warpAffine(image, to_crop, (INPUT_PX, INPUT_PX), flags=cv2.INTER_LINEAR)
        rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        landmarks, presence_logit = mesh_model.run(np.multiply(rgb, np.float32(1 / 255), dtype=np.float32)[None], (0, 1))
        raw = landmarks.reshape(POINTS, 3)
        back = cv2.invertAffineTransform(to_crop)
        scale = float(np.hypot(back[0, 0], back[1, 0]))
        points = np.empty((POINTS, 3), dtype=np.float32)
        points[:, :2] = raw[:, :2] @ back[:, :2].T.astype(np.float32) + back[:, 2].astype(np.float32)
        points[:, 2] = raw[:, 2] * scale
        (shapes,) = blendshape_model.run(points[BLENDSHAPE_POINTS, :2][None], (0,))
        pose = head_pose(points, self._canonical)
        presence = 1.0 / (1.0 + float(np.exp(-presence_logit.item())))
        values = dict(zip(BLENDSHAPE_NAMES, (float(v) for v in shapes), strict=True))
        return Mesh(points, presence, values, pose.yaw_deg, pose.pitch_deg, pose.roll_deg)


class _LiteModel:
    """One LiteRT interpreter of one thread."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter  # slow to import, and not needed by other engines

        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]

    def run(self, values: np.ndarray, outputs: tuple[int, ...]) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(self._outputs[i]) for i in outputs]
