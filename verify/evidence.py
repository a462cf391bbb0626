"""The pieces of evidence that a decision rests on, each with its values, thresholds and reasons.

A piece has one state. The states are ordered: a piece that gets better can only move to the right in

    CONTRADICTED < INSUFFICIENT < BORDERLINE < PASSED

ABSENT means not measured (the engine cannot, or nobody asked); policy says whether that is acceptable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What a piece of evidence speaks about."""

    INTEGRITY = "integrity"  # frames belong to this session, in order, in time, none repeated, none of an earlier session
    QUALITY = "quality"
    ACTIVE = "active"
    DEPTH = "depth"
    FLASH = "flash"
    PASSIVE = "passive"
    SCREEN = "screen"  # moire and other marks of a display held before the camera
    CONTINUITY = "continuity"
    NOISE = "noise"
    MATCH = "match"


class EvidenceState(StrEnum):
    """How a piece of evidence came out."""

    CONTRADICTED = "contradicted"
    INSUFFICIENT = "insufficient"
    BORDERLINE = "borderline"
    PASSED = "passed"
    ABSENT = "absent"


class Reason(StrEnum):
    """Stable reason codes; the words for them live with the pages, in both languages."""

    # what the person can change (retry)
    NO_FACE = "no_face"
    MOVE_CLOSER = "move_closer"
    MOVE_BACK = "move_back"
    CENTRE_FACE = "centre_face"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    UNEVEN_LIGHT = "uneven_light"
    BLURRED = "blurred"
    NOISY_PICTURE = "noisy_picture"
    LOOK_STRAIGHT = "look_straight"
    OPEN_EYES = "open_eyes"
    CLOSE_MOUTH = "close_mouth"
    FACE_COVERED = "face_covered"
    BUSY_BACKGROUND = "busy_background"
    HOLD_STILL = "hold_still"
    TURN_SLOWER = "turn_slower"
    TURN_FURTHER = "turn_further"
    TOO_FEW_FRAMES = "too_few_frames"
    PROMPT_NOT_FOLLOWED = "prompt_not_followed"
    SESSION_EXPIRED = "session_expired"
    # what speaks against the capture
    TWO_FACES = "two_faces"
    FACE_CHANGED = "face_changed"
    REPEATED_FRAMES = "repeated_frames"
    CUT = "cut"
    PHOTOGRAPH = "photograph"
    PHOTOGRAPH_MOVED = "photograph_moved"
    SCREEN = "screen"
    REPLAY = "replay"
    WRONG_PROMPT_ORDER = "wrong_prompt_order"
    FLASH_NOT_ANSWERED = "flash_not_answered"
    FRAMES_OUT_OF_ORDER = "frames_out_of_order"
    FRAMES_LATE = "frames_late"
    FOREIGN_FRAME = "foreign_frame"
    VIRTUAL_CAMERA = "virtual_camera"
    # the comparison
    FACE_NOT_MATCHING = "face_not_matching"
    MATCH_UNSURE = "match_unsure"
    NO_REFERENCE = "no_reference"
    # the course of things
    EVIDENCE_NOT_MEASURED = "evidence_not_measured"
    TRIES_USED_UP = "tries_used_up"
    GENTLE_NEEDS_PERSON = "gentle_needs_person"


@dataclass(frozen=True)
class Measure:
    """One measured value. threshold: what it was held against, or None when it is only reported. unit: SI or a plain word."""

    name: str
    value: float | None
    threshold: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Evidence:
    """One piece of evidence. Reasons are given for every state but PASSED, the most useful first."""

    kind: EvidenceKind
    state: EvidenceState
    reasons: tuple[Reason, ...] = ()
    measures: tuple[Measure, ...] = field(default=())

    def measure(self, name: str) -> float | None:
        """Value of the named measure, None when it is not there."""
        return next((m.value for m in self.measures if m.name == name), None)


class Outcome(StrEnum):
    """What an attempt comes to. Refused says that this attempt does not certify; it never touches a benefit."""

    REFUSED = "refused"
    RETRY = "retry"
    REFER = "refer"
    CERTIFIED = "certified"


@dataclass(frozen=True)
class Decision:
    """The outcome with every piece of evidence behind it."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
