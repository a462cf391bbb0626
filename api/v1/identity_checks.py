"""Identity check at treatment, for hospitals: is this the person, does the certification hold, may the card be used."""

from __future__ import annotations

import base64
import binascii
from datetime import date
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from api.callers import Caller
from api.context import current
from api.identity_checks import identity_checks_of
from api.problems import RETRY_SOON_S, FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1.door import Door, Picture, blueprint, door
from api.v1.schemas import PLAIN_TEXT, Answer, Request
from models.certification_state import CertificationState
from models.identifiers import IdentifierError
from models.identity_check import BlacklistReason, CheckWhy, MatchLevel
from verify.evidence import Reason
from verify.identity_check import CheckRequest, IdentityCheckView
from verify.identity_check_service import CheckClient, CheckerBusy

RESIDENT_ID = r"^([0-9]{17}[0-9Xx]|[0-9]{15})$"
NUMBER = r"^[0-9A-Za-z]{9,18}$"
TRIMMED = r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?$"
FIELDS = {"resident ID": "resident_id", "social-security number": "social_security_number"}

A_GREY_SQUARE = (
    "UklGRmIAAABXRUJQVlA4IFYAAABwCACdASqgAKAAPtFoslMoJiSioGgBABoJaW7hdfAASTvy16MvEctejLxHLXoy8Ry16MvEctej"
    "LxHLXoy8Ry16MvEctejLxHLXoyIAAP4jGgAAAAAAAA=="
)
EXAMPLE_REQUEST: dict[str, Any] = {
    "resident_id": "190102195203070019",
    "name": "王建国",
    "card_number": "190102000042",
    "picture": A_GREY_SQUARE,
    "institution": "云泽市第一人民医院",
    "department": "outpatients",
    "reference": "2026-0315-000871",
}
EXAMPLE: dict[str, Any] = {
    "check": "h7Jk2mN5pQ8rS1tU4vW6xY",
    "person_id": "Zk3wq0m1T2uXv9aBcDeFgH",
    "match": "match",
    "why": "same_face",
    "reasons": [],
    "certification": {"state": "due_soon", "due_on": "2026-03-31"},
    "card": {"blacklisted": False, "reason": None, "from_on": None, "of_person": True},
    "trace_recorded": True,
}


class IdentityCheckRequest(Request):
    """Who is there, with which card and face. One of resident_id and social_security_number says who."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["resident_id"]}, {"required": ["social_security_number"]}]})

    resident_id: str | None = Field(None, pattern=RESIDENT_ID, description="GB 11643: 18 digits, or the 15 of the legacy form")
    social_security_number: str | None = Field(None, pattern=NUMBER, description="instead of the resident ID")
    name: str | None = Field(None, min_length=1, max_length=100, pattern=PLAIN_TEXT, description="compared with the record's when given")
    card_number: str | None = Field(None, pattern=NUMBER, description="social-security number of the card shown")
    picture: str | None = Field(
        None,
        min_length=4,
        pattern=r"^[A-Za-z0-9+/]+={0,2}$",
        description="one still face: JPEG, PNG or WebP in base64 (RFC 4648 section 4), without line breaks",
        json_schema_extra={"contentEncoding": "base64", "contentMediaType": "image/jpeg"},
    )
    institution: str = Field(max_length=80, pattern=TRIMMED, description="where the treatment is; the source of the trace of life")
    department: str | None = Field(None, max_length=100, pattern=TRIMMED)
    reference: str | None = Field(
        None, pattern=r"^[\x21-\x7e]{1,100}$", description="your own number of this check: the same one again gives the same answer"
    )

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.resident_id is None) is (self.social_security_number is None):
            raise ValueError("give one of resident_id and social_security_number")
        return self


class CheckedCertification(Answer):
    """The certification status on the day of the check."""

    state: CertificationState
    due_on: date | None


class CheckedCard(Answer):
    """The card shown, else the person's own."""

    blacklisted: bool
    reason: BlacklistReason | None
    from_on: date | None
    of_person: bool | None = Field(description="whether the number is the person's; null when no card was shown or no number is recorded")


class IdentityCheckAnswer(Answer):
    """What the check came to. Liveness is not looked at: a person at the hospital sees who stands there."""

    check: str = Field(description="our number of the check")
    person_id: str
    match: MatchLevel
    why: CheckWhy
    reasons: tuple[Reason, ...] = Field(description="what to change about the picture")
    certification: CheckedCertification
    card: CheckedCard
    trace_recorded: bool = Field(description="whether the check counts as a trace of life")


@blueprint.post("/identity-checks")
@door(
    Door(
        summary="Check an identity at treatment",
        right=Right.CHECK_IDENTITY,
        body=IdentityCheckRequest,
        body_example=EXAMPLE_REQUEST,
        body_carries=Picture.STILL,
        answer=IdentityCheckAnswer,
        example=EXAMPLE,
        idempotent=True,
        problems=("person_unknown", "picture_unusable", "check_reference_reused"),
    )
)
def check_identity(caller: Caller, body: IdentityCheckRequest) -> IdentityCheckView:
    """Check an identity at treatment

    Any person of the store, of whatever region: hospitals treat people from everywhere. The picture is compared and kept nowhere. A match
    is recorded as a trace of life. Somebody whose death is recorded is answered like everybody else; people look into it afterwards.
    """
    if caller.client_pk is None:
        raise Problem("not_permitted", "Only machine clients check identities.")
    asked = CheckRequest(
        institution=body.institution,
        resident_id=body.resident_id,
        social_security_number=body.social_security_number,
        name=body.name,
        card_number=body.card_number,
        picture=None if body.picture is None else _picture(body.picture),
        reference=body.reference,
        department=body.department,
    )
    client = CheckClient(caller.client_pk, caller.actor, {"door": "api", "request_id": current_request_id()})
    try:
        return identity_checks_of(current()).check(asked, client)
    except IdentifierError as error:
        field = FIELDS.get(error.field, error.field)
        raise Problem("validation_failed", str(error), (FieldError(field, error.problem.value),)) from None
    except CheckerBusy as error:
        raise Problem("unavailable", str(error), headers={"Retry-After": str(RETRY_SOON_S)}) from None


def _picture(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        detail = "picture: this is not base64; send the file's bytes in base64 of RFC 4648 section 4, without a data: prefix"
        raise Problem("validation_failed", detail, (FieldError("picture", "base64"),)) from None
