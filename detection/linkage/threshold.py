"""Which weight counts as a match: from the model's own probabilities without labels, from clerical labels with a stated precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Floats = NDArray[np.float64]


class ThresholdReason(StrEnum):
    """What a threshold rests on, or why there is none."""

    EXPECTED_F1 = "expected_f1"
    EXPECTED_PRECISION = "expected_precision"
    LABELS = "labels"
    TOO_FEW_LABELS = "too_few_labels"
    TARGET_NOT_REACHED = "target_not_reached"


@dataclass(frozen=True)
class Threshold:
    """weight: from which on pairs match, log2 of the odds; None when no weight reaches the target. precision: expected, or the lower bound.

    accepted: pairs (expected matches) or labels at or above it that the precision rests on.
    """

    weight: float | None
    precision: float
    accepted: int
    reason: ThresholdReason

    @property
    def probability(self) -> float | None:
        """The weight as a probability."""
        return None if self.weight is None else probability_of(self.weight)


def probability_of(weight: float) -> float:
    """Probability of a match of a weight."""
    return float(1.0 / (1.0 + 2.0 ** -min(max(weight, -1000.0), 1000.0)))


def probabilities_of(weights: Floats) -> Floats:
    """Probabilities of weights."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(weights, -500, 500))), dtype=np.float64)


def balanced_threshold(weights: Floats, weight_min: float) -> Threshold:
    """The weight, not below weight_min, from which on calling pairs matches has the highest F1 that the model's own probabilities expect.

    precision: what they expect there.
    """
    ordered = np.sort(weights)[::-1]
    probability = probabilities_of(ordered)
    allowed = np.flatnonzero(ordered >= weight_min)
    if not len(allowed):
        return Threshold(weight_min, 1.0, 0, ThresholdReason.EXPECTED_F1)
    matches, called = np.cumsum(probability), np.arange(1, len(ordered) + 1)
    best = int(np.argmax((2 * matches / (called + matches[-1]))[: len(allowed)]))
    following = max(float(ordered[best + 1]), weight_min) if best + 1 < len(ordered) else weight_min
    # half way to the next pair, so that the threshold does not lie on one
    return Threshold((float(ordered[best]) + following) / 2, float(matches[best] / called[best]), best + 1, ThresholdReason.EXPECTED_F1)


def expected_threshold(weights: Floats, precision_target: float, weight_min: float = 0.0) -> Threshold:
    """The lowest weight, not below weight_min, from which on the mean probability is at least the target."""
    ordered = np.sort(weights)[::-1]
    if not len(ordered):
        return Threshold(weight_min, 1.0, 0, ThresholdReason.EXPECTED_PRECISION)
    precision = np.cumsum(probabilities_of(ordered)) / np.arange(1, len(ordered) + 1)
    good = np.flatnonzero((precision >= precision_target) & (ordered >= weight_min))
    if not len(good):
        best = int(np.argmax(ordered >= weight_min)) if (ordered >= weight_min).any() else 0
        return Threshold(max(float(ordered[0]), weight_min), float(precision[best]), 0, ThresholdReason.TARGET_NOT_REACHED)
    last = int(good[-1])
    # half way to the next pair below, so that the threshold does not lie on a pair
    below = max(float(ordered[last + 1]), weight_min) if last + 1 < len(ordered) and ordered[last + 1] >= weight_min else weight_min
    return Threshold(
        (float(ordered[last]) + below) / 2 if below < ordered[last] else float(ordered[last]),
        float(precision[last]),
        last + 1,
        ThresholdReason.EXPECTED_PRECISION,
    )


def labelled_threshold(
    weights: Sequence[float], is_match: Sequence[bool], *, precision_target: float, confidence: float, labels_min: int
) -> Threshold:
    """The lowest weight whose labels at or above it show, with the confidence, at least the target precision (Clopper-Pearson).

    The labels must be a sample of the pairs that were scored, drawn without regard to what people would say. Weights are looked at from the
    highest down at fixed numbers of labels, each with its share of the error, so that many looks do not make the bound too kind.

    Raises:
        ValueError: lengths differ, or a parameter is outside 0 to 1.
    """
    if len(weights) != len(is_match):
        raise ValueError(f"weights and is_match must be of one length, got {len(weights)} and {len(is_match)}")
    if not 0 < precision_target < 1 or not 0 < confidence < 1:
        raise ValueError("precision_target and confidence must lie between 0 and 1")
    if len(weights) < labels_min:
        return Threshold(None, 0.0, len(weights), ThresholdReason.TOO_FEW_LABELS)
    order = np.argsort(-np.asarray(weights, dtype=np.float64), kind="stable")
    ordered = np.asarray(weights, dtype=np.float64)[order]
    right = np.cumsum(np.asarray(is_match, dtype=np.int64)[order])
    looks = _looks(ordered, labels_min)
    error = (1 - confidence) / max(len(looks), 1)
    best: tuple[int, float] | None = None
    highest = 0.0
    for accepted in looks:
        matches = int(right[accepted - 1])
        bound = float(betaincinv(matches, accepted - matches + 1, error)) if matches else 0.0
        highest = max(highest, bound)
        if bound >= precision_target:
            best = (accepted, bound)
    if best is None:
        return Threshold(None, highest, len(ordered), ThresholdReason.TARGET_NOT_REACHED)
    return Threshold(float(ordered[best[0] - 1]), best[1], best[0], ThresholdReason.LABELS)


def _looks(ordered: Floats, labels_min: int) -> list[int]:
    # numbers of labels from the top that end at a change of weight, growing by a quarter
    looks: list[int] = []
    step = float(max(labels_min // 2, 1))
    while step < len(ordered):
        place = int(step)
        while place < len(ordered) and ordered[place] == ordered[place - 1]:
            place += 1
        if not looks or place > looks[-1]:
            looks.append(place)
        step = max(step * 1.25, step + 1)
    if not looks or looks[-1] != len(ordered):
        looks.append(len(ordered))
    return looks
