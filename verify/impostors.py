"""All impostor scores of the groups of a population, in blocks, keeping only the highest of each group.

Thresholds of small false match rates depend on the highest scores only, so memory is bounded by the largest level's share of the pairs
(2 million scores for 200 million pairs at 1%) and one block of the similarity matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.normalisation import Similarity, StrangerStatistics
from verify.policy_matching import CalibrationPolicy

_BLOCK = 1024
# of the largest level's share: another group's threshold can be lower than a group's own. Small groups are kept whole.
_KEEP_FACTOR = 2.0
_KEEP_AT_LEAST = 500_000


@dataclass(frozen=True, eq=False)
class GroupScores:
    """The impostor scores of one group. highest: (m,) falling. left, right: (m,) places (0 .. persons - 1) of the two persons of each."""

    name: str
    persons: int
    pairs: int
    highest: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]

    def threshold(self, fmr: float) -> float:
        """Lowest threshold at which at most this share of the pairs match (scores at or above it match)."""
        allowed = int(np.floor(fmr * self.pairs + 1e-9))  # 0.001 * 1000 must be 1
        return float(np.nextafter(self.highest[min(allowed, self.highest.size - 1)], np.inf))

    def errors(self, threshold: float) -> int:
        """Pairs at or above the threshold; at most as many as were kept."""
        return int(np.searchsorted(-self.highest, -threshold, side="right"))

    def rate(self, threshold: float) -> float:
        """Share of the pairs at or above the threshold."""
        return self.errors(threshold) / self.pairs if self.pairs else 0.0

    def persons_interval(self, threshold: float) -> tuple[float, float] | None:
        """95% interval of the rate over persons: pairs that share a person are not independent.

        Normal approximation with the variance of a two-sample-of-one-population U statistic (Hoeffding 1948), as in Bickel's method
        for false match rates of all-against-all comparisons. None under 10 persons.
        """
        if self.persons < 10:
            return None
        errors = self.errors(threshold)
        counts = np.bincount(self.left[:errors], minlength=self.persons) + np.bincount(self.right[:errors], minlength=self.persons)
        own_rate = counts / (self.persons - 1)
        error = 2.0 * float(own_rate.std(ddof=1)) / np.sqrt(self.persons)
        rate = self.rate(threshold)
        return max(0.0, rate - 1.96 * error), min(1.0, rate + 1.96 * error)


def impostor_scores(
    embeddings: NDArray[np.float32],
    cells: dict[str, NDArray[np.int64]],
    similarity: Similarity,
    statistics: StrangerStatistics | None,
    policy: CalibrationPolicy,
    progress: Callable[[int, int], None],
) -> tuple[GroupScores, ...]:
    """Scores of every two persons of each cell (name -> indices of embeddings), normalised when statistics are given.

    Pairs at or above ``policy.identical_similarity`` are the same picture enrolled twice and are no impostor pairs.
    """
    blocks = [(name, r, c) for name, index in cells.items() for r in range(0, index.size, _BLOCK) for c in range(r, index.size, _BLOCK)]
    kept: dict[str, _Highest] = {}
    for number, (name, row, column) in enumerate(blocks, start=1):
        index = cells[name]
        all_pairs = index.size * (index.size - 1) // 2
        highest = kept.setdefault(name, _Highest(max(int(_KEEP_FACTOR * policy.levels[0] * all_pairs) + 1, _KEEP_AT_LEAST)))
        rows, columns = index[row : row + _BLOCK], index[column : column + _BLOCK]
        raw = similarity(embeddings[rows], embeddings[columns]).astype(np.float64)
        scores = raw if statistics is None else statistics.normalise_block(raw, rows, columns)
        wanted = raw < policy.identical_similarity
        if row == column:
            wanted &= np.triu(np.ones(raw.shape, dtype=bool), 1)
        left, right = np.nonzero(wanted)
        highest.add(scores[wanted], (left + row).astype(np.int32), (right + column).astype(np.int32))
        progress(number, len(blocks))
    return tuple(GroupScores(name, cells[name].size, found.seen, *found.sorted()) for name, found in kept.items())


class _Highest:
    """The n highest of a stream of scores, with whom they belong to."""

    def __init__(self, limit: int) -> None:
        self.seen = 0
        self._limit = limit
        self._scores = np.empty(0)
        self._left = np.empty(0, dtype=np.int32)
        self._right = np.empty(0, dtype=np.int32)

    def add(self, scores: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]) -> None:
        self.seen += scores.size
        if self._scores.size == self._limit:
            above = scores > self._scores.min()
            scores, left, right = scores[above], left[above], right[above]
        self._scores = np.concatenate([self._scores, scores])
        self._left = np.concatenate([self._left, left])
        self._right = np.concatenate([self._right, right])
        if self._scores.size > self._limit:
            best = np.argpartition(-self._scores, self._limit - 1)[: self._limit]
            self._scores, self._left, self._right = self._scores[best], self._left[best], self._right[best]

    def sorted(self) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
        order = np.argsort(-self._scores, kind="stable")
        return self._scores[order], self._left[order], self._right[order]
