"""A pair's match weight split by feature, as plain data without any personal value: they are shown from the records when it is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detection.linkage.plan import ComparisonPlan
from detection.linkage.training import Parameters

MISSING, DIFFERS, PRIOR, OTHERS = "missing", "differs", "prior", "other records"


@dataclass(frozen=True)
class Step:
    """One bar. feature: what was compared; level: how close it was; weight: log2 of how much more often matches show that.

    frequency_weight: further weight, because the value is rarer (positive) or more common than most.
    """

    feature: str
    level: str
    weight: float
    frequency_weight: float = 0.0

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "feature": self.feature,
            "level": self.level,
            "weight": round(self.weight, 3),
            "frequency_weight": round(self.frequency_weight, 3),
        }


def waterfall(row: dict[str, Any], comparisons: Sequence[ComparisonPlan], parameters: Parameters) -> list[Step]:
    """Steps of one scored pair, the prior first, what the other records say last; their sum is the weight. row: of the scored pairs."""
    steps = [Step(PRIOR, PRIOR, math.log2(parameters.prior / (1 - parameters.prior)))]
    for place, comparison in enumerate(comparisons):
        weight = float(row[f"w_{comparison.name}"])
        height = len(comparison.levels)
        worth = [math.log2(parameters.m[place][value] / parameters.u[place][value]) for value in range(height + 1)]
        nearest = min(range(height + 1), key=lambda value: abs(worth[value] - weight))
        if weight == 0 and abs(worth[nearest]) > 1e-6:
            level = MISSING
        else:
            level = DIFFERS if nearest == 0 else comparison.levels[height - nearest].label
        steps.append(Step(comparison.feature, level, weight, float(row[f"t_{comparison.name}"])))
    if row.get("others"):
        steps.append(Step(OTHERS, OTHERS, float(row["others"])))
    return steps
