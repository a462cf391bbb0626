"""What the signals on one person come to as one alert: what leads, how severe, how much money, and how soon to look at it. Pure.

Priority: the greatest severity x confidence of any signal, times the money of all of them on a logarithmic scale. It never falls when a
signal is added or becomes more severe, more certain or dearer, with one exception: life after a death record that is probably wrong takes
money from the payments after that death.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from models.alert import AlertSeverity
from models.policy import CertificationPolicy, RecordSections
from models.policy_rules import LifeAfterDeath
from models.policy_triage import TriagePolicy

PAID_AFTER_DEATH = "P1"
LIFE_AFTER_DEATH = "P7"
DOUBTS_DEATH = "doubts_death"
"""The fact of a finding that says whether the death record is probably wrong: true or false."""
SEVERITIES = (AlertSeverity.SUSPICION, AlertSeverity.WARNING, AlertSeverity.VIOLATION)

BenefitMonth = tuple[int, date]
Paid = BenefitMonth | int
"""What was paid once: a month of a benefit, or a claim by its id."""


@dataclass(frozen=True)
class TriageRules:
    """What triage goes by. certification: says what day it is. life_after_death: the rule that is asked as rows come in. policy_hash: goes
    on every signal.
    """

    policy: TriagePolicy
    certification: CertificationPolicy
    life_after_death: LifeAfterDeath
    policy_hash: str

    @classmethod
    def of(cls, policy: RecordSections, policy_hash: str) -> TriageRules:
        """From the sections in force."""
        return cls(policy.triage, policy.certification, policy.rules.P7, policy_hash)


@dataclass(frozen=True)
class Weighable:
    """A standing signal as triage sees it.

    paid: the months of benefits, and the claims, that its money was paid for, as far as it names them. doubts_death: it says that a death
    record is probably wrong.
    """

    code: str
    key: str
    severity: AlertSeverity
    confidence: float
    amount_fen: int
    paid: frozenset[Paid] = frozenset()
    doubts_death: bool = False


@dataclass(frozen=True)
class Weighed:
    """What an alert says of its signals. lead: code of the weightiest. doubts_death: the death record is probably wrong."""

    lead: str
    severity: AlertSeverity
    amount_fen: int
    priority: float
    doubts_death: bool


def weigh(signals: Sequence[Weighable], policy: TriagePolicy, paid: Mapping[Paid, int]) -> Weighed:
    """The alert of at least one signal. paid: what was paid of a benefit in a month, or by the fund for a claim, in fen, as far as it is
    known.
    """
    doubts_death = any(signal.code == LIFE_AFTER_DEATH and signal.doubts_death for signal in signals)
    counted = [_doubted(signal, policy) if doubts_death and signal.code == PAID_AFTER_DEATH else signal for signal in signals]
    amount_fen = money_at_risk(counted, paid)
    certainty = max(_certainty(signal, policy) for signal in counted)
    if doubts_death:
        lead = LIFE_AFTER_DEATH
    else:
        lead = min(counted, key=lambda one: (-_certainty(one, policy) * money_weight(one.amount_fen, policy), one.code, one.key)).code
    severity = max((signal.severity for signal in signals), key=SEVERITIES.index)
    return Weighed(lead, severity, amount_fen, round(certainty * money_weight(amount_fen, policy), 6), doubts_death)


def money_weight(amount_fen: int, policy: TriagePolicy) -> float:
    """1 without money, and money_growth more with each tenfold of one yuan."""
    return 1 + policy.money_growth * math.log10(1 + amount_fen / 100)


def money_at_risk(signals: Sequence[Weighable], paid: Mapping[Paid, int]) -> int:
    """Sum in fen in which a month of a benefit, or a claim, that several signals name counts once, with the greatest share that one of them
    gives it.

    The money of a signal lies on the months of its benefits, and on its claims, as they were paid; evenly where nothing is known of that.
    Not less than the greatest amount of one signal, not more than the sum of all.
    """
    shared = [signal for signal in signals if signal.paid and signal.amount_fen]
    if len(shared) < 2:
        return sum(signal.amount_fen for signal in signals)
    total = sum(signal.amount_fen for signal in signals if not signal.paid)
    greatest = dict[Paid, Fraction]()
    for signal in shared:
        cells = list(signal.paid)
        weights = [paid.get(cell, 0) for cell in cells]
        if not (whole := sum(weights)):
            weights, whole = [1] * len(cells), len(cells)
        for cell, weight in zip(cells, weights, strict=True):
            greatest[cell] = max(greatest.get(cell, Fraction(0)), Fraction(signal.amount_fen * weight, whole))
    return total + math.floor(sum(greatest.values()))


def months(first: date | None, last: date | None) -> Iterable[date]:
    """First days of the months from first to last, both included; none without both."""
    if first is None or last is None:
        return
    number, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    while number <= end:
        yield date(number // 12, number % 12 + 1, 1)
        number += 1


def is_news(changed_at: datetime, closed_at: datetime) -> bool:
    """True when what a signal says changed after people closed the alert that told of it."""
    return changed_at > closed_at


def _doubted(signal: Weighable, policy: TriagePolicy) -> Weighable:
    return replace(signal, amount_fen=int(signal.amount_fen * policy.doubtful_death_share))


def _certainty(signal: Weighable, policy: TriagePolicy) -> float:
    return policy.severity[signal.severity] * signal.confidence
