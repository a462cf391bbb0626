"""A key service that does not answer: what needs a key says so and is tried again, what needs none goes on."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from models.keys import FileKeyRing, KeyServiceUnavailableError
from models.webhook import WebhookEndpoint
from tests.api.conftest import RESIDENT_ID, World

HOOK = {"url": "https://203.0.113.7/lifecert"}


def away(*_arguments: object) -> None:
    raise KeyServiceUnavailableError("the key service does not do what it was asked to (TokenNotPresent)")


def test_doors_without_keys_go_on_and_those_with_one_answer_503_and_leave_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client("status:read", "webhooks:manage")
    with monkeypatch.context() as broken:
        for method in ("seal", "unseal", "sign"):
            broken.setattr(FileKeyRing, method, away)
        assert client.post("/api/v1/statuses/lookup", json={"resident_id": RESIDENT_ID}).status_code == 200
        refused = client.post("/api/v1/webhooks", json=HOOK)
        assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert "TokenNotPresent" not in refused.text
        with world.context.database.read_scope() as session:
            assert session.scalar(select(func.count()).select_from(WebhookEndpoint)) == 0
    assert client.post("/api/v1/webhooks", json=HOOK).status_code == 201
