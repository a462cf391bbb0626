"""What goes in and out of the JSON doors. Requests refuse unknown fields and wrong types; answers are read from the service's views."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.certificates import CertificateState
from models.certification_state import CertificationState
from models.consent import ConsentPurpose
from verify.evidence import EvidenceKind, EvidenceState, Outcome, Reason
from verify.views import AnswerState, ChallengeKind, Channel, PromptName, VerificationState

# no control characters: nothing that a store, a log or a screen could take for something else
PLAIN_TEXT = r"^[^\x00-\x1f\x7f-\x9f]+$"
PUBLIC_ID = r"^[A-Za-z0-9_-]{1,64}$"

PublicId = Annotated[str, Field(pattern=PUBLIC_ID, description="opaque public id")]
Count = Annotated[int, Field(ge=0)]


class Request(BaseModel):
    """Base of everything that comes in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """Base of everything that goes out."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class StartRequest(Request):
    """Start one verification."""

    person_id: PublicId
    kind: ChallengeKind = Field(ChallengeKind.STANDARD, description="gentle: for people who cannot turn their head")
    channel: Channel | None = Field(None, description="whose device and hands; without it self for pensioners, counter for staff")
    camera_label: str | None = Field(None, max_length=200, pattern=PLAIN_TEXT, description="the browser's name of the camera")


class FrameQuery(Request):
    """Where one frame belongs."""

    seq: int = Field(ge=0, le=2**31 - 1, description="0, 1, 2 ... as sent")
    captured_at_ms: int = Field(ge=0, le=2**31 - 1, description="the page's clock, from the session's start")
    step: str = Field(pattern=r"^[A-Za-z0-9._~=-]{1,400}$", description="step token that came with the last answer")
    camera_label: str | None = Field(None, max_length=200, pattern=PLAIN_TEXT, description="the camera in use, when it changed")


class GuideAnswer(Answer):
    """What to show next."""

    prompt: PromptName
    step_token: str
    colour: str | None = Field(description="#rrggbb to fill the screen with")
    progress: float = Field(ge=0, le=1)
    steps_done: Count
    steps_total: Count


class StartedAnswer(Answer):
    """A session that frames can be posted to."""

    verification_id: str
    token: str = Field(description="secret of this session, given once; goes into the header Lifecert-Session")
    kind: ChallengeKind
    expires_at: datetime
    guide: GuideAnswer
    tries_left: Count


class FrameAnswered(Answer):
    """The answer to one frame."""

    seq: Count
    accepted: bool
    hints: tuple[Reason, ...]
    guide: GuideAnswer
    complete: bool = Field(description="enough was seen: call finish")
    frames: Count


class EvidenceAnswer(Answer):
    """One piece of evidence, without measured values and thresholds: those would teach an attacker what to change."""

    kind: EvidenceKind
    state: EvidenceState
    reasons: tuple[Reason, ...]


class PersonsAnswer(Answer):
    """What a person made of a referred attempt. by: the day by which the answer is due; on: when it was given."""

    state: AnswerState
    by: date
    on: date | None


class VerificationAnswer(Answer):
    """One attempt as its owner may see it."""

    verification_id: str
    state: VerificationState
    kind: ChallengeKind
    started_at: datetime
    expires_at: datetime
    frames: Count
    outcome: Outcome | None
    reasons: tuple[Reason, ...]
    evidence: tuple[EvidenceAnswer, ...]
    certificate_id: str | None
    valid_until: date | None
    tries_left: Count
    retry_after_s: Count
    answer: PersonsAnswer | None = Field(description="of a referred attempt; a certificate may follow it")


class QualityComponentAnswer(Answer):
    """One component as named in ISO/IEC 29794-5."""

    name: str
    score: int = Field(ge=0, le=100)
    raw: float
    unit: str


class QualityAnswer(Answer):
    """Quality of one face."""

    overall: int = Field(ge=0, le=100, description="worst component")
    components: tuple[QualityComponentAnswer, ...]
    reasons: tuple[Reason, ...]


class ReferenceCheckAnswer(Answer):
    """Whether a picture can become a reference face."""

    acceptable: bool
    faces: Count
    quality: QualityAnswer | None
    reasons: tuple[Reason, ...]
    box: tuple[float, float, float, float] | None = Field(description="x, y, width, height in pixels of the upright picture")
    width_px: Count
    height_px: Count


class EnrolQuery(Request):
    """Where an enrolled picture came from."""

    source: Literal["camera", "file", "import"] = Field("camera", description="how the picture was taken")


class ReferenceAnswer(Answer):
    """One enrolled reference, without the template."""

    reference_id: str
    person_id: str
    engine_name: str
    engine_version: str
    source: str
    quality: int = Field(ge=0, le=100)
    enrolled_at: datetime
    revoked_at: datetime | None


class RevokeRequest(Request):
    """Why a reference is taken out of use."""

    reason: Literal["withdrawn_by_person", "wrong_person", "poor_quality", "compromised", "deceased", "other"]


class ConsentRequest(Request):
    """A consent as it was given."""

    purpose: ConsentPurpose = Field(ConsentPurpose.FACE_VERIFICATION, description="what the person agrees to")
    text_version: str = Field(max_length=50, pattern=r"^[A-Za-z0-9._-]{1,50}$", description="version of the text that was shown")
    language: Literal["zh", "en"]
    channel: Channel


class ConsentAnswer(Answer):
    """A consent in force."""

    consent_id: str
    purpose: str


class LookupRequest(Request):
    """Name and resident ID, in the body and never in an address."""

    name: str = Field(min_length=1, max_length=100, pattern=PLAIN_TEXT)
    resident_id: str = Field(pattern=r"^([0-9]{17}[0-9Xx]|[0-9]{15})$", description="GB 11643: 18 digits, or the 15 of the legacy form")


class LookupAnswer(Answer):
    """The public id of the one person with this name and resident ID."""

    person_id: str


class StatusAnswer(Answer):
    """Certification status, derived from evidence and policy on the day asked."""

    person_id: str
    state: CertificationState
    on: date
    last_certified_on: date | None
    due_on: date | None = Field(description="last day on which the certification still counts")


class CertificateAnswer(Answer):
    """One certificate, for those who may see it whole."""

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


class CertificateCheckAnswer(Answer):
    """What anyone may learn from a certificate's code."""

    state: CertificateState
    masked_name: str | None
    valid_until: date | None


class EngineAnswer(Answer):
    """Which face engine runs, and what its thresholds rest on."""

    name: str
    version: str
    note: str
    calibration: Literal["provisional", "calibrated"]


class ProblemKindAnswer(Answer):
    """What one problem code means."""

    code: str
    status: int
    title: str
    remedy: str


class FieldErrorAnswer(Answer):
    """One rule that one field breaks."""

    field: str
    rule: str
    place: Literal["body", "query", "header", "path"]


class ProblemAnswer(Answer):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: tuple[FieldErrorAnswer, ...]
