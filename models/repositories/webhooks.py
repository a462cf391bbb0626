"""Webhooks: the addresses where clients want to be told of changes. Their messages: ``webhook_deliveries``."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.certification_state import CertificationState
from models.client import Client
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import KeyRing
from models.repositories.changes_feed import newest_id
from models.types import opaque_id
from models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix
SECRET_BYTES = 32  # Standard Webhooks: 24 to 64


@dataclass(frozen=True)
class Endpoint:
    """One address as its owner sees it. pending, dead: messages."""

    public_id: str
    client_id: str
    client_name: str
    url: str
    states: tuple[CertificationState, ...] | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    pending: int
    dead: int
    last_error: str | None


@dataclass(frozen=True)
class Target:
    """Where a worker sends, with the opened secret. key: of the table."""

    key: int
    public_id: str
    url: str
    secret: str


def add(
    session: Session, *, client_pk: int, url: str, states: Collection[CertificationState] | None, most: int, keyring: KeyRing, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new address, and its secret, which is told this once. It gets what changes from now on.

    Raises:
        ConflictError: WEBHOOKS_USED_UP; the client has ``most`` already.
    """
    # the client's row is locked, so that two at once are counted
    session.execute(select(Client.id).where(Client.id == client_pk).with_for_update())
    there = session.scalar(select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.client_pk == client_pk)) or 0
    if there >= most:
        raise ConflictError(Conflict.WEBHOOKS_USED_UP, f"this client has {there} webhooks, and may have {most}: delete one first")
    public_id = opaque_id()
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    row = WebhookEndpoint(
        public_id=public_id,
        client_pk=client_pk,
        url=url,
        secret_sealed=keyring.seal(secret.encode("ascii"), sealed_for(public_id)),
        states=None if states is None else sorted(state.value for state in states),
        after_change_id=newest_id(session),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, secret


def endpoints(session: Session, *, client_pk: int | None = None, region: str = "", public_id: str | None = None) -> list[Endpoint]:
    """Addresses in the order of their making: of one client, or of the clients whose region begins with ``region``."""

    def number(state: DeliveryState) -> Any:
        return (
            select(func.count())
            .select_from(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, WebhookDelivery.state == state)
            .correlate(WebhookEndpoint)
            .scalar_subquery()
        )

    last_error = (
        select(WebhookDelivery.last_error)
        .where(
            WebhookDelivery.endpoint_id == WebhookEndpoint.id,
            WebhookDelivery.state.in_([DeliveryState.PENDING, DeliveryState.DEAD]),
            WebhookDelivery.last_error.is_not(None),
        )
        .order_by(WebhookDelivery.id.desc())
        .limit(1)
        .correlate(WebhookEndpoint)
        .scalar_subquery()
    )
    query = (
        select(WebhookEndpoint, Client.client_id, Client.name, number(DeliveryState.PENDING), number(DeliveryState.DEAD), last_error)
        .join(Client, Client.id == WebhookEndpoint.client_pk)
        .where(Client.region_code.startswith(region, autoescape=True))
        .order_by(WebhookEndpoint.id)
    )
    if client_pk is not None:
        query = query.where(WebhookEndpoint.client_pk == client_pk)
    if public_id is not None:
        query = query.where(WebhookEndpoint.public_id == public_id)
    return [
        Endpoint(
            row.public_id,
            client_id,
            name,
            row.url,
            None if row.states is None else tuple(CertificationState(state) for state in row.states),
            row.created_at,
            row.disabled_at,
            row.disabled_reason,
            pending,
            dead,
            error,
        )
        for row, client_id, name, pending, dead, error in session.execute(query)
    ]


def find(session: Session, public_id: str, *, client_pk: int | None = None) -> WebhookEndpoint:
    """One address; of another client than ``client_pk`` it is not there. Raises NotFoundError."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.public_id == public_id)
    if client_pk is not None:
        query = query.where(WebhookEndpoint.client_pk == client_pk)
    row = session.scalar(query)
    if row is None:
        raise NotFoundError("there is no such webhook")
    return row


def remove(session: Session, endpoint: WebhookEndpoint) -> None:
    """Forget an address with its messages, also those that wait."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id))
    session.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint.id))


def target(endpoint: WebhookEndpoint, keyring: KeyRing) -> Target:
    """Open the secret. Raises UnsealError."""
    secret = keyring.unseal(endpoint.secret_sealed, sealed_for(endpoint.public_id)).decode("ascii")
    return Target(endpoint.id, endpoint.public_id, endpoint.url, secret)


def sealed_for(public_id: str) -> bytes:
    """What the secret of an endpoint is bound to."""
    return f"webhook_endpoint.secret_sealed:{public_id}".encode("ascii")
