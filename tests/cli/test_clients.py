"""`lifecert clients`: what is made works once shown, ends when it is revoked, and is never shown again."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.database import Database
from models.region import Region, RegionLevel
from tests.cli.conftest import Command, one_line


@pytest.fixture
def region(home: Path) -> str:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        session.add(Region(code="190000", name="190000", level=RegionLevel.PROVINCE, parent_code=None))
    database.dispose()
    return "190000"


def test_a_client_is_made_listed_given_a_new_secret_and_revoked(command: Command, region: str) -> None:
    made = command("clients", "add", "First hospital", "--scope", "status:read", "--region", region, "--rate", "60", "--json").json
    (listed,) = command("clients", "list", "--json").json
    expected = {"client_id": made["client_id"], "name": "First hospital", "scopes": ["status:read"], "region": region}
    expected |= {"rate_per_minute": 60, "credentials": "secret", "revoked_at": None}
    assert {name: listed[name] for name in expected} == expected
    rotated = command("clients", "rotate", made["client_id"], "--json").json
    assert rotated["client_id"] == made["client_id"]
    assert rotated["client_secret"] != made["client_secret"]
    assert made["client_secret"] not in command("clients", "list").out
    assert command("clients", "revoke", made["client_id"]).code == 0
    assert command("clients", "list", "--json").json[0]["revoked_at"] is not None
    assert "revoked" in command("clients", "list").out


def test_what_cannot_be_done_with_a_client_is_said_in_a_line(command: Command, region: str, tmp_path: Path) -> None:
    nowhere = command("clients", "add", "Bank", "--scope", "status:read", "--region", "999999")
    assert (nowhere.code, "999999" in one_line(nowhere)) == (2, True)
    (tmp_path / "no.pem").write_text("no certificate")
    wrong = command("clients", "add", "Bank", "--scope", "status:read", "--region", region, "--certificate", tmp_path / "no.pem")
    assert (wrong.code, "certificate" in one_line(wrong)) == (2, True)
    assert command("clients", "add", "Bank", "--scope", "everything", "--region", region).code == 2
    for action in ("revoke", "rotate"):
        unknown = command("clients", action, "c0")
        assert (unknown.code, "no client has the id c0" in one_line(unknown)) == (2, True)
    assert command("clients", "list", "--json").json == []
