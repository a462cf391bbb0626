"""Figures of a ranking with intervals: AUC, average precision, precision among the first. Bootstrapped over groups, so that the rows of
one institution or person count together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from detection.anomaly.peers import Floats
from models.policy_anomaly_store import AnomalyStorePolicy

INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Figure:
    """A value with the interval that it lies in (95% of a bootstrap, or least and greatest of repetitions). n: rows or repetitions."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def over(cls, values: Sequence[float]) -> Self:
        """Mean, least and greatest of repetitions."""
        return cls(round(float(np.mean(values)), 4), round(min(values), 4), round(max(values), 4), len(values))

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def ranking_figures(
    scores: Floats, confirmed: Floats, groups: NDArray[np.object_], policy: AnomalyStorePolicy, seed: int
) -> dict[str, Figure]:
    """How well a score ranks what people confirmed before what they found unfounded. confirmed: 1 or 0, both must occur."""
    most = max(1, min(policy.top_compared, len(scores) // 4))

    def measured(rows: NDArray[np.int64]) -> tuple[float, float, float] | None:
        said, shown = confirmed[rows], scores[rows]
        if said.min() == said.max():
            return None
        first = np.argsort(-shown, kind="stable")[:most]
        return float(roc_auc_score(said, shown)), float(average_precision_score(said, shown)), float(said[first].mean())

    whole = measured(np.arange(len(scores)))
    if whole is None:
        return {}
    names, places = np.unique(groups.astype(str), return_inverse=True)
    members = [np.flatnonzero(places == place) for place in range(len(names))]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(policy.bootstraps):
        rows = np.concatenate([members[place] for place in random.integers(0, len(members), len(members))])
        found = measured(rows)
        if found is not None:
            drawn.append(found)
    low, high = np.percentile(np.array(drawn or [whole]), INTERVAL, axis=0)
    return {
        name: Figure(round(whole[at], 4), round(float(low[at]), 4), round(float(high[at]), 4), len(scores))
        for at, name in enumerate(("auc", "average_precision", f"precision_at_{most}"))
    }
