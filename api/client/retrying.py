"""Calls that are safe to send again, sent again when the service says 429 or 503, after as long as it says."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

AGAIN = frozenset({429, 503})
SAFE = "lifecert_safe"
"""Key of a request's extensions: True when sending it twice changes nothing."""


class RetryingTransport(httpx.BaseTransport):
    """Another transport, tried again. times: at most. longest_s: a longer Retry-After is the caller's to wait for."""

    def __init__(
        self, inner: httpx.BaseTransport, *, times: int = 3, longest_s: float = 60.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._inner = inner
        self._times = times
        self._longest_s = longest_s
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        answer = self._inner.handle_request(request)
        for turn in range(self._times):
            wait_s = self._wait_s(request, answer, turn)
            if wait_s is None:
                break
            answer.close()
            self._sleep(wait_s)
            answer = self._inner.handle_request(request)
        return answer

    def close(self) -> None:
        """See httpx."""
        self._inner.close()

    def _wait_s(self, request: httpx.Request, answer: httpx.Response, turn: int) -> float | None:
        if answer.status_code not in AGAIN or not request.extensions.get(SAFE):
            return None
        said = answer.headers.get("Retry-After", "")
        wait_s = float(said) if said.isdigit() else float(2**turn)
        return wait_s if wait_s <= self._longest_s else None
