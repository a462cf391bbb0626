"""What a score means: its percentile among what the model was trained on, or, with labels, the probability that people will confirm it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from detection.anomaly.peers import Floats

BODY, TAIL = 991, 1_001
"""Places of the table of quantiles: up to 99%, and finer above, where alerts are."""
PLACES = np.unique(np.concatenate([np.linspace(0.0, 0.99, BODY), np.linspace(0.99, 1.0, TAIL)]))


def quantile_table(scores: Floats) -> Floats:
    """The scores at PLACES: what is kept of them."""
    return np.quantile(np.asarray(scores, np.float64), PLACES)


def percentile(scores: Floats, table: Floats) -> Floats:
    """Share of the scores behind a ``quantile_table`` that lie below, or at most half of those that are equal; 0 to 1, rising."""
    below = np.searchsorted(table, scores, side="left")
    upto = np.searchsorted(table, scores, side="right")
    last = len(PLACES) - 1
    inside = np.interp(scores, table, PLACES)
    equal = (PLACES[np.minimum(below, last)] + PLACES[np.maximum(np.minimum(upto - 1, last), 0)]) / 2
    found = np.where(upto > below + 1, equal, inside)
    return np.clip(np.where(scores > table[-1], 1.0, np.where(scores < table[0], 0.0, found)), 0.0, 1.0)


def normal_score(values: Floats, table: Floats, rows: int) -> Floats:
    """Percentile in a ``quantile_table`` of so many rows, on the scale of a normal distribution, so that different scales become alike
    (``detectors.rank_normal``). Beyond the greatest value it goes on rising, so that new extremes keep their order.
    """
    share = (percentile(values, table) * rows + 0.5) / (rows + 1)
    width = max(float(table[-1] - np.interp(0.5, PLACES, table)), 1e-9)
    beyond = np.log1p(np.maximum(values - table[-1], 0.0) / width)
    return np.asarray(ndtri(share), np.float64) + beyond


@dataclass(frozen=True)
class Probability:
    """From log-odds of a model to a probability: rising, by straight lines between points. method: isotonic or sigmoid."""

    method: str
    score: Floats
    probability: Floats

    def of(self, scores: Floats) -> Floats:
        """0 to 1."""
        return np.interp(scores, self.score, self.probability)


def fit_probability(scores: Floats, confirmed: Floats, isotonic_min: int) -> Probability:
    """Learn it from scores of rows that the model was not trained on. confirmed: 1 or 0. A sigmoid (Platt 1999) below isotonic_min rows."""
    if len(scores) >= isotonic_min:
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, confirmed)
        return Probability("isotonic", np.asarray(fitted.X_thresholds_, np.float64), np.asarray(fitted.y_thresholds_, np.float64))
    sigmoid = LogisticRegression(C=1.0).fit(scores.reshape(-1, 1), confirmed)
    slope = max(float(sigmoid.coef_[0, 0]), 0.0)  # a model that is worse than chance must not turn round by itself
    points = np.linspace(min(-10.0, scores.min()), max(10.0, scores.max()), 201)
    return Probability("sigmoid", points, 1.0 / (1.0 + np.exp(-(slope * points + float(sigmoid.intercept_[0])))))


def calibration_error(probability: Floats, confirmed: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal size (Guo et al. 2017), 0 to 1, lower is better."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(probability[part].mean() - confirmed[part].mean()) * len(part) for part in parts) / max(len(order), 1))
