"""Error pages in plain words. The number that is shown finds the entry in the log; nothing about the person is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask.exceptions import HTTPError
from flask import render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from api.log import logger
from api.pages.words import ERRORS
from api.request_id import current_request_id
from models.errors import DatabaseUnreachableError
from verify.errors import EngineError
from verify.service_errors import PersonUnknown

if TYPE_CHECKING:
    from flask import Flask

log = logger("lifecert.pages")


def status_of(error: Exception) -> int:
    """The status that an exception of a page comes to."""
    if isinstance(error, CSRFError):
        return 400
    if isinstance(error, HTTPException):
        return error.code or 500
    if isinstance(error, HTTPError):
        return error.status_code
    if isinstance(error, PersonUnknown):
        return 404
    if isinstance(error, (DatabaseUnreachableError, EngineError)) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return 503
    return 500


def error_page(error: Exception) -> ResponseReturnValue:
    """The page for any exception behind a page."""
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error  # a redirect of the router
    status = status_of(error)
    if status >= 500:
        log.error("page_failed", status=status, kind=type(error).__name__, exc_info=error)
    words = ERRORS.get(status) or ERRORS[500 if status >= 500 else 400]
    return render_template("errors/error.html", words=words, request_id=current_request_id()), status


def register(app: Flask) -> None:
    """Answer every error that is not a JSON door's with a page."""
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(HTTPError, error_page)
    app.register_error_handler(Exception, error_page)
