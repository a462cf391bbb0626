"""Training over the store's months without labels: forest and peer deviations, fused and calibrated to percentiles, with figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from detection.anomaly.calibration import quantile_table
from detection.anomaly.detectors import fit_forest, suspicious_side
from detection.anomaly.drift import shape_of
from detection.anomaly.entities import Entities, compare_by_month
from detection.anomaly.feature import EntityFeatures, names
from detection.anomaly.figures import Figure, ranking_figures
from detection.anomaly.model_file import Fitted
from detection.anomaly.peers import Compared, Floats
from detection.anomaly.scoring import fused, score, signed
from detection.anomaly.trees import forest_unusual, of_forest
from detection.errors import DetectionError
from models.anomaly_model import ModelKind
from models.policy_anomaly_store import AnomalyStorePolicy

OTHER_SEEDS = 3
STABILITY_ROWS = 20_000
"""Further forests that tell how much of the ranking is chance, and on how many rows it is looked at."""


class TrainingRefusedError(DetectionError):
    """There is not enough to train on; the message says what is missing."""

    code = "training_refused"


@dataclass(frozen=True)
class Label:
    """What people decided of an entity. group: rows of one group are never both trained and tested on (the institution, or the person).

    from_month, to_month: of the claims that it is about; None for every month.
    """

    ref: str
    group: str
    confirmed: bool
    from_month: date | None = None
    to_month: date | None = None


@dataclass(frozen=True)
class Trained:
    """A model, its figures by name, and what the card tells of the data."""

    model: Fitted
    figures: Mapping[str, Figure]
    data: Mapping[str, Any]
    data_sha256: str


def train_unsupervised(
    entities: Entities, about: EntityFeatures, policy: AnomalyStorePolicy, *, seed: int, labels: Sequence[Label] = ()
) -> Trained:
    """Learn what is usual. labels: of decided entities, only to tell how well the ranking finds them.

    Raises:
        TrainingRefusedError: fewer than twice peers_min entities.
    """
    entities = sampled(entities, policy, seed)
    if len(entities) < 2 * policy.peers_min:
        raise TrainingRefusedError(
            f"there are {len(entities)} {about.kind.value}-months with enough claims, and at least {2 * policy.peers_min} are needed: "
            "give more months, or lower claims_min in [anomaly.store] of the policy file"
        )
    compared = compare_by_month(entities, about.features, policy)
    deviations = signed(compared)
    # exactly what the artefact computes: 32-bit values, as the forest sees them
    side = suspicious_side(deviations).astype(np.float32).astype(np.float64)
    forest = fit_forest(side, seed=seed, trees=policy.trees, samples=policy.tree_rows)
    trees, rows = of_forest(forest), int(forest.max_samples_)
    unusual = forest_unusual(trees.sums(side), len(trees.roots), rows)
    sums = quantile_table(deviations.sum(axis=1))
    shape, unknown = shape_of(entities.values)
    model = Fitted(
        entity=about.kind,
        kind=ModelKind.UNSUPERVISED,
        features=names(about.features),
        trees=trees,
        tree_rows=rows,
        rows=len(entities),
        forest_weight=policy.forest_weight,
        start=0.0,
        sums=sums,
        unusual=quantile_table(unusual),
        scores=sums,
        shape=shape,
        unknown=unknown,
    )
    found = fused(deviations.sum(axis=1), unusual, model)
    model = replace(model, scores=quantile_table(found))
    figures = _stability(side, deviations, found, model, policy, seed)
    if labels:
        figures |= _against_labels(entities, compared, model, labels, policy, seed)
    return Trained(model, figures, data_of(entities), entities.sha256())


def sampled(entities: Entities, policy: AnomalyStorePolicy, seed: int) -> Entities:
    """All of them, or rows_most by chance."""
    if len(entities) <= policy.rows_most:
        return entities
    chosen = np.random.default_rng(seed).choice(len(entities), policy.rows_most, replace=False)
    return entities.take(np.sort(chosen))


def data_of(entities: Entities) -> dict[str, Any]:
    """What the card tells of the data: rows, entities, months."""
    return {
        "entity_months": len(entities),
        "entities": len(set(entities.ref)),
        "months": [month.isoformat() for month in entities.months()],
        "peer_groups": len(set(entities.narrow)),
    }


def labelled_rows(entities: Entities, labels: Sequence[Label]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.object_]]:
    """(places of the rows that a label is about, 1 for confirmed and 0 for unfounded, group). Confirmed wins where people said both."""
    by_ref: dict[str, list[Label]] = {}
    for label in labels:
        by_ref.setdefault(label.ref, []).append(label)
    places, said, groups = [], [], []
    for place, (ref, month) in enumerate(zip(entities.ref, entities.month.astype(object), strict=True)):
        hits = [one for one in by_ref.get(ref, ()) if (one.from_month or month) <= month <= (one.to_month or month)]
        if hits:
            places.append(place)
            said.append(float(any(one.confirmed for one in hits)))
            groups.append(hits[0].group)
    return np.array(places, np.int64), np.array(said), np.array(groups, object)


def _stability(side: Floats, deviations: Floats, found: Floats, model: Fitted, policy: AnomalyStorePolicy, seed: int) -> dict[str, Figure]:
    """How alike the ranking is with other seeds: rank correlation, and the part of the first ones that are the same."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(found))[:STABILITY_ROWS])
    most = min(policy.top_compared, len(rows))
    top = set(np.argsort(-found[rows], kind="stable")[:most])
    alike, overlap = [], []
    for step in range(1, OTHER_SEEDS + 1):
        trees = of_forest(fit_forest(side, seed=seed + step, trees=policy.trees, samples=policy.tree_rows))
        other = forest_unusual(trees.sums(side[rows]), len(trees.roots), model.tree_rows)
        again = fused(deviations[rows].sum(axis=1), other, replace(model, unusual=quantile_table(other)))
        alike.append(float(spearmanr(found[rows], again).statistic))
        overlap.append(len(top & set(np.argsort(-again, kind="stable")[:most])) / most)
    return {"rank_correlation_of_seeds": Figure.over(alike), "top_overlap_of_seeds": Figure.over(overlap)}


def _against_labels(
    entities: Entities, compared: Compared, model: Fitted, labels: Sequence[Label], policy: AnomalyStorePolicy, seed: int
) -> dict[str, Figure]:
    places, confirmed, groups = labelled_rows(entities, labels)
    if len(places) < 2 or len(set(confirmed)) < 2:
        return {}
    return ranking_figures(score(model, compared).score[places], confirmed, groups, policy, seed)
