"""What a reviewer is shown of a referred verification: every value beside what it was held against. Plain values and pure functions."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from models.casework import ReviewDecision
from models.life_evidence import EvidenceKind as LifeEvidenceKind
from models.verification import VerificationOutcome, VerificationState
from verify.evidence import Evidence, EvidenceKind, EvidenceState, Reason
from verify.policy import VerificationPolicy
from verify.views import ChallengeKind, Channel, PromptName


class Limit(StrEnum):
    """How a value is held against its threshold."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BELOW = "below"


_HOLDS = {Limit.AT_LEAST: operator.ge, Limit.AT_MOST: operator.le, Limit.BELOW: operator.lt}
_AT_MOST = frozenset(
    {
        (EvidenceKind.INTEGRITY, "foreign_frames"),
        (EvidenceKind.INTEGRITY, "disordered_frames"),
        (EvidenceKind.INTEGRITY, "late_share"),
        (EvidenceKind.INTEGRITY, "ahead_of_clock"),
        (EvidenceKind.INTEGRITY, "frames_repeated_later"),
        (EvidenceKind.INTEGRITY, "repeated_share"),
        (EvidenceKind.INTEGRITY, "replayed_share"),
        (EvidenceKind.SCREEN, "moire_share"),
        (EvidenceKind.SCREEN, "moire_median"),
        (EvidenceKind.NOISE, "noise_sigma"),
        (EvidenceKind.FLASH, "p_value"),
        (EvidenceKind.CONTINUITY, "virtual_camera"),
    }
)


def limit_of(kind: EvidenceKind, name: str) -> Limit:
    """How the evidence of a kind holds one of its measures against the threshold."""
    if (kind, name) in _AT_MOST:
        return Limit.AT_MOST
    return Limit.BELOW if (kind, name) == (EvidenceKind.CONTINUITY, "frames_with_second_face") else Limit.AT_LEAST


@dataclass(frozen=True)
class Value:
    """One measured value. value: None where it was not measured. threshold: None where it is only reported. unit: SI or a plain word."""

    name: str
    value: float | None
    threshold: float | None = None
    limit: Limit = Limit.AT_LEAST
    unit: str = ""

    @property
    def fits(self) -> bool | None:
        """Whether it lies on the right side; None where nothing was measured or held against it."""
        if self.value is None or self.threshold is None:
            return None
        return bool(_HOLDS[self.limit](self.value, self.threshold))


@dataclass(frozen=True)
class Piece:
    """One piece of evidence of the decision, as it was recorded then."""

    kind: EvidenceKind
    state: EvidenceState
    reasons: tuple[Reason, ...]
    values: tuple[Value, ...]

    @classmethod
    def of(cls, evidence: Evidence) -> Piece:
        """The piece with the direction of each of its measures."""
        values = (Value(m.name, m.value, m.threshold, limit_of(evidence.kind, m.name), m.unit) for m in evidence.measures)
        return cls(evidence.kind, evidence.state, evidence.reasons, tuple(values))


@dataclass(frozen=True)
class Frame:
    """One frame. at_ms: of the camera page's clock, from the session's start. prompt, colour: on show when it was taken.

    has_picture: a picture of it is kept. shown: it is among those that a reviewer sees as pictures. probe: it was compared with the
    reference. worst_component: of the picture's quality, that lies furthest below what is asked.
    """

    seq: int
    at_ms: int
    prompt: PromptName
    colour: str | None
    values: tuple[Value, ...]
    hints: tuple[Reason, ...]
    worst_component: str | None
    has_picture: bool
    shown: bool
    probe: bool


@dataclass(frozen=True)
class ReferenceShown:
    """The reference face. has_picture: the enrolment's picture is kept. quality: worst component, 0-100."""

    enrolled_on: date
    source: str
    quality: int | None
    has_picture: bool


@dataclass(frozen=True)
class Attempt:
    """Another attempt of the person."""

    verification_id: str
    on: date
    state: VerificationState
    outcome: VerificationOutcome | None
    kind: ChallengeKind
    channel: Channel
    reasons: tuple[Reason, ...]
    decision: ReviewDecision | None


@dataclass(frozen=True)
class Certification:
    """One certification of the person that counts."""

    on: date
    kind: LifeEvidenceKind
    source: str
    silent: bool


class ReviewState(StrEnum):
    """Where a referred verification stands."""

    WAITING = "waiting"
    DECIDED = "decided"
    CLOSED = "closed"  # nobody decided it, and nobody has to: certified another way, or its case was closed by itself


@dataclass(frozen=True)
class Decided:
    """What a person decided of it."""

    decision: ReviewDecision
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Review:
    """Everything that a reviewer needs for one decision.

    person_id, alert_id, case_id: public. held_by: another person who has its case now, until held_until (None: until given back).
    own_session: this reviewer ran it at the counter. answer_by: the day by which the person was promised an answer. other_policy: the
    policy has changed since; values of frames are held against today's. same_engine: the running engine is the one that measured.
    """

    verification_id: str
    person_id: str
    masked_name: str
    masked_resident_id: str
    birth_year: int
    region_code: str
    region_name: str
    kind: ChallengeKind
    channel: Channel
    camera_label: str | None
    started_at: datetime
    decided_at: datetime
    answer_by: date
    reasons: tuple[Reason, ...]
    pieces: tuple[Piece, ...]
    frames: tuple[Frame, ...]
    reference: ReferenceShown | None
    attempts: tuple[Attempt, ...]
    certifications: tuple[Certification, ...]
    state: ReviewState
    decided: Decided | None
    alert_id: str | None
    case_id: str | None
    held_by: str | None
    held_until: datetime | None
    own_session: bool
    other_policy: bool
    same_engine: bool

    @property
    def has_pictures(self) -> bool:
        """Whether there is any picture to ask for."""
        return any(frame.shown for frame in self.frames) or (self.reference is not None and self.reference.has_picture)


def frame_values(
    measures: Mapping[str, Any], *, similarity: float | None, accept_from: float | None, policy: VerificationPolicy
) -> tuple[Value, ...]:
    """The values of one frame, from what is kept of it in clear. accept_from: of the comparison, None where it is of another scale."""
    component = worst_component(measures, policy)
    score = None if component is None else float(measures["quality"][component][0])
    minimum = None if component is None else float(getattr(policy.quality.frame, component))
    box = measures.get("box")
    return (
        Value("similarity", similarity, accept_from, unit="similarity"),
        Value("live", measures.get("passive"), policy.passive.live_min),
        Value("quality", score, minimum, unit="points"),
        Value("yaw", measures.get("yaw_deg"), unit="deg"),
        Value("pitch", measures.get("pitch_deg"), unit="deg"),
        Value("blink", measures.get("blink")),
        Value("faces", float(measures["faces"]), 1.0, Limit.AT_MOST, "faces"),
        Value("face_width", None if box is None else float(box[2]), policy.frame.face_min_px, unit="px"),
        Value("noise_sigma", measures.get("noise_sigma"), policy.noise.sigma_max, Limit.AT_MOST, "grey levels"),
        Value("moire", measures.get("moire"), policy.screen.moire_max, Limit.AT_MOST, "peak over median"),
    )


def worst_component(measures: Mapping[str, Any], policy: VerificationPolicy) -> str | None:
    """The component of the picture's quality that lies furthest below, or least above, what policy asks of frames; None without a face."""
    quality = measures.get("quality")
    if not quality:
        return None
    return str(min(quality, key=lambda name: (quality[name][0] - getattr(policy.quality.frame, name), name)))


def chosen(seqs: Sequence[int], probes: Sequence[int], at_most: int) -> frozenset[int]:
    """Which of the kept pictures are shown: those that were compared, and others evenly spread, first and last among them."""
    must = [seq for seq in probes if seq in set(seqs)][:at_most]
    room = at_most - len(must)
    rest = [seq for seq in seqs if seq not in set(must)]
    if len(rest) <= room:
        return frozenset(seqs)
    if room <= 1:
        return frozenset([*must, *rest[:room]])
    return frozenset([*must, *(rest[round(place * (len(rest) - 1) / (room - 1))] for place in range(room))])
