"""What the service of assisted certification takes and gives: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from models.assistance import AssistanceMethod, AssistanceReason, AssistanceState
from verify.assistance import Action, Deadline, Merge, Side
from verify.errors import VerifyError

TEXT_MAX = 500
CONTACT_MAX = 200


class Field(StrEnum):
    """What was filled in wrongly."""

    REGION = "region"
    REASON = "reason"
    CONTACT = "contact"
    NOTE = "note"
    WHY = "why"
    METHOD = "method"
    OCCURRED_ON = "occurred_on"
    SECOND_STAFF = "second_staff"
    PERSON = "person"
    DEADLINES = "deadlines"
    ACTOR = "actor"


class Rule(StrEnum):
    """In which way."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_SERVED = "not_served"
    OWN_REGION = "own_region"
    NOT_A_REASON = "not_a_reason"
    BEFORE_REQUEST = "before_request"
    IN_FUTURE = "in_future"
    NO_ACTIVE_ACCOUNT = "no_active_account"
    SAME_PERSON = "same_person"
    NOT_OF_THIS_KIND = "not_of_this_kind"
    NOT_IN_ORDER = "not_in_order"
    WRONG_NUMBER = "wrong_number"


class AssistanceInvalid(VerifyError):
    """What was filled in cannot be used; nothing was written."""

    code = "assistance_invalid"

    def __init__(self, field: Field, rule: Rule, detail: str) -> None:
        super().__init__(f"{field.value}: {detail}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True)
class Answer:
    """What goes with a step. why: of refusing and returning. method, occurred_on, second_staff: of carrying out."""

    why: AssistanceReason | None = None
    note: str | None = None
    method: AssistanceMethod | None = None
    occurred_on: date | None = None
    second_staff: str | None = None


@dataclass(frozen=True)
class StepView:
    """One step, as a page shows it."""

    version: int
    state: AssistanceState
    why: AssistanceReason | None
    note: str | None
    made_by: str
    made_at: datetime


@dataclass(frozen=True)
class RequestView:
    """One request, masked. actions: what those who look may do now. person_id: public id, for the side that asks only.

    personal_kept: name, number and contact can still be opened. certified: whether it gave a certificate; None on the other side.
    """

    request_id: str
    version: int
    state: AssistanceState
    sides: frozenset[Side]
    actions: tuple[Action, ...]
    own_request: bool
    name_masked: str
    resident_id_masked: str
    person_id: str | None
    requesting_region: str
    performing_region: str
    peer_name: str | None
    reason: str
    deadline: Deadline
    accept_by: date
    carry_out_by: date
    comes_back_on: date | None
    method: AssistanceMethod | None
    occurred_on: date | None
    second_staff: str | None
    certified: bool | None
    personal_kept: bool
    requested_by: str
    requested_at: datetime
    steps: tuple[StepView, ...]


@dataclass(frozen=True)
class OpenedPerson:
    """Whom a request is about, in clear. Never logged; repr shows nothing."""

    full_name: str
    resident_id: str
    contact: str | None

    def __repr__(self) -> str:
        """Nothing personal, so that a traceback shows nothing."""
        return "OpenedPerson(***)"


@dataclass(frozen=True)
class Document:
    """A request as one installation tells another of it. person: in the first document only."""

    version: int
    state: AssistanceState
    own_id: str
    requesting_region: str
    performing_region: str
    reason: str
    requested_on: date
    accept_by: date
    carry_out_by: date
    why: AssistanceReason | None = None
    note: str | None = None
    method: AssistanceMethod | None = None
    occurred_on: date | None = None
    person: OpenedPerson | None = None


@dataclass(frozen=True)
class Received:
    """What became of a document. own_id: of our copy. state, version: of our copy afterwards. missed: versions that never came."""

    outcome: Merge
    own_id: str
    state: AssistanceState
    version: int
    missed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outgoing:
    """One document to be sent. shared_id: public id on the side that asks, which both installations call the request by."""

    peer_name: str
    base_url: str
    our_client_id: str
    our_secret: str
    shared_id: str
    document: Document
    may_be_unknown: bool

    def __repr__(self) -> str:
        """Without secret and person."""
        return f"Outgoing(peer={self.peer_name!r}, shared_id={self.shared_id!r}, version={self.document.version})"
