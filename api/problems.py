"""One shape for every error of the JSON doors: RFC 9457 problem details, with a stable code and never with personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from apiflask.exceptions import HTTPError
from flask import Response, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from api.degraded import DETAILS, RETRY_LATER_S, degraded_mode
from api.log import logger, mask
from api.problem_catalogue import CATALOGUE, Kind, kind_of_capture, kind_of_status
from api.request_id import current_request_id
from models.errors import ConflictError, DatabaseUnreachableError
from models.keys import KeyServiceUnavailableError
from verify.errors import CaptureError, EngineError, VerifyError, WeightsError
from verify.service_errors import ReferenceRejected, TriesUsedUp, VerificationClosed

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

log = logger("lifecert.api")

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/api/v1/problems/"
RETRY_SOON_S = 5


@dataclass(frozen=True)
class FieldError:
    """One rule that one field breaks. place: body, query, header or path. The value itself is never repeated: it may be personal."""

    field: str
    rule: str
    place: str = "body"


class Problem(Exception):
    """Raise it anywhere behind a JSON door. code: one of the catalogue. detail: what was wrong, where, and what to do."""

    def __init__(self, code: str, detail: str = "", errors: tuple[FieldError, ...] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def kind(self) -> Kind:
        """Status and title of this code."""
        return CATALOGUE[self.code]


def is_api_request() -> bool:
    """True where errors are problems; everything else is a page and gets the pages' own error pages."""
    return request.path.startswith(("/api/", "/oauth/")) or request.path in {"/healthz", "/openapi.json"}


def problem_of(error: Exception) -> Problem:
    """The problem that an exception comes to. What is not known is ``internal_error``, and says nothing about itself."""
    if isinstance(error, Problem):
        return error
    mode = degraded_mode(error)
    if mode is not None:
        return Problem("unavailable", DETAILS[mode], headers={"Retry-After": str(RETRY_LATER_S)})
    if isinstance(error, VerifyError):
        return _of_verify(error)
    if isinstance(error, ConflictError):
        code = str(error.conflict) if str(error.conflict) in CATALOGUE else "conflict"
        return Problem(code, mask(str(error)))
    if isinstance(error, CSRFError):
        return Problem("csrf_failed", "Send the page's token in the header X-CSRFToken with every call that changes something.")
    if isinstance(error, DatabaseUnreachableError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return Problem("unavailable", "The store does not answer: try again.", headers={"Retry-After": str(RETRY_SOON_S)})
    if isinstance(error, KeyServiceUnavailableError):
        return Problem("unavailable", "The key service does not answer: try again.", headers={"Retry-After": str(RETRY_SOON_S)})
    if isinstance(error, SQLAlchemyError) and "locked" in str(getattr(error, "orig", "")):
        return Problem("unavailable", "The store is busy: try again.", headers={"Retry-After": str(RETRY_SOON_S)})
    if isinstance(error, HTTPException):
        return _of_status(error.code or 500, dict(error.get_headers()))
    if isinstance(error, HTTPError):
        return _of_status(error.status_code, {})
    return Problem("internal_error", "The error was recorded under this request id.")


def _of_status(status: int, headers: dict[str, str]) -> Problem:
    kept: dict[str, str] = {name: headers[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in headers}
    return Problem(kind_of_status(status), HTTPStatus(status).description or "", headers=kept)


def _of_verify(error: VerifyError) -> Problem:
    detail = mask(str(error))
    if isinstance(error, CaptureError):
        return Problem(kind_of_capture(error.problem), detail, (FieldError("body", error.problem.value),))
    if isinstance(error, TriesUsedUp):
        return Problem(error.code, detail, headers={"Retry-After": str(max(1, error.retry_after_s))})
    if isinstance(error, ReferenceRejected):
        reasons = getattr(error.check, "reasons", ())
        return Problem(error.code, detail, tuple(FieldError("body", str(reason)) for reason in reasons))
    if isinstance(error, VerificationClosed):
        return Problem(error.code, detail, (FieldError("verification_id", f"state_{error.state}", "path"),))
    if isinstance(error, EngineError | WeightsError):
        return Problem("unavailable", "The face engine cannot work just now.", headers={"Retry-After": str(RETRY_SOON_S)})
    return Problem(error.code if error.code in CATALOGUE else "internal_error", detail if error.code in CATALOGUE else "")


def body_of(problem: Problem) -> dict[str, Any]:
    """The members of the problem document."""
    return {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": current_request_id(),
        "errors": [{"field": e.field, "rule": e.rule, "place": e.place} for e in problem.errors],
    }


def answer(error: Exception) -> Response:
    """The response for an exception behind a JSON door."""
    problem = problem_of(error)
    mode = degraded_mode(error)
    if mode is not None:
        log.warning("request_degraded", mode=mode.value)  # a known state: no traceback for each request
    elif problem.kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", code=problem.code, kind=type(error).__name__, exc_info=error)
    response = Response(json.dumps(body_of(problem), ensure_ascii=False), problem.kind.status, mimetype=MEDIA_TYPE)
    response.headers.extend(problem.headers)
    return response


def register(app: Flask) -> None:
    """Answer every error behind a JSON door with a problem.

    The doors come before whatever error handlers the pages register: the choice is made by path, not by who registered the more
    specific handler, so that an error page can never reach a program.
    """
    page_answer = app.handle_user_exception

    def handle(error: Exception) -> ResponseReturnValue:
        if isinstance(error, HTTPException) and (error.code or HTTPStatus.INTERNAL_SERVER_ERROR) < HTTPStatus.BAD_REQUEST:
            return page_answer(error)  # a redirect of the router is no error
        return answer(error) if is_api_request() else page_answer(error)

    app.handle_user_exception = handle  # type: ignore[method-assign, assignment]
