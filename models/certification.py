"""Certification status (认证状态): derived from evidence, benefits, policy and a date; stored nowhere.

``derive`` does it for one person in Python; in SQL, ``status_query`` for lists that stop early and ``status_table`` for many at once. A
property test holds the three equal. The rows of all records that were merged into one person count for that person.

The rules, first that applies:

1. A death record of policy's strength that counts, up to the day: deceased. A later trace of life changes nothing by itself; only
   correcting the death record does.
2. A benefit that is paused on the day, and no certifying evidence on or after the day of the pause: paused.
3. No certifying evidence: never certified. Due one cycle after the first benefit began.
4. Due is the last certifying evidence plus the shortest cycle of the benefits that have not ended (policy's usual cycle without any):
   after that day overdue, within policy's due-soon window due soon, otherwise certified.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from models.benefit import BenefitStatus
from models.certification_state import CertificationState
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Strength, strengths_from
from models.policy import CertificationPolicy


@dataclass(frozen=True)
class EvidenceFact:
    """What the derivation needs of one row of the ledger. id and corrects_id: as in the ledger."""

    id: int
    kind: EvidenceKind
    occurred_on: date
    strength: Strength
    corrects_id: int | None = None


@dataclass(frozen=True)
class BenefitFact:
    """What the derivation needs of one benefit. ended_pauses: (first day, first day paid again) of each pause that is over."""

    scheme: Scheme
    region_code: str
    status: BenefitStatus
    from_month: date
    to_month: date | None = None
    paused_on: date | None = None
    ended_pauses: tuple[tuple[date, date], ...] = ()

    def paused_since(self, on: date) -> date | None:
        """First day of the pause that lasts on the day; None when none does."""
        if self.paused_on is not None and self.paused_on <= on:
            return self.paused_on  # a pause that lasts began after those that are over
        return max((start for start, resumed in self.ended_pauses if start <= on < resumed), default=None)


@dataclass(frozen=True)
class CertificationStatus:
    """Status of one person on a day.

    last_certified_on: day of the newest certifying evidence. due_on: last day on which the certification still counts; None for the
    deceased, and for people who never certified and draw nothing. cycle_months: the cycle that was used.
    """

    state: CertificationState
    on: date
    last_certified_on: date | None
    due_on: date | None
    cycle_months: int


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day: 29 February + 12 months is 28 February."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    month += 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def derive(evidence: Iterable[EvidenceFact], benefits: Iterable[BenefitFact], policy: CertificationPolicy, on: date) -> CertificationStatus:
    """Status of one person on a day (of the policy's time zone) from every row of the ledger and every benefit."""
    rows = tuple(evidence)
    corrected = {row.corrects_id for row in rows}
    counting = [row for row in rows if row.id not in corrected and row.strength is not Strength.VOID and row.occurred_on <= on]
    drawn = [benefit for benefit in benefits if _drawn(benefit, on)]
    cycle = min((policy.cycle_months(benefit.scheme, benefit.region_code) for benefit in drawn), default=policy.default_cycle_months)
    last = max((row.occurred_on for row in counting if _certifies(row, policy)), default=None)

    def status(state: CertificationState, due_on: date | None) -> CertificationStatus:
        return CertificationStatus(state, on, last, due_on, cycle)

    deadly = strengths_from(policy.death_strength)
    if any(row.kind is EvidenceKind.DEATH_RECORD and row.strength in deadly for row in counting):
        return status(CertificationState.DECEASED, None)
    first = min((benefit.from_month for benefit in drawn), default=None)
    since = last or first
    due_on = add_months(since, cycle) if since is not None else None
    pauses = [since for benefit in drawn if (since := benefit.paused_since(on)) is not None]
    if pauses and (last is None or last < max(pauses)):
        return status(CertificationState.PAUSED, due_on)
    if last is None or due_on is None:
        return status(CertificationState.NEVER_CERTIFIED, due_on)
    if due_on < on:
        return status(CertificationState.OVERDUE, due_on)
    if due_on <= on + timedelta(days=policy.due_soon_days):
        return status(CertificationState.DUE_SOON, due_on)
    return status(CertificationState.CERTIFIED, due_on)


def _drawn(benefit: BenefitFact, on: date) -> bool:
    if benefit.status is BenefitStatus.ENDED or benefit.from_month > on:
        return False
    return benefit.to_month is None or benefit.to_month >= on.replace(day=1)


def _certifies(row: EvidenceFact, policy: CertificationPolicy) -> bool:
    minimum = policy.certifying.get(row.kind)
    return minimum is not None and row.strength in strengths_from(minimum)
