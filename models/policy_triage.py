"""The section [triage] of policy.toml: what an alert is worth looking at, and when detection runs by itself."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_section import Section


class NightlyPolicy(Section):
    """Runs that nobody has to ask for. hours: of the policy's day, the first and the one in which none is started any more."""

    kinds: tuple[DetectionKind, ...]
    hours: tuple[int, int]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        first, end = self.hours
        if not 0 <= first < end <= 24:
            raise ValueError("hours: give the first hour and the hour in which none is started any more, e.g. [1, 5]")
        if DetectionKind.FACES in self.kinds:
            raise ValueError("kinds: faces never runs by itself")
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("kinds: each may be listed once only")
        return self


class TriagePolicy(Section):
    """What decides which alert comes first.

    severity: what a signal of it counts, 0 to 1, not rising from violation to suspicion. money_growth: what each tenfold of yuan adds.
    twins_share, relatives_share: of the probability that two records are one person, where they are twins, or siblings, parent and child.
    doubtful_death_share: of the money paid after death, that counts while the death record is probably wrong.
    """

    severity: dict[AlertSeverity, float]
    money_growth: float = Field(ge=0, le=10)
    doubtful_death_share: float = Field(ge=0, le=1)
    twins_share: float = Field(gt=0, le=1)
    relatives_share: float = Field(gt=0, le=1)
    nightly: NightlyPolicy

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if missing := [each.value for each in AlertSeverity if each not in self.severity]:
            raise ValueError(f"severity: nothing is said about {', '.join(missing)}")
        weights = [self.severity[each] for each in (AlertSeverity.VIOLATION, AlertSeverity.WARNING, AlertSeverity.SUSPICION)]
        if not 1 >= weights[0] >= weights[1] >= weights[2] > 0:
            raise ValueError("severity: weights lie above 0 and up to 1, and do not rise from violation over warning to suspicion")
        return self
