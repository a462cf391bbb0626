"""One JSON door: who may come in, what it takes, what it answers, and how it is documented, in one decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Any

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel

from api import limits
from api.callers import admit
from api.context import current
from api.idempotency import answered_once
from api.limits import Limited
from api.problem_catalogue import CATALOGUE
from api.problems import MEDIA_TYPE, TYPE_PREFIX, FieldError, Problem
from api.rights import OF_PROGRAMS, OWN_RIGHTS, Right
from api.scopes import scopes_with
from api.v1.adapter import JSON_LIMIT_BYTES, install

# APIFlask chooses how to read a model when a view is decorated, so this has to come before the first door.
install()

blueprint = APIBlueprint("v1", __name__, url_prefix="/api/v1", tag="v1")

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
SESSION_HEADER = "Lifecert-Session"
SESSION_TOKEN_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
STAFF = ("staff_token", "staff_session")
PERSON = ("person_session",)

View = Callable[..., Any]

DOORS: dict[str, Door] = {}
"""Operation id -> door, filled as the views are decorated; the description is completed from it."""


class Picture(Enum):
    """Which limits of the policy a picture body has."""

    FRAME = "frame"
    STILL = "still"


@dataclass(frozen=True)
class Door:
    """What a door is. right: None where the session's token or nothing at all is asked for.

    body_carries: what picture, in base64, is inside the JSON body, which may be so much larger. upload_types: the body is a file of one of
    these, which the view reads from the stream itself, up to body_max_bytes.
    """

    summary: str
    right: Right | None = None
    session_token: bool = False
    answer: type[BaseModel] | None = None
    example: Mapping[str, Any] | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    body_example: Mapping[str, Any] | None = None
    body_carries: Picture | None = None
    query: type[BaseModel] | None = None
    picture: Picture | None = None
    upload_types: tuple[str, ...] = ()
    idempotent: bool = False
    file_type: str | None = None
    file_example: str | None = None
    body_max_bytes: int = JSON_LIMIT_BYTES
    problems: tuple[str, ...] = ()

    @property
    def security(self) -> list[str | dict[str, list[Any]]]:
        """The security schemes that open this door, each one alone, with the scope that a machine client needs."""
        if self.session_token:
            return [{"session_token": []}]
        if self.right is None:
            return []
        people = () if self.right in OF_PROGRAMS else STAFF
        schemes: list[str | dict[str, list[Any]]] = [{name: []} for name in (*people, *(PERSON if self.right in OWN_RIGHTS else ()))]
        scopes = scopes_with(self.right)
        return [*schemes, {"client_token": scopes}, {"client_certificate": []}] if scopes else schemes

    @property
    def is_upload(self) -> bool:
        """True when pictures or files are sent here by somebody with a right."""
        return self.right is not None and (self.picture is not None or self.body_carries is not None or bool(self.upload_types))

    @property
    def problem_codes(self) -> tuple[str, ...]:
        """Every code this door can answer with."""
        codes = list(self.problems)
        if self.right is not None:
            codes += ["authentication_required", "not_permitted", "csrf_failed"]
            if scopes_with(self.right) or self.is_upload:
                codes += ["too_many_requests"]
        if self.session_token:
            codes += ["session_token_required", "verification_unknown"]
        if self.body is not None:
            codes += ["malformed_json", "too_large", "unsupported_media_type", "validation_failed"]
        if self.query is not None:
            codes += ["validation_failed"]
        if self.picture is not None:
            codes += ["too_large", "unsupported_media_type", "picture_unusable"]
        if self.idempotent:
            codes += ["idempotency_key_malformed", "idempotency_key_reused", "idempotency_key_in_use"]
        return (*dict.fromkeys(codes), "bad_request", "internal_error", "unavailable")


def door(spec: Door) -> Callable[[View], View]:
    """Make a view function a door. The view gets ``caller`` (with a right), ``body``, ``query``, ``data`` and ``token`` as declared."""

    def decorate(view: View) -> View:
        work = view
        if spec.body is not None:
            work = blueprint.input(spec.body, location="json", arg_name="body", example=spec.body_example)(work)
        if spec.query is not None:
            work = blueprint.input(spec.query, location="query", arg_name="query")(work)
        if spec.answer is not None:
            work = blueprint.output(spec.answer, status_code=spec.status, example=spec.example, description=spec.summary)(work)
        work = blueprint.doc(summary=spec.summary, responses=_responses(spec), security=spec.security or None, operation_id=view.__name__)(
            work
        )
        if spec.picture is not None:
            work._spec.update(body={"type": "string", "format": "binary"}, content_type=list(PICTURE_TYPES))  # type: ignore[attr-defined]
        if spec.upload_types:
            work._spec.update(body={"type": "string", "format": "binary"}, content_type=list(spec.upload_types))  # type: ignore[attr-defined]
        inner = work

        @wraps(inner)
        def opened(**arguments: Any) -> Any:
            if spec.right is not None:
                arguments["caller"] = caller = admit(spec.right)
                if spec.is_upload and caller.client is None:  # programs have a rate of their own
                    limits.check(Limited.UPLOADS_OF_ACCOUNT, caller.actor)
            if spec.session_token:
                arguments["token"] = _session_token()
            _check_body(spec)
            if spec.picture is not None:
                arguments["data"] = request.get_data(cache=True)
            if spec.idempotent:
                return answered_once(arguments["caller"], lambda: inner(**arguments))
            return inner(**arguments)

        DOORS[view.__name__] = spec
        return opened

    return decorate


def _session_token() -> str:
    token = request.headers.get(SESSION_HEADER, "")
    if not token:
        raise Problem("session_token_required", f"The header {SESSION_HEADER} is missing.")
    if len(token) > 400 or not SESSION_TOKEN_CHARACTERS.issuperset(token):
        raise Problem("verification_unknown", f"The header {SESSION_HEADER} does not hold a token of ours.")
    return token


def _check_body(spec: Door) -> None:
    """Type and size, before anybody looks into it. Raises Problem (413, 415)."""
    limit = spec.body_max_bytes
    if spec.body_carries is not None:
        limit += 4 * -(-_picture_bytes(spec.body_carries) // 3)
    if spec.picture is not None:
        limit = _picture_bytes(spec.picture)
        if request.mimetype not in PICTURE_TYPES:
            raise Problem("unsupported_media_type", f"This door takes {', '.join(PICTURE_TYPES)}.")
    if spec.upload_types:
        if request.mimetype not in spec.upload_types:
            raise Problem("unsupported_media_type", f"This door takes {', '.join(spec.upload_types)}.")
        request.max_content_length = limit + 1
        if (request.content_length or 0) > limit:
            raise Problem("too_large", f"This door takes {limit} bytes at most.", (FieldError("(whole)", "too_many_bytes"),))
        return
    # A body without a length (chunked) is cut off silently at the maximum, so one byte more is let in to tell that it is too long.
    request.max_content_length = limit + 1
    if (request.content_length or 0) > limit or len(request.get_data(cache=True)) > limit:
        raise Problem("too_large", f"This door takes {limit} bytes at most.", (FieldError("(whole)", "too_many_bytes"),))


def _picture_bytes(picture: Picture) -> int:
    capture = current().policy.verification.capture
    return (capture.frame if picture is Picture.FRAME else capture.still).max_bytes


def _responses(spec: Door) -> dict[int | str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in spec.problem_codes:
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    responses: dict[int | str, Any] = {
        status: {
            "description": "; ".join(CATALOGUE[code].title for code in codes),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {code: {"value": problem_example(code)} for code in codes},
                }
            },
        }
        for status, codes in sorted(by_status.items())
    }
    if spec.file_type is not None:
        content: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
        if spec.file_example is not None:
            content["example"] = spec.file_example
        responses[200] = {"description": spec.summary, "content": {spec.file_type: content}}
    elif spec.answer is None:
        responses[204] = {"description": "Done"}
    return responses


def problem_example(code: str) -> dict[str, Any]:
    """A problem document with this code, for the documentation."""
    kind = CATALOGUE[code]
    return {
        "type": TYPE_PREFIX + code,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.remedy,
        "code": code,
        "request_id": "5f0c2a9e7b6d4f3c8a1e0d2b4c6f8a90",
        "errors": [],
    }
