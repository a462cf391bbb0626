"""Life evidence by staff: what was seen or told, recorded through the same service as the pages."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from api.callers import Caller, need_fresh_sign_in
from api.context import current
from api.evidence import evidence_service
from api.problems import FieldError, Problem
from api.rights import Right
from api.v1.door import Door, blueprint, door
from api.v1.schemas import PLAIN_TEXT, Answer, Request
from models.certification_state import CertificationState
from models.life_evidence import EvidenceKind
from verify.evidence_rules import EvidenceInvalid, Position, ToldBy, TypedEvidence, Visit
from verify.evidence_service import Outcome, Recorded

AGAINST = frozenset({EvidenceKind.CUSTODY, EvidenceKind.DEATH_RECORD})
EXAMPLE_REQUEST: dict[str, Any] = {
    "kind": "home_visit",
    "occurred_on": "2026-03-02",
    "visit": {
        "place": "样板村 3 组 12 号",
        "second_staff": "li.na",
        "position": {"latitude_deg": 30.59, "longitude_deg": 114.3, "accuracy_m": 12.0},
    },
}
EXAMPLE: dict[str, Any] = {
    "evidence_id": "Fq3Yw8nB2kLx5vTz0aRc7g",
    "outcome": "certified",
    "certificate_id": "c4Vb6nM8kJ2hG5fD7sA9qW",
    "alert_opened": False,
    "state": "certified",
    "due_on": "2027-03-02",
}


class PositionRequest(Request):
    """Where the device was, WGS 84."""

    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=180)
    accuracy_m: float | None = Field(None, ge=0, le=1e7, description="radius of 68% confidence")


class VisitRequest(Request):
    """What a home visit has besides."""

    place: str = Field(min_length=1, max_length=200, pattern=PLAIN_TEXT, description="as somebody would find it again")
    second_staff: str = Field(
        min_length=1, max_length=100, pattern=PLAIN_TEXT, description="account name of the colleague who was there too"
    )
    position: PositionRequest | None = None


class EvidenceRequest(Request):
    """One fact."""

    kind: Literal[
        EvidenceKind.COUNTER,
        EvidenceKind.HOME_VISIT,
        EvidenceKind.VIDEO_CALL,
        EvidenceKind.DECLARATION,
        EvidenceKind.CUSTODY,
        EvidenceKind.DEATH_RECORD,
    ]
    occurred_on: date = Field(description="day of the policy's time zone; of a custody its first, of a death record the day of death")
    ends_on: date | None = Field(None, description="last day of a custody; without it, it lasts")
    reference: Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)] | None = Field(
        None, description="number of the paper, or a note; needed for a custody"
    )
    told_by: ToldBy | None = Field(None, description="of a declaration or a death: who told it")
    visit: VisitRequest | None = Field(None, description="of a home visit")


class EvidenceRecorded(Answer):
    """What came of it."""

    evidence_id: str
    outcome: Outcome
    certificate_id: str | None
    alert_opened: bool
    state: CertificationState
    due_on: date | None


@blueprint.post("/persons/<public_id:person_id>/life-evidence")
@door(
    Door(
        summary="Record life evidence",
        right=Right.RECORD_EVIDENCE,
        body=EvidenceRequest,
        body_example=EXAMPLE_REQUEST,
        answer=EvidenceRecorded,
        example=EXAMPLE,
        status=201,
        idempotent=True,
        problems=("person_unknown", "sign_in_too_old"),
    )
)
def record_life_evidence(person_id: str, caller: Caller, body: EvidenceRequest) -> tuple[EvidenceRecorded, int]:
    """Record life evidence

    What staff saw (visit at the counter, home visit, video call) or were told (declaration, custody, death). Evidence, certificate, alert
    and audit entry are one transaction. A custody or a death needs a fresh sign-in.
    """
    person = caller.reach(person_id)
    if body.kind in AGAINST:
        need_fresh_sign_in(caller)
    typed = TypedEvidence(body.kind, body.occurred_on, body.ends_on, body.reference, body.told_by, _visit(body.visit))
    try:
        recorded = evidence_service(current()).record(person.person_id, typed, actor=caller.actor)
    except EvidenceInvalid as error:
        raise Problem("validation_failed", str(error), (FieldError(error.field.value, error.rule.value),)) from None
    return _answer(recorded), 201


def _visit(visit: VisitRequest | None) -> Visit | None:
    if visit is None:
        return None
    where = visit.position
    position = None if where is None else Position(where.latitude_deg, where.longitude_deg, where.accuracy_m)
    return Visit(visit.place, visit.second_staff, position)


def _answer(recorded: Recorded) -> EvidenceRecorded:
    return EvidenceRecorded(
        evidence_id=recorded.evidence_id,
        outcome=recorded.outcome,
        certificate_id=recorded.certificate_id,
        alert_opened=recorded.alert_opened,
        state=recorded.status.state,
        due_on=recorded.status.due_on,
    )
