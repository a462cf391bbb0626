"""Detectors without labels: which side is suspicious, what unknown and unvarying values do, and that higher always means more unusual."""

from __future__ import annotations

import numpy as np
import pytest

from detection.anomaly.detectors import Z_MOST, fit_unusual, fuse, rank_normal, robust_z, signed_z

KNOWN = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0], [100.0, 5.0], [np.nan, 5.0]])
ONE_GROUP = np.array(["a"] * 6)


def test_robust_z_is_not_moved_by_the_outlier_itself() -> None:
    found = robust_z(KNOWN, ONE_GROUP, min_peers=3)
    assert found.median[0, 0] == 3.0
    assert found.z[4, 0] == pytest.approx(97 / 1.4826)
    assert np.isnan(found.z[5, 0])


def test_what_does_not_vary_tells_nothing() -> None:
    found = robust_z(KNOWN, ONE_GROUP, min_peers=3)
    assert np.isnan(found.z[:, 1]).all()
    assert (signed_z(found.z, [1, 1])[:, 1] == 0).all()


def test_a_feature_that_is_mostly_one_value_still_has_a_scale() -> None:
    values = np.array([[0.0]] * 9 + [[10.0]])
    assert robust_z(values, np.array(["a"] * 10), min_peers=3).z[9, 0] == pytest.approx(10 / 1.2533)


def test_small_groups_are_compared_with_all() -> None:
    groups = np.array(["big"] * 5 + ["small"])
    matrix = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [9.0]])
    assert robust_z(matrix, groups, min_peers=3).median[5, 0] == 3.5
    assert robust_z(matrix, groups, min_peers=1).median[5, 0] == 9.0


def test_peers_are_of_the_same_group() -> None:
    matrix = np.array([[1.0], [2.0], [3.0], [101.0], [102.0], [103.0]])
    groups = np.array(["a"] * 3 + ["b"] * 3)
    z = robust_z(matrix, groups, min_peers=3).z[:, 0]
    assert z[:3] == pytest.approx(z[3:])


@pytest.mark.parametrize(("direction", "high", "low"), [(1, 1, -1), (-1, -1, 1), (0, 1, 1)])
def test_directions_turn_z_so_that_high_is_suspicious(direction: int, high: int, low: int) -> None:
    assert signed_z(np.array([[1.0], [-1.0]]), [direction])[:, 0].tolist() == [high, low]


def test_one_absurd_value_is_cut() -> None:
    assert signed_z(np.array([[1e9]]), [1])[0, 0] == Z_MOST


def test_wrong_directions_are_named() -> None:
    with pytest.raises(ValueError, match="directions"):
        signed_z(np.zeros((2, 2)), [1, 2])


def test_the_planted_entity_comes_first_by_every_measure_and_the_innocent_outlier_does_not() -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(200, 6))
    matrix[7] += 5.0  # suspicious side of all features
    matrix[8] -= 5.0  # innocent side
    found = fit_unusual(matrix, np.array(["a"] * 200), [1] * 6, min_peers=20, seed=1, trees=50, samples=128, forest_weight=0.5)
    assert found.forest_unusual is not None
    assert found.fused.argmax() == found.sums.argmax() == found.forest_unusual.argmax() == 7
    assert found.fused[8] < np.median(found.fused)


def test_too_few_entities_get_no_forest() -> None:
    found = fit_unusual(KNOWN, ONE_GROUP, [1, 1], min_peers=4, seed=1, trees=10, samples=8, forest_weight=0.5)
    assert found.forest is None
    assert found.fused.argmax() == 4


def test_scoring_others_uses_the_ranks_of_those_the_model_was_fitted_on() -> None:
    reference = np.arange(10.0)
    assert rank_normal(np.array([100.0]), reference)[0] > rank_normal(np.array([8.5]), reference)[0] > 0
    score = fuse(np.array([[3.0]]), np.array([0.9]), forest_weight=0.5, reference=(reference, np.linspace(0, 0.8, 10)))
    assert np.isfinite(score[0])


def test_the_same_seed_gives_the_same_scores() -> None:
    matrix = np.random.default_rng(2).normal(size=(60, 3))
    both = [
        fit_unusual(matrix, np.array(["a"] * 60), [1, 0, -1], min_peers=10, seed=3, trees=20, samples=32, forest_weight=0.5).fused
        for _ in range(2)
    ]
    assert np.array_equal(*both)
