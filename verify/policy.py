"""The ``[verification.*]`` sections of policy.toml, typed and checked: unknown keys, missing keys and values out of range are refused.

Nothing here has a default: what the service holds a pensioner against is written in the policy file, with its source.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verify.errors import PolicyError
from verify.evidence import EvidenceKind, Outcome
from verify.policy_matching import CalibrationPolicy, MatchingPolicy

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Degrees = Annotated[float, Field(ge=0, le=90)]
Score = Annotated[int, Field(ge=0, le=100)]
Level = Annotated[int, Field(ge=0, le=255)]


class Section(BaseModel):
    """A frozen section; a key that is not known is an error, so that a typing slip cannot switch a check off."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaptureLimits(Section):
    """What one picture may be, checked before it is decoded."""

    max_bytes: Count
    max_pixels: Count
    max_side_px: Count
    min_side_px: Count
    max_trailing_bytes: Annotated[int, Field(ge=0)]


class CapturePolicy(Section):
    """Limits for frames of a session and for enrolment stills."""

    frame: CaptureLimits
    still: CaptureLimits


class FramePolicy(Section):
    """Which frames count as measured at all, and how often the dear models run (every n-th frame of a step)."""

    detector_score_min: Share
    mesh_presence_min: Share
    face_min_px: Positive
    embed_every: Count
    passive_every: Count
    texture_every: Count


class Ramp(Section):
    """A raw value's score: 0 at ``zero`` and 100 at ``full``, straight between; full may lie below zero."""

    zero: float
    full: float

    @model_validator(mode="after")
    def _not_flat(self) -> Self:
        if self.zero == self.full:
            raise ValueError("zero and full must differ")
        return self

    def score(self, raw: float) -> int:
        """Score of a raw value, 0-100."""
        return round(100 * min(1.0, max(0.0, (raw - self.zero) / (self.full - self.zero))))


class QualityScales(Section):
    """Raw value to score, by ISO/IEC 29794-5 component."""

    sharpness: Ramp
    under_exposure_prevention: Ramp
    over_exposure_prevention: Ramp
    illumination_uniformity: Ramp
    background_uniformity: Ramp
    inter_eye_distance: Ramp
    head_pose_yaw: Ramp
    head_pose_pitch: Ramp
    head_pose_roll: Ramp
    eyes_open: Ramp
    mouth_closed: Ramp
    face_occlusion_prevention: Ramp


class QualityMinimums(Section):
    """Lowest acceptable score by component; 0 reports without asking for anything. Box shares are of the frame's smaller side."""

    sharpness: Score
    under_exposure_prevention: Score
    over_exposure_prevention: Score
    illumination_uniformity: Score
    background_uniformity: Score
    inter_eye_distance: Score
    head_pose_yaw: Score
    head_pose_pitch: Score
    head_pose_roll: Score
    eyes_open: Score
    mouth_closed: Score
    face_occlusion_prevention: Score
    face_share_max: Positive
    edge_margin_share: Annotated[float, Field(ge=-1, le=1)]


class QualityPolicy(Section):
    """Scales shared by all purposes, minimums by purpose, and how many good frames a session needs."""

    scale: QualityScales
    enrolment: QualityMinimums
    frame: QualityMinimums
    good_frames_min: Count
    dark_level: Level
    bright_level: Level


class ChallengePolicy(Section):
    """How challenges are drawn."""

    ttl_s: Count
    turns_min: Annotated[int, Field(ge=2, le=4)]
    turns_max: Annotated[int, Field(ge=2, le=4)]
    gentle_blinks_min: Annotated[int, Field(ge=1, le=5)]
    gentle_blinks_max: Annotated[int, Field(ge=1, le=5)]
    gentle_pause_ms_min: Count
    gentle_pause_ms_max: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (
            ("turns_min", "turns_max"),
            ("gentle_blinks_min", "gentle_blinks_max"),
            ("gentle_pause_ms_min", "gentle_pause_ms_max"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} ({getattr(self, low)}) must not be more than {high} ({getattr(self, high)})")
        return self


class ActivePolicy(Section):
    """How prompts are judged. Angles are relative to the person's own frontal baseline."""

    frontal_frames: Count
    frontal_yaw_max_deg: Degrees
    frontal_spread_max_deg: Degrees
    turn_min_deg: Degrees
    turn_frames: Count
    return_max_deg: Degrees
    wrong_side_deg: Degrees
    wrong_side_frames: Count
    step_max_deg: Degrees
    step_reference_ms: Count
    step_cap_deg: Degrees
    blink_min: Share
    blink_face_min_px: Positive
    prompt_limit_ms: Count
    unmeasured_prompt_ms: Count
    lifeless_ms: Count
    lifeless_frames_min: Count
    lifeless_blink_max: Share
    lifeless_face_min_px: Positive
    photograph_motion_min: Share
    gentle_outcome: Literal[Outcome.REFER, Outcome.CERTIFIED]


class DepthPolicy(Section):
    """Optical-flow depth. gating false: reported only."""

    gating: bool
    relief_min: Share
    yaw_difference_min_deg: Degrees
    yaw_difference_max_deg: Degrees
    pairs_max: Count


class FlashPolicy(Section):
    """Colour flash. required: an unanswered flash is held against the attempt. colours: name -> RGB shown by the page."""

    shown: bool
    required: bool
    colours: dict[str, tuple[Level, Level, Level]]
    changes: Annotated[int, Field(ge=0, le=8)]
    hold_ms: Annotated[int, Field(ge=500)]  # at most two changes a second: WCAG 2.2, 2.3.1 allows three
    frames_per_colour: Count
    settle_ms: Annotated[int, Field(ge=0)]
    baseline_yaw_max_deg: Degrees
    limit_ms: Count
    p_value_max: Share
    correlation_min: Share

    @model_validator(mode="after")
    def _enough_colours(self) -> Self:
        if self.shown and (len(self.colours) < 3 or self.changes < 3):
            raise ValueError("a flash sequence needs at least 3 colours and 3 changes")
        return self


class PassivePolicy(Section):
    """Passive presentation-attack detection."""

    live_min: Share
    frames_min: Count
    yaw_max_deg: Degrees


class ScreenPolicy(Section):
    """Marks of a display before the camera. share_min: share of frames that must show them."""

    moire_max: Positive
    share_max: Share
    frames_min: Count


class ContinuityPolicy(Section):
    """One and the same face all through. similarity_min: cosine by embedding length, "default" for all others."""

    similarity_min: dict[str, Annotated[float, Field(ge=-1, le=1)]]
    second_face_ratio_max: Share
    second_face_frames: Count
    tracks_min: Share
    tracks_max_gap_ms: Count
    tracks_max_turn_deg: Degrees
    frozen_difference_max: Annotated[float, Field(ge=0)]
    repeated_share_max: Share
    frames_min: Count
    virtual_camera_labels: tuple[str, ...]
    virtual_camera_outcome: Literal[Outcome.REFUSED, Outcome.REFER]

    @model_validator(mode="after")
    def _has_default(self) -> Self:
        if "default" not in self.similarity_min:
            raise ValueError('similarity_min needs a "default"')
        return self


class NoisePolicy(Section):
    """Sensor noise above which passive scores mean nothing."""

    sigma_max: Positive
    frames_min: Count


class IntegrityPolicy(Section):
    """Order, time and novelty of frames."""

    frames_min: Count
    late_ms: Count
    late_share_max: Share
    ahead_max_ms: Count
    clock_drift_max: Share
    replay_hash_bits: Annotated[int, Field(ge=0, le=64)]
    replay_share_max: Share
    replay_run_min: Count


class DecisionPolicy(Section):
    """What an absent piece of evidence comes to, by kind. Certified means that it may be missing."""

    absent: dict[EvidenceKind, Outcome]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = sorted(set(EvidenceKind) - set(self.absent))
        if missing:
            raise ValueError(f"absent must say what happens without {', '.join(missing)}")
        return self


class VerificationPolicy(Section):
    """Everything under ``[verification]``."""

    capture: CapturePolicy
    frame: FramePolicy
    quality: QualityPolicy
    challenge: ChallengePolicy
    active: ActivePolicy
    depth: DepthPolicy
    flash: FlashPolicy
    passive: PassivePolicy
    screen: ScreenPolicy
    continuity: ContinuityPolicy
    noise: NoisePolicy
    integrity: IntegrityPolicy
    decision: DecisionPolicy
    matching: MatchingPolicy
    calibration: CalibrationPolicy
    probe_frames: Count  # how many best frames are averaged into the probe
    frames_max: Count  # how many frames a session may have


def verification_policy(values: dict[str, Any]) -> VerificationPolicy:
    """Check the ``verification`` table of a parsed policy file.

    Raises:
        PolicyError: naming every key that is unknown, missing or out of range.
    """
    try:
        return VerificationPolicy.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"verification.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']} (is {problem['input']!r:.60})"
            for problem in error.errors()
        )
        raise PolicyError(f"the policy file cannot be used: {problems}") from error


def load_verification_policy(path: Path) -> VerificationPolicy:
    """Read the ``[verification]`` table of a policy file.

    Raises:
        PolicyError: when the file is missing, not TOML, or not acceptable.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"the policy file {path.name} cannot be read: {error}") from error
    if "verification" not in values:
        raise PolicyError(f"the policy file {path.name} has no [verification] table; restore it from the project's own")
    return verification_policy(values["verification"])
