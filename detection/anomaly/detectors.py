"""Detectors without labels: how far entities lie from their peers, one feature at a time (robust z) and all together (IsolationForest),
and both fused. Matrices are float64, rows entities, columns features, NaN where a feature is unknown. Higher always means more unusual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.ensemble import IsolationForest

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

NORMAL_MAD = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal distribution (Rousseeuw and Croux, 1993)."""
NORMAL_MEAN_DEVIATION = 1.2533
"""The same for the mean absolute deviation, which takes over where over half of the peers have one value (Iglewicz and Hoaglin, 1993)."""
Z_MOST = 8.0
"""Further out is not more suspicious: one absurd value must not decide alone."""


@dataclass(frozen=True)
class RobustZ:
    """z, median, scale: the shape of the matrix. z: NaN where the feature is unknown or does not vary. scale: 0 where it does not vary."""

    z: Floats
    median: Floats
    scale: Floats


@dataclass(frozen=True)
class Unusual:
    """What a fit found. signed: z turned so that high is suspicious, 0 where unknown, cut to [-Z_MOST, Z_MOST]. sums: of signed, by entity.
    forest_unusual: the forest's, minus sklearn's ``score_samples`` (which is LOW for the unusual), in (0, 1]; None without a forest.
    fused: of both, on the scale of a normal distribution.
    """

    robust: RobustZ
    signed: Floats
    sums: Floats
    forest: IsolationForest | None
    forest_unusual: Floats | None
    fused: Floats


def robust_z(matrix: Floats, groups: Texts, min_peers: int) -> RobustZ:
    """How many robust standard deviations each value lies above the median of its group.

    A group with fewer than ``min_peers`` known values of a feature is compared with all entities. Leave-in: an entity is among its peers.
    """
    if matrix.ndim != 2 or groups.shape != (matrix.shape[0],):
        raise ValueError(f"groups: one for each row of the matrix is needed ({matrix.shape[0]}), received {groups.shape}")
    median, scale = np.full(matrix.shape, np.nan), np.zeros(matrix.shape)
    all_median, all_scale = _center(matrix)
    names, places = np.unique(groups, return_inverse=True)
    for place in range(len(names)):
        rows = np.flatnonzero(places == place)
        own_median, own_scale = _center(matrix[rows])
        few = (~np.isnan(matrix[rows])).sum(axis=0) < min_peers
        median[rows] = np.where(few, all_median, own_median)
        scale[rows] = np.where(few | (own_scale <= 0), all_scale, own_scale)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(scale > 0, (matrix - median) / scale, np.nan)
    return RobustZ(z, median, scale)


def _center(values: Floats) -> tuple[Floats, Floats]:
    """Median and robust scale of each column, NaN and 0 where nothing is known."""
    columns = values.shape[1]
    median, scale = np.full(columns, np.nan), np.zeros(columns)
    for column in range(columns):
        known = values[:, column]
        known = known[~np.isnan(known)]
        if known.size:
            middle = float(np.median(known))
            away = np.abs(known - middle)
            spread = NORMAL_MAD * float(np.median(away))
            median[column], scale[column] = middle, spread if spread > 0 else NORMAL_MEAN_DEVIATION * float(away.mean())
    return median, scale


def signed_z(z: Floats, directions: Sequence[int]) -> Floats:
    """z turned so that high is suspicious. directions: +1 high values are, -1 low ones are, 0 both are. Unknown is 0: neither."""
    signs = np.asarray(directions, dtype=np.float64)
    if signs.shape != (z.shape[1],) or not np.isin(signs, (-1.0, 0.0, 1.0)).all():
        raise ValueError(f"directions: +1, -1 or 0 for each of the {z.shape[1]} features are needed, received {list(directions)}")
    turned = np.where(signs == 0, np.abs(z), z * signs)
    return np.clip(np.nan_to_num(turned, nan=0.0), -Z_MOST, Z_MOST)


def fit_forest(signed: Floats, *, seed: int, trees: int, samples: int) -> IsolationForest:
    """A forest over signed z (see ``suspicious_side``). samples: entities that each tree sees, all when there are fewer."""
    forest = IsolationForest(n_estimators=trees, max_samples=min(samples, signed.shape[0]), random_state=seed)
    return forest.fit(suspicious_side(signed))


def suspicious_side(signed: Floats) -> Floats:
    """What the forest sees: what is unusual to the innocent side is cut off, so that the forest does not isolate it."""
    return np.maximum(signed, 0.0)


def forest_unusual(forest: IsolationForest, signed: Floats) -> Floats:
    """Higher is more unusual: minus sklearn's ``score_samples``, in (0, 1]."""
    return -np.asarray(forest.score_samples(suspicious_side(signed)), dtype=np.float64)


def rank_normal(values: Floats, reference: Floats | None = None) -> Floats:
    """Normal scores of the ranks of values among reference values (among themselves when None): tells of different scales become alike."""
    ordered = np.sort(values if reference is None else reference)
    below, upto = np.searchsorted(ordered, values, side="left"), np.searchsorted(ordered, values, side="right")
    share = ((below + upto) / 2 + 0.5) / (len(ordered) + 1)
    return np.asarray(ndtri(np.clip(share, 1e-6, 1 - 1e-6)), dtype=np.float64)


def fuse(z: Floats, unusual: Floats | None, *, forest_weight: float, reference: tuple[Floats, Floats] | None = None) -> Floats:
    """One figure for each entity, higher is more unusual: the weighted mean of the normal scores of the sum of signed z and of the forest.

    z: signed z. unusual: ``forest_unusual``, or None. forest_weight: 0 to 1. reference: (sums, unusual) of the entities that the model was
    fitted on, when others are scored. Calibrate it to a percentile; by itself it is on the scale of a normal distribution.
    """
    sums = z.sum(axis=1)
    score = rank_normal(sums, None if reference is None else reference[0])
    if unusual is None:
        return score
    return (1 - forest_weight) * score + forest_weight * rank_normal(unusual, None if reference is None else reference[1])


def fit_unusual(
    matrix: Floats,
    groups: Texts,
    directions: Sequence[int],
    *,
    min_peers: int,
    seed: int,
    trees: int,
    samples: int,
    forest_weight: float,
) -> Unusual:
    """Both detectors over entities, fused. Without at least ``2 * min_peers`` entities there is no forest: it would isolate anybody."""
    robust = robust_z(matrix, groups, min_peers)
    signed = signed_z(robust.z, directions)
    forest = None
    if matrix.shape[0] >= 2 * min_peers and forest_weight > 0:
        forest = fit_forest(signed, seed=seed, trees=trees, samples=samples)
    found = None if forest is None else forest_unusual(forest, signed)
    return Unusual(robust, signed, signed.sum(axis=1), forest, found, fuse(signed, found, forest_weight=forest_weight))
