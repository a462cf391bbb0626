"""One object with a method for each door that programs use."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from api.client.errors import NotAnsweredError, ProblemError, TokenError
from api.client.results import BatchLine, CardStatus, Change, Changes, IdentityCheck, Import, NewWebhook, Status, Webhook
from api.client.retrying import SAFE, RetryingTransport

RENEW_BEFORE_S = 30
BATCH_MAX = 10_000


class LifecertClient:
    """Calls Lifecert as one machine client. Thread-safe; close it, or use it in a ``with``.

    base_url: of the service. client_id and secret: as ``lifecert clients add`` printed them; leave them out with a certificate.
    certificate: (PEM file of the certificate, PEM file of its key). authority: PEM file of the authority that signed the service's own
    certificate, when it is not a public one. transport: instead of the network.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str | None = None,
        secret: str | None = None,
        *,
        scopes: Iterable[str] = (),
        certificate: tuple[str, str] | None = None,
        authority: str | None = None,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if (client_id is None) != (secret is None):
            raise ValueError("client_id and secret go together")
        if client_id is None and certificate is None:
            raise ValueError("give client_id and secret, or a certificate")
        self._credentials = None if client_id is None or secret is None else (client_id, secret)
        self._scope = " ".join(scopes)
        self._token = ""
        self._token_until_s = 0.0
        self._renewing = threading.Lock()
        if transport is None:
            trust = ssl.create_default_context(cafile=authority)
            if certificate is not None:
                trust.load_cert_chain(*certificate)
            transport = httpx.HTTPTransport(verify=trust)
        self._http = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout_s, transport=RetryingTransport(transport))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # statuses

    def status(self, *, resident_id: str | None = None, social_security_number: str | None = None, on: date | None = None) -> Status:
        """Status of the person with this number, today or as of a day. Raises ProblemError (person_unknown: nobody in reach has it)."""
        body = _without_none(resident_id=resident_id, social_security_number=social_security_number, on=_iso(on))
        return Status.of(self._json("POST", "/api/v1/statuses/lookup", body, safe=True))

    def statuses(self, ids: Iterable[Mapping[str, str]], *, on: date | None = None) -> Iterator[BatchLine]:
        """Statuses of many, as they arrive. ids: ``{"resident_id": ...}`` or ``{"social_security_number": ...}`` each, at most 10,000.

        Raises:
            NotAnsweredError: the stream broke off; lines that came are good, ask again for the rest.
        """
        asked = [dict(one) for one in ids]
        body = _without_none(ids=asked, on=_iso(on))
        came = 0
        with self._stream("/api/v1/statuses/batch", body) as answer:
            for line in answer.iter_lines():
                if line:
                    came += 1
                    yield BatchLine.of(json.loads(line))
        if came < len(asked):
            raise NotAnsweredError(f"the batch broke off after {came} of {len(asked)} lines")

    # hospitals

    def identity_check(
        self,
        *,
        institution: str,
        resident_id: str | None = None,
        social_security_number: str | None = None,
        name: str | None = None,
        card_number: str | None = None,
        picture: bytes | None = None,
        department: str | None = None,
        reference: str | None = None,
        key: str | None = None,
    ) -> IdentityCheck:
        """Check a person at treatment. picture: JPEG, PNG or WebP. With ``reference``, your own number of the check, or ``key``, an
        Idempotency-Key, the call is safe to send again.
        """
        body = _without_none(
            institution=institution,
            resident_id=resident_id,
            social_security_number=social_security_number,
            name=name,
            card_number=card_number,
            picture=None if picture is None else base64.b64encode(picture).decode("ascii"),
            department=department,
            reference=reference,
        )
        headers = {} if key is None else {"Idempotency-Key": key}
        safe = key is not None or reference is not None
        return IdentityCheck.of(self._json("POST", "/api/v1/identity-checks", body, safe=safe, headers=headers))

    def card(self, card_number: str, *, on: date | None = None) -> CardStatus:
        """Whether a card is on the blacklist."""
        body = _without_none(card_number=card_number, on=_iso(on))
        return CardStatus.of(self._json("POST", "/api/v1/blacklist/lookup", body, safe=True))

    # changes and webhooks

    def changes_page(self, cursor: str | None = None, *, limit: int = 1000) -> Changes:
        """One page of changes of statuses, from a cursor on, or from the first change."""
        query = _without_none(cursor=cursor, limit=limit)
        return Changes.of(self._json("GET", f"/api/v1/changes?{urlencode(query)}", safe=True))

    def changes(self, cursor: str | None = None, *, limit: int = 1000) -> Iterator[Change]:
        """Every change from a cursor on, page by page; to keep the cursor use ``changes_page``."""
        more = True
        while more:
            page = self.changes_page(cursor, limit=limit)
            yield from page.changes
            cursor, more = page.next_cursor, page.more

    def add_webhook(self, url: str, *, states: Iterable[str] | None = None, key: str | None = None) -> NewWebhook:
        """Have changes sent to an address, of these states or of all."""
        body = _without_none(url=url, states=None if states is None else list(states))
        headers = {} if key is None else {"Idempotency-Key": key}
        made = self._json("POST", "/api/v1/webhooks", body, safe=key is not None, headers=headers)
        return NewWebhook(made["webhook_id"], made["url"], made["secret"])

    def webhooks(self) -> tuple[Webhook, ...]:
        """This client's webhooks."""
        return tuple(Webhook.of(one) for one in self._json("GET", "/api/v1/webhooks", safe=True)["webhooks"])

    def remove_webhook(self, webhook_id: str) -> None:
        """End a webhook."""
        self._json("DELETE", f"/api/v1/webhooks/{quote(webhook_id, safe='')}", safe=True)

    # records

    def hand_in(self, kind: str, file: bytes, *, content_type: str = "text/csv") -> Import:
        """Hand a file of records in; the same file again changes nothing. kind: persons, enrolments, benefits, payments, deaths, ..."""
        headers = {"Content-Type": content_type}
        return Import.of(self._json("POST", f"/api/v1/imports/{quote(kind, safe='')}", safe=True, headers=headers, content=file))

    def handed_in(self, batch: str) -> Import:
        """What came of a file."""
        return Import.of(self._json("GET", f"/api/v1/imports/batches/{quote(batch, safe='')}", safe=True))

    def rejected(self, batch: str) -> bytes:
        """The rejected rows of a file, with row number, field, masked value, rule and reason."""
        return self._answer("GET", f"/api/v1/imports/batches/{quote(batch, safe='')}/rejected", safe=True).content

    # tokens

    def revoke_token(self) -> None:
        """End the access token in use; the next call gets a new one."""
        if self._credentials is None or not self._token:
            return
        token, self._token = self._token, ""
        self._sent("POST", "/oauth/revoke", data={"token": token}, auth=self._credentials)

    def _authorization(self, *, fresh: bool = False) -> dict[str, str]:
        if self._credentials is None:
            return {}
        with self._renewing:
            if fresh or not self._token or time.monotonic() > self._token_until_s:
                self._renew(self._credentials)
            return {"Authorization": f"Bearer {self._token}"}

    def _renew(self, credentials: tuple[str, str]) -> None:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        answer = self._sent("POST", "/oauth/token", data=form, auth=credentials, extensions={SAFE: True})
        if answer.status_code != httpx.codes.OK:
            try:
                said = answer.json()
                error, description = said["error"], said.get("error_description", "")
            except (ValueError, KeyError, TypeError):
                raise ProblemError.of(answer) from None
            raise TokenError(error, description)
        given = answer.json()
        self._token = given["access_token"]
        self._token_until_s = time.monotonic() + max(0, given["expires_in"] - RENEW_BEFORE_S)

    # sending

    def _json(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """The JSON of the answer; None of an answer without one. Raises ProblemError, NotAnsweredError, TokenError."""
        answer = self._answer(method, path, body, **how)
        return answer.json() if answer.content else None

    def _answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        safe: bool,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        options: dict[str, Any] = {"extensions": {SAFE: safe}}
        if body is not None:
            options["json"] = body
        if content is not None:
            options["content"] = content
        answer = self._sent(method, path, headers={**self._authorization(), **(headers or {})}, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._credentials is not None:  # revoked, or the clock is off
            answer = self._sent(method, path, headers={**self._authorization(fresh=True), **(headers or {})}, **options)
        if answer.is_error:
            raise ProblemError.of(answer)
        return answer

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise NotAnsweredError(f"no answer from {path}: {type(error).__name__}") from error

    @contextmanager
    def _stream(self, path: str, body: Any) -> Iterator[httpx.Response]:
        for fresh in (False, True):
            request = self._http.build_request(
                "POST", path, json=body, headers=self._authorization(fresh=fresh), extensions={**self._timeout(), SAFE: True}
            )
            try:
                answer = self._http.send(request, stream=True)
                if answer.status_code == httpx.codes.UNAUTHORIZED and not fresh and self._credentials is not None:
                    answer.close()
                    continue
                try:
                    if answer.is_error:
                        answer.read()
                        raise ProblemError.of(answer)
                    yield answer
                finally:
                    answer.close()
            except httpx.TransportError as error:
                raise NotAnsweredError(f"no whole answer from {path}: {type(error).__name__}") from error
            return

    def _timeout(self) -> dict[str, Any]:
        return {"timeout": self._http.timeout.as_dict()}


def _without_none(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
