"""Errors of the client: what the service refused (RFC 9457), what OAuth 2 refused, what got no answer."""

from __future__ import annotations

from typing import Any

import httpx


class LifecertError(Exception):
    """Base of every error of this client."""


class NotAnsweredError(LifecertError):
    """The service could not be reached, or the connection broke."""


class TokenError(LifecertError):
    """No access token could be had. error: the code of RFC 6749, e.g. ``invalid_client``."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error


class ProblemError(LifecertError):
    """The service refused. status: HTTP. code: stable, e.g. ``person_unknown``. errors: field, rule and place of each finding."""

    def __init__(self, status: int, code: str, detail: str, request_id: str, errors: tuple[dict[str, Any], ...] = ()) -> None:
        super().__init__(f"{status} {code}: {detail} (request {request_id})")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.errors = errors

    @classmethod
    def of(cls, answer: httpx.Response) -> ProblemError:
        """The problem that an answer tells of; one without a problem document, as of a proxy, gets the code ``http_STATUS``."""
        request_id = answer.headers.get("X-Request-ID", "")
        try:
            body = answer.json()
            return cls(answer.status_code, body["code"], body.get("detail", ""), body.get("request_id", request_id), tuple(body["errors"]))
        except (ValueError, KeyError, TypeError):
            return cls(answer.status_code, f"http_{answer.status_code}", answer.reason_phrase, request_id)
