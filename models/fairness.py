"""Counts of camera checks by groups of people, as fairness looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dimension(StrEnum):
    """What groups differ in."""

    AGE = "age"
    SEX = "sex"
    DEVICE = "device"
    ROUTE = "route"
    REGION = "region"


class Measure(StrEnum):
    """What is compared. Each is a share of the attempts that ended."""

    COMPLETION = "completion"  # certified by this attempt, at once or after a person looked; fewer is worse
    RETRY = "retry"  # asked to try once more; more is worse
    REFUSAL = "refusal"  # refused; more is worse


@dataclass(frozen=True)
class Attempts:
    """Attempts of one group that ended. unfinished: expired, or given up. seconds: from start to decision, of all that were decided.

    reviewed: of those referred to a person, the ones that the person certified.
    """

    certified: int = 0
    referred: int = 0
    retried: int = 0
    refused: int = 0
    unfinished: int = 0
    seconds: int = 0
    reviewed: int = 0

    @property
    def ended(self) -> int:
        """All of them."""
        return self.decided + self.unfinished

    @property
    def decided(self) -> int:
        """Those that came to a decision."""
        return self.certified + self.referred + self.retried + self.refused

    def of(self, measure: Measure) -> int:
        """How many count for a measure."""
        return {Measure.COMPLETION: self.certified + self.reviewed, Measure.RETRY: self.retried, Measure.REFUSAL: self.refused}[measure]

    def __add__(self, other: Attempts) -> Attempts:
        """The two together."""
        return Attempts(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))
