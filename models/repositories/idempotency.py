"""Idempotency keys: begin, finish, replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.errors import Conflict, ConflictError
from models.idempotency import IdempotencyKey
from models.keys import KeyRing, Sealed


@dataclass(frozen=True)
class Request:
    """What makes a request the same one. client: who asked, hashed or opaque. body_hash: SHA-256 of the body."""

    client: str
    key: str
    method: str
    path: str
    body_hash: bytes


@dataclass(frozen=True)
class StoredResponse:
    """The first answer, to be given again."""

    status: int
    headers: dict[str, str]
    body: bytes


def begin(session: Session, request: Request, *, keyring: KeyRing, now: datetime, expires_at: datetime) -> StoredResponse | None:
    """None when this request is the first and is to be answered now; the stored answer when it was answered before.

    Commit at once after None, so that a repetition at the same moment sees the key.

    Raises:
        ConflictError: IDEMPOTENCY_KEY_REUSED (same key, other request: 422) or IDEMPOTENCY_KEY_IN_USE (still being answered: 409).
    """
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.client == request.client, IdempotencyKey.key == request.key, IdempotencyKey.expires_at <= now
        )
    )
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(IdempotencyKey)
    mine = session.execute(
        insert.values(
            client=request.client,
            key=request.key,
            method=request.method,
            path=request.path,
            request_hash=request.body_hash,
            created_at=now,
            expires_at=expires_at,
        )
        .on_conflict_do_nothing(index_elements=["client", "key"])
        .returning(IdempotencyKey.id)
    ).scalar_one_or_none()
    if mine is not None:
        return None
    row = session.execute(
        select(IdempotencyKey)
        .where(IdempotencyKey.client == request.client, IdempotencyKey.key == request.key)
        .execution_options(populate_existing=True)
    ).scalar_one()
    if (row.method, row.path, bytes(row.request_hash)) != (request.method, request.path, request.body_hash):
        raise ConflictError(
            Conflict.IDEMPOTENCY_KEY_REUSED, "Idempotency-Key: was used for another request before; draw a new key for a new request"
        )
    if row.response_status is None or row.response_body is None:
        raise ConflictError(
            Conflict.IDEMPOTENCY_KEY_IN_USE, "Idempotency-Key: the first request with it is still being answered; ask again in a moment"
        )
    body = keyring.unseal(row.response_body, sealed_for(request.client, request.key))
    return StoredResponse(row.response_status, row.response_headers or {}, body)


def finish(session: Session, request: Request, response: StoredResponse, *, keyring: KeyRing) -> None:
    """Keep the answer of a request that ``begin`` let through."""
    body: Sealed = keyring.seal(response.body, sealed_for(request.client, request.key))
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.client == request.client, IdempotencyKey.key == request.key)
        .values(response_status=response.status, response_headers=response.headers, response_body=body)
    )


def forget(session: Session, request: Request) -> None:
    """Release the key after an error of the server's own, so that the request may be tried again."""
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.client == request.client, IdempotencyKey.key == request.key, IdempotencyKey.response_status.is_(None)
        )
    )


def purge(session: Session, *, now: datetime) -> int:
    """Delete expired keys; how many there were."""
    return len(session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= now).returning(IdempotencyKey.id)).all())


def sealed_for(client: str, key: str) -> bytes:
    """What a stored answer is bound to."""
    return f"idempotency:{client}:{key}".encode()
