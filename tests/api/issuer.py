"""A small OpenID Connect issuer on the loopback: real keys, real codes, real checks (Authlib's server). It signs in whom a test says."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "lifecert", "a secret of the test"


@dataclass
class Told:
    """What the issuer says. name: of the account; None in issuer, audience, nonce: what is right."""

    name: str = "supervisor"
    acr: str | None = None
    amr: list[str] = field(default_factory=list)
    auth_time: int | None = None
    nonce: str | None = None
    other_key: bool = False
    issuer: str | None = None
    audience: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Issuer:
    """A running issuer. told: change it before somebody signs in."""

    address: str
    told: Told


@dataclass
class _Code(AuthorizationCodeMixin):
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    told: Told
    used: bool = False

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.told.nonce or self.nonce

    def get_auth_time(self) -> int:
        return self.told.auth_time or int(time.time())

    def get_acr(self) -> str | None:
        return self.told.acr

    def get_amr(self) -> list[str]:
        return self.told.amr


class _Client(ClientMixin):
    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class _User:
    name: str

    def get_user_id(self) -> str:
        return self.name


def _application(issuer: Issuer, redirect_uri: str) -> Flask:
    app = Flask("issuer")
    key, stranger = (RSAKey.generate_key(2048, {"kid": kid}, private=True) for kid in ("one", "one"))
    codes: dict[str, _Code] = {}
    told = issuer.told

    class Grant(AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            challenge = (data.get("code_challenge"), data.get("code_challenge_method"))
            codes[code] = _Code(code, asked.payload.redirect_uri, asked.payload.scope, data.get("nonce"), *challenge, told)

        def query_authorization_code(self, code: str, _client: Any) -> _Code | None:
            return codes.get(code)

        def delete_authorization_code(self, code: _Code) -> None:
            codes.pop(code.code, None)

        def authenticate_user(self, code: _Code) -> _User:
            return _User(code.told.name)

    class Identity(OpenIDCode):
        def exists_nonce(self, *_: Any) -> bool:
            return False

        def get_client_algorithm(self, _client: Any) -> str:
            return "RS256"

        def get_client_claims(self, _client: Any) -> dict[str, Any]:
            now = int(time.time())
            audience = told.audience or CLIENT_ID
            return {"iss": told.issuer or issuer.address, "aud": [audience], "iat": now, "exp": now + 300}

        def get_encode_header(self, _client: Any) -> dict[str, str]:
            return {"alg": "RS256", "kid": "one"}

        def resolve_client_private_key(self, _client: Any) -> Any:
            return stranger if told.other_key else key

        def generate_user_info(self, user: _User, _scope: str) -> UserInfo:
            return UserInfo(sub=secrets.token_hex(8), preferred_username=user.name)

    client = _Client(redirect_uri)
    server = AuthorizationServer(app, query_client=lambda asked: client if asked == CLIENT_ID else None, save_token=lambda *_: None)
    server.register_grant(Grant, [Identity(require_nonce=True), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        found: dict[str, Any] = {name: issuer.address + path for name, path in names.items()}
        return jsonify(issuer=issuer.address, id_token_signing_alg_values_supported=["none", "HS256", "RS256"], **found)

    @app.get("/keys")
    def keys() -> Any:
        return jsonify(keys=[key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize() -> Any:
        told.asked.append(request.args.to_dict())
        user = _User(told.name)
        grant = server.get_consent_grant(end_user=user)
        return server.create_authorization_response(grant_user=user, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    return app


@contextmanager
def running_issuer(redirect_uri: str) -> Iterator[Issuer]:
    """An issuer on a free port, gone at the end."""
    import os

    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the issuer's side of Authlib; it is on the loopback
    issuer = Issuer("", Told())
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    issuer.address = f"http://127.0.0.1:{server.server_port}"
    server.app = _application(issuer, redirect_uri)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        del os.environ["AUTHLIB_INSECURE_TRANSPORT"]
