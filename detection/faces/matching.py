"""From which similarity on two faces are a candidate pair, and where that threshold comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detection.faces.metric import Metric, Vectors

Values = NDArray[np.float64]
NEAR_THE_THRESHOLD = 0.5
"""Standard deviations below the threshold from which a normalised score is computed exactly."""


class ThresholdSource(StrEnum):
    """OWN_POPULATION: the calibration in effect. PROVISIONAL: policy, while there is none."""

    OWN_POPULATION = "own_population"
    PROVISIONAL = "provisional"


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Adaptive score normalisation as the calibration in effect has it, in standard deviations.

    statistics: (n, d) templates -> mean and deviation (n,) of the similarities to their nearest strangers. exact: score of one (d,) pair,
    in which neither face counts as a stranger of the other.
    """

    statistics: Callable[[Vectors], tuple[Values, Values]]
    exact: Callable[[Vectors, Vectors], float]


@dataclass(frozen=True, eq=False)
class Matching:
    """The engine whose templates are compared, and its threshold. size: values of a template. fmr: false match rate of the threshold on
    the own population, for its worst group; None while it is provisional.
    """

    engine_name: str
    engine_version: str
    size: int
    metric: Metric
    threshold: float
    source: ThresholdSource
    fmr: float | None = None
    calibration_id: int | None = None
    normalisation: Normalisation | None = None


@dataclass(frozen=True, eq=False)
class ScoreScale:
    """Turns similarities of templates into what is held against the threshold. mean, deviation: (n,), None without normalisation."""

    mean: Values | None = None
    deviation: Values | None = None

    @classmethod
    def of(cls, templates: Vectors, matching: Matching, *, block: int = 20_000) -> ScoreScale:
        """The scale of these (n, d) templates; block by block, so that memory stays bounded."""
        if matching.normalisation is None:
            return cls()
        mean, deviation = np.empty(len(templates)), np.empty(len(templates))
        for start in range(0, len(templates), block):
            part = slice(start, start + block)
            mean[part], deviation[part] = matching.normalisation.statistics(templates[part])
        return cls(mean, deviation)

    def scores(self, similarities: Vectors, left: NDArray[np.int64], right: NDArray[np.int64]) -> Values:
        """(n,) scores of pairs of rows; with normalisation nearly exact (see Normalisation.exact)."""
        values = similarities.astype(np.float64)
        if self.mean is None or self.deviation is None:
            return values
        of_left = (values - self.mean[left]) / self.deviation[left]
        of_right = (values - self.mean[right]) / self.deviation[right]
        return (of_left + of_right) / 2
