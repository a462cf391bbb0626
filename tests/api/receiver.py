"""A real HTTP receiver of webhooks: checks signatures and keeps what came."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """secrets: of the paths that messages come to. answer: (path, number of this message, from 1) -> status, headers."""

    port: int = 0
    secrets: dict[str, str] = field(default_factory=dict)
    answer: Callable[[str, int], tuple[int, dict[str, str]]] = lambda _path, _number: (204, {})
    delay_s: float = 0.0
    received: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refused: int = 0
    connections: int = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ids(self) -> list[str]:
        return [message_id for _, message_id, _ in self.received]


def signature(secret: str, headers: Message, data: bytes) -> str:
    """As Standard Webhooks has it, by hand: clocks of these tests stand in the past, and ``Webhook.verify`` would refuse the time."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + data
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@contextlib.contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            data = self.rfile.read(length)
            if len(data) < length:  # the sender is gone: half a message is none
                self.close_connection = True
                return
            if receiver.delay_s:
                time.sleep(receiver.delay_s)
            receiver.raw.append((dict(self.headers.items()), data))
            secret = receiver.secrets.get(self.path)
            if secret is not None and self.headers["webhook-signature"] != signature(secret, self.headers, data):
                receiver.refused += 1
                self._answer(401, {})
                return
            receiver.received.append((self.path, self.headers["webhook-id"], json.loads(data)))
            self._answer(*receiver.answer(self.path, len(receiver.received)))

        def _answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
