"""What a trained model says of entities: one score, its percentile, and with labels the probability that people will confirm it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.anomaly.calibration import normal_score, percentile
from detection.anomaly.detectors import Z_MOST, suspicious_side
from detection.anomaly.model_file import Fitted
from detection.anomaly.peers import Compared, Floats
from detection.anomaly.trees import forest_unusual
from models.anomaly_model import ModelKind


@dataclass(frozen=True)
class Scored:
    """One value a row. score: higher is more unusual, or more probably confirmed. percentile: 0 to 1, calibrated on the training.

    probability: 0 to 1; None of a model without labels.
    """

    score: Floats
    percentile: Floats
    probability: Floats | None


def signed(compared: Compared) -> Floats:
    """Deviations with unknown features as neither suspicious nor innocent, for models without labels."""
    return np.clip(np.nan_to_num(compared.unusual, nan=0.0), -Z_MOST, Z_MOST)


def score(model: Fitted, compared: Compared) -> Scored:
    """Score entities that were compared with their peers, by the features of the model in its order."""
    if model.kind is ModelKind.SUPERVISED:
        odds = model.start + model.trees.sums(compared.unusual)
        probability = None if model.probability is None else model.probability.of(odds)
        return Scored(odds, percentile(odds, model.scores), probability)
    deviations = signed(compared)
    sums = model.trees.sums(suspicious_side(deviations).astype(np.float32).astype(np.float64))
    unusual = forest_unusual(sums, len(model.trees.roots), model.tree_rows)
    found = fused(deviations.sum(axis=1), unusual, model)
    return Scored(found, percentile(found, model.scores), None)


def fused(sums: Floats, unusual: Floats, model: Fitted) -> Floats:
    """The sum of deviations and the forest as one: weighted mean of their normal scores among the training, as ``detectors.fuse``."""
    weight = model.forest_weight
    return (1 - weight) * normal_score(sums, model.sums, model.rows) + weight * normal_score(unusual, model.unusual, model.rows)
