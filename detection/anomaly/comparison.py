"""A model in the shadow beside the live one: the same first ones, the same order, more of what people confirm?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from detection.anomaly.training import Label
from models.policy_anomaly_store import AnomalyStorePolicy

Scores = Mapping[str, float]
"""entity_ref -> percentile of one month."""


@dataclass(frozen=True)
class MonthCompared:
    """One month that both scored. overlap: share of the first ones that are the same; rank_correlation: of those that both have (Spearman),
    None where it cannot be said.
    """

    month: date
    entities: int
    overlap: float
    rank_correlation: float | None


@dataclass(frozen=True)
class Precision:
    """Of the first ones of a model, those that people decided, and of these the confirmed ones."""

    decided: int
    confirmed: int


@dataclass(frozen=True)
class Comparison:
    """months: after the training, that the model scored in the shadow. live: public id of the live model, None without one.

    lacks: months that are still to come before it may go live; 0 when there are enough.
    """

    months: tuple[date, ...]
    lacks: int
    top: int
    live: str | None
    by_month: tuple[MonthCompared, ...] = ()
    shadow_precision: Precision = field(default_factory=lambda: Precision(0, 0))
    live_precision: Precision | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "months": [month.isoformat() for month in self.months],
            "lacks_months": self.lacks,
            "top": self.top,
            "live": self.live,
            "by_month": [{**vars(one), "month": one.month.isoformat()} for one in self.by_month],
            "precision": {
                "shadow": vars(self.shadow_precision),
                "live": None if self.live_precision is None else vars(self.live_precision),
            },
        }


def compare_models(
    shadow: Mapping[date, Scores],
    live: Mapping[date, Scores],
    labels: Sequence[Label],
    policy: AnomalyStorePolicy,
    *,
    trained_to: date,
    live_id: str | None,
) -> Comparison:
    """shadow, live: what each said, by month. Only months after the shadow's training count."""
    after = tuple(sorted(month for month in shadow if month > trained_to))
    both = [month for month in after if live.get(month)]
    return Comparison(
        months=after,
        lacks=max(0, policy.shadow_months - len(after)),
        top=policy.top_compared,
        live=live_id,
        by_month=tuple(_month(month, shadow[month], live[month], policy.top_compared) for month in both),
        shadow_precision=_precision({month: shadow[month] for month in after}, labels, policy.top_compared),
        live_precision=None if live_id is None else _precision({month: live[month] for month in both}, labels, policy.top_compared),
    )


def first_of(scores: Scores, count: int) -> list[str]:
    """The entities with the greatest percentiles, of equal ones those that come first by name."""
    return [ref for ref, _ in sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:count]]


def _month(month: date, shadow: Scores, live: Scores, top: int) -> MonthCompared:
    most = max(1, min(top, len(shadow), len(live)))
    overlap = len(set(first_of(shadow, most)) & set(first_of(live, most))) / most
    common = sorted(shadow.keys() & live.keys())
    one, other = np.array([shadow[ref] for ref in common]), np.array([live[ref] for ref in common])
    said = len(common) > 2 and len(set(one)) > 1 and len(set(other)) > 1
    correlation = round(float(spearmanr(one, other).statistic), 4) if said else None
    return MonthCompared(month, len(common), round(overlap, 4), correlation)


def _precision(by_month: Mapping[date, Scores], labels: Sequence[Label], top: int) -> Precision:
    said: dict[str, list[Label]] = {}
    for label in labels:
        said.setdefault(label.ref, []).append(label)
    decided = confirmed = 0
    for month, scores in by_month.items():
        for ref in first_of(scores, top):
            hits = [one for one in said.get(ref, ()) if (one.from_month or month) <= month <= (one.to_month or month)]
            decided += bool(hits)
            confirmed += any(one.confirmed for one in hits)
    return Precision(decided, confirmed)
