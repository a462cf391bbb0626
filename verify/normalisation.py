"""Adaptive symmetric score normalisation (AS-norm) against a cohort of the own population.

A similarity is restated in standard deviations above what its two faces usually reach with their nearest strangers: faces that
resemble many others need more to count as the same. Source: Matejka et al., Interspeech 2017, with the nearest few left out because
they may be the same person enrolled twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Similarity = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
_DEVIATION_MIN = 1e-6
_BLOCK_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Cohort:
    """members: (k, d) float32 embeddings of different persons. nearest, skip: see NormalisationPolicy. identical: similarity from
    which a member is the same picture as one of the faces compared, and is left out."""

    members: NDArray[np.float32]
    nearest: int
    skip: int
    identical: float

    def normalise(self, similarity: Similarity, left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
        """Normalised score of one (d,) pair, in standard deviations; higher is more alike."""
        to_left, to_right = similarity(left, self.members)[0], similarity(right, self.members)[0]
        # the claimed person's own picture in the cohort says nothing about strangers, on neither side
        strangers = (to_left < self.identical) & (to_right < self.identical)
        score = float(similarity(left, right)[0, 0])
        parts = []
        for values in (to_left[strangers], to_right[strangers]):
            mean, deviation = self._nearest(values)
            parts.append((score - mean) / deviation)
        return sum(parts) / 2

    def _nearest(self, values: NDArray[np.float32]) -> tuple[float, float]:
        take = self.skip + self.nearest
        near = np.sort(np.partition(values, values.size - take)[-take:])[: self.nearest].astype(np.float64)
        return float(near.mean()), max(float(near.std()), _DEVIATION_MIN)


@dataclass(frozen=True, eq=False)
class StrangerStatistics:
    """Mean and deviation of each person's nearest cohort similarities, with the person left out and, for each of the near members,
    with that member left out too: ``normalise_block`` scores a pair as if neither of the two were in the cohort.

    mean, deviation: (n,). near: (n, m) indices of persons (-1: none). near_mean, near_deviation: (n, m), without that person.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    near: NDArray[np.int64]
    near_mean: NDArray[np.float64]
    near_deviation: NDArray[np.float64]

    def normalise_block(self, scores: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Normalised (r, c) scores of the persons ``rows`` against the persons ``columns``."""
        left_mean = np.repeat(self.mean[rows][:, None], columns.size, axis=1)
        left_deviation = np.repeat(self.deviation[rows][:, None], columns.size, axis=1)
        right_mean = np.repeat(self.mean[columns][None], rows.size, axis=0)
        right_deviation = np.repeat(self.deviation[columns][None], rows.size, axis=0)
        place_of_column = {int(person): place for place, person in enumerate(columns)}
        place_of_row = {int(person): place for place, person in enumerate(rows)}
        self._correct(left_mean, left_deviation, rows, place_of_column)
        self._correct(right_mean.T, right_deviation.T, columns, place_of_row)
        return ((scores - left_mean) / left_deviation + (scores - right_mean) / right_deviation) / 2

    def _correct(
        self, means: NDArray[np.float64], deviations: NDArray[np.float64], persons: NDArray[np.int64], places: dict[int, int]
    ) -> None:
        lookup = np.full(int(max(self.near.max(initial=-1), max(places, default=-1))) + 2, -1, dtype=np.int64)
        for person, place in places.items():
            lookup[person] = place
        near = self.near[persons]
        at = lookup[near]  # -1 indexes the last entry, which is always -1
        row, slot = np.nonzero((at >= 0) & (near >= 0))
        means[row, at[row, slot]] = self.near_mean[persons[row], slot]
        deviations[row, at[row, slot]] = self.near_deviation[persons[row], slot]


def stranger_statistics(
    similarity: Similarity, embeddings: NDArray[np.float32], cohort: Cohort, member_of: NDArray[np.int64]
) -> StrangerStatistics:
    """Statistics of (n, d) persons against a cohort. member_of: (k,) the person whose picture each cohort member is, -1 for none."""
    count = len(embeddings)
    take = cohort.skip + cohort.nearest + 1  # one more, to move up when one is left out
    mean, deviation = np.empty(count), np.empty(count)
    near = np.full((count, take), -1, dtype=np.int64)
    near_mean, near_deviation = np.empty((count, take)), np.empty((count, take))
    for start in range(0, count, _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, count))
        values = similarity(embeddings[rows], cohort.members).astype(np.float64)
        values[(member_of[None] == rows[:, None]) | (values >= cohort.identical)] = -np.inf
        order = np.argpartition(-values, take - 1, axis=1)[:, :take]
        top = np.take_along_axis(values, order, axis=1)
        sort = np.argsort(-top, axis=1)
        top, order = np.take_along_axis(top, sort, axis=1), np.take_along_axis(order, sort, axis=1)
        mean[rows], deviation[rows] = _window(top[:, cohort.skip : cohort.skip + cohort.nearest])
        near[rows] = member_of[order]
        for slot in range(take):
            left = np.delete(top, slot, axis=1)[:, cohort.skip : cohort.skip + cohort.nearest]
            near_mean[rows, slot], near_deviation[rows, slot] = _window(left)
    return StrangerStatistics(mean, deviation, near, near_mean, near_deviation)


def _window(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return values.mean(axis=1), np.maximum(values.std(axis=1), _DEVIATION_MIN)
