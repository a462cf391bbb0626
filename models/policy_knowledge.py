"""The section [knowledge] of policy.toml: what the words of knowledge points mean, where the points themselves do not say it."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from models.policy_section import Section


class KnowledgePolicy(Section):
    """Ages: newborn_days days; infant, toddler, child and working ages in years, below which (or from which) a person is one.

    undated_from: the day from which points without a day of publication hold. surgery_share_max: of the price, for the second operation
    through one cut and those after it.
    """

    undated_from: date
    newborn_days: int = Field(ge=1, le=90)
    infant_under_years: int = Field(ge=1, le=3)
    toddler_under_years: int = Field(ge=1, le=7)
    child_under_years: int = Field(ge=10, le=21)
    adult_from_years: int = Field(ge=14, le=21)
    working_age_min_years: int = Field(ge=14, le=20)
    working_age_max_years: int = Field(ge=50, le=75)
    surgery_share_max: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> KnowledgePolicy:
        if not self.infant_under_years <= self.toddler_under_years <= self.child_under_years:
            raise ValueError("infant_under_years, toddler_under_years and child_under_years must rise")
        return self
