"""Training with labels: what people decided of entities, in gradient boosting over the deviations from peers.

Cross-validation never trains on a group (institution or person) that it tests, nor on a month that comes after the tested one. What is
predicted so gives the figures and the calibration of the probability; the model that is kept is then trained on everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss
from threadpoolctl import threadpool_limits

from detection.anomaly.calibration import calibration_error, fit_probability, quantile_table
from detection.anomaly.drift import shape_of
from detection.anomaly.entities import Entities, compare_by_month
from detection.anomaly.feature import EntityFeatures, names
from detection.anomaly.figures import Figure, ranking_figures
from detection.anomaly.model_file import Fitted
from detection.anomaly.peers import Floats
from detection.anomaly.training import Label, Trained, TrainingRefusedError, data_of, labelled_rows
from detection.anomaly.trees import of_boosting
from models.anomaly_model import ModelKind
from models.policy_anomaly_store import AnomalyStorePolicy

TREES = 120
LEARNING_RATE = 0.06
LEAVES = 8
LEAF_ROWS = 8
L2 = 5.0
"""Small, slow, regularised: labels are hundreds, not millions. Uncalibrated."""
EMPTY = np.empty(0)


@dataclass(frozen=True)
class Fold:
    """Places of rows. The tested ones are of other groups than the trained ones, and of no earlier month than any of them."""

    trained: NDArray[np.int64]
    tested: NDArray[np.int64]


def train_supervised(
    entities: Entities, about: EntityFeatures, labels: Sequence[Label], policy: AnomalyStorePolicy, *, seed: int
) -> Trained:
    """Learn what people confirm.

    Raises:
        TrainingRefusedError: fewer decided entities of either outcome than labels_min, or too few that could be tested.
    """
    compared = compare_by_month(entities, about.features, policy)
    places, confirmed, groups = labelled_rows(entities, labels)
    _refuse_few(entities, about, places, confirmed, policy)
    rows, month = compared.unusual[places], entities.month[places]
    predicted, tested = _out_of_fold(rows, confirmed, groups, month, policy, seed)
    told = np.flatnonzero(tested)
    if len(told) < policy.labels_min or len(set(confirmed[told])) < 2:
        raise TrainingRefusedError(
            f"only {len(told)} decided {about.kind.value}-months could be tested apart from what was trained on: "
            "decisions about more institutions or persons are needed"
        )
    figures: dict[str, Figure] = ranking_figures(predicted[told], confirmed[told], groups[told], policy, seed)
    probability = fit_probability(predicted[told], confirmed[told], policy.isotonic_min)
    figures |= _calibrated(predicted[told], confirmed[told], groups[told], policy, seed)
    trees, start = of_boosting(_fit(rows, confirmed, seed))
    shape, unknown = shape_of(entities.values)
    scores = quantile_table(start + trees.sums(compared.unusual))
    model = Fitted(
        entity=about.kind,
        kind=ModelKind.SUPERVISED,
        features=names(about.features),
        trees=trees,
        tree_rows=0,
        rows=len(entities),
        forest_weight=0.0,
        start=start,
        sums=EMPTY,
        unusual=EMPTY,
        scores=scores,
        shape=shape,
        unknown=unknown,
        probability=probability,
    )
    data: dict[str, Any] = data_of(entities) | {
        "labels": {"confirmed": int(confirmed.sum()), "unfounded": int((1 - confirmed).sum()), "groups": len(set(groups))},
        "validation": {"folds": policy.folds, "tested": len(told), "by_time": len(set(month)) > 1, "calibration": probability.method},
    }
    return Trained(model, figures, data, _sha256(entities, places, confirmed))


def folds(groups: NDArray[np.object_], month: NDArray[np.datetime64], count: int, seed: int) -> list[Fold]:
    """Groups by chance into so many parts; each part is tested month by month, on what came before in the other parts. In the first month
    there is nothing before: it is tested only where there is no other one.
    """
    names = np.unique(groups.astype(str))
    part = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % min(count, len(names)), strict=True))
    parts = np.array([part[str(group)] for group in groups])
    months = np.unique(month)
    found = []
    for one in np.unique(parts):
        for tested in months[1:] if len(months) > 1 else months:
            before = month < tested if len(months) > 1 else month == tested
            fold = Fold(np.flatnonzero((parts != one) & before), np.flatnonzero((parts == one) & (month == tested)))
            if len(fold.trained) and len(fold.tested):
                found.append(fold)
    return found


def _refuse_few(
    entities: Entities, about: EntityFeatures, places: NDArray[np.int64], confirmed: Floats, policy: AnomalyStorePolicy
) -> None:
    yes = len(set(entities.ref[places[confirmed == 1]])) if len(places) else 0
    no = len(set(entities.ref[places[confirmed == 0]])) if len(places) else 0
    if min(yes, no) < policy.labels_min:
        raise TrainingRefusedError(
            f"people have confirmed {yes} and found unfounded {no} {about.kind.value} alerts in these months; a model with labels needs "
            f"{policy.labels_min} of each ([anomaly.store] labels_min): decide more cases, give more months, or train --kind unsupervised"
        )


def _out_of_fold(
    rows: Floats, confirmed: Floats, groups: NDArray[np.object_], month: NDArray[np.datetime64], policy: AnomalyStorePolicy, seed: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """(log-odds of each row by a model that knew neither its group nor its time, whether there was one)."""
    predicted, tested = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for fold in folds(groups, month, policy.folds, seed):
        if len(set(confirmed[fold.trained])) < 2:
            continue
        model = _fit(rows[fold.trained], confirmed[fold.trained], seed)
        predicted[fold.tested] = model.decision_function(rows[fold.tested])
        tested[fold.tested] = True
    return predicted, tested


def _fit(rows: Floats, confirmed: Floats, seed: int) -> HistGradientBoostingClassifier:
    # scikit-learn cannot bin a column of which nothing is known; a constant one is never split on either
    nothing = np.isnan(rows).all(axis=0)
    model = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        l2_regularization=L2,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1, user_api="openmp"):  # of so few rows, threads would only wait for each other
        return model.fit(np.where(nothing, 0.0, rows), confirmed)


def _calibrated(
    predicted: Floats, confirmed: Floats, groups: NDArray[np.object_], policy: AnomalyStorePolicy, seed: int
) -> dict[str, Figure]:
    """Brier score and calibration error of probabilities that were calibrated on the other half of the groups."""
    names = np.unique(groups.astype(str))
    half = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % 2, strict=True))
    side = np.array([half[str(group)] for group in groups])
    probability = np.full(len(predicted), np.nan)
    for one in (0, 1):
        fitted_on, applied = side != one, side == one
        if len(set(confirmed[fitted_on])) == 2:
            probability[applied] = fit_probability(predicted[fitted_on], confirmed[fitted_on], policy.isotonic_min).of(predicted[applied])
    told = ~np.isnan(probability)
    if not told.any():
        return {}
    both = [
        (float(brier_score_loss(confirmed[rows], probability[rows])), calibration_error(probability[rows], confirmed[rows]))
        for rows in (np.flatnonzero(told & (side == one)) for one in (0, 1))
        if len(rows)
    ]
    return {"brier": Figure.over([one[0] for one in both]), "calibration_error": Figure.over([one[1] for one in both])}


def _sha256(entities: Entities, places: NDArray[np.int64], confirmed: Floats) -> str:
    digest = hashlib.sha256(entities.sha256().encode())
    digest.update(places.astype("<i8").tobytes() + confirmed.astype("<f8").tobytes())
    return digest.hexdigest()
