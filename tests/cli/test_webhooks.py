"""`lifecert announce` and `lifecert webhooks` on an empty home and on one with a webhook that nobody answers at."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from models.client import Client
from models.database import Database
from models.keys import FileKeyRing
from models.repositories import clients, webhooks
from tests.api.test_announcer import pensioner
from tests.cli.conftest import Command


@pytest.fixture
def webhook(home: Path) -> str:
    """One webhook at an address that refuses, and one pensioner who was not told of yet."""
    keyring = FileKeyRing.open(home / "keys.json")
    now = datetime.now(UTC)
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        pensioner(session, keyring, 100, date(2020, 1, 1))
        made = clients.add(
            session,
            name="test",
            scopes=["webhooks:manage"],
            region_code="429800",
            rate_per_minute=1,
            certificate_sha256=None,
            with_secret=True,
            keyring=keyring,
            actor="test",
            now=now,
        )
        client_pk = session.scalar(select(Client.id).where(Client.client_id == made.client_id))
        assert client_pk is not None
        url = "http://127.0.0.1:9/"
        row, _ = webhooks.add(session, client_pk=client_pk, url=url, states=None, most=1, keyring=keyring, now=now)
    database.dispose()
    return row.public_id


def test_an_empty_store_has_nothing_to_tell_and_nothing_to_send(command: Command) -> None:
    assert command("announce", "--json").json == {"looked_at": 0, "changes": 0, "elsewhere": False}
    assert command("webhooks", "list", "--json").json == []
    assert command("webhooks", "dead", "--json").json == []
    assert command("webhooks", "send", "--once", "--json").json == {"fanned_out": 0, "delivered": 0, "failed": 0, "dead": 0}


def test_what_does_not_arrive_is_seen_and_sent_again(command: Command, webhook: str) -> None:
    assert command("announce", "--json").json["changes"] == 1
    sent = command("webhooks", "send", "--once", "--json")
    assert (sent.code, sent.json) == (1, {"fanned_out": 1, "delivered": 0, "failed": 1, "dead": 0})
    (listed,) = command("webhooks", "list", "--json").json
    assert (listed["webhook"], listed["pending"], listed["last_error"]) == (webhook, 1, "no connection (ConnectError)")
    assert command("webhooks", "retry", webhook, "--json").json == {"webhook": webhook, "retried": 0}
    assert "1 waiting" in command("webhooks", "list").out


def test_everybody_is_looked_at_again_on_demand(command: Command, webhook: str) -> None:
    assert command("announce", "--json").json["changes"] == 1
    again = command("announce", "--all", "--json").json
    assert (again["looked_at"], again["changes"]) == (1, 0)


def test_an_unknown_webhook_is_bad_input(command: Command) -> None:
    result = command("webhooks", "retry", "nothing")
    assert result.code == 2
    assert "lifecert webhooks list" in result.err
