"""The section of policy.toml that record linkage goes by: linkage."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class LinkagePolicy(Section):
    """Record linkage. Weights are match weights: the base-2 logarithm of the odds that two records are of one person."""

    precision_target: float = Field(gt=0, lt=1)
    label_confidence: float = Field(gt=0.5, lt=1)
    labels_min: int = Field(ge=20)
    threshold_weight_min: float = Field(ge=-20, le=50)
    kept_weight_min: float = Field(ge=-60, le=0)
    pairs_most: int = Field(ge=10_000)
    pairs_per_record: float = Field(gt=0, le=1000)
    rules_most: int = Field(ge=4, le=60)
    all_pairs_records: int = Field(ge=0, le=5_000)
    training_pairs: int = Field(ge=10_000, le=5_000_000)
    random_pairs: int = Field(ge=10_000, le=5_000_000)
    cluster_weight: float = Field(ge=-20, le=50)
    cluster_share: float = Field(ge=0, le=1)
    component_weight: float = Field(ge=-20, le=50)
    cluster_unknown_weight: float = Field(ge=-100, le=0)
    cluster_clip_weight: float = Field(gt=0, le=100)
    cluster_records_most: int = Field(ge=10, le=20_000)
    seed: int = Field(ge=0)
    memory_mb: int = Field(ge=200)
    threads: int = Field(ge=1, le=256)
