"""The line to the service: what was sent and what came back, the same for a test's client and for the load test's."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """What came back. status: 0 when nothing did (the connection broke)."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Code of a problem; empty for everything else."""
        return str(self.json.get("code", "")) if self.headers.get("content-type", "").startswith("application/problem+json") else ""

    def csrf(self) -> str:
        """The page's token against forged requests."""
        found = _CSRF.search(self.text)
        return html.unescape(found[1]) if found else ""

    def hidden(self, name: str) -> str:
        """Value of a hidden field of the page; empty without one."""
        return next((html.unescape(value) for field, value in _HIDDEN.findall(self.text) if field == name), "")


class Line(Protocol):
    """Sends one request; keeps cookies. label: under which the load test counts it. Redirects are followed for pages."""

    def send(self, method: str, path: str, *, label: str = "", content: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """The answer, or one with status 0."""
        ...


class HttpxLine:
    """A line of its own, over keep-alive connections. from_address: which loopback address it comes from."""

    def __init__(self, address: str, *, from_address: str = "127.0.0.1", timeout_s: float = 90.0) -> None:
        # Given up by the client before the server closes it: else a request may meet a connection that is being closed.
        limits = httpx.Limits(keepalive_expiry=1.0)
        transport = httpx.HTTPTransport(local_address=from_address, limits=limits)
        self.client = httpx.Client(base_url=address, timeout=timeout_s, follow_redirects=True, transport=transport)

    def send(self, method: str, path: str, *, label: str = "", content: Any = None, headers: dict[str, str] | None = None) -> Answer:  # noqa: ARG002
        """See Line. content: bytes, or a dictionary that becomes a form."""
        try:
            if isinstance(content, dict):
                answer = self.client.request(method, path, data=content, headers=headers)
            else:
                answer = self.client.request(method, path, content=content, headers=headers)
        except httpx.HTTPError:
            return Answer(0, b"", {})
        return Answer(answer.status_code, answer.content, {name.lower(): value for name, value in answer.headers.items()})

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def __enter__(self) -> HttpxLine:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def as_json(value: Any) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a JSON request."""
    return json.dumps(value).encode(), {"Content-Type": "application/json"}
