"""The artefact of a model: arrays and a JSON header in one safetensors file. Loading it runs nothing, and nothing is loaded unchecked.

It holds trees, tables of quantiles and names of features; no row of the training data. The same model gives the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from detection.anomaly.calibration import PLACES, Probability
from detection.anomaly.drift import POINTS
from detection.anomaly.peers import Floats
from detection.anomaly.trees import Trees
from detection.errors import DetectionError
from models.anomaly_model import EntityKind, ModelKind

FORMAT = 1
HEADER = "header"


class ModelUnusableError(DetectionError):
    """An artefact cannot be used; the message says why and what to do."""

    code = "model_unusable"


@dataclass(frozen=True)
class Fitted:
    """A trained model. features: names, in the order of the columns. start: log-odds that boosted trees begin with.

    rows: entity-months of the training. sums, unusual: quantile tables of the two detectors over the training (empty with labels).
    scores: of what they come to; a percentile is looked up in it. probability: with labels only. shape, unknown: of each feature over the
    training, for drift.
    """

    entity: EntityKind
    kind: ModelKind
    features: tuple[str, ...]
    trees: Trees
    tree_rows: int
    rows: int
    forest_weight: float
    start: float
    sums: Floats
    unusual: Floats
    scores: Floats
    shape: Floats
    unknown: Floats
    probability: Probability | None = None


def to_bytes(model: Fitted) -> bytes:
    """The artefact."""
    header = {
        "format": FORMAT,
        "entity": model.entity.value,
        "kind": model.kind.value,
        "features": list(model.features),
        "tree_rows": model.tree_rows,
        "rows": model.rows,
        "forest_weight": model.forest_weight,
        "start": model.start,
        "calibration": None if model.probability is None else model.probability.method,
    }
    arrays: dict[str, NDArray[Any]] = {f"trees.{name}": array for name, array in model.trees.arrays().items()}
    arrays |= {name: getattr(model, name) for name in ("sums", "unusual", "scores", "shape", "unknown")}
    if model.probability is not None:
        arrays |= {"probability.score": model.probability.score, "probability.probability": model.probability.probability}
    arrays[HEADER] = np.frombuffer(json.dumps(header, sort_keys=True, ensure_ascii=False).encode(), np.uint8)
    return bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def digest(data: bytes) -> str:
    """SHA-256 of an artefact, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def from_bytes(data: bytes, sha256: str) -> Fitted:
    """The model of an artefact, whose bytes must have this SHA-256.

    Raises:
        ModelUnusableError: the bytes are others than those that were trained, or no artefact of this version.
    """
    if not hmac.compare_digest(digest(data), sha256):
        raise ModelUnusableError(
            "the model's file is not the one that was trained (its SHA-256 differs): do not use it, find out who changed it,"
            " and train a new one"
        )
    try:
        arrays = load(data)
        header = json.loads(arrays.pop(HEADER).tobytes())
        if header["format"] != FORMAT:
            raise ModelUnusableError(f"the model's file is of format {header['format']}, this version reads {FORMAT}: train a new model")
        trees = Trees(**{name: arrays[f"trees.{name}"] for name in Trees.__dataclass_fields__})
        method = header["calibration"]
        probability = None if method is None else Probability(method, arrays["probability.score"], arrays["probability.probability"])
        model = Fitted(
            EntityKind(header["entity"]),
            ModelKind(header["kind"]),
            tuple(header["features"]),
            trees,
            int(header["tree_rows"]),
            int(header["rows"]),
            float(header["forest_weight"]),
            float(header["start"]),
            sums=arrays["sums"],
            unusual=arrays["unusual"],
            scores=arrays["scores"],
            shape=arrays["shape"],
            unknown=arrays["unknown"],
            probability=probability,
        )
        _check(model)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelUnusableError(f"the model's file cannot be read ({type(error).__name__}): train a new model") from error
    return model


def _check(model: Fitted) -> None:
    model.trees.check(len(model.features))
    if model.shape.shape != (len(model.features), POINTS) or model.unknown.shape != (len(model.features),):
        raise ValueError("the tables of features do not belong to the features")
    if model.scores.shape != PLACES.shape:
        raise ValueError("the table of scores has another size")
