"""Whether the data are still those that a model was trained on: population stability index and Kolmogorov-Smirnov distance by feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.stats import chi2

from detection.anomaly.feature import Feature
from detection.anomaly.peers import Floats
from models.policy_anomaly_store import AnomalyStorePolicy

POINTS = 51
"""Quantiles that are kept of each feature; every fifth bounds a bin of the index."""
EVERY = 5
CHANCE = 0.95
LEAST_SHARE = 1e-4
"""Of an empty bin, so that its logarithm is finite."""


class DriftState(StrEnum):
    """stable, watch (look at it), alarm (train again)."""

    STABLE = "stable"
    WATCH = "watch"
    ALARM = "alarm"


@dataclass(frozen=True)
class FeatureDrift:
    """One feature. stability_index: 0 is the same; by_chance: what it stays below 19 times in 20 when nothing has changed, which is much
    where entities are few (Yurdakul 2018). Above the policy's marks it counts only when it is above that as well. distance: greatest
    difference of the two distributions, 0 to 1. medians: then and now, None where nothing is known. unknown: share of entities for which
    it is not known, then and now.
    """

    feature: str
    state: DriftState
    stability_index: float
    by_chance: float
    distance: float
    median_then: float | None
    median_now: float | None
    unknown_then: float
    unknown_now: float

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "state": self.state.value}


def shape_of(values: Floats) -> tuple[Floats, Floats]:
    """(quantiles of each feature, a row of POINTS; share of unknown ones): what is kept of the months of a training."""
    unknown = np.isnan(values).mean(axis=0) if len(values) else np.ones(values.shape[1])
    table = np.full((values.shape[1], POINTS), np.nan)
    for place in range(values.shape[1]):
        known = values[:, place][~np.isnan(values[:, place])]
        if len(known):
            table[place] = np.quantile(known, np.linspace(0.0, 1.0, POINTS))
    return table, unknown


def drift(
    table: Floats, unknown: Floats, rows: int, values: Floats, features: Sequence[Feature], policy: AnomalyStorePolicy
) -> tuple[FeatureDrift, ...]:
    """Each feature of a month (values) beside those of the training (``shape_of``, of so many rows), the most changed first."""
    found = []
    bins = (POINTS - 1) // EVERY
    chance = float(chi2.ppf(CHANCE, bins)) * (1 / max(rows, 1) + 1 / max(len(values), 1))
    for place, feature in enumerate(features):
        then, column = table[place], values[:, place]
        known = column[~np.isnan(column)]
        missing = 1.0 - len(known) / max(len(column), 1)
        index, distance = _apart(then, known, float(unknown[place]), missing)
        state = DriftState.ALARM if index >= policy.drift_alarm else DriftState.WATCH if index >= policy.drift_watch else DriftState.STABLE
        state = state if index > chance else DriftState.STABLE
        before = None if np.isnan(then).all() else float(then[POINTS // 2])
        now = float(np.median(known)) if len(known) else None
        found.append(
            FeatureDrift(
                feature=feature.name,
                state=state,
                stability_index=round(index, 4),
                by_chance=round(chance, 4),
                distance=round(distance, 4),
                median_then=before,
                median_now=now,
                unknown_then=round(float(unknown[place]), 4),
                unknown_now=round(missing, 4),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.stability_index))


def _apart(then: Floats, known: Floats, unknown_then: float, unknown_now: float) -> tuple[float, float]:
    """Stability index with the unknown ones as a bin of their own, and the distance of the known ones."""
    expected, actual = [unknown_then], [unknown_now]
    distance = 0.0
    if not np.isnan(then).all():
        edges = np.unique(then[::EVERY][1:-1])
        expected += list(np.diff(_cumulated(then, edges)) * (1 - unknown_then))
        if len(known):
            actual += list(np.diff(_cumulated(np.sort(known), edges)) * (1 - unknown_now))
            distance = _distance(then, known)
        else:
            actual += [0.0] * (len(expected) - 1)
    before, now = np.maximum(expected, LEAST_SHARE), np.maximum(actual, LEAST_SHARE)
    return float(((now - before) * np.log(now / before)).sum()), distance


def _cumulated(ordered: Floats, edges: Floats) -> Floats:
    """Share at most each edge, from 0 to 1."""
    return np.concatenate([[0.0], np.searchsorted(ordered, edges, side="right") / len(ordered), [1.0]])


def _distance(then: Floats, known: Floats) -> float:
    points = np.unique(then)
    apart = np.searchsorted(then, points, side="right") / len(then) - np.searchsorted(np.sort(known), points, side="right") / len(known)
    return float(np.abs(apart).max())
