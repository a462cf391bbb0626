"""Webhooks: where a client wants to be told of changes, and every message to it until it arrived or was given up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, SECRET, BigId, JsonValue, column, enum_column_type, opaque_id


class DeliveryState(StrEnum):
    """pending -> delivered | dead. Somebody may send a dead one back to pending."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class WebhookEndpoint(Base):
    """One address of a client. secret_sealed: the signing secret (Standard Webhooks, ``whsec_``). after_change_id: changes up to it are
    fanned out. states: only changes to these states, None for all.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index("ix_webhook_endpoint_client_pk", "client_pk"),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    client_pk: Mapped[int] = column(INTERNAL, BigId, ForeignKey("client.id"))
    url: Mapped[str] = column(INTERNAL, String(500))
    secret_sealed: Mapped[Sealed] = column(SECRET)
    states: Mapped[list[str] | None] = column(INTERNAL, JsonValue)
    after_change_id: Mapped[int] = column(INTERNAL, BigId)
    created_at: Mapped[datetime] = column(INTERNAL)
    disabled_at: Mapped[datetime | None] = column(INTERNAL)
    disabled_reason: Mapped[str | None] = column(INTERNAL, String(200))


class WebhookDelivery(Base):
    """One message to one address. public_id is in the ``webhook-id``: the same on every try, so that the receiver can tell repeats.

    What it says is read from its change, which never changes. not_before: of the next try, while pending.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished_when_no_longer_pending"),
        Index("ix_webhook_delivery_endpoint_state", "endpoint_id", "state", "id"),
        Index("uq_webhook_delivery_endpoint_change", "endpoint_id", "change_id", unique=True),
        Index(
            "ix_webhook_delivery_pending",
            "not_before",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    endpoint_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    change_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("status_change.id"))
    state: Mapped[DeliveryState] = column(INTERNAL, enum_column_type(DeliveryState, "state"))
    attempts: Mapped[int] = column(INTERNAL, default=0)
    not_before: Mapped[datetime] = column(INTERNAL)
    last_status: Mapped[int | None] = column(INTERNAL)
    last_error: Mapped[str | None] = column(INTERNAL, String(200))
    created_at: Mapped[datetime] = column(INTERNAL)
    finished_at: Mapped[datetime | None] = column(INTERNAL)
