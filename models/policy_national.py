"""The section [claims.national] of policy.toml: what the rules of the national rule base go by where their text leaves it open."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class NationalConfidence(Section):
    """How sure a finding is, by the class of its rule in the edition of 2025. by_hand: of limits that a claim cannot show."""

    policy: float = Field(gt=0, le=1)
    management: float = Field(gt=0, le=1)
    medical: float = Field(gt=0, le=1)
    by_hand: float = Field(gt=0, le=1)


class NationalRecords(Section):
    """What is missing or contradictory in lists and lines.

    sum_fen: how far sums may differ by rounding; price_share: and a line's amount from quantity x price. upload_days: between settlement
    and upload. outside_days: a charge may lie so many days outside its stay.
    """

    sum_fen: int = Field(ge=0)
    price_share: float = Field(ge=0, lt=1)
    upload_days: int = Field(ge=0)
    outside_days: int = Field(ge=0, le=31)


class NationalVisits(Section):
    """How often is too often: so many claims within so many days. planned: beginnings of diagnoses of stays that come again by plan."""

    purchases: int = Field(ge=2)
    purchase_days: int = Field(ge=1, le=366)
    stays: int = Field(ge=2)
    stay_days: int = Field(ge=1, le=366)
    planned: tuple[str, ...]


class NationalAdmission(Section):
    """A stay without need: examined_share of the bill or more is examinations and laboratory, treated_share or less is treatment, surgery,
    drugs and material.
    """

    examined_share: float = Field(gt=0, le=1)
    treated_share: float = Field(ge=0, lt=1)


class NationalPrescriptions(Section):
    """drugs_max: kinds of drugs on one prescription. herbs_max: kinds of herbs; herb_fen_max: amount of one prescription of herbs for a
    day. supply_days_max: of a drug at a time. herb_day_quantity_max: of one herb, in the unit of the bill, for a day.
    """

    drugs_max: int = Field(ge=1)
    herbs_max: int = Field(ge=2)
    herb_fen_max: int = Field(ge=1)
    herb_day_quantity_max: float = Field(gt=0)
    supply_days_max: int = Field(ge=1)


class NationalDuplicates(Section):
    """classes: beginnings of drug codes; two ingredients of one of them on one day do the same twice."""

    classes: tuple[str, ...]


class NationalStatistics(Section):
    """Shares of an institution's month. claims_min: fewer claims tell nothing; peers_min: institutions of the level and kind that make a
    median; deviation: robust standard deviations from it. readmission_days: after discharge. ct, mri: beginnings of item codes.
    limits: shares above which an indicator is told without peers; 1 means none.
    """

    claims_min: int = Field(ge=1)
    peers_min: int = Field(ge=3)
    deviation: float = Field(gt=0)
    readmission_days: int = Field(ge=1, le=31)
    ct: tuple[str, ...]
    mri: tuple[str, ...]
    limits: dict[str, float]


class NationalPolicy(Section):
    """The whole section."""

    confidence: NationalConfidence
    records: NationalRecords
    visits: NationalVisits
    admission: NationalAdmission
    prescriptions: NationalPrescriptions
    duplicates: NationalDuplicates
    statistics: NationalStatistics
