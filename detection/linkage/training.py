"""The parameters of the model: u from random pairs, m by expectation maximisation over the pairs of many rules.

The posterior of a pair under the model does not depend on how the pair was found. What depends on it is which pairs are seen: so the m of a
comparison is counted only over pairs that a rule found without looking at the columns of that comparison (Fellegi & Sunter 1969; sampling
as in Splink's sessions, but in one expectation maximisation for all rules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_ITERATIONS = 60
CONVERGED = 2e-4
M_PRIOR_PAIRS = 12.0
"""Matching pairs that the starting values of m count for, so that little data move them little and no m is ever 0."""
U_PRIOR_PAIRS = 0.5
PROBABILITY_MIN = 1e-9
AGAINST = 0.99
"""Of its u, the most that m of a level can be that never speaks for a match: a weight of nearly 0, which is that of a missing value."""
RANDOM_MIN = 2_000
"""Pairs at random that a comparison says something of, below which pairs of namesakes at random are asked too."""

Vectors = NDArray[np.int8]


@dataclass(frozen=True)
class Parameters:
    """m and u of each comparison by comparison-vector value (0: anything else, highest: closest); prior: of two at random.

    m of a level that only speaks against is less than its u, so that the m of its comparison may sum to less than 1.
    """

    m: tuple[tuple[float, ...], ...]
    u: tuple[tuple[float, ...], ...]
    prior: float


@dataclass(frozen=True)
class Training:
    """The parameters and what they rest on. matching_pairs: expected number among the pairs seen, by comparison."""

    parameters: Parameters
    iterations: int
    matching_pairs: tuple[float, ...]


def starting_m(levels: int) -> NDArray[np.float64]:
    """m of a comparison with so many levels (the last resort included) before anything was seen; value 0 first."""
    values = np.full(levels, 0.17 / max(levels - 2, 1))
    values[0] = 0.08
    values[-1] = 0.75
    return values / values.sum()


def train(
    seen: Vectors,
    usable: NDArray[np.bool_],
    weights: NDArray[np.float64],
    random_pairs: Vectors,
    namesakes: Vectors,
    levels: Sequence[int],
    *,
    total_pairs: float,
    seen_share: float,
    prior_pairs: float,
    against: Mapping[int, Sequence[int]] | None = None,
) -> Training:
    """Estimate all parameters.

    seen: comparison vectors of pairs that rules found (-1: a value is missing). usable: for each pair and comparison, whether a rule
    found it without looking there. weights: times that a row of seen stands for. random_pairs: vectors of pairs at random; namesakes: of
    pairs at random among those with one name, none where there are no names. total_pairs: that could be
    made. seen_share: of the pairs found that are in seen. prior_pairs: matching pairs assumed at first. against: place of a comparison ->
    values that never speak for a match.
    """
    count = len(levels)
    m = [starting_m(level) for level in levels]
    # a comparison that says nothing of most pairs: what it says of namesakes is what there is
    sparse = [bool((random_pairs[:, place] >= 0).sum() < RANDOM_MIN) for place in range(count)]

    def unmatched(doubt: NDArray[np.float64], doubt_alike: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        shares = []
        for place in range(count):
            values, mass = random_pairs[:, place], doubt
            if sparse[place]:
                values, mass = np.concatenate([values, namesakes[:, place]]), np.concatenate([doubt, doubt_alike])
            shares.append(_shares(values, mass, levels[place], np.full(levels[place], 1.0 / levels[place]), U_PRIOR_PAIRS))
        return shares

    # of a few hundred records pairs at random hold enough matches to hide what agreement is worth: the closest ones are left out at first
    doubt = np.ones(len(random_pairs))
    heights = (np.maximum(random_pairs, 0) / (np.array(levels) - 1)).sum(axis=1)
    doubt[np.argsort(-heights, kind="stable")[: int(2 * prior_pairs / total_pairs * len(random_pairs))]] = 0.0
    u = unmatched(doubt, np.ones(len(namesakes)))
    prior = min(max(prior_pairs / total_pairs, 1e-12), 0.5)
    never = [place for place in range(count) if not (usable[:, place] & (seen[:, place] >= 0)).any()]
    effective = [0.0] * count
    iterations = 0
    for step in range(MOST_ITERATIONS):
        iterations = step + 1
        probability = posterior(seen, m, u, prior)
        mass = probability * weights
        updated = []
        for place in range(count):
            there = usable[:, place] if place not in never else np.ones(len(seen), dtype=bool)
            effective[place] = float(mass[there & (seen[:, place] >= 0)].sum())
            updated.append(_shares(seen[there, place], mass[there], levels[place], starting_m(levels[place]), M_PRIOR_PAIRS))
        for place, values in (against or {}).items():
            updated[place][values] = np.minimum(updated[place][values], AGAINST * u[place][values])
        matches = float(mass.sum()) / max(seen_share, 1e-9)
        updated_prior = min(max(matches / total_pairs, 0.2 / total_pairs, 1e-12), 0.5)
        change = max(float(np.abs(new - old).max()) for new, old in zip(updated, m, strict=True))
        change = max(change, abs(np.log(updated_prior / prior)) / 10)
        m, prior = updated, updated_prior
        if step % 5 == 4 or step == 0:  # pairs at random that match are no evidence of how non-matching ones look
            u = unmatched(1 - posterior(random_pairs, m, u, prior), 1 - posterior(namesakes, m, u, prior))
        elif change < CONVERGED:
            break
    return Training(
        Parameters(tuple(tuple(map(float, one)) for one in m), tuple(tuple(map(float, one)) for one in u), float(prior)),
        iterations,
        tuple(effective),
    )


def posterior(vectors: Vectors, m: Sequence[NDArray[np.float64]], u: Sequence[NDArray[np.float64]], prior: float) -> NDArray[np.float64]:
    """Probability of a match for each row, without term frequencies."""
    log_odds = np.full(len(vectors), np.log(prior) - np.log1p(-prior))
    for place in range(vectors.shape[1]):
        # the last entry stands for a missing value, which is value -1: no evidence
        table = np.append(np.log(m[place]) - np.log(u[place]), 0.0)
        log_odds += table[vectors[:, place]]
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500)))


def _shares(
    values: NDArray[np.int8], mass: NDArray[np.float64], levels: int, prior: NDArray[np.float64], prior_mass: float
) -> NDArray[np.float64]:
    there = values >= 0
    counted = np.bincount(values[there].astype(np.int64), weights=mass[there], minlength=levels)[:levels]
    shares = (counted + prior * prior_mass) / (counted.sum() + prior_mass)
    shares = np.maximum(shares, PROBABILITY_MIN)
    return shares / shares.sum()
