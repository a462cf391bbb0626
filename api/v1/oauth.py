"""The two doors of OAuth 2: tokens given out and taken back. Their forms and errors are those of RFC 6749, not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, request

from api import client_rate, lean_sessions, limits
from api.accounts import protection
from api.clients import register as remember_clients
from api.limits import Limited, client_address
from api.oauth import Server

if TYPE_CHECKING:
    from flask import Flask

LONGEST_FORM_BYTES = 4096

oauth = Blueprint("oauth", __name__, url_prefix="/oauth")


def _server() -> Server:
    limits.check(Limited.TOKENS_FROM_ADDRESS, client_address())
    request.max_content_length = LONGEST_FORM_BYTES
    server: Server = current_app.extensions["lifecert_oauth"]
    return server


@oauth.post("/token")
def token() -> Response:
    """An access token for a client's id and secret."""
    response: Response = _server().create_token_response()
    return response


@oauth.post("/revoke")
def revoke() -> Response:
    """End an access token. One that nobody knows is as good as ended (RFC 7009 section 2.2)."""
    response: Response = _server().create_endpoint_response(Server.REVOCATION)
    return response


def register(app: Flask) -> None:
    """Add the doors. No cookie speaks for anybody here, so there is nothing to forge."""
    remember_clients(app)
    client_rate.register(app)
    lean_sessions.register(app)
    app.extensions["lifecert_oauth"] = Server(app.extensions["lifecert"])
    protection(app).exempt(oauth)
    app.register_blueprint(oauth)
