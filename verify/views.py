"""What the verification service answers with: frozen values that any door (JSON, page, command line) can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from verify.evidence import Evidence, Outcome, Reason
from verify.observation import Quality


class ChallengeKind(StrEnum):
    """Which set of prompts a session uses."""

    STANDARD = "standard"
    GENTLE = "gentle"  # for people who cannot turn their head


class Channel(StrEnum):
    """Whose device and whose hands."""

    SELF = "self"
    HELPER = "helper"
    COUNTER = "counter"


class VerificationState(StrEnum):
    """Where one attempt stands."""

    OPEN = "open"
    DECIDING = "deciding"
    DECIDED = "decided"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


class PromptName(StrEnum):
    """What the person is asked to do now."""

    LOOK_STRAIGHT = "look_straight"
    TURN_LEFT = "turn_left"  # the person's own left
    TURN_RIGHT = "turn_right"
    BLINK = "blink"
    WATCH_COLOURS = "watch_colours"
    DONE = "done"


@dataclass(frozen=True)
class Guide:
    """What the page shows next. step_token goes with the next frame; colour fills the screen ("#rrggbb" or None); progress is in [0, 1]."""

    prompt: PromptName
    step_token: str
    colour: str | None
    progress: float
    steps_done: int
    steps_total: int


@dataclass(frozen=True)
class StartedVerification:
    """A session that frames can be posted to. token: the secret of this session, given once."""

    verification_id: str
    token: str
    kind: ChallengeKind
    expires_at: datetime
    guide: Guide
    tries_left: int


@dataclass(frozen=True)
class FrameAnswer:
    """The answer to one frame. hints: what to change now, most useful first. complete: enough was seen, call finish."""

    seq: int
    accepted: bool
    hints: tuple[Reason, ...]
    guide: Guide
    complete: bool
    frames: int


class AnswerState(StrEnum):
    """What a person made of a referred attempt, as its owner may know it."""

    WAITING = "waiting"
    CERTIFIED = "certified"
    TRY_AGAIN = "try_again"  # by camera, or another way
    SETTLED = "settled"  # certified another way meanwhile


@dataclass(frozen=True)
class Answer:
    """The answer to a referred attempt. by: the last day by which it is due. on: when it was given, None while it waits."""

    state: AnswerState
    by: date
    on: date | None = None


@dataclass(frozen=True)
class VerificationView:
    """One attempt as its owner may see it."""

    verification_id: str
    state: VerificationState
    kind: ChallengeKind
    started_at: datetime
    expires_at: datetime
    frames: int
    outcome: Outcome | None = None
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    certificate_id: str | None = None
    valid_until: date | None = None
    tries_left: int = 0
    retry_after_s: int = 0  # seconds before the next try may start
    answer: Answer | None = None  # of a referred attempt


@dataclass(frozen=True)
class ReferenceCheck:
    """Whether a picture can become a reference face. box: x, y, width, height in pixels of the upright picture."""

    acceptable: bool
    faces: int
    quality: Quality | None
    reasons: tuple[Reason, ...]
    box: tuple[float, float, float, float] | None
    width_px: int
    height_px: int


@dataclass(frozen=True)
class ReferenceView:
    """One enrolled reference, without the template."""

    reference_id: str
    person_id: str
    engine_name: str
    engine_version: str
    source: str
    quality: int
    enrolled_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class CertificateView:
    """One certificate for those who may see it whole."""

    certificate_id: str
    person_id: str
    full_name: str
    resident_id_masked: str
    method: str
    certified_on: date
    valid_until: date
    issued_at: datetime
    check_token: str
    revoked_at: datetime | None
