"""Why an entity stands out among its peers: each feature of a model's finding as a bar of the peers' range, with where the entity lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 1000  # units of the picture
EDGE = 20.0  # left and right of what is drawn
LEAST = 6.0  # so that a range of nothing can be seen


@dataclass(frozen=True)
class Bar:
    """One feature. value, median, low, high: in words with their units. claims: ids of those behind it, first ones first.

    range_x, range_width, median_x, value_x: in units of the picture. outside: the entity lies outside of what is usual.
    """

    title: str
    description: str
    value: str
    median: str
    low: str
    high: str
    claims: tuple[int, ...]
    range_x: float
    range_width: float
    median_x: float
    value_x: float
    outside: bool


def bars(code: str, facts: Mapping[str, Any], language: str) -> tuple[Bar, ...]:
    """The bars of a model's finding; empty for what is none. language: zh, or anything else for English."""
    reasons = facts.get("reasons")
    if not code.startswith("M-") or not isinstance(reasons, list):
        return ()
    from detection.anomaly.model_texts import ENTITY_OF, features_by_name  # brings the engine of expressions along

    features = features_by_name(ENTITY_OF[code]) if code in ENTITY_OF else {}
    found = []
    for reason in reasons:
        numbers = _numbers(reason)
        feature = features.get(str(reason.get("feature"))) if isinstance(reason, Mapping) else None
        if numbers is not None and feature is not None:
            claims = tuple(int(one) for one in reason.get("claims") or ())
            found.append(_bar(feature.title(language), feature.description(language), feature.unit.value, numbers, claims, language))
    return tuple(found)


def _bar(
    title: str, description: str, unit: str, numbers: tuple[float, float, float, float], claims: tuple[int, ...], language: str
) -> Bar:
    from detection.anomaly.model_texts import said

    value, median, low, high = numbers
    least, most = min(numbers), max(numbers)
    scale = (WIDTH - 2 * EDGE) / ((most - least) or 1.0)

    def at(number: float) -> float:
        return round(EDGE + (number - least) * scale, 1)

    value_said, median_said, low_said, high_said = (said(number, unit, language) for number in numbers)
    width = max(LEAST, at(high) - at(low))
    return Bar(
        title,
        description,
        value_said,
        median_said,
        low_said,
        high_said,
        claims,
        range_x=min(at(low), WIDTH - width),
        range_width=round(width, 1),
        median_x=at(median),
        value_x=at(value),
        outside=not low <= value <= high,
    )


def _numbers(reason: object) -> tuple[float, float, float, float] | None:
    if not isinstance(reason, Mapping):
        return None
    found = [reason.get(name) for name in ("value", "median", "low", "high")]
    numbers = [float(one) for one in found if isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)]
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == 4 else None
