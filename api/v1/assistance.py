"""Assisted certification between two installations: each tells the other of its steps through these doors."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from api.assistance import exchange_service
from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.rights import Right
from api.v1.door import Door, blueprint, door
from api.v1.schemas import PLAIN_TEXT, Answer, PublicId, Request
from models.assistance import AssistanceMethod, AssistanceReason, AssistanceState, Peer
from models.errors import NotFoundError
from models.identifiers import IdentifierError
from models.repositories import peers
from verify.assistance import Merge
from verify.assistance_views import CONTACT_MAX, TEXT_MAX, AssistanceInvalid, Document, OpenedPerson

VERSION_MAX = 1_000

RegionCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="division code (GB/T 2260)")]

REQUEST_EXAMPLE: dict[str, Any] = {
    "version": 1,
    "state": "requested",
    "own_id": "Zk3TQ0Zl1nqk0m2v9X7a5w",
    "requesting_region": "190100",
    "performing_region": "290100",
    "reason": "lives with her daughter",
    "requested_on": "2026-03-15",
    "accept_by": "2026-03-20",
    "carry_out_by": "2026-04-14",
    "person": {"full_name": "王建国", "resident_id": "190102195203070019", "contact": "13800000000"},
}
EXAMPLE: dict[str, Any] = {"outcome": "applied", "own_id": "c0b8s2p6SKe1bY3FvJp7uQ", "state": "requested", "version": 1, "missed": []}
PEER_EXAMPLE: dict[str, Any] = {"name": "Province B", "regions": ["29"]}


class PersonOfRequest(Request):
    """Whom the request is about. Only in the first document; sealed where it arrives, deleted some time after the request is closed."""

    full_name: str = Field(min_length=1, max_length=100, pattern=PLAIN_TEXT)
    resident_id: str = Field(pattern=r"^([0-9]{15}|[0-9]{17}[0-9Xx])$")
    contact: str | None = Field(None, max_length=CONTACT_MAX, pattern=PLAIN_TEXT, description="where the person can be reached")


class AssistanceDocument(Request):
    """The whole present state of one request, as the sender has it."""

    version: int = Field(ge=1, le=VERSION_MAX, description="of the sender's copy; counts its steps")
    state: AssistanceState
    own_id: PublicId = Field(description="the sender's own id of the request")
    requesting_region: RegionCode
    performing_region: RegionCode
    reason: str = Field(min_length=1, max_length=TEXT_MAX, pattern=PLAIN_TEXT)
    requested_on: date
    accept_by: date
    carry_out_by: date
    why: AssistanceReason | None = Field(None, description="of refused and returned")
    note: str | None = Field(None, max_length=TEXT_MAX, pattern=PLAIN_TEXT)
    method: AssistanceMethod | None = Field(None, description="of carried_out: how the person was seen")
    occurred_on: date | None = Field(None, description="of carried_out: on which day")
    person: PersonOfRequest | None = None


class AssistanceAnswer(Answer):
    """What became of the document, and where the receiver's copy stands now."""

    outcome: Merge = Field(description="conflict: the two copies do not go together, and people are told on both sides")
    own_id: str = Field(description="the receiver's own id of the request")
    state: AssistanceState
    version: int
    missed: tuple[int, ...] = Field(description="versions of the sender that never arrived; the document makes up for them")


class PeerAnswer(Answer):
    """Which installation the caller is taken for."""

    name: str
    regions: tuple[str, ...] = Field(description="prefixes of the division codes that it serves")


@blueprint.put("/assistance/<public_id:request_id>")
@door(
    Door(
        summary="Tell of a step of an assisted certification",
        right=Right.RELAY_ASSISTANCE,
        body=AssistanceDocument,
        body_example=REQUEST_EXAMPLE,
        answer=AssistanceAnswer,
        example=EXAMPLE,
        problems=("assistance_unknown", "assistance_state"),
    )
)
def put_assistance(request_id: str, caller: Caller, body: AssistanceDocument) -> AssistanceAnswer:
    """Tell of a step of an assisted certification

    The address holds the id of the request on the side that asks. For the client of the installation with which the request is shared;
    anybody else's request looks like one that is not there. The same document again changes nothing, an older one is ignored.
    """
    context = current()
    peer = _peer(caller, "assistance_unknown")
    person = None if body.person is None else OpenedPerson(body.person.full_name, body.person.resident_id, body.person.contact)
    document = Document(**{**body.model_dump(), "person": person})
    try:
        received = exchange_service(context).receive(peer.id, request_id, document, actor=caller.actor)
    except NotFoundError:
        raise Problem("assistance_unknown", "No request with this id is shared with you.") from None
    except AssistanceInvalid as error:
        raise Problem("validation_failed", str(error), (FieldError(error.field.value, error.rule.value),)) from None
    except IdentifierError as error:
        raise Problem("validation_failed", str(error), (FieldError("person.resident_id", error.problem.value),)) from None
    return AssistanceAnswer(
        outcome=received.outcome, own_id=received.own_id, state=received.state, version=received.version, missed=received.missed
    )


@blueprint.get("/peer")
@door(
    Door(
        summary="Which installation the caller is taken for",
        right=Right.RELAY_ASSISTANCE,
        answer=PeerAnswer,
        example=PEER_EXAMPLE,
        problems=("peer_unknown",),
    )
)
def read_peer(caller: Caller) -> PeerAnswer:
    """Which installation the caller is taken for

    For trying out a connection: `lifecert peers check` asks here.
    """
    peer = _peer(caller, "peer_unknown")
    return PeerAnswer(name=peer.name, regions=tuple(peer.regions))


def _peer(caller: Caller, unknown: str) -> Peer:
    with current().database.read_scope() as session:
        peer = None if caller.client_pk is None else peers.of_client(session, caller.client_pk)
    if peer is None:
        raise Problem(unknown, "Your client is not that of an installation that we know.")
    return peer
