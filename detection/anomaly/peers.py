"""How far each entity's features are from those of its peers: median, robust spread and range by group.

``detectors.robust_z`` with what the store needs besides: wider peers before everybody, a least spread, and the range that people are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.anomaly.detectors import NORMAL_MAD, NORMAL_MEAN_DEVIATION
from detection.anomaly.feature import Direction, Feature, Unit
from models.policy_anomaly_store import AnomalyStorePolicy

Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

RANGE = (0.05, 0.95)
EVERYBODY = "*"


@dataclass(frozen=True)
class Compared:
    """Entities (rows) beside their peers, feature by feature (columns).

    unusual: robust deviations to the suspicious side, at most z_clip either way; NaN where the feature is unknown; of a feature that is
    suspicious on either side never below 0. median, low, high: of the peers, in the feature's own unit; low and high are the 5% and 95%
    quantiles. group: which peers; peers: how many, the entity among them.
    """

    unusual: Floats
    median: Floats
    low: Floats
    high: Floats
    group: Texts
    peers: NDArray[np.int64]


def compare(values: Floats, narrow: Texts, wide: Texts, features: Sequence[Feature], policy: AnomalyStorePolicy) -> Compared:
    """Each entity against its narrow peers; against the wide ones where those are fewer than peers_min, then against everybody.

    values: a row an entity, a column a feature, NaN where unknown.
    """
    count = len(values)
    group = _groups(narrow, wide, policy.peers_min)
    scaled = _scaled(values, features)
    unusual, median = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    low, high = median.copy(), median.copy()
    peers = np.zeros(count, np.int64)
    for name, rows, among in _members(group, narrow, wide):
        if name == "":
            continue
        peers[rows] = len(among)
        middle = _nan_quantiles(scaled[among], 0.5)
        spread = _spread(scaled[among], middle, features, policy)
        unusual[rows] = (scaled[rows] - middle) / spread
        own = values[among]
        median[rows] = _nan_quantiles(own, 0.5)
        low[rows], high[rows] = _nan_quantiles(own, RANGE[0]), _nan_quantiles(own, RANGE[1])
    return Compared(_directed(unusual, features, policy.z_clip), median, low, high, group, peers)


def _groups(narrow: Texts, wide: Texts, peers_min: int) -> Texts:
    """Name of each row's peers: the narrowest group that is large enough."""
    group = narrow.copy()
    for name, count in zip(*np.unique(narrow.astype(str), return_counts=True), strict=True):
        if count < peers_min:
            few = narrow == name
            group[few] = wide[few]
    for name, count in zip(*np.unique(wide.astype(str), return_counts=True), strict=True):
        if count < peers_min:
            group[(group == name) & (wide == name)] = EVERYBODY
    return group


def _members(group: Texts, narrow: Texts, wide: Texts) -> list[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
    """(group, rows that are compared with it, its members): members of a wide group are all of it, not only those that fell back to it."""
    found = []
    order = np.argsort(group.astype(str), kind="stable")
    names, starts = np.unique(group[order].astype(str), return_index=True)
    for name, rows in zip(names, np.split(order, starts[1:]), strict=True):
        if name == EVERYBODY:
            among = np.arange(len(group))
        elif (narrow[rows] == name).all():
            among = rows
        else:
            among = np.flatnonzero((wide == name) | (narrow == name))
        found.append((str(name), rows, among))
    return found


def _scaled(values: Floats, features: Sequence[Feature]) -> Floats:
    """Features with a long tail by the logarithm of 1 + value."""
    long = np.array([feature.spread for feature in features], bool)
    scaled = values.copy()
    scaled[:, long] = np.log1p(np.maximum(scaled[:, long], 0.0))
    return scaled


def _spread(rows: Floats, middle: Floats, features: Sequence[Feature], policy: AnomalyStorePolicy) -> Floats:
    apart = np.abs(rows - middle)
    robust = _nan_quantiles(apart, 0.5) * NORMAL_MAD
    told = ~np.isnan(apart)
    mean = np.where(told, apart, 0.0).sum(axis=0) / np.maximum(told.sum(axis=0), 1) * NORMAL_MEAN_DEVIATION
    least = np.array([_least(feature, policy) for feature in features])
    return np.maximum(np.where(robust > 0, robust, mean), least)


def _least(feature: Feature, policy: AnomalyStorePolicy) -> float:
    shares = (Unit.SHARE, Unit.DEVIATION)
    return policy.share_spread_min if feature.unit in shares and not feature.spread else policy.log_spread_min


def _directed(unusual: Floats, features: Sequence[Feature], clip: float) -> Floats:
    for place, feature in enumerate(features):
        column = unusual[:, place]
        unusual[:, place] = np.abs(column) if feature.direction is Direction.EITHER else column * feature.direction.value
    return np.clip(unusual, -clip, clip)


def _nan_quantiles(rows: Floats, at: float) -> Floats:
    """Quantile of each column without its NaN; NaN where a column has nothing else."""
    ordered = np.sort(rows, axis=0)  # NaN last
    told = (~np.isnan(ordered)).sum(axis=0)
    place = np.maximum(told - 1, 0) * at
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(told - 1, 0))
    columns = np.arange(rows.shape[1])
    first, second = ordered[below, columns], ordered[above, columns]
    return first + (second - first) * (place - below)
