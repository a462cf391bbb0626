"""What goes in and out of the doors of changes and webhooks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from api.v1.schemas import Answer, Count, PublicId, Request
from models.certification_state import CertificationState
from models.webhook import DeliveryState

Cursor = Annotated[str, Field(pattern=r"^[0-9A-V]{16}$", description="opaque; as an answer gave it")]


class ChangesQuery(Request):
    """From where on, and how many at most."""

    cursor: Cursor | None = Field(None, description="next_cursor of the last answer; without it from the first change on")
    limit: int = Field(1000, ge=1, le=10_000, description="policy may allow fewer a page")


class ChangeAnswer(Answer):
    """One change of status. change: of two changes of a person, the one whose text sorts later is the newer."""

    change: str
    person_id: str
    region_code: str
    on: date = Field(description="the day that the status holds from, as far as it is known")
    before: CertificationState | None = Field(description="null the first time that anything is told of a person")
    state: CertificationState
    last_certified_on: date | None
    due_on: date | None
    announced_at: datetime


class ChangesAnswer(Answer):
    """One page of changes. more: ask again at once; otherwise later, with the same next_cursor."""

    changes: tuple[ChangeAnswer, ...]
    next_cursor: str
    more: bool


class WebhookRequest(Request):
    """Where to send changes, and which: only those to the states that are listed, or all."""

    url: str = Field(min_length=8, max_length=500, pattern=r"^https?://[\x21-\x7e]+$", description="https in production; no password in it")
    states: tuple[CertificationState, ...] | None = Field(None, min_length=1, max_length=6)


class WebhookAnswer(Answer):
    """One webhook. pending, dead: messages that wait, and that were given up."""

    webhook_id: str
    url: str
    states: tuple[CertificationState, ...] | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    pending: Count
    dead: Count
    last_error: str | None


class WebhookMadeAnswer(Answer):
    """A new webhook. secret: told this once; it is what signatures are checked with."""

    webhook_id: str
    url: str
    states: tuple[CertificationState, ...] | None
    secret: str


class WebhooksAnswer(Answer):
    """Every webhook of the client."""

    webhooks: tuple[WebhookAnswer, ...]


class WebhookTestAnswer(Answer):
    """What a test message came to. status: that the address answered with; error: why it did not arrive."""

    delivered: bool
    status: int | None
    error: str | None


class DeliveriesQuery(Request):
    """Which messages, from where on."""

    state: DeliveryState | None = Field(None, description="only those that wait, arrived or were given up")
    cursor: Cursor | None = Field(None, description="next_cursor of the last answer")
    limit: int = Field(100, ge=1, le=1000)


class DeliveryAnswer(Answer):
    """One message. delivery_id: the webhook-id after ``msg_``. not_before: of the next try."""

    delivery_id: str
    change: str
    person_id: str
    state: DeliveryState
    attempts: Count
    last_status: int | None
    last_error: str | None
    created_at: datetime
    not_before: datetime
    finished_at: datetime | None


class DeliveriesAnswer(Answer):
    """One page of messages, oldest first."""

    deliveries: tuple[DeliveryAnswer, ...]
    next_cursor: str
    more: bool


class RetryRequest(Request):
    """Which dead messages go again; all without a list."""

    deliveries: tuple[PublicId, ...] | None = Field(None, min_length=1, max_length=100)


class RetryAnswer(Answer):
    """How many messages go again."""

    retried: Count
