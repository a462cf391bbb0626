"""Persons: found by name and resident ID, their consent, their certification status."""

from __future__ import annotations

from flask import Response

from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.rights import Right
from api.v1 import examples
from api.v1.door import Door, blueprint, door
from api.v1.looks import record_look
from api.v1.schemas import ConsentAnswer, ConsentRequest, LookupAnswer, LookupRequest, StatusAnswer
from api.v1.status import read_status
from models.identifiers import IdentifierError
from models.repositories import persons


@blueprint.post("/persons/lookup")
@door(
    Door(
        summary="Find a person by name and resident ID",
        right=Right.FIND_PERSON,
        body=LookupRequest,
        body_example=examples.LOOKUP_REQUEST,
        answer=LookupAnswer,
        example=examples.LOOKUP,
        idempotent=True,
        problems=("person_unknown",),
    )
)
def find_person(caller: Caller, body: LookupRequest) -> LookupAnswer:
    """Find a person by name and resident ID

    Both must fit; the answer does not tell which one did not. They go in the body, never in an address, where logs would keep them.
    """
    context = current()
    try:
        with context.database.read_scope() as session:
            found = persons.find_by_name_and_resident_id(session, body.name, body.resident_id, keyring=context.keyring)
            person_id = None if found is None else found.public_id
    except IdentifierError as error:
        raise Problem("validation_failed", str(error), (FieldError("resident_id", error.problem.value),)) from None
    if person_id is None:
        record_look(caller, None, "person_not_found")
        raise Problem("person_unknown", "No person in your reach has this name and resident ID.")
    person = caller.reach(person_id)
    record_look(caller, person, "person_found", seen=person_id)
    return LookupAnswer(person_id=person_id)


@blueprint.post("/persons/<public_id:person_id>/consents")
@door(
    Door(
        summary="Record a consent",
        right=Right.RECORD_CONSENT,
        body=ConsentRequest,
        body_example=examples.CONSENT_REQUEST,
        answer=ConsentAnswer,
        example=examples.CONSENT,
        status=201,
        idempotent=True,
        problems=("person_unknown",),
    )
)
def give_consent(person_id: str, caller: Caller, body: ConsentRequest) -> tuple[ConsentAnswer, int]:
    """Record a consent

    To the text in force only: a consent to words that are no longer the words would be none.
    """
    person = caller.reach(person_id)
    context = current()
    in_force = context.policy.consent.text_versions[body.purpose]
    if body.text_version != in_force:
        raise Problem("validation_failed", f"The text in force is {in_force}.", (FieldError("text_version", "text_in_force"),))
    consent_id = context.verification.references.give_consent(
        person.person_id,
        purpose=body.purpose,
        text_version=body.text_version,
        language=body.language,
        channel=body.channel,
        actor=caller.actor,
    )
    return ConsentAnswer(consent_id=str(consent_id), purpose=body.purpose), 201


@blueprint.delete("/persons/<public_id:person_id>/consents/current")
@door(Door(summary="Withdraw the consent", right=Right.RECORD_CONSENT, problems=("person_unknown", "consent_unknown")))
def withdraw_consent(person_id: str, caller: Caller) -> Response:
    """Withdraw the consent

    Takes effect at once. The other ways stay open: counter, video call, home visit.
    """
    person = caller.reach(person_id)
    if not current().verification.references.withdraw_consent(person.person_id, actor=caller.actor):
        raise Problem("consent_unknown", "No consent is in force, so there is none to withdraw.")
    return Response(status=204)


@blueprint.get("/persons/<public_id:person_id>/status")
@door(
    Door(
        summary="Read the certification status",
        right=Right.READ_STATUS,
        answer=StatusAnswer,
        example=examples.STATUS,
        problems=("person_unknown",),
    )
)
def read_person_status(person_id: str, caller: Caller) -> StatusAnswer:
    """Read the certification status

    Derived from evidence and policy on the day asked; nobody types it in.
    """
    person = caller.reach(person_id)
    record_look(caller, person, "status_read")
    return read_status(person)
