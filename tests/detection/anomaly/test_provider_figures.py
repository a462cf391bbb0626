"""Figures of rankings: the same as scikit-learn's, ties shared fairly, intervals around them, None where there is nothing to tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from detection.anomaly.provider_figures import measures, ranking_figures

RANDOM = np.random.default_rng(4)
FRAUD = RANDOM.random(300) < 0.2
SUSPICION = np.round(RANDOM.normal(size=300) + FRAUD, 1)  # with ties


def test_areas_are_those_of_scikit_learn_with_and_without_repeated_rows() -> None:
    times = RANDOM.integers(0, 3, size=(1, 300)).astype(np.float64)
    for weights in (np.ones((1, 300)), times):
        found = measures(FRAUD, SUSPICION, weights)
        assert found["auc"][0] == pytest.approx(roc_auc_score(FRAUD, SUSPICION, sample_weight=weights[0]))
        assert found["average_precision"][0] == pytest.approx(average_precision_score(FRAUD, SUSPICION, sample_weight=weights[0]))


def test_precision_at_a_cut_takes_the_share_of_chance_among_equals() -> None:
    fraud = np.array([True] * 40 + [False] * 60)
    assert measures(fraud, np.zeros(100), np.ones((1, 100)))["precision_at_50"][0] == pytest.approx(0.4)
    assert measures(fraud, -np.arange(100.0), np.ones((1, 100)))["precision_at_50"][0] == pytest.approx(0.8)


def test_intervals_hold_the_figure_and_narrow_with_more_hospitals() -> None:
    few = ranking_figures(FRAUD[:100], SUSPICION[:100], bootstraps=300, seed=1)["intervals"]["auc"]
    many = ranking_figures(np.tile(FRAUD, 5), np.tile(SUSPICION, 5), bootstraps=300, seed=1)
    low, high = many["intervals"]["auc"]
    assert low < many["auc"] < high
    assert high - low < few[1] - few[0]


def test_without_both_kinds_there_are_no_figures() -> None:
    found = ranking_figures(np.array([True, True]), np.array([1.0, 2.0]), bootstraps=100, seed=1)
    assert found == {"auc": None, "average_precision": None, "precision_at": {"50": None, "100": None}, "intervals": None}


def test_fewer_hospitals_than_the_cut_have_no_precision_there() -> None:
    found = ranking_figures(FRAUD[:60], SUSPICION[:60], bootstraps=100, seed=1)
    assert found["precision_at"]["50"] is not None
    assert found["precision_at"]["100"] is None
