"""One id a request: taken from ``X-Request-ID`` when it is well-formed, made otherwise; in logs, in problems, in the answer."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import structlog
from flask import g, has_request_context, request

if TYPE_CHECKING:
    from flask import Flask, Response

HEADER = "X-Request-ID"

# long enough to be unique, short enough for a log line, and nothing that could break one
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def new_request_id() -> str:
    """32 hexadecimal digits from 128 random bits."""
    return secrets.token_hex(16)


def current_request_id() -> str:
    """Id of the request being answered; a fresh one when the request never reached the first handler."""
    if not has_request_context():
        return new_request_id()
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _WELL_FORMED.fullmatch(given) else new_request_id()
    return str(g.request_id)


def register(app: Flask) -> None:
    """Give every request its id, before anything else happens to it."""

    def bind() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=current_request_id())

    def answer(response: Response) -> Response:
        response.headers[HEADER] = current_request_id()
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, bind)
    app.after_request(answer)
