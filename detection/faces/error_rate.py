"""How many pairs a threshold gives, and how many of them are to be expected to be of two different people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv  # the quantile of a beta distribution; scipy.stats has it too and takes seconds to import

from detection.faces.people import UNKNOWN, FacePeople
from detection.faces.search import PROBES_AT_ONCE, FaceSearch

COMPARED_AT_ONCE = 50_000


@dataclass(frozen=True)
class ThresholdInUse:
    """The threshold that a run uses. raised: above what the calibration or policy says, because that would give more pairs than people can
    look at. expected_pairs: from the pilot, for the calibrated threshold.
    """

    threshold: float
    raised: bool
    expected_pairs: int


@dataclass(frozen=True)
class FalsePairs:
    """What to expect by chance. comparable: pairs of different human beings of one sex inside the window of birth years. sampled: of them,
    drawn at random; reached: of the sample, at or above the threshold. fmr_upper: 97.5% bound of the rate. by_fmr: comparable x the
    calibration's false match rate, None while the threshold is provisional or was raised.
    """

    comparable: int
    sampled: int
    reached: int
    fmr: float
    fmr_upper: float
    expected: float
    expected_upper: float
    by_fmr: float | None


def threshold_in_use(search: FaceSearch, *, seed: int = 0) -> ThresholdInUse:
    """Search a random sample of faces first: when the calibrated threshold would give more than ``pairs_max`` pairs, raise it."""
    policy, count = search.policy, len(search.people)
    threshold = search.matching.threshold
    if count < 2:
        return ThresholdInUse(threshold, False, 0)
    size = min(count, policy.pilot_faces)
    rows = np.sort(np.random.default_rng(seed).choice(count, size, replace=False))
    reached = []
    for start in range(0, size, PROBES_AT_ONCE):
        score = search.hits(rows[start : start + PROBES_AT_ONCE]).score
        reached.append(score[score >= threshold])
    scores = np.sort(np.concatenate(reached))[::-1]
    expected = math.ceil(scores.size * count / size / 2)  # each pair is seen from both of its faces
    if expected <= policy.pairs_max:
        return ThresholdInUse(threshold, False, expected)
    place = min(int(2 * policy.pairs_max * size / count), scores.size - 1)
    return ThresholdInUse(float(np.nextafter(scores[place], np.inf)), True, expected)


def false_pairs(search: FaceSearch, *, raised: bool, seed: int = 0) -> FalsePairs:
    """Draw random pairs of different human beings and count how many reach the threshold of the search.

    Pairs of one person's own two identities are in the sample too, far too few to matter.
    """
    people, policy, matching = search.people, search.policy, search.matching
    comparable = comparable_pairs(people, policy.birth_years)
    rng = np.random.default_rng(seed)
    sampled = reached = tries = 0
    while comparable and sampled < policy.sampled_pairs and tries < 20 * policy.sampled_pairs:
        left, right = rng.integers(0, len(people), size=(2, COMPARED_AT_ONCE))
        tries += COMPARED_AT_ONCE
        usable = (people.human[left] != people.human[right]) & (people.sex[left] == people.sex[right]) & (people.sex[left] != UNKNOWN)
        apart = np.abs(people.birth_year[left].astype(np.int32) - people.birth_year[right])
        usable &= (apart <= policy.birth_years) & (people.birth_year[left] != 0) & (people.birth_year[right] != 0)
        left, right = left[usable], right[usable]
        similarity = matching.metric.paired(search.templates[left], search.templates[right])
        sampled += left.size
        reached += int((search.scale.scores(similarity, left, right) >= matching.threshold).sum())
    if not sampled:
        return FalsePairs(comparable, 0, 0, 0.0, 1.0, 0.0, float(comparable), None)
    upper = 1.0 if reached == sampled else float(betaincinv(reached + 1, sampled - reached, 0.975))
    by_fmr = None if matching.fmr is None or raised else comparable * matching.fmr
    rate = reached / sampled
    return FalsePairs(comparable, sampled, reached, rate, upper, comparable * rate, comparable * upper, by_fmr)


def comparable_pairs(people: FacePeople, birth_years: int) -> int:
    """Pairs of one known sex whose known birth years are at most so far apart; each human being counted by every face."""
    total = 0
    for sex in np.unique(people.sex[people.sex != UNKNOWN]):
        years = people.birth_year[(people.sex == sex) & (people.birth_year != 0)].astype(np.int64)
        if years.size == 0:
            continue
        counts = np.bincount(years - years.min())
        total += int((counts * (counts - 1) // 2).sum())
        for apart in range(1, min(birth_years, counts.size - 1) + 1):
            total += int((counts[apart:] * counts[:-apart]).sum())
    return total
