"""The section [faces] of policy.toml: the search for one face under two identities (1:N)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from models.policy_section import Section


class FacesPolicy(Section):
    """How candidate pairs are looked for, which of them go to people, and how sure a finding is said to be.

    fmr: level of the calibration in effect whose threshold counts. birth_years: pairs further apart are left out. rescored: candidates of
    the index that are compared exactly; neighbours: the nearest of them that count. contradicting_rank: a candidate whose sex contradicts
    or is unknown is kept up to this place. pairs_max: about so many pairs a run; above it the threshold is raised. confidence_*: of a pair
    at the threshold, at or above certain_similarity; twin_factor: for pairs that may be twins or relatives. directions: of the short code.
    """

    fmr: float = Field(gt=0, lt=1)
    birth_years: int = Field(ge=0, le=120)
    neighbours: int = Field(ge=1, le=200)
    contradicting_rank: int = Field(ge=0, le=200)
    pairs_per_person: int = Field(ge=1, le=100)
    pairs_max: int = Field(ge=1)
    pilot_faces: int = Field(ge=100)
    sampled_pairs: int = Field(ge=10_000)
    same_picture_similarity: float = Field(gt=0, le=1)
    certain_similarity: float = Field(gt=0, le=1)
    confidence_at_threshold: float = Field(ge=0, le=1)
    confidence_certain: float = Field(ge=0, le=1)
    twin_days: int = Field(ge=0, le=30)
    twin_factor: float = Field(ge=0, le=1)
    paid_months: int = Field(ge=1, le=120)
    flat_below: int = Field(ge=1)
    training_faces: int = Field(ge=1_000)
    directions: int = Field(ge=8, le=4_096, multiple_of=4)
    rescored: int = Field(ge=1, le=10_000)
    graph_candidates: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.confidence_certain < self.confidence_at_threshold:
            raise ValueError("confidence_certain must not be below confidence_at_threshold")
        if self.rescored < self.neighbours:
            raise ValueError("rescored must not be below neighbours")
        return self
