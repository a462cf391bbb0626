"""Hospitals ranked by their claims: without labels, by what is suspicious on its face; with labels, by what decided cases had in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from detection.anomaly.detectors import fit_forest, forest_unusual, fuse, rank_normal
from detection.anomaly.provider_features import LEARNED, RANKING, ProviderMatrix
from detection.anomaly.provider_labels import TooFewLabelsError
from models.policy_anomaly_providers import AnomalyProvidersPolicy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
SHARE_LEAST = 0.003
"""Surer than this no model of some hundred hospitals can be."""


@dataclass(frozen=True)
class Ranking:
    """suspicion: one a hospital, higher is more suspicious. percentile: share of the hospitals that are less so, 0 to 1. probability: of
    fraud as the labels mean it, None without labels. scores: hospitals x names, normal scores of the features.
    """

    suspicion: Floats
    percentile: Floats
    probability: Floats | None
    scores: Floats
    names: tuple[str, ...]


def normal_scores(matrix: ProviderMatrix, names: tuple[str, ...], peers_min: int) -> Floats:
    """Each feature as the normal score of its rank among the peers; of groups that are too small among all. Unknown is 0."""
    values = matrix.columns(names)
    result = np.zeros(values.shape)
    labels, places = np.unique(matrix.groups, return_inverse=True)
    sizes = np.bincount(places, minlength=len(labels))
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        for place, size in enumerate(sizes):
            own = known & (places == place)
            peers = own if size >= peers_min else known
            result[own, column] = rank_normal(values[own, column], values[peers, column])
    return result


def rank_without_labels(matrix: ProviderMatrix, policy: AnomalyProvidersPolicy, seed: int, names: tuple[str, ...] = RANKING) -> Ranking:
    """The sum of normal scores of features that are suspicious when high, fused with an isolation forest over the same."""
    scores = normal_scores(matrix, names, policy.peers_min)
    unusual = None
    if len(scores) >= 2 * policy.peers_min and policy.forest_weight > 0:
        forest = fit_forest(scores, seed=seed, trees=policy.trees, samples=policy.tree_rows)
        unusual = forest_unusual(forest, scores)
    suspicion = fuse(scores, unusual, forest_weight=policy.forest_weight)
    return Ranking(suspicion, percentiles(suspicion), None, scores, names)


def percentiles(suspicion: Floats) -> Floats:
    """Share of the hospitals that are less suspicious; half of those that are as suspicious count."""
    ordered = np.sort(suspicion)
    below, upto = np.searchsorted(ordered, suspicion, side="left"), np.searchsorted(ordered, suspicion, side="right")
    return np.asarray((below + upto - 1) / 2 / max(len(suspicion) - 1, 1), dtype=np.float64)


def rank_with_labels(
    matrix: ProviderMatrix,
    trained: Ints,
    fraud: NDArray[np.bool_],
    policy: AnomalyProvidersPolicy,
    seed: int,
    progress: Progress = lambda _stage, _done, _total: None,
    names: tuple[str, ...] = LEARNED,
) -> Ranking:
    """Boosted and extremely randomised trees on the labelled rows, averaged over seeds, calibrated on predictions out of fold.

    trained: rows that are learned from. fraud: of these. Every row gets a probability; that of the trained rows is not one of a stranger.

    Raises:
        TooFewLabelsError: fewer than ``labels_min`` of either outcome.
    """
    check_enough(fraud, policy)
    inputs, scores = matrix.columns(names), normal_scores(matrix, names, policy.peers_min)
    steps = policy.folds + 1
    out_of_fold = np.zeros(len(trained))
    with threadpool_limits(1, user_api="openmp"):  # of so few rows, threads would only wait for each other
        for done, (learn, ask) in enumerate(StratifiedKFold(policy.folds, shuffle=True, random_state=seed).split(trained, fraud)):
            progress("training", done, steps)
            out_of_fold[ask] = predicted(inputs[trained[learn]], fraud[learn], inputs[trained[ask]], 1, seed)
        progress("training", policy.folds, steps)
        suspicion = predicted(inputs[trained], fraud, inputs, policy.seeds, seed)
    progress("training", steps, steps)
    calibrate = LogisticRegression(C=1e3).fit(out_of_fold[:, None], fraud)
    probability = calibrate.predict_proba(suspicion[:, None])[:, 1]
    return Ranking(suspicion, percentiles(suspicion), np.asarray(probability, dtype=np.float64), scores, names)


def check_enough(fraud: NDArray[np.bool_], policy: AnomalyProvidersPolicy) -> None:
    """Raises TooFewLabelsError."""
    yes, no = int(fraud.sum()), int((~fraud).sum())
    if min(yes, no) < policy.labels_min:
        raise TooFewLabelsError(
            f"too few labels to learn from: {yes} fraud and {no} not fraud among providers that have claims; "
            f"at least {policy.labels_min} of either are needed (labels_min of [anomaly.providers] in the policy file)"
        )


def predicted(inputs: Floats, fraud: NDArray[np.bool_], asked: Floats, seeds: int, seed: int) -> Floats:
    """Mean log-odds of both kinds of trees, each averaged over seeds. Equal weights: ones learned from so few rows would be noise."""
    total = np.zeros((len(asked), 2))
    for turn in range(seeds):
        for place, model in enumerate(_models(seed + turn)):
            total[:, place] += model.fit(inputs, fraud).predict_proba(asked)[:, 1]
    share = np.clip(total / seeds, SHARE_LEAST, 1 - SHARE_LEAST)
    return np.asarray(np.log(share / (1 - share)).mean(axis=1), dtype=np.float64)


def _models(seed: int) -> tuple[HistGradientBoostingClassifier, ExtraTreesClassifier]:
    """Chosen by cross-validation on 734 hospitals (see docs/evaluation/claims.md); all near them are as good within its noise."""
    boosting = HistGradientBoostingClassifier(
        max_iter=300,
        learning_rate=0.025,
        max_leaf_nodes=5,
        min_samples_leaf=12,
        l2_regularization=3.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )
    return boosting, ExtraTreesClassifier(300, min_samples_leaf=3, max_features=0.5, random_state=seed)
