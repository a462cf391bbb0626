"""The ``[verification.matching]`` and ``[verification.calibration]`` sections of policy.toml, typed and checked."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rate = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProvisionalThresholds(_Section):
    """Similarities of one engine before it has a calibration of its own: from accept on a match, from refer on a person looks."""

    accept: float
    refer: float
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.refer > self.accept:
            raise ValueError(f"refer ({self.refer}) must not be above accept ({self.accept})")
        return self


class MatchingPolicy(_Section):
    """What a comparison comes to.

    accept_fmr, refer_fmr: false match rate levels of the own calibration. references_min: enrolled references behind a calibration
    before it replaces the provisional thresholds. flip_stills: engines whose stills (references, evaluation images) are embedded as the
    mean with the mirrored picture. provisional: by engine name; ``default`` is for engines that are not listed.
    """

    accept_fmr: Rate
    refer_fmr: Rate
    references_min: Count
    flip_stills: tuple[str, ...]
    provisional: dict[str, ProvisionalThresholds]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.refer_fmr < self.accept_fmr:
            raise ValueError(f"refer_fmr ({self.refer_fmr}) must not be below accept_fmr ({self.accept_fmr})")
        if "default" not in self.provisional:
            raise ValueError("provisional.default is missing: it is needed for engines that are not listed")
        return self

    def provisional_for(self, engine_name: str) -> ProvisionalThresholds:
        """Thresholds of one engine, or the default ones."""
        return self.provisional.get(engine_name, self.provisional["default"])


class NormalisationPolicy(_Section):
    """Adaptive score normalisation: nearest cohort similarities used, how many nearest are skipped, and the cohort's size."""

    allowed: bool
    nearest: Annotated[int, Field(ge=10)]
    skip: Annotated[int, Field(ge=0)]
    cohort_min: Count
    cohort_max: Count

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.cohort_min < self.nearest + self.skip + 2:
            raise ValueError("cohort_min must be at least nearest + skip + 2, as the two persons compared are left out")
        if self.cohort_max < self.cohort_min:
            raise ValueError("cohort_max must not be below cohort_min")
        return self


class CalibrationPolicy(_Section):
    """How thresholds are set from the own population.

    levels: false match rates to find thresholds for, falling. expected_errors_min: a group sets the threshold of a level when it has
    at least this many pairs times the level. persons_max: sample of a group; identical_similarity: pairs from here on are the same picture.
    recompute_growth: the job calibrates anew when the gallery has grown by this share.
    """

    levels: Annotated[tuple[Rate, ...], Field(min_length=1)]
    expected_errors_min: Annotated[float, Field(ge=1)]
    persons_max: Annotated[int, Field(ge=2)]
    identical_similarity: float
    recompute_growth: Annotated[float, Field(gt=0, le=10)]
    normalisation: NormalisationPolicy

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if list(self.levels) != sorted(set(self.levels), reverse=True):
            raise ValueError("levels must fall and not repeat")
        return self
