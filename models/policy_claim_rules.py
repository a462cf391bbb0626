"""The parameters of the rules H1 to H17 over hospital claims, one class a rule, as policy.toml has them below [claims]."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from models.claim import CareSetting, ChargeCategory, DischargeWay
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Strength, Trace
from models.policy_section import Section

Share = Annotated[float, Field(gt=0, le=1)]
Confidences = Annotated[dict[Strength, Share], Field(min_length=1)]
"""Strength of a record -> how sure a finding from it is. A strength that is not listed is too weak to find anything by."""
Beginning = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]
"""How a code begins, without dots."""
Beginnings = tuple[Beginning, ...]
Settings = Annotated[tuple[CareSetting, ...], Field(min_length=1)]


class SplitStay(Section):
    """H1. days_max: from discharge to the next admission. confidence: at another institution, same_confidence: at the same one.

    exempt_diagnoses, exempt_procedures: of planned cycles; chronic: principal diagnoses that bring people back; moved: ways of discharge
    after which the next stay is the same treatment.
    """

    confidence: Share
    same_confidence: Share
    days_max: int = Field(ge=0, le=90)
    exempt_diagnoses: Beginnings
    exempt_procedures: Beginnings
    chronic: Beginnings
    moved: tuple[DischargeWay, ...]


class PhantomStay(Section):
    """H2. visit_settings: of claims that nobody has while in bed. idle_categories: charges that a bed alone makes. idle_days_min: days with
    no other. whole_confidence: of a stay that has no other charge at all.
    """

    visit_confidence: Share
    idle_confidence: Share
    whole_confidence: Share
    visit_settings: Settings
    idle_categories: tuple[ChargeCategory, ...] = Field(min_length=1)
    idle_days_min: int = Field(ge=1)


class OverlappingStays(Section):
    """H3. days_min: days that both stays have beyond the day of a transfer."""

    confidence: Share
    days_min: int = Field(ge=1)


class FrequentVisits(Section):
    """H4. day, month, year: so many visits and more are found. exempt_diagnoses: visits with one of them do not count."""

    confidence: Share
    settings: Settings
    day: int = Field(ge=2)
    month: int = Field(ge=2)
    year: int = Field(ge=2)
    exempt_diagnoses: Beginnings

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.day < self.month < self.year:
            raise ValueError("day, month, year: must rise")
        return self


class OverSupply(Section):
    """H5. left_share_max: of the days of the last supply that may be left when the drug is supplied again. days_min: shorter supplies are
    not looked at.
    """

    limit_confidence: Share
    early_confidence: Share
    left_share_max: float = Field(ge=0, lt=1)
    days_min: int = Field(ge=1)


class DrugReselling(Section):
    """H6. over_confidence: where more days were supplied than passed."""

    confidence: Share
    over_confidence: Share
    institutions_min: int = Field(ge=2)
    days: int = Field(ge=1, le=366)


class DuplicateMedication(Section):
    """H7. days_min: of both supplies. exempt: beginnings of national drug codes that go with many things."""

    confidence: Share
    days_min: int = Field(ge=1)
    exempt: Beginnings


class MoreUnitsThanDays(Section):
    """H12. day_categories, day_items: charges that there is one of a day. hour_items: charges by the hour."""

    confidence: Share
    day_categories: tuple[ChargeCategory, ...]
    day_items: Beginnings
    hour_items: Beginnings


class CardMisuse(Section):
    """H13. minutes_max: between settlements at two institutions. utc_offset_h: of local time, in which a settlement at noon exactly is one
    of which only the day is known. neighbours_confidence: one of the two is a pharmacy; far_confidence: they are of two counties.
    after_death_days: that charges may be booked late. traces, kinds: evidence that nobody leaves from a hospital bed.
    """

    near_confidence: Share
    neighbours_confidence: Share
    far_confidence: Share
    failed_confidence: Share
    skipped_confidence: Share
    other_face_confidence: Share
    trace_confidence: Share
    death: Confidences
    custody: Confidences
    minutes_max: int = Field(ge=1, le=240)
    utc_offset_h: int = Field(ge=-12, le=14)
    settings: Settings
    after_death_days: int = Field(ge=0)
    traces: tuple[Trace, ...]
    kinds: tuple[EvidenceKind, ...]


class CostOutlier(Section):
    """H14. z_min: robust z of the logarithm of the total among stays of one diagnosis group and level. spread_min: least spread taken."""

    confidence: Share
    z_min: float = Field(gt=0)
    peers_min: int = Field(ge=5)
    spread_min: float = Field(gt=0)


class BilledOverExecuted(Section):
    """H15. tolerance: of the quantity."""

    confidence: Share
    tolerance: float = Field(ge=0)


class AnnualCap(Section):
    """What the fund pays one person of a scheme in a calendar year at most. region: beginning of the code of a region, "" elsewhere."""

    scheme: Scheme
    region: str = Field(pattern=r"^\d{0,6}$")
    cap_fen: int = Field(ge=100_000)


class CapRunUp(Section):
    """H16. share: of the cap."""

    confidence: Share
    share: Share
    caps: tuple[AnnualCap, ...] = Field(min_length=1)


class Companions(Section):
    """H17. persons_min: of a group. times_min: days on which all of them were there. crowd: so many people of one institution, department
    and doctor on one day are too many for a pattern.
    """

    confidence: Share
    persons_min: int = Field(ge=3, le=3)
    times_min: int = Field(ge=2)
    crowd: int = Field(ge=3, le=200)
    exempt_diagnoses: Beginnings
