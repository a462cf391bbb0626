"""Calibration on one's own population: known distributions give known thresholds, and the worst group sets them."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from verify.calibration import Calibration, Person, calibrate, level_key
from verify.calibration_file import key_path, read_calibration, write_calibration
from verify.errors import CalibrationError
from verify.impostors import impostor_scores
from verify.normalisation import Cohort, stranger_statistics
from verify.policy import load_verification_policy
from verify.rates import area_under_curve, cross_validated_accuracy, equal_error_rate, proportion_interval, threshold_at_fmr

POLICY = load_verification_policy(Path(__file__).parents[2] / "policy.toml")
RULES = POLICY.calibration
RAW = RULES.model_copy(update={"normalisation": RULES.normalisation.model_copy(update={"allowed": False})})
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def cosine(left, right):
    return np.atleast_2d(left) @ np.atleast_2d(right).T


def faces(count: int, size: int = 64, *, alike: float = 0.0, seed: int = 0) -> np.ndarray:
    """Unit vectors; alike: share of a direction that all of them have in common."""
    rng = np.random.default_rng(seed)
    common = np.random.default_rng(999).standard_normal(size)
    vectors = rng.standard_normal((count, size)) + alike * common
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def run(embeddings, people, rules=RAW, **changes) -> Calibration:
    settings = {
        "similarity": cosine,
        "engine_name": "onnx",
        "engine_version": "v1",
        "policy": rules,
        "references_min": 1000,
        "now": NOW,
        **changes,
    }
    return calibrate(embeddings, people, **settings)


def test_the_threshold_of_random_directions_is_the_known_one():
    size = 64
    result = run(faces(1500, size), [Person("f", "60+")] * 1500)
    # the cosine of two random directions in d dimensions is nearly normal with variance 1/d
    assert result.threshold(0.01) == pytest.approx(norm.ppf(0.99) / np.sqrt(size), abs=0.01)
    assert result.threshold(0.001) == pytest.approx(norm.ppf(0.999) / np.sqrt(size), abs=0.02)
    assert result.impostor_pairs == 1500 * 1499 // 2
    assert not result.provisional


def test_fewer_references_than_policy_asks_for_are_provisional():
    assert run(faces(60), [Person("f", "60+")] * 60).provisional


def test_the_worst_group_sets_the_threshold_and_every_group_lies_under_the_level():
    embeddings = np.concatenate([faces(300, seed=1), faces(300, alike=0.6, seed=2), faces(300, alike=0.3, seed=3)])
    people = [Person("m", "60+")] * 300 + [Person("f", "80+")] * 300 + [Person("f", "60+")] * 300
    result = run(embeddings, people)
    assert result.groups[0].name == "f 80+"
    for level in result.levels[:2]:  # no group has the 100,000 pairs of the third
        assert level.group == "f 80+"
        for group in result.groups:
            assert group.rates[level_key(level.fmr)].fmr <= level.fmr


def test_a_group_with_too_few_pairs_does_not_set_the_threshold_alone():
    embeddings = np.concatenate([faces(300, seed=1), faces(8, alike=3.0, seed=2)])
    people = [Person("m", "60+")] * 300 + [Person("f", "90+")] * 8
    result = run(embeddings, people)
    small = next(g for g in result.groups if g.name == "f 90+")
    assert small.pairs == 28
    assert all(level.group != "f 90+" for level in result.levels)
    assert small.rates["0.01"].fmr > 0.5  # and it shows


def test_only_persons_of_one_group_are_compared():
    embeddings = np.repeat(faces(1, seed=3), 4, axis=0) + 0.05 * faces(4, seed=4)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    people = [Person("f", "60+"), Person("m", "60+"), Person("f", "70+"), Person("f", "60+", "other")]
    with pytest.raises(CalibrationError, match="no two of them share sex and age band"):
        run(embeddings.astype(np.float32), people)


def test_the_same_picture_enrolled_twice_is_no_impostor_pair():
    embeddings = faces(200, seed=5)
    embeddings[1] = embeddings[0]
    result = run(embeddings, [Person("f", "60+")] * 200)
    assert result.impostor_pairs == 200 * 199 // 2 - 1
    assert result.threshold(0.001) < 0.9


def test_levels_without_enough_pairs_are_left_out_and_asking_for_them_names_those_there_are():
    result = run(faces(60), [Person("f", "60+")] * 60)
    assert [level.fmr for level in result.levels] == [0.01, 0.001]
    with pytest.raises(CalibrationError, match=r"it has: 0\.01, 0\.001"):
        result.threshold(0.0001)


def test_too_few_pairs_for_any_level_is_an_error():
    with pytest.raises(CalibrationError, match="at least 100 are needed"):
        run(faces(10), [Person("f", "60+")] * 10)


def test_stricter_levels_never_have_lower_thresholds():
    embeddings = np.concatenate([faces(150, seed=1, alike=0.5), faces(600, seed=2)])
    people = [Person("f", "80+")] * 150 + [Person("m", "60+")] * 600
    thresholds = [level.threshold for level in run(embeddings, people).levels]
    assert thresholds == sorted(thresholds)


def test_large_groups_are_sampled():
    rules = RAW.model_copy(update={"persons_max": 100})
    result = run(faces(400), [Person("f", "60+")] * 400, rules)
    assert result.impostor_pairs == 100 * 99 // 2


def test_blocks_give_the_same_scores_as_one_matrix():
    embeddings = faces(1500, 16)
    index = np.arange(1500)
    (found,) = impostor_scores(embeddings, {"all": index}, cosine, None, RAW, lambda *_: None)
    expected = np.sort(cosine(embeddings, embeddings)[np.triu_indices(1500, 1)].astype(np.float64))[::-1]
    np.testing.assert_allclose(found.highest, expected[: found.highest.size], atol=1e-6)
    assert found.pairs == expected.size
    scores = np.einsum("ij,ij->i", embeddings[found.left[:50]], embeddings[found.right[:50]])
    np.testing.assert_allclose(scores, found.highest[:50], atol=1e-6)


def _statistics_by_hand(embeddings, cohort_index, person, left_out, nearest, skip):
    strangers = [j for j in cohort_index if j not in (person, left_out)]
    near = np.sort(embeddings[strangers] @ embeddings[person])[::-1][skip : skip + nearest]
    return near.mean(), near.std()


def test_neither_person_of_a_pair_is_in_the_cohort_that_normalises_it():
    embeddings = faces(400, 16).astype(np.float32)
    index = np.random.default_rng(1).permutation(400)[:320]
    cohort = Cohort(embeddings[index], nearest=50, skip=5, identical=0.9999)
    statistics = stranger_statistics(cosine, embeddings, cohort, index)
    rows, columns = np.arange(0, 40), np.arange(20, 400)
    raw = cosine(embeddings[rows], embeddings[columns]).astype(np.float64)
    scores = statistics.normalise_block(raw, rows, columns)
    rng = np.random.default_rng(2)
    near = [(0, int(np.argmax(np.where(columns == 0, -1, raw[0]))))]
    for row, column in near + [(int(rng.integers(40)), int(rng.integers(380))) for _ in range(40)]:
        a, b = int(rows[row]), int(columns[column])
        if a == b:
            continue
        (ma, da), (mb, db) = (_statistics_by_hand(embeddings, index, x, y, 50, 5) for x, y in ((a, b), (b, a)))
        s = float(embeddings[a] @ embeddings[b])
        assert scores[row, column] == pytest.approx(((s - ma) / da + (s - mb) / db) / 2, abs=1e-3)


def test_the_claimed_persons_own_picture_in_the_cohort_changes_nothing():
    members = faces(300, 32, seed=6)
    reference, probe = faces(2, 32, seed=7)
    without = Cohort(members, 50, 5, 0.999).normalise(cosine, reference, probe)
    with_own = Cohort(np.vstack([members, reference]), 50, 5, 0.999).normalise(cosine, reference, probe)
    assert with_own == pytest.approx(without, abs=1e-6)


def test_normalisation_is_used_when_it_brings_the_worst_group_down_and_the_rate_holds_for_new_persons():
    def population(seed):
        return np.concatenate([faces(600, seed=seed), faces(600, alike=0.8, seed=seed + 1)])

    people = [Person("m", "60+")] * 600 + [Person("f", "60+")] * 600
    result = run(population(10), people, RULES)
    figures = result.comparison_of_scores
    assert figures["used"] is True
    assert figures["worst_group_fmr_normalised"] < figures["worst_group_fmr_raw"]
    fresh = population(50)
    rng = np.random.default_rng(0)
    for start in (0, 600):
        pairs = rng.integers(start, start + 600, (1500, 2))
        scores = [result.score(cosine, fresh[a], fresh[b]) for a, b in pairs if a != b]
        assert np.mean(np.array(scores) >= result.threshold(0.01)) < 0.02


def test_a_small_population_is_not_normalised_and_says_why():
    result = run(faces(100), [Person("f", "60+")] * 100, RULES)
    assert result.cohort is None
    assert "fewer than the 300" in result.comparison_of_scores["reason"]


def test_the_interval_over_persons_is_wider_than_that_over_pairs_when_some_faces_match_many():
    embeddings = faces(200, seed=8)
    hub = embeddings[:5].sum(axis=0)
    embeddings[:20] = (embeddings[:20] + 0.4 * hub).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    rate = run(embeddings.astype(np.float32), [Person("f", "60+")] * 200).groups[0].rates["0.01"]
    pairs, persons = rate.ci95, rate.ci95_persons
    assert persons is not None
    assert persons[1] - persons[0] > pairs[1] - pairs[0]
    assert persons[0] <= rate.fmr <= persons[1]


@pytest.fixture(scope="module")
def normalised() -> Calibration:
    embeddings = np.concatenate([faces(200, seed=1), faces(200, alike=0.8, seed=2)])
    return run(embeddings, [Person("m", "60+")] * 200 + [Person("f", "60+")] * 200, RULES)


def test_a_calibration_survives_its_bytes(normalised):
    again = Calibration.from_bytes(normalised.to_bytes())
    assert again.summary() == normalised.summary()
    left, right = faces(2, seed=20)
    assert normalised.cohort is not None
    assert again.score(cosine, left, right) == pytest.approx(normalised.score(cosine, left, right), abs=1e-9)


def test_a_file_opens_with_its_key_only(normalised, tmp_path):
    path = tmp_path / "own.json"
    write_calibration(normalised, path)
    assert stat.S_IMODE(key_path(path).stat().st_mode) == 0o600
    assert read_calibration(path).summary() == normalised.summary()
    other = tmp_path / "other.json"
    write_calibration(normalised, other)
    key_path(other).replace(key_path(path))
    with pytest.raises(CalibrationError, match="does not open"):
        read_calibration(path)
    key_path(path).unlink()
    with pytest.raises(CalibrationError, match=r"own\.json\.key is missing"):
        read_calibration(path)


def test_a_file_shows_no_face_without_its_key(normalised, tmp_path):
    path = tmp_path / "own.json"
    write_calibration(normalised, path)
    text = path.read_text(encoding="utf-8")
    assert "members" not in text
    assert '"levels"' in text


@pytest.mark.parametrize("content", ["", "{}", '{"format": "x"}', "\xff not json", "[1]"])
def test_what_is_not_a_calibration_file_is_explained(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CalibrationError, match=r"x\.json"):
        read_calibration(path)


def test_a_calibration_of_another_engine_version_is_refused(normalised):
    with pytest.raises(CalibrationError, match="Calibrate again"):
        normalised.require_engine("onnx", "v2")


# rates -------------------------------------------------------------------------------------------------------------


def test_the_interval_of_no_errors_is_the_rule_of_three():
    low, high = proportion_interval(0, 300)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 300))


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.floats(0.001, 0.5))
def test_the_threshold_never_lets_through_more_than_the_level(scores, fmr):
    values = np.array(scores, dtype=np.float64)
    assert np.mean(values >= threshold_at_fmr(values, fmr)) <= fmr


def test_the_threshold_is_the_lowest_that_keeps_the_level():
    values = np.arange(1000) / 1000
    threshold = threshold_at_fmr(values, 0.01)
    assert np.mean(values >= threshold) == pytest.approx(0.01)


def test_two_normal_distributions_have_the_known_equal_error_rate_and_area():
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(2, 1, 40_000), rng.normal(0, 1, 40_000)
    assert equal_error_rate(genuine, impostor) == pytest.approx(norm.cdf(-1), abs=0.004)
    assert area_under_curve(genuine, impostor) == pytest.approx(norm.cdf(2 / np.sqrt(2)), abs=0.003)


def test_separated_and_swapped_scores_are_the_extremes():
    high, low = np.array([0.8, 0.9]), np.array([0.1, 0.2])
    assert equal_error_rate(high, low) == 0.0
    assert area_under_curve(high, low) == 1.0
    assert area_under_curve(low, high) == 0.0
    assert area_under_curve(high, high) == 0.5


def test_accuracy_is_measured_on_folds_that_did_not_choose_the_threshold():
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 1, 600)
    same = rng.random(600) < 0.5
    assert cross_validated_accuracy(scores, same) == pytest.approx(0.5, abs=0.07)  # nothing to learn
    assert cross_validated_accuracy(np.where(same, 1.0, 0.0) + rng.normal(0, 0.01, 600), same) == 1.0
