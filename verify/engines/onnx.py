"""The default engine: YuNet, an ONNX embedder, passive PAD and the face mesh. Each model is optional but detector and embedder."""

from __future__ import annotations

import hashlib
import threading
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verify import weights as weight_store
from verify.engines.alignment import align_face, enlarged_box
from verify.engines.face_mesh import FaceMesh
from verify.engines.protocol import Capability, Embedding, Face, Image, Mesh
from verify.engines.runtime import load_network
from verify.engines.yunet import OpenVinoYuNet
from verify.errors import EngineError


class EmbedderConfig(BaseModel):
    """The ``[embedder]`` table: how to run an ONNX network that turns an aligned face into a template.

    Input is ``(pixel - mean) * scale``, one value or one a channel in the stated colour order. metric: how two templates are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    path: Path
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    alignment: Literal["arcface112"] = "arcface112"
    input_px: int = Field(default=112, ge=32, le=512)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    colour_order: Literal["BGR", "RGB"] = "RGB"
    mean: float | tuple[float, float, float] = 127.5
    scale: float | tuple[float, float, float] = 0.0078125
    metric: Literal["cosine", "euclidean"] = "cosine"
    licence: str = ""


def read_embedder_config(path: Path) -> EmbedderConfig:
    """The ``[embedder]`` table of a TOML file; a relative ``path`` in it counts from that file. Raises EngineError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))["embedder"]
        config = EmbedderConfig.model_validate(table)
    except OSError as error:
        raise EngineError(f"the embedder configuration {path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EngineError(f"{path.name} is not TOML in UTF-8: {error}") from error
    except KeyError as error:
        raise EngineError(f"{path.name} has no [embedder] table") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(p) for p in first["loc"])
        raise EngineError(f"{path.name}, [embedder] {field}: {first['msg']} (got {first.get('input')!r})") from error
    return config.model_copy(update={"path": path.parent / config.path})


@dataclass(frozen=True)
class DetectorConfig:
    """YuNet and its settings: longest side of the picture in the detector, score and overlap thresholds."""

    path: Path
    sha256: str
    width_px: int
    score_threshold: float
    nms_threshold: float
    faint_score_threshold: float

    @classmethod
    def of(cls, located: weight_store.LocatedWeight) -> DetectorConfig:
        """From a located weight and its settings in weights.toml."""
        names = ("width_px", "score_threshold", "nms_threshold", "faint_score_threshold")
        return cls(located.path, located.weight.sha256, *(located.weight.settings[n] for n in names))


@dataclass(frozen=True)
class PassiveConfig:
    """The passive net and its settings."""

    path: Path
    box_scale: float
    input_px: int
    live_index: int


class OpenCvYuNet:
    """YuNet through OpenCV, where OpenVINO is not. The OpenCV object keeps its input size, so each thread has its own."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._local = threading.local()
        self._detector((64, 64))  # a broken file shows now and not at the first picture

    def detect(self, image: Image, score_threshold: float) -> NDArray[np.float32]:
        """See OpenVinoYuNet."""
        detector = self._detector((image.shape[1], image.shape[0]))
        detector.setScoreThreshold(score_threshold)
        rows = detector.detect(image)[1]
        return np.empty((0, 15), np.float32) if rows is None else np.asarray(rows, dtype=np.float32)

    def _detector(self, size: tuple[int, int]) -> Any:
        local = self._local
        if getattr(local, "detector", None) is None:
            try:
                local.detector = cv2.FaceDetectorYN.create(
                    str(self._config.path), "", size, self._config.score_threshold, self._config.nms_threshold
                )
            except cv2.error as error:
                raise EngineError(f"{self._config.path.name} cannot be loaded as a YuNet detector: {error}") from error
            local.size = size
        if local.size != size:
            local.detector.setInputSize(size)
            local.size = size
        return local.detector


class YuNetDetector:
    """Faces of a picture of any size: scaled for YuNet, found, scaled back."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._network: OpenVinoYuNet | OpenCvYuNet
        try:
            self._network = OpenVinoYuNet(config.path, config.nms_threshold)
        except (ImportError, RuntimeError):  # no OpenVINO, or a file that it cannot read: OpenCV says what is wrong with it
            self._network = OpenCvYuNet(config)

    def __call__(self, image: Image, *, faint: bool = False) -> tuple[Face, ...]:
        """All faces, largest first. faint: down to the lower threshold for still photographs."""
        height, width = image.shape[:2]
        factor = self._config.width_px / max(height, width)
        size = (max(round(width * factor), 16), max(round(height * factor), 16))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR) if factor != 1 else image
        rows = self._network.detect(small, self._config.faint_score_threshold if faint else self._config.score_threshold)
        back = np.array([width / size[0], height / size[1]], dtype=np.float32)
        faces = []
        for row in rows:
            # YuNet names the sides from the person's own view: its right eye is the image's left one, so the order is ArcFace's already
            box = row[:4] * np.tile(back, 2)
            if box[2] > 0 and box[3] > 0:
                faces.append(Face(box, row[4:14].reshape(5, 2) * back, float(np.clip(row[14], 0.0, 1.0))))
        return tuple(sorted(faces, key=lambda f: float(f.box[2] * f.box[3]), reverse=True))


class OnnxEmbedder:
    """Aligned face to template."""

    def __init__(self, config: EmbedderConfig) -> None:
        if not config.path.is_file():
            raise EngineError(f"the embedder file {config.path} does not exist: check path in the [embedder] table")
        actual = weight_store.sha256_of(config.path)
        if actual != config.sha256:
            raise weight_store.WrongHashError(
                f"{config.path} has sha256 {actual[:12]}..., the configuration says {config.sha256[:12]}...: it is not the network "
                "that was approved"
            )
        self.config = config
        self._network = load_network(config.path)
        self._mean = np.broadcast_to(np.asarray(config.mean, dtype=np.float32), 3)
        self._scale = np.broadcast_to(np.asarray(config.scale, dtype=np.float32), 3)
        try:
            blank = self._run(np.zeros((config.input_px, config.input_px, 3), dtype=np.uint8))
        except Exception as error:
            raise EngineError(f"{config.path.name} does not take {config.layout} input of {config.input_px} px: {error}") from error
        self.size = int(blank.shape[0])

    def _run(self, crop: Image) -> NDArray[np.float32]:
        config = self.config
        if config.colour_order == "RGB":
            crop = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        values = crop.astype(np.float32)
        values -= self._mean
        values *= self._scale
        tensor = values[None] if config.layout == "NHWC" else np.ascontiguousarray(values.transpose(2, 0, 1))[None]
        return self._network(tensor).reshape(-1)

    def __call__(self, image: Image, face: Face) -> Embedding:
        """(d,) float32 of unit length."""
        template = self._run(align_face(image, face.landmarks, self.config.input_px))
        length = float(np.linalg.norm(template))
        if not np.isfinite(length) or length == 0.0:
            raise EngineError(f"{self.config.name} gave no usable template for this face")
        return template / np.float32(length)

    def similarity(self, left: Embedding, right: Embedding) -> NDArray[np.float32]:
        """See ``Engine.similarity``."""
        cosine: NDArray[np.float32] = np.atleast_2d(left) @ np.atleast_2d(right).T
        if self.config.metric == "cosine":
            return cosine
        distance: NDArray[np.float32] = np.sqrt(np.clip(2.0 - 2.0 * cosine, 0.0, None)).astype(np.float32)
        return np.float32(1.0) - distance


class PassivePad:
    """Live or not, from one picture and its surroundings."""

    def __init__(self, config: PassiveConfig) -> None:
        self._config = config
        self._network = load_network(config.path)

    def __call__(self, image: Image, face: Face) -> float:
        """Probability in [0, 1] of live."""
        height, width = image.shape[:2]
        left, top, right, bottom = enlarged_box(width, height, face.box, self._config.box_scale)
        side = self._config.input_px
        crop = cv2.resize(image[top : bottom + 1, left : right + 1], (side, side), interpolation=cv2.INTER_LINEAR)
        tensor = np.ascontiguousarray(crop.transpose(2, 0, 1), dtype=np.float32)[None]
        logits = self._network(tensor).astype(np.float64).reshape(-1)
        odds = np.exp(logits - logits.max())
        return float(odds[self._config.live_index] / odds.sum())


class OnnxEngine:
    """See ``verify.engines.protocol.Engine``."""

    def __init__(self, detector: DetectorConfig, embedder: EmbedderConfig, passive: PassiveConfig | None, mesh: FaceMesh | None) -> None:
        cv2.setNumThreads(1)  # as for the sessions: workers fill the cores
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # loading YuNet warns of a target that nobody asked for
        self._detector = YuNetDetector(detector)
        self._embedder = OnnxEmbedder(embedder)
        self._passive = PassivePad(passive) if passive else None
        self._mesh = mesh
        self._detector_sha256 = detector.sha256

    @property
    def name(self) -> str:
        """``onnx``, or ``onnx:NAME`` with a configured embedder."""
        own = self._embedder.config.name
        return "onnx" if own == "fr_feature" else f"onnx:{own}"

    @property
    def version(self) -> str:
        """Hash of the embedder, alignment, hash of the detector whose points it is aligned by."""
        config = self._embedder.config
        preparation = f"{config.layout}{config.colour_order}{config.mean}{config.scale}{config.input_px}{config.metric}"
        digest = hashlib.sha256(preparation.encode()).hexdigest()[:6]
        return f"{config.sha256[:12]}-{config.alignment}-{digest}-{self._detector_sha256[:12]}"

    @property
    def embedding_size(self) -> int:
        """See Engine."""
        return self._embedder.size

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See Engine."""
        return frozenset(c for c, part in ((Capability.PASSIVE, self._passive), (Capability.MESH, self._mesh)) if part is not None)

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See Engine."""
        return self._detector(image)

    def detect_faint(self, image: Image) -> tuple[Face, ...]:
        """See ``verify.still.FaintDetector``."""
        return self._detector(image, faint=True)

    def embed(self, image: Image, face: Face) -> Embedding:
        """See Engine."""
        return self._embedder(image, face)

    def similarity(self, left: Embedding, right: Embedding) -> NDArray[np.float32]:
        """See Engine."""
        return self._embedder.similarity(left, right)

    def passive(self, image: Image, face: Face) -> float:
        """See Engine."""
        if self._passive is None:
            raise EngineError(f"engine {self.name} has no passive presentation attack detection")
        return self._passive(image, face)

    def mesh(self, image: Image, face: Face) -> Mesh:
        """See Engine."""
        if self._mesh is None:
            raise EngineError(f"engine {self.name} has no face mesh")
        return self._mesh(image, face)


def load_onnx(weights_dir: Path | None, embedder_config: EmbedderConfig | None = None) -> OnnxEngine:
    """The engine from a weights cache (None: the default one). Raises WeightsUnavailableError, WrongHashError or EngineError."""
    located = weight_store.locate(weights_dir).require()
    yunet, feature, liveness, landmarker = (located[n] for n in ("yunet", "fr_feature", "fr_liveness", "face_landmarker"))
    detector = DetectorConfig.of(yunet)
    if embedder_config is None:
        run = {k: feature.weight.settings[k] for k in ("alignment", "input_px", "layout", "colour_order", "mean", "scale", "metric")}
        embedder_config = EmbedderConfig(
            name="fr_feature", path=feature.path, sha256=feature.weight.sha256, licence=feature.weight.licence, **run
        )
    passive = PassiveConfig(liveness.path, *(liveness.weight.settings[k] for k in ("box_scale", "input_px", "live_index")))
    mesh = FaceMesh(landmarker.path, landmarker.weight.settings["inner"], landmarker.weight.settings["roi_scale"])
    return OnnxEngine(detector, embedder_config, passive, mesh)
