"""Why two records are thought to be one person: the match weight of the pair as a waterfall, from the prior over each feature to the end.

A weight is a base-2 logarithm of a Bayes factor (Fellegi and Sunter 1969; Splink draws it the same way): each point doubles the odds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

WIDTH = 1000  # units of the picture
FREQUENCY = "frequency"  # level of the step that says how rare a value is
LEAST = 2.0  # so that a weight of nothing can be seen


class StepKind(StrEnum):
    """What a bar stands for."""

    PRIOR = "prior"
    FEATURE = "feature"
    TOTAL = "total"


@dataclass(frozen=True)
class Step:
    """One bar. weight: its own; total: weights so far. x, width: in units of the picture; up: whether it speaks for one person."""

    kind: StepKind
    feature: str
    level: str
    weight: float
    total: float
    x: float
    width: float
    up: bool


@dataclass(frozen=True)
class Waterfall:
    """All bars in order. zero: where the weight is 0. probability: 0 to 1, of both being one person."""

    steps: tuple[Step, ...]
    zero: float
    weight: float
    probability: float | None


def waterfall(facts: Mapping[str, Any]) -> Waterfall | None:
    """The waterfall of a finding's facts: weight, probability, and waterfall, a list of feature, level, weight and frequency_weight.

    None when they hold none. What the features do not add up to is the prior: how likely any two records are one person.
    """
    rows = [row for row in facts.get("waterfall") or () if isinstance(row, Mapping) and _number(row.get("weight")) is not None]
    final = _number(facts.get("weight"))
    if not rows or final is None:
        return None
    prior = [row for row in rows if _is_prior(row)]
    features = [part for row in rows if not _is_prior(row) for part in _parts(row)]
    start = _number(prior[0]["weight"]) if prior else None
    if start is None:
        start = final - sum(float(row["weight"]) for row in features)
    sums = _totals(start, features)
    low, high = min(0.0, *sums), max(0.0, *sums)
    scale = WIDTH / ((high - low) or 1.0)

    def bar(kind: StepKind, feature: str, level: str, weight: float, begin: float, end: float) -> Step:
        x = (min(begin, end) - low) * scale
        width = max(LEAST, abs(end - begin) * scale)
        return Step(kind, feature, level, weight, end, round(min(x, WIDTH - width), 2), round(width, 2), end >= begin)

    steps = [bar(StepKind.PRIOR, "", "", start, 0.0, start)]
    for row, begin, end in zip(features, sums, sums[1:], strict=False):
        steps.append(bar(StepKind.FEATURE, str(row.get("feature", "")), str(row.get("level", "")), float(row["weight"]), begin, end))
    steps.append(bar(StepKind.TOTAL, "", "", final, 0.0, final))
    return Waterfall(tuple(steps), round((0.0 - low) * scale, 2), final, _number(facts.get("probability")))


def _parts(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A feature, and how rare its value is as a step of its own, where that weighs anything."""
    frequency = _number(row.get("frequency_weight"))
    if frequency is None or abs(frequency) < 0.005:
        return [row]
    return [row, {"feature": row.get("feature", ""), "level": FREQUENCY, "weight": frequency}]


def _totals(start: float, features: Sequence[Mapping[str, Any]]) -> list[float]:
    sums = [start]
    for row in features:
        sums.append(sums[-1] + float(row["weight"]))
    return sums


def _is_prior(row: Mapping[str, Any]) -> bool:
    return str(row.get("feature", "")).lower() in {"prior", "starting_weight"}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
