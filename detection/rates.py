"""Shares with an interval, and the difference of two shares with an interval. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A share of something counted. low, high: ends of its interval; share: None of nothing, and then the interval is 0 to 1."""

    count: int
    of: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """First share less the second, -1 to 1, with its interval."""

    value: float
    low: float
    high: float


def rate(count: int, of: int, confidence: float) -> Rate:
    """Wilson's score interval without continuity correction (Wilson 1927). confidence: two-sided, above 0 and below 1.

    Raises:
        ValueError: count is negative or greater than of.
    """
    if not 0 <= count <= of:
        raise ValueError(f"count: {count} is not from 0 to {of}")
    if of == 0:
        return Rate(0, 0, None, 0.0, 1.0)
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(confidence, method="wilson")
    return Rate(count, of, count / of, float(interval.low), float(interval.high))


def difference(first: Rate, second: Rate) -> Difference | None:
    """Newcombe's hybrid score interval, his method 10: the ends of both Wilson intervals, put together as squares.

    R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven methods, Statistics in
    Medicine 17 (1998) 873-890. Both rates must be of the same confidence and independent. None when one of them is of nothing.
    """
    if first.share is None or second.share is None:
        return None
    value = first.share - second.share
    below = math.hypot(first.share - first.low, second.high - second.share)
    above = math.hypot(first.high - first.share, second.share - second.low)
    return Difference(value, max(value - below, -1.0), min(value + above, 1.0))
