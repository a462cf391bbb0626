"""Requests of programs open no cookie session: they are thousands a second, and a session costs as much as their answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, g
from flask.sessions import SecureCookieSessionInterface

from api.clients import bearer_token

if TYPE_CHECKING:
    from flask import Flask, Request, Response
    from flask.sessions import SecureCookieSession, SessionMixin


class LeanSessions(SecureCookieSessionInterface):
    """Flask's own cookie sessions; without a cookie nothing is unsigned, and of a session nobody touched nothing is written."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """See Flask; an empty session without a cookie."""
        return self.session_class() if self.get_cookie_name(app) not in request.cookies else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """See Flask."""
        if session or session.modified or session.accessed:
            super().save_session(app, session, response)


def register(app: Flask) -> None:
    """Use them. A request with an access token is of no account, so nobody is looked up for it."""
    app.session_interface = LeanSessions()

    def nobody() -> None:
        if bearer_token() is not None:
            login_manager: Any = current_app.extensions["security"].login_manager
            g._login_user = login_manager.anonymous_user()

    app.before_request_funcs.setdefault(None, []).insert(0, nobody)
