"""The section [faces] of policy.toml: the search for one face under two identities (1:N)."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from models.policy_section import Section


class FaceIndexKind(StrEnum):
    """How candidates are found in memory: by every template, by every template's short code, in lists of near faces, along a graph."""

    FLAT = "flat"
    CODES = "codes"
    IVF = "ivf"
    HNSW = "hnsw"


class FacesPolicy(Section):
    """How candidate pairs are looked for, which of them go to people, and how sure a finding is said to be.

    fmr: level of the calibration in effect whose threshold counts. birth_years: pairs further apart are left out. rescored: candidates of
    the index that are compared exactly; neighbours: the nearest of them that count. contradicting_rank: a candidate whose sex contradicts
    or is unknown is kept up to this place. pairs_max: about so many pairs a run; above it the threshold is raised. confidence_*: of a pair
    at the threshold, at or above certain_similarity; twin_factor: for pairs that may be twins or relatives. memory_index: in memory, above
    flat_below faces. directions: of a template that codes, lists and graph keep. ivf_lists: times the square root of the faces; ivf_probed:
    share of the lists that is looked into. hnsw_links: of a face in the graph; hnsw_build: faces looked at for them. graph_candidates:
    faces that a search in a graph keeps in sight, in memory, PostgreSQL and Milvus.
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
    memory_index: FaceIndexKind
    training_faces: int = Field(ge=1_000)
    directions: int = Field(ge=8, le=4_096, multiple_of=4)
    ivf_lists: float = Field(gt=0, le=16)
    ivf_probed: float = Field(gt=0, le=1)
    hnsw_links: int = Field(ge=4, le=128)
    hnsw_build: int = Field(ge=10, le=1_000)
    rescored: int = Field(ge=1, le=10_000)
    graph_candidates: int = Field(ge=1, le=1000)

    def memory_index_of(self, faces: int) -> FaceIndexKind:
        """The kind of index in memory for so many faces."""
        return FaceIndexKind.FLAT if faces <= self.flat_below else self.memory_index

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.confidence_certain < self.confidence_at_threshold:
            raise ValueError("confidence_certain must not be below confidence_at_threshold")
        if self.rescored < self.neighbours:
            raise ValueError("rescored must not be below neighbours")
        return self
