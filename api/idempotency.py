"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a post that is sent again is not done again, it is answered again.

Only successes are kept: a refusal changed nothing, and by the next try its reason may be gone. The key belongs to who sent it. The
stored answer is sealed, because answers can hold personal data; the fingerprint of the request is keyed, because a resident ID has
too few possibilities to hide behind a plain hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, request
from sqlalchemy import update

from api.context import Context, current
from api.problems import FieldError, Problem
from models.errors import Conflict, ConflictError
from models.idempotency import IdempotencyKey
from models.repositories import idempotency as keys

if TYPE_CHECKING:
    from api.callers import Caller

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

# How long a request that never came to an end (its worker died) keeps others with its key out.
RUNNING = timedelta(seconds=60)
KEPT_HEADERS = ("Content-Type", "Location")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def given_key() -> str | None:
    """The key of the present request, without the quotes of a structured field; None without one. Raises Problem (400)."""
    if HEADER not in request.headers:
        return None
    raw = request.headers[HEADER].strip()
    key = raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
    if not _KEY.fullmatch(key):
        error = FieldError(HEADER, "1 to 255 visible ASCII characters", "header")
        raise Problem("idempotency_key_malformed", f"The header {HEADER} is not usable.", (error,))
    return key


def answered_once(caller: Caller, answer: Callable[[], Any]) -> Response:
    """The answer to the present request: the stored one when this key was answered before, else that of ``answer``.

    Raises:
        Problem: idempotency_key_malformed (400), idempotency_key_reused (422), idempotency_key_in_use (409).
    """
    key = given_key()
    if key is None:
        return current_app.make_response(answer())
    context = current()
    asked = _fingerprint(context, caller, key)
    stored = _begin(context, asked)
    if stored is not None:
        return Response(stored.body, stored.status, {**stored.headers, REPLAYED_HEADER: "true"})
    try:
        response = current_app.make_response(answer())
    except BaseException:
        _forget(context, asked)
        raise
    if response.status_code >= 300:
        _forget(context, asked)
    else:
        _finish(context, asked, response)
    return response


def _fingerprint(context: Context, caller: Caller, key: str) -> keys.Request:
    secret = context.keyring.derive("idempotency")
    who = f"{caller.actor}:{caller.person_id or ''}"
    body = hmac.new(secret, digestmod=hashlib.sha256)
    for part in (request.query_string, request.mimetype.encode(), request.get_data(cache=True)):
        body.update(len(part).to_bytes(8, "big") + part)
    client = hmac.new(secret, who.encode(), hashlib.sha256).hexdigest()
    return keys.Request(client, key, request.method, request.path[:255], body.digest())


def _begin(context: Context, asked: keys.Request) -> keys.StoredResponse | None:
    now = context.clock()
    try:
        with context.database.session_scope() as session:
            return keys.begin(session, asked, keyring=context.keyring, now=now, expires_at=now + RUNNING)
    except ConflictError as error:
        if error.conflict is Conflict.IDEMPOTENCY_KEY_IN_USE:
            raise Problem("idempotency_key_in_use", str(error), headers={"Retry-After": "1"}) from None
        raise Problem("idempotency_key_reused", str(error)) from None


def _finish(context: Context, asked: keys.Request, response: Response) -> None:
    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    expires_at = context.clock() + timedelta(hours=context.policy.retention.idempotency_hours)
    with context.database.session_scope() as session:
        keys.finish(session, asked, keys.StoredResponse(response.status_code, kept, response.get_data()), keyring=context.keyring)
        session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.client == asked.client, IdempotencyKey.key == asked.key)
            .values(expires_at=expires_at)
            .execution_options(synchronize_session=False)
        )


def _forget(context: Context, asked: keys.Request) -> None:
    with context.database.session_scope() as session:
        keys.forget(session, asked)
