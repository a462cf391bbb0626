"""The section [rules] of policy.toml: the parameters of the rules over enrolments, benefits and payments, one table a rule."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.benefit import RetirementKind
from models.enrolment import Scheme
from models.life_evidence import Strength
from models.person import Sex
from models.policy_section import Section

Share = Annotated[float, Field(gt=0, le=1)]
Confidences = Annotated[dict[Strength, Share], Field(min_length=1)]
"""Strength of a record -> how sure a finding from it is. A strength that is not listed is too weak to find anything by."""


class PaidAfterDeath(Section):
    """P1."""

    confidence: Confidences


class ConflictingDeaths(Section):
    """P2. days_apart_min: dates that lie less days apart agree."""

    confidence: Confidences
    days_apart_min: int = Field(ge=1)


class PaidInCustody(Section):
    """P3."""

    confidence: Confidences


class OverdueAndPaid(Section):
    """P4. grace_days: from the due day until a pause could have been signed; months_ahead: from then until it could have counted."""

    confidence: Share
    grace_days: int = Field(ge=0)
    months_ahead: int = Field(ge=0, le=3)


class SharedAccount(Section):
    """P5. months: how far back payments count. family_max: persons of one account whom relations may explain. many: from so many persons
    the account itself is looked at. few_confidence, many_confidence: of each of the two findings.
    """

    months: int = Field(ge=1, le=120)
    family_max: int = Field(ge=2)
    many: int = Field(ge=3)
    few_confidence: Share
    many_confidence: Share

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.family_max >= self.many:
            raise ValueError("family_max: must be less than many")
        return self


class LeastAge(Section):
    """The least age at which a pension of a scheme may begin, in months of life. sex: None for both."""

    scheme: Scheme
    kind: RetirementKind
    sex: Sex | None = None
    months: int = Field(ge=240, le=1200)
    flexible: bool = False


class Delay(Section):
    """How the legal age rises for those born from a month on: one month for every so many months of birth, up to months_max."""

    scheme: Scheme
    kind: RetirementKind
    sex: Sex
    months: int = Field(ge=240, le=1200)
    born_from: date
    born_months: int = Field(ge=1)
    months_max: int = Field(ge=1)


class RetirementAge(Section):
    """P6. flexible_months: how much earlier than the legal age somebody may choose to retire where ``flexible`` is true, never below the
    age in ``ages``. papers_confidence: of a finding that an approved birth date explains, confidence: of the others.
    """

    confidence: Share
    papers_confidence: Share
    tolerance_months: int = Field(ge=0)
    flexible_months: int = Field(ge=0)
    ages: tuple[LeastAge, ...] = Field(min_length=1)
    delays: tuple[Delay, ...]


class LifeAfterDeath(Section):
    """P7. death_strengths: of the death records that are looked at. late_days: a trace of so many days after the death may have been booked
    late. doubtful_sources: from so many independent sources that checked an identity the death record is in doubt; one conclusive one
    does too. doubtful, unclear, weak: confidences.
    """

    death_strengths: tuple[Strength, ...] = Field(min_length=1)
    late_days: int = Field(ge=0)
    doubtful_sources: int = Field(ge=1)
    doubtful: Share
    unclear: Share
    weak: Share


class Combination(Section):
    """Two schemes that one rule asks about: how many months of both are allowed."""

    code: str = Field(pattern=r"^D[14]$")
    schemes: tuple[Scheme, Scheme]
    allowed_months: int = Field(ge=0)


class OneOfTwo(Section):
    """D1, D4: two schemes at the same time."""

    confidence: Share


class TwoRegions(Section):
    """D2. transfer_months: months of both that a move may take. region_digits: how much of a code tells two regions apart."""

    confidence: Share
    schemes: tuple[Scheme, ...] = Field(min_length=1)
    transfer_months: int = Field(ge=0)
    region_digits: int = Field(ge=2, le=6)


class ContributionsAfter(Section):
    """D5. days_after_death: how long contributions may go on. whole_year: schemes paid for a calendar year, which count from the next year.
    custody: schemes that cannot go on in custody.
    """

    confidence: Confidences
    days_after_death: int = Field(ge=0)
    whole_year: tuple[Scheme, ...]
    custody: tuple[Scheme, ...]


class TwoSchemesPaid(Section):
    """B1. offset_months: months of both that are set off against the employee pension."""

    confidence: Share
    offset_months: int = Field(ge=0)


class TwoPensions(Section):
    """B2. schemes: pensions. within_months: payments so many months apart are of the same time."""

    confidence: Share
    schemes: tuple[Scheme, ...] = Field(min_length=1)
    within_months: int = Field(ge=0, le=12)


class UnemploymentAndMore(Section):
    """B3. contributions: scheme -> confidence that its contributions mean work. pensions: schemes whose payment ends the benefit."""

    contributions: dict[Scheme, Share]
    pensions: tuple[Scheme, ...]
    pension_confidence: Share
    allowed_months: int = Field(ge=0)


class GrantsTwice(Section):
    """B4. survivor_recipients_max: among how many recipients one survivor grant may be divided. confidence: when recipients are known;
    unknown_confidence: when they are not.
    """

    confidence: Share
    unknown_confidence: Share
    survivor_recipients_max: int = Field(ge=1)


class RulesPolicy(Section):
    """All of it. memory_mb, threads: what the engine of a run may use."""

    memory_mb: int = Field(ge=256)
    threads: int = Field(ge=1, le=256)
    P1: PaidAfterDeath
    P2: ConflictingDeaths
    P3: PaidInCustody
    P4: OverdueAndPaid
    P5: SharedAccount
    P6: RetirementAge
    P7: LifeAfterDeath
    D1: OneOfTwo
    D2: TwoRegions
    D4: OneOfTwo
    D5: ContributionsAfter
    B1: TwoSchemesPaid
    B2: TwoPensions
    B3: UnemploymentAndMore
    B4: GrantsTwice
    combinations: tuple[Combination, ...]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for code in ("D1", "D4"):
            if not any(one.code == code for one in self.combinations):
                raise ValueError(f"combinations: nothing is said for {code}")
        return self
