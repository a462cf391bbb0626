"""Machine clients at the doors: who a Bearer token or a client certificate speaks for.

What was found is remembered for a few seconds (policy ``integration.token_cache_s``) by each worker, so that a busy client costs no
look-up a request. What is not found is never remembered.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from api.context import Context
from api.problems import Problem
from models.repositories import clients
from models.repositories.clients import Credentials

SCHEME = "bearer "
CHALLENGE = 'Bearer realm="lifecert"'
REMEMBERED_MAX = 4096
LONGEST_TOKEN = 200

# A browser says where a request comes from, a program does not. A certificate that is installed in a browser goes along with requests
# that another site makes it send, so there it speaks for nobody.
BROWSER_HEADERS = ("Origin", "Sec-Fetch-Site", "Cookie")


@dataclass(frozen=True)
class _Remembered:
    credentials: Credentials
    until_s: float


class KnownClients:
    """Credentials found lately, by digest. Thread-safe; one an application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._kept: dict[bytes, _Remembered] = {}

    def of_token(self, token: str) -> Credentials | None:
        """Who the token speaks for; None for an unknown, expired or revoked one."""
        digest = clients.token_digest(token)
        found = self._recall(digest)
        if found is None:
            with self._context.database.read_scope() as session:
                found = clients.by_token(session, token, self._context.clock())
            self._keep(digest, found)
        if found is not None and found.expires_at is not None and found.expires_at <= self._context.clock():
            return None
        return found

    def of_certificate(self, der: bytes) -> Credentials | None:
        """Who the certificate speaks for. der: as the TLS connection shows it, checked against the authority by then."""
        digest = hashlib.sha256(der).digest()
        found = self._recall(digest)
        if found is None:
            with self._context.database.read_scope() as session:
                found = clients.by_certificate(session, digest)
            self._keep(digest, found)
        return found

    def forget(self) -> None:
        """Remember nobody: something was revoked through this worker."""
        with self._lock:
            self._kept.clear()

    def _recall(self, digest: bytes) -> Credentials | None:
        kept = self._kept.get(digest)
        return kept.credentials if kept is not None and kept.until_s > time.monotonic() else None

    def _keep(self, digest: bytes, found: Credentials | None) -> None:
        seconds = self._context.policy.integration.token_cache_s
        if found is None or seconds <= 0:
            return
        with self._lock:
            if len(self._kept) >= REMEMBERED_MAX:
                self._kept.clear()
            self._kept[digest] = _Remembered(found, time.monotonic() + seconds)


def known_clients() -> KnownClients:
    """Those of the running application."""
    found: KnownClients = current_app.extensions["lifecert_known_clients"]
    return found


def register(app: Any) -> None:
    """Make the memory of this application."""
    app.extensions["lifecert_known_clients"] = KnownClients(app.extensions["lifecert"])


def bearer_token() -> str | None:
    """The token of the header Authorization; None when the request carries none."""
    given: str | None = request.environ.get("HTTP_AUTHORIZATION")
    if given is None or given[: len(SCHEME)].lower() != SCHEME:
        return None
    return given[len(SCHEME) :].strip()


def client_credentials() -> Credentials | None:
    """The machine client that asks, by token or by certificate; None when the request speaks for no client.

    Raises:
        Problem: authentication_required (401) for a token that is unknown, expired or revoked.
    """
    token = bearer_token()
    if token is not None:
        found = known_clients().of_token(token) if 0 < len(token) <= LONGEST_TOKEN else None
        if found is None:
            challenge = f'{CHALLENGE}, error="invalid_token"'
            raise Problem(
                "authentication_required", "The access token is not valid (any more): get a new one.", headers=_challenge(challenge)
            )
        return found
    peer: Callable[..., bytes | None] | None = getattr(request.environ.get("gunicorn.socket"), "getpeercert", None)
    if peer is None or any(name in request.headers for name in BROWSER_HEADERS):
        return None
    der = peer(binary_form=True)
    return None if der is None else known_clients().of_certificate(der)


def insufficient_scope(scopes: list[str], detail: str) -> Problem:
    """403 that names the scopes that would do (RFC 6750 section 3.1)."""
    wanted = f', scope="{" ".join(scopes)}"' if scopes else ""
    return Problem("not_permitted", detail, headers=_challenge(f'{CHALLENGE}, error="insufficient_scope"{wanted}'))


def _challenge(value: str) -> dict[str, str]:
    return {"WWW-Authenticate": value}
