"""Machine clients and their access tokens: made, found, revoked, rotated, purged. Secrets and tokens are stored as digests only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.client import Client, ClientToken
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing
from models.region import Region
from models.repositories import audit
from models.repositories.conflicts import named_conflicts

CLIENT_ID_BYTES = 12
SECRET_BYTES = 32
TOKEN_BYTES = 32
CERTIFICATE_TAKEN = "another client has this certificate: each needs its own"


@dataclass(frozen=True)
class Credentials:
    """What a client calls with: found by a token or a certificate. expires_at: of the token, None for a certificate."""

    client_pk: int
    client_id: str
    region_code: str
    scopes: frozenset[str]
    rate_per_minute: int
    expires_at: datetime | None = None


@dataclass(frozen=True)
class NewClient:
    """A client that was made. secret: shown once, stored nowhere; None when it has a certificate only."""

    client_id: str
    secret: str | None


def secret_digest(secret: str, keyring: KeyRing) -> bytes:
    """HMAC-SHA256 of a secret under a key derived for this purpose alone."""
    return hmac.new(keyring.derive("secrets of machine clients"), secret.encode("utf-8"), hashlib.sha256).digest()


def token_digest(token: str) -> bytes:
    """SHA-256 of a token: 256 random bits need no key against guessing."""
    return hashlib.sha256(token.encode("utf-8")).digest()


def add(
    session: Session,
    *,
    name: str,
    scopes: Collection[str],
    region_code: str,
    rate_per_minute: int,
    certificate_sha256: bytes | None,
    with_secret: bool,
    keyring: KeyRing,
    actor: str,
    now: datetime,
) -> NewClient:
    """Make a client; the audit entry is part of it.

    Raises:
        NotFoundError: the region is not in the store.
        ConflictError: another client has this certificate.
        ValueError: neither a secret nor a certificate.
    """
    if not with_secret and certificate_sha256 is None:
        raise ValueError("a client needs a secret or a certificate")
    if session.get(Region, region_code) is None:
        raise NotFoundError(f"the region {region_code} is not in the store: import its regions first, or check the code")
    secret = secrets.token_urlsafe(SECRET_BYTES) if with_secret else None
    client_id = "c" + secrets.token_hex(CLIENT_ID_BYTES)
    taken = (Conflict.CERTIFICATE_TAKEN, CERTIFICATE_TAKEN)
    with named_conflicts(session, {"uq_client_certificate_sha256": taken, "client.certificate_sha256": taken}):
        session.add(
            Client(
                client_id=client_id,
                name=name.strip(),
                secret_digest=None if secret is None else secret_digest(secret, keyring),
                certificate_sha256=certificate_sha256,
                scopes=sorted(scopes),
                region_code=region_code,
                rate_per_minute=rate_per_minute,
                created_by=actor,
                created_at=now,
            )
        )
    details = {"scopes": sorted(scopes), "region": region_code, "rate_per_minute": rate_per_minute}
    audit.record(session, actor=actor, action="client.added", now=now, object=client_id, details=details)
    return NewClient(client_id, secret)


def listed(session: Session) -> Sequence[Client]:
    """Every client in the order in which they were made, revoked ones too."""
    return session.scalars(select(Client).order_by(Client.id)).all()


def find(session: Session, client_id: str) -> Client | None:
    """The client with this id, revoked or not."""
    return session.scalar(select(Client).where(Client.client_id == client_id))


def _live(session: Session, client_id: str) -> Client:
    client = session.scalar(select(Client).where(Client.client_id == client_id).with_for_update())
    if client is None:
        raise NotFoundError(f"no client has the id {client_id}: see `lifecert clients list`")
    if client.revoked_at is not None:
        raise ConflictError(Conflict.CLIENT_REVOKED, f"the client {client_id} was revoked: make a new one")
    return client


def revoke(session: Session, client_id: str, *, actor: str, now: datetime) -> None:
    """Take a client's access away for good, with all its tokens. Raises NotFoundError, ConflictError (revoked already)."""
    client = _live(session, client_id)
    client.revoked_at = now
    revoke_tokens(session, client.id, now=now)
    audit.record(session, actor=actor, action="client.revoked", now=now, object=client_id)


def rotate(session: Session, client_id: str, *, keyring: KeyRing, actor: str, now: datetime) -> str:
    """A new secret in place of the old one; tokens of the old one end too. Raises NotFoundError, ConflictError (revoked)."""
    client = _live(session, client_id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    client.secret_digest = secret_digest(secret, keyring)
    revoke_tokens(session, client.id, now=now)
    audit.record(session, actor=actor, action="client.rotated", now=now, object=client_id)
    return secret


def secret_fits(client: Client, secret: str, keyring: KeyRing) -> bool:
    """True when the client is not revoked and this is its secret; compared in constant time."""
    if client.revoked_at is not None or client.secret_digest is None:
        return False
    return hmac.compare_digest(client.secret_digest, secret_digest(secret, keyring))


def save_token(session: Session, token: str, *, client_pk: int, scopes: Collection[str], now: datetime, lifetime: timedelta) -> None:
    """Keep the digest of a token that was given out, with the audit entry."""
    client = session.get_one(Client, client_pk)
    expires_at = now + lifetime
    session.add(ClientToken(digest=token_digest(token), client_pk=client_pk, scopes=sorted(scopes), issued_at=now, expires_at=expires_at))
    actor = f"client:{client.client_id}"
    audit.record(session, actor=actor, action="client.token_issued", now=now, object=client.client_id, details={"scopes": sorted(scopes)})


def by_token(session: Session, token: str, now: datetime) -> Credentials | None:
    """Who a token speaks for; None when it is unknown, expired, revoked, or its client is revoked."""
    query = (
        select(Client.id, Client.client_id, Client.region_code, ClientToken.scopes, Client.rate_per_minute, ClientToken.expires_at)
        .join(Client, Client.id == ClientToken.client_pk)
        .where(
            ClientToken.digest == token_digest(token),
            ClientToken.expires_at > now,
            ClientToken.revoked_at.is_(None),
            Client.revoked_at.is_(None),
        )
    )
    row = session.execute(query).first()
    if row is None:
        return None
    return Credentials(row.id, row.client_id, row.region_code, frozenset(row.scopes), row.rate_per_minute, row.expires_at)


def by_certificate(session: Session, sha256: bytes) -> Credentials | None:
    """Who a certificate speaks for, with all the client's scopes; None when no client that is not revoked has it."""
    client = session.scalar(select(Client).where(Client.certificate_sha256 == sha256, Client.revoked_at.is_(None)))
    if client is None:
        return None
    return Credentials(client.id, client.client_id, client.region_code, frozenset(client.scopes), client.rate_per_minute)


def token_owner(session: Session, token: str) -> int | None:
    """Row of the client that a token was given to, expired or not; None when it is unknown."""
    return session.scalar(select(ClientToken.client_pk).where(ClientToken.digest == token_digest(token)))


def revoke_token(session: Session, token: str, *, now: datetime) -> None:
    """End one token; one that has ended keeps its time."""
    _end(session, ClientToken.digest == token_digest(token), now)


def revoke_tokens(session: Session, client_pk: int, *, now: datetime) -> None:
    """End every token of a client."""
    _end(session, ClientToken.client_pk == client_pk, now)


def _end(session: Session, which: object, now: datetime) -> None:
    session.execute(
        update(ClientToken)
        .where(which, ClientToken.revoked_at.is_(None))  # type: ignore[arg-type]
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def purge_tokens(session: Session, *, before: datetime) -> int:
    """Delete the tokens that expired before a moment; returns how many."""
    gone = session.execute(delete(ClientToken).where(ClientToken.expires_at < before).execution_options(synchronize_session=False))
    return int(gone.rowcount)  # type: ignore[attr-defined]
