"""The section [anomaly.providers] of policy.toml: how hospitals are ranked from files of claims."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class AnomalyProvidersPolicy(Section):
    """long_stay_nights: from which a stay counts as long. dear_day_share: which part of all claims has the dearest days.

    smoothing_claims: claims of the average hospital that are put to each hospital's own, so that one claim is no mean. peers_min: below it
    hospitals are compared with all. forest_weight: beside the sum. labels_min: of either outcome, below which nothing is trained.
    seeds: models that are averaged. bootstraps: draws for the intervals. features_told: in the file of results.
    """

    long_stay_nights: int = Field(ge=1, le=366)
    readmission_days: int = Field(ge=0, le=366)
    dear_day_share: float = Field(gt=0, lt=1)
    smoothing_claims: float = Field(ge=0)
    peers_min: int = Field(ge=2)
    trees: int = Field(ge=1)
    tree_rows: int = Field(ge=2)
    forest_weight: float = Field(ge=0, le=1)
    labels_min: int = Field(ge=2)
    folds: int = Field(ge=2, le=20)
    seeds: int = Field(ge=1, le=50)
    bootstraps: int = Field(ge=100)
    features_told: int = Field(ge=1)
