"""The OAuth 2 authorization server for machine clients: client credentials only (RFC 6749 section 4.4), and revocation (RFC 7009).

Authlib does the protocol; here is what it asks of us: clients, scopes, tokens.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, OAuth2Request, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import request as flask_request

from api.clients import known_clients
from api.context import Context, current
from api.scopes import Scope
from api.settings import Environment
from models.client import Client
from models.repositories import clients

AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class OurClient(ClientMixin):  # type: ignore[misc]
    """A client as Authlib sees it. One that is not there has no secret that fits, so that nobody learns which ids exist."""

    def __init__(self, row: Client | None) -> None:
        self.row = row

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes asked for when they are all the client's; all of them when none was asked for; None refuses."""
        allowed = list(self.row.scopes) if self.row is not None else []
        asked = allowed if not scope else scope.split()
        return " ".join(sorted(set(asked))) if set(asked) <= set(allowed) else None

    def check_client_secret(self, client_secret: str) -> bool:
        """True when it is the secret of a client that is not revoked."""
        return self.row is not None and clients.secret_fits(self.row, client_secret, current().keyring)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """The two ways to send a secret, everywhere."""
        return method in AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Client credentials only."""
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)


class GivenToken(TokenMixin):  # type: ignore[misc]
    """A token that is to be revoked."""

    def __init__(self, token: str, client_pk: int) -> None:
        self.token = token
        self.client_pk = client_pk

    def check_client(self, client: OurClient) -> bool:
        """True when it was given to this client."""
        return client.row is not None and client.row.id == self.client_pk


class _FormOnly(FlaskOAuth2Payload):  # type: ignore[misc]
    @property
    def data(self) -> Any:
        """The form; what is in the address is not looked at, because logs would keep it."""
        return self._request.form


class _Request(FlaskOAuth2Request):  # type: ignore[misc]
    """A form. How people reach the service says whether it is safe for secrets; the connection to a proxy does not."""

    def __init__(self, incoming: Any, uri: str) -> None:
        OAuth2Request.__init__(self, method=incoming.method, uri=uri, headers=incoming.headers)
        self._request = incoming
        self.payload = _FormOnly(incoming)


class Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """Client credentials, by header or by form."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)

    def validate_token_request(self) -> None:
        """See Authlib. Parameters that come twice are refused (RFC 6749 section 3.2). Raises OAuth2Error."""
        for name in ("grant_type", "scope", "client_id", "client_secret"):
            if len(self.request.form.getlist(name)) > 1:
                raise InvalidRequestError(f"The parameter {name!r} comes more than once.")
        super().validate_token_request()


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Ends access tokens of the client that asks."""

    CLIENT_AUTH_METHODS = list(AUTH_METHODS)

    def query_token(self, token_string: str, token_type_hint: str | None) -> GivenToken | None:  # noqa: ARG002
        """The token, when it is one of ours."""
        with current().database.read_scope() as session:
            owner = clients.token_owner(session, token_string)
        return None if owner is None else GivenToken(token_string, owner)

    def revoke_token(self, token: GivenToken, request: Any) -> None:  # noqa: ARG002
        """End it, here at once, in other workers after ``integration.token_cache_s``."""
        context = current()
        with context.database.session_scope() as session:
            clients.revoke_token(session, token.token, now=context.clock())
        known_clients().forget()


class Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server for Flask on our store."""

    REVOCATION = Revocation.ENDPOINT_NAME

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.scopes_supported = [scope.value for scope in Scope]
        lifetime_s = context.policy.integration.token_minutes * 60
        self.register_token_generator("default", BearerTokenGenerator(_new_token, None, lifetime_s))
        self.register_grant(Grant)
        self.register_endpoint(Revocation)

    def create_oauth2_request(self, request: Any) -> _Request:  # noqa: ARG002
        """The present request. In production without https Authlib refuses it: a secret would travel in clear."""
        settings = self._context.settings
        demanding = settings.environment is Environment.PRODUCTION
        return _Request(flask_request, settings.base_url if demanding else "https://localhost/")

    def query_client(self, client_id: str) -> OurClient:
        """The client; an empty one when there is none."""
        with self._context.database.read_scope() as session:
            return OurClient(clients.find(session, client_id))

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Keep the digest."""
        context = self._context
        with context.database.session_scope() as session:
            clients.save_token(
                session,
                token["access_token"],
                client_pk=request.client.row.id,
                scopes=token.get("scope", "").split(),
                now=context.clock(),
                lifetime=timedelta(seconds=token["expires_in"]),
            )

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _new_token(**_: Any) -> str:
    return secrets.token_urlsafe(clients.TOKEN_BYTES)
