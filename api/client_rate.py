"""How fast a machine client may go: requests a minute, over all workers and hosts.

A worker takes a share of the minute's requests from the store (policy ``integration.rate_shares`` a minute) and counts it down by
itself, so that most requests ask nobody. What a worker holds and does not use is lost with the minute: a client may be held up at as
much as one share a worker below its rate, never above it.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app, g

from api.context import Context
from api.problems import Problem
from models.repositories import client_rates
from models.repositories.clients import Credentials

if TYPE_CHECKING:
    from flask import Flask, Response

KEY = "lifecert_client_rate"
MINUTE = timedelta(minutes=1)


@dataclass
class _Held:
    """What this worker holds of a client's minute. left_for_all: in the store, when last asked."""

    window_start: datetime
    left: int = 0
    left_for_all: int = 1


@dataclass(frozen=True)
class Allowance:
    """What a client has left, for the headers. remaining: requests. reset_s: seconds to the next minute."""

    rate_per_minute: int
    remaining: int
    reset_s: int


class ClientRateLimit:
    """Counts requests down. Thread-safe; one an application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}

    def take(self, client: Credentials, cost: int = 1) -> Allowance:
        """Let so many requests go; more than a whole minute's are taken for just that.

        Raises:
            Problem: too_many_requests (429) with the seconds to the next minute.
        """
        now = self._context.clock()
        window_start = now.replace(second=0, microsecond=0)
        reset_s = max(1, math.ceil((window_start + MINUTE - now).total_seconds()))
        cost = min(cost, client.rate_per_minute)
        with self._lock:
            held = self._held.get(client.client_pk)
            if held is None or held.window_start != window_start:
                held = self._held[client.client_pk] = _Held(window_start)
            if held.left < cost and held.left_for_all > 0:
                self._lease(client, held, cost - held.left)
            enough = held.left >= cost
            if enough:
                held.left -= cost
            allowance = Allowance(client.rate_per_minute, held.left + held.left_for_all, reset_s)
        if enough:
            return allowance
        headers = {"Retry-After": str(reset_s)} | headers_of(allowance)
        raise Problem("too_many_requests", f"This client may send {client.rate_per_minute} requests a minute.", headers=headers)

    def _lease(self, client: Credentials, held: _Held, missing: int) -> None:
        share = max(missing, math.ceil(client.rate_per_minute / self._context.policy.integration.rate_shares))
        with self._context.database.session_scope() as session:
            had, held.left_for_all = client_rates.lease(
                session, client.client_pk, window_start=held.window_start, share=share, rate_per_minute=client.rate_per_minute
            )
        held.left += had


def headers_of(allowance: Allowance) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers: the rule, and what is left of it."""
    return {
        "RateLimit-Policy": f'"minute";q={allowance.rate_per_minute};w=60',
        "RateLimit": f'"minute";r={allowance.remaining};t={allowance.reset_s}',
    }


def take(client: Credentials, cost: int = 1) -> None:
    """Let the present request of a client go, and tell it in the answer what it has left. Raises Problem (429)."""
    limit: ClientRateLimit = current_app.extensions[KEY]
    g.client_allowance = limit.take(client, cost)


def register(app: Flask) -> None:
    """Count in this application."""
    app.extensions[KEY] = ClientRateLimit(app.extensions["lifecert"])

    @app.after_request
    def tell(response: Response) -> Response:
        allowance: Allowance | None = g.get("client_allowance")
        if allowance is not None and "RateLimit" not in response.headers:
            response.headers.update(headers_of(allowance))
        return response
