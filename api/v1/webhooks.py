"""Webhooks of a machine client: it sees and changes its own only."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.callers import Caller
from api.context import current
from api.problems import FieldError, Problem
from api.request_id import current_request_id
from api.rights import Right
from api.v1 import change_examples
from api.v1.change_schemas import (
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryAnswer,
    RetryAnswer,
    RetryRequest,
    WebhookAnswer,
    WebhookMadeAnswer,
    WebhookRequest,
    WebhooksAnswer,
    WebhookTestAnswer,
)
from api.v1.changes import cursor_of
from api.v1.door import Door, blueprint, door
from api.webhook_delivery import Poster, test_message
from api.webhook_targets import TargetError, Targets
from models.errors import NotFoundError
from models.repositories import audit, webhook_deliveries, webhooks
from models.repositories.changes_feed import change_token
from models.types import opaque_id
from models.webhook import WebhookEndpoint


def _own(session: Session, caller: Caller, webhook_id: str) -> WebhookEndpoint:
    try:
        return webhooks.find(session, webhook_id, client_pk=_client(caller))
    except NotFoundError:
        raise Problem("webhook_unknown", "This client has no webhook with this id.") from None


def _client(caller: Caller) -> int:
    if caller.client_pk is None:
        raise Problem("not_permitted", "Webhooks belong to machine clients.")
    return caller.client_pk


def _record(session: Session, caller: Caller, action: str, webhook_id: str, **details: Any) -> None:
    told = {"door": "api", "request_id": current_request_id(), **details}
    audit.record(session, actor=caller.actor, action=action, now=current().clock(), object=webhook_id, details=told)


@blueprint.post("/webhooks")
@door(
    Door(
        summary="Make a webhook",
        right=Right.MANAGE_WEBHOOKS,
        body=WebhookRequest,
        body_example=change_examples.WEBHOOK_REQUEST,
        answer=WebhookMadeAnswer,
        example=change_examples.WEBHOOK_MADE,
        status=201,
        idempotent=True,
        problems=("webhooks_used_up",),
    )
)
def create_webhook(caller: Caller, body: WebhookRequest) -> tuple[WebhookMadeAnswer, int]:
    """Make a webhook

    It gets the changes of the client's region from now on. The secret is told this once.
    """
    context = current()
    try:
        Targets(context.settings).check_url(body.url)
    except TargetError as error:
        raise Problem("validation_failed", str(error), (FieldError("url", error.rule),)) from None
    with context.database.session_scope() as session:
        row, secret = webhooks.add(
            session,
            client_pk=_client(caller),
            url=body.url,
            states=body.states,
            most=context.policy.integration.webhooks_per_client,
            keyring=context.keyring,
            now=context.clock(),
        )
        _record(session, caller, "webhook_made", row.public_id)
    return WebhookMadeAnswer(webhook_id=row.public_id, url=row.url, states=body.states, secret=secret), 201


@blueprint.get("/webhooks")
@door(Door(summary="List the webhooks", right=Right.MANAGE_WEBHOOKS, answer=WebhooksAnswer, example=change_examples.WEBHOOKS))
def list_webhooks(caller: Caller) -> WebhooksAnswer:
    """List the webhooks

    With how many messages wait and how many were given up. Secrets are not told again.
    """
    with current().database.read_scope() as session:
        rows = webhooks.endpoints(session, client_pk=_client(caller))
    return WebhooksAnswer(
        webhooks=tuple(
            WebhookAnswer(
                webhook_id=row.public_id,
                url=row.url,
                states=row.states,
                created_at=row.created_at,
                disabled_at=row.disabled_at,
                disabled_reason=row.disabled_reason,
                pending=row.pending,
                dead=row.dead,
                last_error=row.last_error,
            )
            for row in rows
        )
    )


@blueprint.delete("/webhooks/<public_id:webhook_id>")
@door(Door(summary="Delete a webhook", right=Right.MANAGE_WEBHOOKS, problems=("webhook_unknown",)))
def delete_webhook(webhook_id: str, caller: Caller) -> Response:
    """Delete a webhook

    With the messages that wait for it. What they would have told is in the feed of changes.
    """
    with current().database.session_scope() as session:
        webhooks.remove(session, _own(session, caller, webhook_id))
        _record(session, caller, "webhook_deleted", webhook_id)
    return Response(status=204)


@blueprint.post("/webhooks/<public_id:webhook_id>/test")
@door(
    Door(
        summary="Send a test message",
        right=Right.MANAGE_WEBHOOKS,
        answer=WebhookTestAnswer,
        example=change_examples.WEBHOOK_TEST,
        idempotent=True,
        problems=("webhook_unknown",),
    )
)
def test_webhook(webhook_id: str, caller: Caller) -> WebhookTestAnswer:
    """Send a test message

    Now, signed as all others; the answer tells what came of it. It is not tried again.
    """
    context = current()
    with context.database.read_scope() as session:
        target = webhooks.target(_own(session, caller, webhook_id), context.keyring)
    poster = Poster(Targets(context.settings), timeout_s=context.policy.integration.webhook_timeout_s)
    try:
        now = context.clock()
        answer = poster.post(target, f"msg_{opaque_id()}", test_message(now), now=now)
    finally:
        poster.close()
    return WebhookTestAnswer(delivered=answer.delivered, status=answer.status, error=answer.error or None)


@blueprint.get("/webhooks/<public_id:webhook_id>/deliveries")
@door(
    Door(
        summary="List the messages of a webhook",
        right=Right.MANAGE_WEBHOOKS,
        query=DeliveriesQuery,
        answer=DeliveriesAnswer,
        example=change_examples.DELIVERIES,
        problems=("webhook_unknown",),
    )
)
def list_deliveries(webhook_id: str, caller: Caller, query: DeliveriesQuery) -> DeliveriesAnswer:
    """List the messages of a webhook

    ``state=dead`` is the list of those that were given up.
    """
    context = current()
    after = cursor_of(query.cursor)
    with context.database.read_scope() as session:
        key = _own(session, caller, webhook_id).id
        rows = webhook_deliveries.listing(session, key, state=query.state, after_key=after, limit=query.limit + 1)
    shown = rows[: query.limit]
    with context.database.session_scope() as session:
        _record(session, caller, "webhook_deliveries_read", webhook_id, count=len(shown))
    return DeliveriesAnswer(
        deliveries=tuple(
            DeliveryAnswer(
                delivery_id=row.public_id,
                change=change_token(row.change_id),
                person_id=row.person_id,
                state=row.state,
                attempts=row.attempts,
                last_status=row.last_status,
                last_error=row.last_error,
                created_at=row.created_at,
                not_before=row.not_before,
                finished_at=row.finished_at,
            )
            for row in shown
        ),
        next_cursor=change_token(shown[-1].key if shown else after),
        more=len(rows) > query.limit,
    )


@blueprint.post("/webhooks/<public_id:webhook_id>/retry")
@door(
    Door(
        summary="Send dead messages again",
        right=Right.MANAGE_WEBHOOKS,
        body=RetryRequest,
        body_example=change_examples.RETRY_REQUEST,
        answer=RetryAnswer,
        example=change_examples.RETRY,
        idempotent=True,
        problems=("webhook_unknown",),
    )
)
def retry_webhook(webhook_id: str, caller: Caller, body: RetryRequest) -> RetryAnswer:
    """Send dead messages again

    All of them, or those that are named; they keep their webhook-id. A webhook that was disabled is put back to work.
    """
    context = current()
    with context.database.session_scope() as session:
        key = _own(session, caller, webhook_id).id
        number = webhook_deliveries.revive(session, key, now=context.clock(), public_ids=body.deliveries)
        _record(session, caller, "webhook_retried", webhook_id, messages=number)
    return RetryAnswer(retried=number)
