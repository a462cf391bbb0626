"""Error pages in plain words. The number that is shown finds the entry in the log; nothing about the person is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask.exceptions import HTTPError
from flask import current_app, g, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api.degraded import degraded_mode
from api.log import logger
from api.pages.degraded_words import DEGRADED
from api.pages.words import ERRORS
from api.problems import RETRY_SOON_S
from api.request_id import current_request_id
from models.errors import DatabaseUnreachableError, ModelsError
from models.keys import KeyServiceUnavailableError
from verify.errors import EngineError, WeightsError
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
    if degraded_mode(error) is not None:
        return 503
    if isinstance(error, (DatabaseUnreachableError, EngineError, KeyServiceUnavailableError, WeightsError)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return 503
    return 500


def retry_after_s(error: Exception) -> int | None:
    """After how many seconds it is worth coming again, where the error knows."""
    known = getattr(error, "retry_after", None)
    return known if isinstance(known, int) else None


def error_page(error: Exception) -> ResponseReturnValue:
    """The page for any exception behind a page."""
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error  # a redirect of the router
    status = status_of(error)
    mode = degraded_mode(error)
    if mode is not None:
        log.warning("page_degraded", mode=mode.value)  # a known state, told by every page: no traceback each time
    elif status >= 500:
        log.error("page_failed", status=status, kind=type(error).__name__, exc_info=error)
    wait_s = retry_after_s(error)
    words = DEGRADED[mode] if mode is not None else ERRORS.get(status) or ERRORS[500 if status >= 500 else 400]
    # at_fault: the address may hold what somebody typed of a person, so the page does not repeat it
    page = _rendered(words=words, request_id=current_request_id(), wait_s=wait_s, at_fault=True)
    headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_SOON_S))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))  # RFC 9110 section 15.5.6
    return page, status, headers


def _rendered(**values: object) -> str:
    try:
        return render_template("errors/error.html", **values)
    except (ModelsError, SQLAlchemyError):
        # Who is here is asked of the store whenever a template is filled, and the store is what is away: the page goes to a stranger.
        g.person_card = None
        g._login_user = current_app.extensions["security"].login_manager.anonymous_user()  # where Flask-Login keeps who it found
        return render_template("errors/error.html", **values)


def register(app: Flask) -> None:
    """Answer every error that is not a JSON door's with a page."""
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(HTTPError, error_page)
    app.register_error_handler(Exception, error_page)
