from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from detection.fairness.comparing import Compared, Verdict, compare, gaps
from models.fairness import Attempts, Dimension, Measure
from models.policy import RecordsPolicy
from models.policy_casework import FairnessPolicy

DIMENSIONS = {
    Dimension.AGE: {"60-69": 900, "70-79": 700, "80+": 300},
    Dimension.SEX: {"female": 1_000, "male": 900},
    Dimension.DEVICE: {"phone": 1_200, "tablet": 200, "computer": 500},
    Dimension.ROUTE: {"self": 1_000, "helper": 500, "counter": 400},
    Dimension.REGION: {f"1901{number:02d}": 190 for number in range(1, 11)},
}
USUAL = (0.80, 0.05, 0.10, 0.01, 0.04)  # certified, referred, to be tried again, refused, unfinished


@pytest.fixture(scope="module")
def policy(records_policy: RecordsPolicy) -> FairnessPolicy:
    return records_policy.oversight.fairness


def _drawn(rng: np.random.Generator, planted: Mapping[tuple[Dimension, str], tuple[float, ...]]) -> dict[Dimension, dict[str, Attempts]]:
    return {
        dimension: {
            group: Attempts(*(int(count) for count in rng.multinomial(number, planted.get((dimension, group), USUAL))))
            for group, number in groups.items()
        }
        for dimension, groups in DIMENSIONS.items()
    }


def _keys(found: list[Compared]) -> set[str]:
    return {one.key for one in gaps(found)}


def test_every_group_is_held_against_the_rest_of_its_dimension_in_every_measure(policy: FairnessPolicy) -> None:
    groups = {Dimension.SEX: {"female": Attempts(60, 10, 20, 5, 5), "male": Attempts(180, 5, 10, 1, 4)}}
    found = {one.key: one for one in compare(groups, policy)}
    assert set(found) == {f"sex:{group}:{measure}" for group in ("female", "male") for measure in ("completion", "retry", "refusal")}
    completion = found["sex:female:completion"]
    assert (completion.rate.count, completion.rate.of, completion.others.count, completion.others.of) == (60, 100, 180, 200)
    assert completion.worse is not None
    assert completion.worse.value == pytest.approx(0.3)
    assert completion.verdict is Verdict.GAP
    better = found["sex:male:completion"]
    assert better.worse is not None
    assert better.worse.value == pytest.approx(-0.3)
    assert better.verdict is Verdict.ALIKE  # being better off is no gap
    refusal = found["sex:female:refusal"]
    assert refusal.worse is not None
    assert refusal.worse.value == pytest.approx(5 / 100 - 1 / 200)
    assert refusal.verdict is Verdict.ALIKE  # beyond the limit, but chance explains it


def test_small_groups_are_shown_and_never_judged(policy: FairnessPolicy) -> None:
    few = policy.attempts_min - 1
    small = {Dimension.AGE: {"80+": Attempts(retried=few), "60-69": Attempts(certified=5_000)}}
    assert {one.verdict for one in compare(small, policy)} == {Verdict.TOO_FEW}
    enough = {Dimension.AGE: {"80+": Attempts(retried=few + 1), "60-69": Attempts(certified=5_000)}}
    assert _keys(compare(enough, policy)) == {"age:80+:completion", "age:80+:retry"}
    alone = {Dimension.AGE: {"80+": Attempts(certified=5_000)}}
    assert {one.verdict for one in compare(alone, policy)} == {Verdict.TOO_FEW}
    assert compare({Dimension.AGE: {}}, policy) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_gap_is_found(policy: FairnessPolicy, seed: int) -> None:
    planted = {
        (Dimension.AGE, "80+"): (0.60, 0.06, 0.28, 0.02, 0.04),
        (Dimension.REGION, "190103"): (0.60, 0.05, 0.10, 0.21, 0.04),
    }
    found = _keys(compare(_drawn(np.random.default_rng(seed), planted), policy))
    assert {"age:80+:completion", "region:190103:completion", "region:190103:refusal"} <= found
    assert {key.rpartition(":")[0] for key in found} <= {"age:80+", "region:190103"}


def test_without_a_gap_hardly_ever_one_is_found(policy: FairnessPolicy) -> None:
    drawn = [compare(_drawn(np.random.default_rng(seed), {}), policy) for seed in range(12)]
    assert sum(bool(gaps(found)) for found in drawn) == 0  # of 600 populations with 63 comparisons each, one had one


def test_a_gap_just_at_the_limit_is_found_no_more_often_than_the_interval_allows(policy: FairnessPolicy) -> None:
    limit = policy.completion_gap_max
    rng, found, runs = np.random.default_rng(11), 0, 200
    for certified, others in zip(rng.binomial(300, 0.8 - limit, runs), rng.binomial(1_600, 0.8, runs), strict=True):
        old = Attempts(certified=int(certified), retried=300 - int(certified))
        young = Attempts(certified=int(others), unfinished=1_600 - int(others))
        groups = {Dimension.AGE: {"80+": old, "60-69": young}}
        found += any(one.measure is Measure.COMPLETION for one in gaps(compare(groups, policy)))
    assert found <= 14  # 2.5% of 200 are 5; more than 14 has a chance of less than one in 2,000
