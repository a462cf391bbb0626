"""Faces of two identities are found among many, compared exactly, filtered, flagged; what is expected by chance is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from detection.faces.error_rate import comparable_pairs, false_pairs, threshold_in_use
from detection.faces.errors import MetricError
from detection.faces.index import FaissIndex
from detection.faces.index_service import empty_index
from detection.faces.kinship import PairFlag, confidence, flags_of
from detection.faces.matching import Matching, Normalisation, ThresholdSource
from detection.faces.metric import Metric, metric_of
from detection.faces.people import FEMALE, MALE, UNKNOWN, FacePeople
from detection.faces.search import FacePair, FaceSearch, SexAgreement, find_pairs
from models.policy_faces import FaceIndexKind, FacesPolicy
from models.relation import RelationKind

SIZE = 64


@pytest.fixture
def policy(records_policy) -> FacesPolicy:
    return records_policy.faces


def matching(threshold: float = 0.6, metric: Metric = Metric.COSINE, **options: object) -> Matching:
    return replace(Matching("test", "1", SIZE, metric, threshold, ThresholdSource.PROVISIONAL), **options)


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


def strangers(count: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, SIZE)))


def mate(face: np.ndarray, similarity: float, seed: int = 1) -> np.ndarray:
    """Another picture of a face, as similar as asked."""
    other = np.random.default_rng(seed).standard_normal(SIZE)
    other = unit(other - face * (other @ face))
    return unit(similarity * face + np.sqrt(1 - similarity**2) * other)


def people(count: int, **columns: object) -> FacePeople:
    """Women born on 1 June 1950, of different surnames and cities, unless told otherwise."""
    rows = np.arange(count)
    whole = FacePeople(
        reference=(rows * 3 + 100).astype(np.int64),
        human=(rows + 1).astype(np.int64),
        sex=np.full(count, FEMALE, np.int8),
        birth_day=np.full(count, date(1950, 6, 1).toordinal(), np.int32),
        birth_year=np.full(count, 1950, np.int16),
        surname=rows.astype(np.int32),
        city=np.zeros(count, np.int32),
    )
    return replace(whole, **columns)


def changed(values: np.ndarray, *changes: tuple[int, int]) -> np.ndarray:
    values = values.copy()
    for row, value in changes:
        values[row] = value
    return values


def flat(templates: np.ndarray, who: FacePeople, metric: Metric = Metric.COSINE) -> FaissIndex:
    index = FaissIndex.flat(SIZE, metric)
    index.add(who.reference, templates)
    return index


def with_mates(*pairs: tuple[int, int, float], count: int = 300) -> np.ndarray:
    faces = strangers(count)
    for number, (original, copy, similarity) in enumerate(pairs):
        faces[copy] = mate(faces[original], similarity, seed=number + 1)
    return faces


@pytest.mark.parametrize("metric", list(Metric))
def test_every_planted_pair_is_found_once_with_its_exact_similarity(policy, metric):
    faces = with_mates((3, 250, 0.9), (17, 41, 0.75), (90, 91, 0.55))
    who = people(300)
    threshold = 0.6 if metric is Metric.COSINE else 1 - np.sqrt(2 - 2 * 0.6)
    found = find_pairs(faces, who, policy, flat(faces, who, metric), matching=matching(threshold, metric))
    assert [(pair.left, pair.right) for pair in found] == [(3, 250), (17, 41)]
    expected = faces[3].astype(np.float64) @ faces[250]
    if metric is Metric.EUCLIDEAN:
        expected = 1 - np.sqrt(2 - 2 * expected)
    assert found[0].similarity == pytest.approx(expected, abs=1e-5)
    assert found[0].rank == 1
    assert found[0].sex is SexAgreement.SAME


def test_the_pair_at_the_threshold_is_in_and_the_one_below_is_out(policy):
    faces = with_mates((3, 250, 0.7))
    who = people(300)
    exact = float(Metric.COSINE.paired(faces[3:4], faces[250:251])[0])
    assert len(find_pairs(faces, who, policy, flat(faces, who), matching=matching(exact))) == 1
    assert find_pairs(faces, who, policy, flat(faces, who), matching=matching(float(np.nextafter(exact, 1)))) == []


def test_birth_years_too_far_apart_are_left_out_and_unknown_ones_stay(policy):
    faces = with_mates((3, 250, 0.9), (17, 41, 0.9), (5, 6, 0.9))
    years = people(300).birth_year
    who = people(300, birth_year=changed(years, (3, 1950 - policy.birth_years), (17, 1950 - policy.birth_years - 1), (5, 0)))
    found = find_pairs(faces, who, policy, flat(faces, who), matching=matching())
    assert {(pair.left, pair.right): pair.years_apart for pair in found} == {(3, 250): policy.birth_years, (5, 6): None}


def test_the_other_sex_is_kept_only_among_the_first_candidates(policy):
    faces = with_mates((3, 250, 0.95), (3, 251, 0.9), (3, 252, 0.85))
    who = people(300, sex=changed(people(300).sex, (250, MALE), (251, UNKNOWN), (252, MALE)))
    index = flat(faces, who)
    strict = policy.model_copy(update={"contradicting_rank": 2})
    search = FaceSearch(faces, who, matching(), strict, index)
    found = {(pair.left, pair.right): pair.sex for pair in search.pairs_of(np.array([3]))}
    assert found == {(3, 250): SexAgreement.DIFFERENT, (3, 251): SexAgreement.UNKNOWN}
    nobody = policy.model_copy(update={"contradicting_rank": 0})
    assert FaceSearch(faces, who, matching(), nobody, index).pairs_of(np.array([3])) == []


def test_merged_records_are_one_human_being(policy):
    faces = with_mates((3, 250, 0.9), (3, 41, 0.8))
    human = changed(people(300).human, (250, 4))  # 4 is the human being of row 3
    who = people(300, human=human)
    found = find_pairs(faces, who, policy, flat(faces, who), matching=matching())
    assert [(pair.left, pair.right) for pair in found] == [(3, 41)]


def test_two_references_of_one_person_make_one_pair_with_another_the_most_alike(policy):
    faces = with_mates((3, 250, 0.9), (3, 41, 0.8))
    who = people(300, human=changed(people(300).human, (250, 42)))  # 250 and 41 are one human being
    found = find_pairs(faces, who, policy, flat(faces, who), matching=matching())
    assert [(pair.left, pair.right) for pair in found] == [(3, 250)]


def test_a_face_gives_no_more_pairs_than_policy_says(policy):
    centre = strangers(1)[0]
    faces = np.concatenate([np.stack([mate(centre, 0.97, seed=n) for n in range(10)]), strangers(50, seed=5)])
    who = people(60)
    few = policy.model_copy(update={"pairs_per_person": 2})
    pairs = FaceSearch(faces, who, matching(), few, flat(faces, who)).pairs_of(np.array([0]))
    assert len(pairs) == 2


def test_the_search_in_batches_finds_what_the_search_in_one_go_finds(policy):
    faces = with_mates((3, 250, 0.9), (17, 41, 0.75), (290, 291, 0.8))
    who = people(300)
    search = FaceSearch(faces, who, matching(), policy, flat(faces, who))
    parts = [search.pairs_of(np.arange(start, start + 50)) for start in range(0, 300, 50)]
    together = {(pair.left, pair.right) for part in parts for pair in part}
    assert together == {(pair.left, pair.right) for pair in search.pairs_of(np.arange(300))}
    assert len(together) == 3


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("directions", [SIZE, SIZE // 2])
def test_short_codes_find_the_mates_too(policy, metric, directions):
    pairs = [(n, 4_000 + n, 0.8) for n in range(200)]
    faces = with_mates(*pairs, count=5_000)
    who = people(5_000)
    index = FaissIndex.compressed(faces, metric, directions=directions)
    index.add(who.reference, faces)
    threshold = 0.75 if metric is Metric.COSINE else 1 - np.sqrt(2 - 2 * 0.75)
    found = find_pairs(faces, who, policy, index, matching=matching(threshold, metric))
    assert {(pair.left, pair.right) for pair in found} == {(a, b) for a, b, _ in pairs}
    assert min(pair.similarity for pair in found) >= threshold  # exact ones, not those of the code


@pytest.mark.parametrize("kind", list(FaceIndexKind))
def test_a_face_that_was_removed_is_not_found(policy, kind):
    faces = with_mates((3, 250, 0.9), count=3_000)
    who = people(3_000)
    index = empty_index(kind, faces, Metric.COSINE, policy.model_copy(update={"ivf_probed": 1.0}))
    index.add(who.reference, faces)
    assert index.remove(who.reference[[250]]) == 1
    assert index.remove(who.reference[[250]]) == 0
    others = FaceSearch(faces, who, matching(0.8), policy, index)
    assert others.pairs_of(np.delete(np.arange(3_000), 250)) == []
    assert len(others.pairs_of(np.array([250]))) == 1  # the other face is still there


def clustered(count: int, clusters: int = 60, seed: int = 3) -> np.ndarray:
    """Strangers of whom those of one cluster are more alike."""
    random = np.random.default_rng(seed)
    centres = unit(random.standard_normal((clusters, SIZE)))
    return unit(strangers(count, seed) + 0.6 * centres[random.integers(0, clusters, count)])


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("kind", [FaceIndexKind.CODES, FaceIndexKind.IVF, FaceIndexKind.HNSW])
def test_each_kind_of_index_finds_nearly_what_exact_search_finds(policy, kind, metric):
    faces = clustered(3_000)
    for number in range(150):
        faces[2_700 + number] = mate(faces[number], 0.8, seed=number)
    who = people(3_000)
    settings = policy.model_copy(update={"ivf_probed": 0.25})
    index = empty_index(kind, faces, metric, settings)
    index.add(who.reference, faces)
    threshold = 0.75 if metric is Metric.COSINE else 1 - np.sqrt(2 - 2 * 0.75)
    exact = find_pairs(faces, who, settings, flat(faces, who, metric), matching=matching(threshold, metric))
    found = find_pairs(faces, who, settings, index, matching=matching(threshold, metric))
    by_pair = {(pair.left, pair.right): pair.similarity for pair in exact}
    assert len(by_pair) >= 150
    assert len(found) >= 0.98 * len(by_pair)
    # what is found is compared exactly: no pair that exact search would not give, and its very similarity
    assert all(by_pair[pair.left, pair.right] == pytest.approx(pair.similarity, abs=1e-6) for pair in found)


def test_lists_leave_nobody_out_when_all_of_them_are_looked_into(policy):
    faces, who = strangers(3_000), people(3_000)
    queries = faces[:200]
    hits = {}
    for probed in (0.02, 1.0):
        index = empty_index(FaceIndexKind.IVF, faces, Metric.COSINE, policy.model_copy(update={"ivf_probed": probed}))
        index.add(who.reference, faces)
        hits[probed] = index.search(queries, 100)[0]
    exact = flat(faces, who).search(queries, 10)[0]
    shares = {probed: np.mean([np.isin(row, ids).mean() for row, ids in zip(exact, found, strict=True)]) for probed, found in hits.items()}
    assert shares[1.0] == 1.0
    assert shares[0.02] < 0.9  # faces without any clusters are the worst there is for lists


def test_a_gallery_of_few_faces_is_searched_exactly_and_a_larger_one_as_policy_says(policy):
    settings = policy.model_copy(update={"flat_below": 500, "memory_index": FaceIndexKind.HNSW})
    assert settings.memory_index_of(500) is FaceIndexKind.FLAT
    assert settings.memory_index_of(501) is FaceIndexKind.HNSW
    assert policy.memory_index is FaceIndexKind.CODES  # what docs/decisions/face-search.md says


def test_nobody_and_one_person_give_no_pairs(policy):
    for count in (0, 1):
        faces, who = strangers(count), people(count)
        assert find_pairs(faces, who, policy, flat(faces, who), matching=matching()) == []


def test_templates_of_another_length_are_refused(policy):
    with pytest.raises(ValueError, match=r"expected \(5, 64\)"):
        FaceSearch(np.zeros((5, 32), np.float32), people(5), matching(), policy, FaissIndex.flat(32, Metric.COSINE))


def test_normalised_scores_are_held_against_the_threshold_and_computed_exactly_near_it(policy):
    faces = with_mates((3, 250, 0.9), (17, 41, 0.75))
    who = people(300)
    seen = []

    def exact(left: np.ndarray, right: np.ndarray) -> float:
        seen.append(float(left @ right))
        return float(left @ right) * 10 + 0.25

    def statistics(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(block)), np.full(len(block), 0.1)

    rule = matching(8.0, normalisation=Normalisation(statistics, exact))
    found = find_pairs(faces, who, policy, flat(faces, who), matching=rule)
    # 7.75 exactly: below 8, although nearly exact 7.5 lies near enough to be looked at
    assert [(pair.left, pair.right) for pair in found] == [(3, 250)]
    assert found[0].score == pytest.approx(9.25, abs=0.01)
    assert any(abs(value - 0.75) < 0.01 for value in seen)


# what is expected by chance ----------------------------------------------------------------------------------------------------


def test_comparable_pairs_are_counted_as_by_looking_at_each(policy):
    rng = np.random.default_rng(3)
    who = people(200, sex=rng.integers(0, 3, 200).astype(np.int8), birth_year=rng.integers(1930, 1970, 200).astype(np.int16))
    by_hand = sum(
        1
        for i in range(200)
        for j in range(i)
        if who.sex[i] == who.sex[j] != UNKNOWN and abs(int(who.birth_year[i]) - int(who.birth_year[j])) <= 7
    )
    assert comparable_pairs(who, 7) == by_hand


def test_the_false_match_rate_of_a_threshold_is_measured_on_random_pairs(policy):
    faces, who = strangers(2_000), people(2_000)
    search = FaceSearch(faces, who, matching(0.2), policy.model_copy(update={"sampled_pairs": 200_000}), flat(faces, who))
    rate = false_pairs(search, raised=False)
    exact = (faces @ faces.T)[np.triu_indices(2_000, 1)] >= 0.2
    assert rate.comparable == 1_999_000
    assert rate.fmr == pytest.approx(exact.mean(), rel=0.1)
    assert rate.fmr_upper > rate.fmr
    assert rate.expected == pytest.approx(exact.sum(), rel=0.1)
    assert rate.by_fmr is None


def test_expected_false_pairs_by_the_calibration_are_pairs_times_rate_and_not_told_for_a_raised_threshold(policy):
    faces, who = strangers(200), people(200)
    small = policy.model_copy(update={"sampled_pairs": 10_000})
    search = FaceSearch(faces, who, matching(0.9, fmr=1e-4), small, flat(faces, who))
    rate = false_pairs(search, raised=False)
    assert rate.by_fmr == pytest.approx(199 * 200 / 2 * 1e-4)
    assert rate.reached == 0
    assert 0 < rate.fmr_upper < 1e-3
    assert false_pairs(search, raised=True).by_fmr is None


def test_a_threshold_that_gives_more_pairs_than_people_can_look_at_is_raised(policy):
    faces, who = strangers(3_000), people(3_000)
    few = policy.model_copy(update={"pairs_max": 100, "pilot_faces": 1_000})
    search = FaceSearch(faces, who, matching(0.3), few, flat(faces, who))
    used = threshold_in_use(search)
    assert used.raised
    assert used.expected_pairs > 100
    found = search.with_threshold(used.threshold).pairs_of(np.arange(3_000))
    assert 60 <= len(found) <= 160
    assert min(pair.similarity for pair in found) > 0.3
    assert not threshold_in_use(search.with_threshold(0.95)).raised


# twins -------------------------------------------------------------------------------------------------------------------------


PAIR = FacePair(0, 1, 0.7, 0.7, 1, SexAgreement.SAME, 0)


def test_twins_and_relatives_on_record_are_flagged(policy):
    who = people(2)
    assert flags_of(PAIR, who, {(1, 2): frozenset({RelationKind.TWIN})}, policy) == {PairFlag.TWINS_ON_RECORD}
    assert flags_of(PAIR, who, {(1, 2): frozenset({RelationKind.SIBLING})}, policy) == {PairFlag.RELATIVES_ON_RECORD}
    assert flags_of(PAIR, who, {(1, 2): frozenset({RelationKind.SPOUSE})}, policy) == frozenset()


@pytest.mark.parametrize(
    ("columns", "flagged"),
    [
        ({}, True),
        ({"birth_day": np.array([712_000, 712_001], np.int32)}, True),  # over midnight
        ({"birth_day": np.array([712_000, 712_002], np.int32)}, False),
        ({"birth_day": np.array([0, 0], np.int32)}, False),
        ({"surname": np.array([1, 2], np.int32)}, False),
        ({"surname": np.array([-1, -1], np.int32)}, False),
        ({"city": np.array([1, 2], np.int32)}, False),
    ],
)
def test_same_surname_and_city_and_birth_may_be_twins(policy, columns, flagged):
    who = people(2, **{"surname": np.array([7, 7], np.int32), **columns})
    assert (PairFlag.MAY_BE_TWINS in flags_of(PAIR, who, {}, policy)) is flagged


def test_another_sex_and_one_picture_twice_are_flagged(policy):
    who = people(2)
    assert PairFlag.OTHER_SEX in flags_of(replace(PAIR, sex=SexAgreement.DIFFERENT), who, {}, policy)
    assert PairFlag.SEX_UNKNOWN in flags_of(replace(PAIR, sex=SexAgreement.UNKNOWN), who, {}, policy)
    assert PairFlag.SAME_PICTURE in flags_of(replace(PAIR, similarity=0.999), who, {}, policy)


def test_confidence_grows_with_the_score_and_is_less_for_twins(policy):
    rule = matching(0.5)
    scores = [0.5, 0.6, 0.7, policy.certain_similarity, 1.0]
    values = [confidence(replace(PAIR, score=score), frozenset(), rule, policy) for score in scores]
    assert values == sorted(values)
    assert values[0] == policy.confidence_at_threshold
    assert values[-1] == values[-2] == policy.confidence_certain
    twins = frozenset({PairFlag.MAY_BE_TWINS})
    assert confidence(replace(PAIR, score=1.0), twins, rule, policy) == pytest.approx(policy.confidence_certain * policy.twin_factor)
    assert confidence(replace(PAIR, score=1.0), twins | {PairFlag.SAME_PICTURE}, rule, policy) == policy.confidence_certain


# engines -----------------------------------------------------------------------------------------------------------------------


def test_the_metric_of_an_engine_is_found_from_what_it_computes():
    def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.atleast_2d(left) @ np.atleast_2d(right).T

    def euclidean(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return 1 - np.linalg.norm(np.atleast_2d(left)[:, None] - np.atleast_2d(right)[None], axis=2)

    assert metric_of(cosine, 128) is Metric.COSINE
    assert metric_of(euclidean, 128) is Metric.EUCLIDEAN
    with pytest.raises(MetricError):
        metric_of(lambda left, right: 2 * cosine(left, right), 128)
