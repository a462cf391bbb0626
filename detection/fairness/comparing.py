"""Each group beside everybody else: rates with intervals, and which gaps lie beyond policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from detection.rates import Difference, Rate, difference, rate
from models.fairness import Attempts, Dimension, Measure
from models.policy_casework import FairnessPolicy


class Verdict(StrEnum):
    """What the numbers say of one group in one measure."""

    TOO_FEW = "too_few"  # the group, or everybody else, has fewer attempts than attempts_min: shown, never judged
    ALIKE = "alike"  # no interval beyond the limit
    GAP = "gap"  # the whole interval of the difference lies beyond the limit


@dataclass(frozen=True)
class Compared:
    """One group in one measure. worse: by how much it is worse off than everybody else in the dimension, in shares of one; None where one
    of the two is empty. limit: of policy.
    """

    dimension: Dimension
    group: str
    measure: Measure
    rate: Rate
    others: Rate
    worse: Difference | None
    limit: float
    verdict: Verdict

    @property
    def key(self) -> str:
        """The same group and measure have the same key in every run; without the region that the figures are of."""
        return f"{self.dimension.value}:{self.group}:{self.measure.value}"


def compare(groups: Mapping[Dimension, Mapping[str, Attempts]], policy: FairnessPolicy) -> list[Compared]:
    """Every group of every dimension in every measure, each held against the rest of its dimension.

    A gap is found only to a group's disadvantage, and only when the near end of the interval of the difference lies beyond the limit: what
    chance explains finds nothing. groups: of a dimension, by their words; they must not overlap.
    """
    found = []
    for dimension, members in groups.items():
        everybody = sum(members.values(), Attempts())
        for group, attempts in sorted(members.items()):
            found += [_compared(dimension, group, attempts, everybody, measure, policy) for measure in Measure]
    return found


def gaps(compared: list[Compared]) -> list[Compared]:
    """Those beyond policy, the widest first."""
    found = [one for one in compared if one.verdict is Verdict.GAP]
    return sorted(found, key=lambda one: (-(one.worse.low - one.limit if one.worse else 0.0), one.key))


def limit_of(measure: Measure, policy: FairnessPolicy) -> float:
    """How much worse off a group may be, in shares of one."""
    return {
        Measure.COMPLETION: policy.completion_gap_max,
        Measure.RETRY: policy.retry_gap_max,
        Measure.REFUSAL: policy.refusal_gap_max,
    }[measure]


def _compared(
    dimension: Dimension, group: str, attempts: Attempts, everybody: Attempts, measure: Measure, policy: FairnessPolicy
) -> Compared:
    mine = rate(attempts.of(measure), attempts.ended, policy.confidence)
    others = rate(everybody.of(measure) - attempts.of(measure), everybody.ended - attempts.ended, policy.confidence)
    worse = difference(others, mine) if measure is Measure.COMPLETION else difference(mine, others)
    limit = limit_of(measure, policy)
    if min(mine.of, others.of) < policy.attempts_min or worse is None:
        verdict = Verdict.TOO_FEW
    else:
        verdict = Verdict.GAP if worse.low > limit else Verdict.ALIKE
    return Compared(dimension, group, measure, mine, others, worse, limit, verdict)
