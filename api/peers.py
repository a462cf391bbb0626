"""Calls to other installations: a token, then one document a step of an assisted certification, as often as it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, TypeVar

import httpx
from pydantic import ValidationError

from api.assistance import exchange_service
from api.context import Context
from api.log import logger
from api.scopes import Scope
from api.v1.assistance import AssistanceAnswer, PeerAnswer
from models.assistance import Peer
from models.keys import KeyRingError
from verify.assistance_exchange_service import AssistanceExchangeService, Waiting
from verify.assistance_views import Document, Outgoing, Received

AT_ONCE = 20
TOKEN_EARLY_S = 60.0
MOST_BATCHES = 50  # of one run; the next one comes in a minute
SPARE_S = 60.0

Told = TypeVar("Told", AssistanceAnswer, PeerAnswer)

log = logger("lifecert.peers")


class PeerCallError(Exception):
    """A call to another installation did not come through. status: of its answer, None when there was none. why: short, for the log."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.status = status

    @property
    def unreachable(self) -> bool:
        """True when nothing else will get through to it just now either."""
        return self.status is None or self.status in {401, 403, 429} or self.status >= 500

    @property
    def final(self) -> bool:
        """True when the document itself is at fault, so that sending it again cannot help."""
        return self.status in {400, 413, 415, 422}


class PeerDoors(Protocol):
    """What the relay needs of another installation."""

    def put(self, outgoing: Outgoing) -> Received:
        """Send one document. Raises PeerCallError."""
        ...


@dataclass(frozen=True)
class _Token:
    value: str
    until_s: float


class PeerClient:
    """Calls over HTTP. Tokens are kept while they hold. Addresses and TLS roots are those of the environment (SSL_CERT_FILE)."""

    def __init__(self, timeout_s: float) -> None:
        self._http = httpx.Client(timeout=timeout_s, headers={"User-Agent": "lifecert-peer"})
        self._tokens: dict[tuple[str, str], _Token] = {}

    def __enter__(self) -> PeerClient:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self._http.close()

    def put(self, outgoing: Outgoing) -> Received:
        """Send one document. Raises PeerCallError."""
        address = f"/api/v1/assistance/{outgoing.shared_id}"
        body = self._call("PUT", outgoing.base_url, outgoing.our_client_id, outgoing.our_secret, address, _json(outgoing.document))
        answer = _read(AssistanceAnswer, body)
        return Received(answer.outcome, answer.own_id, answer.state, answer.version, answer.missed)

    def who_are_we(self, peer: Peer, secret: str) -> PeerAnswer:
        """What the other installation takes us for. Raises PeerCallError."""
        return _read(PeerAnswer, self._call("GET", peer.base_url, peer.our_client_id, secret, "/api/v1/peer", None))

    def _call(self, method: str, base_url: str, client_id: str, secret: str, address: str, body: dict[str, Any] | None) -> bytes:
        response = self._send(method, base_url + address, self._token(base_url, client_id, secret), body)
        if response.status_code == httpx.codes.UNAUTHORIZED:  # revoked, or the other side lost it: once more with a fresh one
            self._tokens.pop((base_url, client_id), None)
            response = self._send(method, base_url + address, self._token(base_url, client_id, secret), body)
        if response.status_code != httpx.codes.OK:
            raise PeerCallError(f"answered {response.status_code} {_code(response)}".strip(), response.status_code)
        return response.content

    def _send(self, method: str, url: str, token: str, body: dict[str, Any] | None) -> httpx.Response:
        try:
            return self._http.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PeerCallError(f"no answer ({type(error).__name__})") from None

    def _token(self, base_url: str, client_id: str, secret: str) -> str:
        kept = self._tokens.get((base_url, client_id))
        if kept is not None and kept.until_s > time.monotonic():
            return kept.value
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": Scope.ASSISTANCE_RELAY.value,
        }
        try:
            response = self._http.post(f"{base_url}/oauth/token", data=form)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PeerCallError(f"no answer ({type(error).__name__})") from None
        if response.status_code != httpx.codes.OK:
            # a refused secret comes as 400 or 401 (RFC 6749 section 5.2): not the document's fault, so it counts as not let in
            status = httpx.codes.UNAUTHORIZED.value if response.is_client_error else response.status_code
            raise PeerCallError(f"gave no token: {response.status_code} {_code(response)}".strip(), status)
        try:
            given = response.json()
            token = _Token(str(given["access_token"]), time.monotonic() + float(given.get("expires_in", 0)) - TOKEN_EARLY_S)
        except (ValueError, KeyError, TypeError):
            raise PeerCallError("gave no token: its answer is not that of a token door") from None
        self._tokens[base_url, client_id] = token
        return token.value


def relay(context: Context, doors: PeerDoors | None = None) -> dict[str, int]:
    """Send what waits for other installations; how many were sent, had nothing to tell any more, were rejected, failed.

    At least once each: a message counts as sent only after the answer, so a run that dies in between sends it again, and the receiver
    finds nothing new in it.
    """
    if doors is not None:
        return _relay(context, doors)
    with PeerClient(context.policy.assistance.peer_timeout_s) as client:
        return _relay(context, client)


def _relay(context: Context, doors: PeerDoors) -> dict[str, int]:
    service = exchange_service(context)
    done = {"sent": 0, "nothing": 0, "rejected": 0, "failed": 0}
    down: dict[str, PeerCallError] = {}
    lease = timedelta(seconds=AT_ONCE * 2 * context.policy.assistance.peer_timeout_s + SPARE_S)
    for _ in range(MOST_BATCHES):
        batch = service.claim(retry_at=context.clock() + lease, limit=AT_ONCE)
        if not batch:
            break
        for waiting in batch:
            done[_send_one(context, service, doors, waiting, down)] += 1
    return done


def _send_one(
    context: Context, service: AssistanceExchangeService, doors: PeerDoors, waiting: Waiting, down: dict[str, PeerCallError]
) -> str:
    waits = context.policy.assistance.peer_retry_s
    wait_s = waits[min(waiting.attempts, len(waits)) - 1]
    again_at, long_silent = context.clock() + timedelta(seconds=wait_s), waiting.attempts >= len(waits)
    try:
        outgoing = service.outgoing(waiting)
    except KeyRingError:  # of this one request or installation: the others go on
        log.error("assistance_not_opened", request=waiting.request_id, next="check the key file against its backup")
        service.failed(waiting, why="sealed values do not open", retry_at=again_at, long_silent=long_silent)
        return "failed"
    if outgoing is None:
        service.settled(waiting, None)
        return "nothing"
    try:
        if outgoing.peer_name in down:  # one time-out a run is enough
            raise down[outgoing.peer_name]
        received = doors.put(outgoing)
    except PeerCallError as error:
        if error.status == httpx.codes.NOT_FOUND and outgoing.may_be_unknown:
            service.settled(waiting, None)  # closed before the other installation ever heard of it
            return "nothing"
        if error.final:
            log.error("assistance_rejected", peer=outgoing.peer_name, request=waiting.request_id, why=error.why)
            service.rejected(waiting, why=error.why)
            return "rejected"
        if error.unreachable:
            down[outgoing.peer_name] = error
        log.warning("assistance_not_sent", peer=outgoing.peer_name, request=waiting.request_id, why=error.why, again_in_s=wait_s)
        service.failed(waiting, why=error.why, retry_at=again_at, long_silent=long_silent)
        return "failed"
    service.settled(waiting, received)
    log.info("assistance_sent", peer=outgoing.peer_name, request=waiting.request_id, outcome=received.outcome.value)
    return "sent"


def _json(document: Document) -> dict[str, Any]:
    body: dict[str, Any] = {
        "version": document.version,
        "state": document.state.value,
        "own_id": document.own_id,
        "requesting_region": document.requesting_region,
        "performing_region": document.performing_region,
        "reason": document.reason,
        "requested_on": document.requested_on.isoformat(),
        "accept_by": document.accept_by.isoformat(),
        "carry_out_by": document.carry_out_by.isoformat(),
        "why": None if document.why is None else document.why.value,
        "note": document.note,
        "method": None if document.method is None else document.method.value,
        "occurred_on": None if document.occurred_on is None else document.occurred_on.isoformat(),
    }
    if document.person is not None:
        person = document.person
        body["person"] = {"full_name": person.full_name, "resident_id": person.resident_id, "contact": person.contact}
    return body


def _read(model: type[Told], body: bytes) -> Told:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        raise PeerCallError("its answer is not that of this door: another version?", 502) from None


def _code(response: httpx.Response) -> str:
    """The stable code of a problem or of an OAuth error; nothing else of what a stranger answers is kept."""
    try:
        body = response.json()
    except ValueError:
        return ""
    value = (body.get("code") or body.get("error")) if isinstance(body, dict) else None
    return value[:60] if isinstance(value, str) and value.replace("_", "").isalnum() else ""
