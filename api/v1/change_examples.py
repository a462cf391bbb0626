"""Example bodies of the doors of changes and webhooks, of made-up people."""

from __future__ import annotations

from typing import Any

from api.v1.examples import PERSON_ID
from models.repositories.changes_feed import change_token

WEBHOOK_ID = "w2Eb7oK9hQ4rT6yU8iO0pA"
DELIVERY_ID = "5f0c2a9e7b6d4f3c8a1e0d"
CHANGE: dict[str, Any] = {
    "change": change_token(421),
    "person_id": PERSON_ID,
    "region_code": "190100",
    "on": "2026-03-02",
    "before": "due_soon",
    "state": "certified",
    "last_certified_on": "2026-03-02",
    "due_on": "2027-03-02",
    "announced_at": "2026-03-02T08:01:13Z",
}
CHANGES = {"changes": [CHANGE], "next_cursor": change_token(421), "more": False}
WEBHOOK_REQUEST: dict[str, Any] = {"url": "https://hooks.example.org/lifecert", "states": ["overdue", "paused"]}
WEBHOOK_MADE = {**WEBHOOK_REQUEST, "webhook_id": WEBHOOK_ID, "secret": "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
WEBHOOK: dict[str, Any] = {
    **WEBHOOK_REQUEST,
    "webhook_id": WEBHOOK_ID,
    "created_at": "2026-03-01T02:10:00Z",
    "disabled_at": None,
    "disabled_reason": None,
    "pending": 0,
    "dead": 2,
    "last_error": "answered 500",
}
WEBHOOKS = {"webhooks": [WEBHOOK]}
WEBHOOK_TEST = {"delivered": True, "status": 204, "error": None}
DELIVERIES = {
    "deliveries": [
        {
            "delivery_id": DELIVERY_ID,
            "change": change_token(421),
            "person_id": PERSON_ID,
            "state": "dead",
            "attempts": 10,
            "last_status": 500,
            "last_error": "answered 500",
            "created_at": "2026-03-02T08:01:14Z",
            "not_before": "2026-03-05T12:00:00Z",
            "finished_at": "2026-03-05T12:00:03Z",
        }
    ],
    "next_cursor": change_token(17),
    "more": False,
}
RETRY_REQUEST: dict[str, Any] = {"deliveries": [DELIVERY_ID]}
RETRY = {"retried": 1}
