"""Reference faces: check a picture, enrol, read, revoke."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.callers import Caller, need_fresh_sign_in
from api.context import current
from api.problems import Problem
from api.rights import Right
from api.v1 import examples
from api.v1.door import Door, Picture, blueprint, door
from api.v1.looks import record_look
from api.v1.schemas import EnrolQuery, ReferenceAnswer, ReferenceCheckAnswer, RevokeRequest
from verify.views import ReferenceCheck, ReferenceView


@blueprint.post("/references/check")
@door(
    Door(
        summary="Check a picture before enrolling it",
        right=Right.CHECK_REFERENCE,
        picture=Picture.STILL,
        answer=ReferenceCheckAnswer,
        example=examples.REFERENCE_CHECK,
        idempotent=True,
    )
)
def check_reference(caller: Caller, data: bytes) -> ReferenceCheck:  # noqa: ARG001 (admitted is all that matters)
    """Check a picture before enrolling it

    Measures and keeps nothing.
    """
    return current().verification.references.check(data)


@blueprint.post("/persons/<public_id:person_id>/reference")
@door(
    Door(
        summary="Enrol or replace the reference face",
        right=Right.ENROL_REFERENCE,
        picture=Picture.STILL,
        query=EnrolQuery,
        answer=ReferenceAnswer,
        example=examples.REFERENCE,
        status=201,
        idempotent=True,
        problems=("person_unknown", "person_deceased", "consent_missing", "reference_rejected", "active_reference_exists"),
    )
)
def enrol_reference(person_id: str, caller: Caller, data: bytes, query: EnrolQuery) -> tuple[ReferenceView, int]:
    """Enrol or replace the reference face

    A picture that is not good enough is refused with the reasons; the earlier reference then stays.
    """
    person = caller.reach(person_id)
    view = current().verification.references.enrol(person.person_id, data, source=query.source, actor=caller.actor)
    return view, 201


@blueprint.get("/persons/<public_id:person_id>/reference")
@door(
    Door(
        summary="Read the active reference",
        right=Right.READ_REFERENCE,
        answer=ReferenceAnswer,
        example=examples.REFERENCE,
        problems=("person_unknown", "reference_unknown"),
    )
)
def read_reference(person_id: str, caller: Caller) -> ReferenceView:
    """Read the active reference

    Never the template, never the picture.
    """
    person = caller.reach(person_id)
    view = current().verification.references.active(person.person_id)
    record_look(caller, person, "reference_read", seen=None if view is None else view.reference_id)
    if view is None:
        raise Problem("reference_unknown", "No reference face is enrolled for the engine in use.")
    return view


@blueprint.delete("/persons/<public_id:person_id>/reference")
@door(
    Door(
        summary="Revoke the active reference",
        right=Right.REVOKE_REFERENCE,
        body=RevokeRequest,
        body_example=examples.REVOKE,
        problems=("person_unknown", "reference_unknown", "sign_in_too_old"),
    )
)
def revoke_reference(person_id: str, caller: Caller, body: RevokeRequest) -> Any:
    """Revoke the active reference

    Erases the template at once. Needs a fresh sign-in.
    """
    person = caller.reach(person_id)
    need_fresh_sign_in(caller)
    if current().verification.references.revoke(person.person_id, actor=caller.actor, reason=body.reason) is None:
        raise Problem("reference_unknown", "No reference face is enrolled, so there is none to revoke.")
    return Response(status=204)
