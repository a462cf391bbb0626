"""`lifecert peers`: what makes an installation known, and what trying the connection out says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from models.assistance import Peer
from models.client import Client
from models.database import Database
from models.keys import FileKeyRing
from models.region import Region, RegionLevel
from models.repositories import clients, peers
from models.types import opaque_id
from tests.api.conftest import World, make_world
from tests.cli.conftest import Command
from tests.conftest import FixedClock

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
RELAY = ("assistance:relay",)


@dataclass(frozen=True)
class Here:
    """The store of the command's home, with a client for the other installation."""

    database: Database
    keyring: FileKeyRing
    client_id: str
    weak_client_id: str
    secret_file: Path


@pytest.fixture
def here(home: Path, tmp_path: Path) -> Iterator[Here]:
    database, keyring = Database(f"sqlite:///{home / 'lifecert.sqlite3'}"), FileKeyRing.open(home / "keys.json")
    with database.session_scope() as session:
        session.add(Region(code="420000", name="甲省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        made = [
            clients.add(
                session,
                name="B",
                scopes=scopes,
                region_code="420000",
                rate_per_minute=100,
                certificate_sha256=None,
                with_secret=True,
                keyring=keyring,
                actor="test",
                now=NOW,
            ).client_id
            for scopes in (RELAY, ("status:read",))
        ]
    secret = tmp_path / "b.secret"
    secret.write_text("the secret\n".replace(" ", "-"))
    yield Here(database, keyring, made[0], made[1], secret)
    database.dispose()


def arguments(here: Here, **changes: str) -> list[str]:
    options = {
        "--url": "https://b.example/",
        "--region": "43",
        "--our-client-id": "c0123",
        "--our-secret-file": str(here.secret_file),
        "--their-client-id": here.client_id,
    }
    options.update({f"--{name.replace('_', '-')}": value for name, value in changes.items()})
    return ["peers", "add", "Province B", *(word for pair in options.items() for word in pair)]


def test_an_installation_is_added_listed_and_changed_and_its_secret_is_sealed(command: Command, here: Here) -> None:
    assert command(*arguments(here), "--json").json == {"name": "Province B", "url": "https://b.example", "regions": ["43"]}
    again = command(*arguments(here))
    assert again.code == 2
    assert "--replace" in again.err
    assert command(*arguments(here, region="4301"), "--replace").code == 0
    [listed] = command("peers", "list", "--json").json
    assert listed == {
        "name": "Province B",
        "url": "https://b.example",
        "regions": ["4301"],
        "our_client_id": "c0123",
        "their_client_id": here.client_id,
    }
    assert "Province B  https://b.example  regions 4301" in command("peers", "list").out
    with here.database.read_scope() as session:
        peer = peers.named(session, "Province B")
        assert peers.open_secret(peer, here.keyring) == "the-secret"
        assert b"the-secret" not in peer.our_secret_sealed.blob


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://b.example"}, "https"),
        ({"url": "ftp://b.example"}, "--url"),
        ({"url": "https://b.example:99999"}, "--url"),
        ({"url": "https://me@b.example"}, "--url"),
        ({"region": "4"}, "--region"),
        ({"region": "４３"}, "--region"),
        ({"their_client_id": "nobody"}, "no such client"),
        ({"their_client_id": "weak"}, "assistance:relay"),
        ({"our_client_id": "x" * 41}, "--our-client-id"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_kept(command: Command, here: Here, changes: dict[str, str], said: str) -> None:
    if changes.get("their_client_id") == "weak":
        changes = {"their_client_id": here.weak_client_id}
    result = command(*arguments(here, **changes))
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    with here.database.read_scope() as session:
        assert peers.every(session) == []


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe\x00", b"x" * 201])
def test_a_file_without_a_usable_secret_is_refused(command: Command, here: Here, content: bytes) -> None:
    here.secret_file.write_bytes(content)
    result = command(*arguments(here))
    assert result.code == 2
    assert "b.secret" in result.err


def test_a_region_and_a_client_belong_to_one_installation(command: Command, here: Here) -> None:
    assert command(*arguments(here)).code == 0
    other = arguments(here)
    other[2] = "Province C"
    result = command(*other)
    assert result.code == 2
    assert "calls as this client already" in result.err


@pytest.fixture
def there(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[World, str]]:
    """Another installation behind a real HTTP server, and its address."""
    path = tmp_path / "there.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    world = make_world(f"sqlite:///{path}", tmp_path / "there", FixedClock(NOW))
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield world, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    world.context.database.dispose()


def test_trying_the_connection_out_says_what_is_wrong_and_when_it_works(command: Command, here: Here, there: tuple[World, str]) -> None:
    world, url = there
    with world.context.database.session_scope() as session:
        ours = clients.add(
            session,
            name="A",
            scopes=RELAY,
            region_code="190000",
            rate_per_minute=100,
            certificate_sha256=None,
            with_secret=True,
            keyring=world.context.keyring,
            actor="test",
            now=NOW,
        )
    assert command(*arguments(here, url=url, our_client_id=ours.client_id)).code == 0
    wrong = command("peers", "check", "Province B")
    assert (wrong.code, wrong.out) == (1, "")
    assert "gave no token" in wrong.err
    here.secret_file.write_text(ours.secret or "")
    assert command(*arguments(here, url=url, our_client_id=ours.client_id), "--replace").code == 0
    unknown = command("peers", "check", "Province B")
    assert unknown.code == 1
    assert "does not know our client as an installation" in unknown.err
    with world.context.database.session_scope() as session:
        assert session.query(Client).count() == 1
        public_id = opaque_id()
        sealed = peers.seal_secret(world.context.keyring, public_id, "x")
        names = {"name": "Province A", "base_url": "https://a.example", "regions": ["42"], "our_client_id": "c"}
        session.add(Peer(public_id=public_id, client_id=ours.client_id, our_secret_sealed=sealed, created_at=NOW, **names))
    result = command("peers", "check", "Province B", "--json")
    assert result.json == {"name": "Province B", "knows_us_as": "Province A", "our_regions": ["42"]}
    assert command("peers", "check", "Nobody").code == 2


def test_an_installation_that_does_not_answer_is_said_so(command: Command, here: Here) -> None:
    assert command(*arguments(here, url="http://127.0.0.1:9")).code == 0
    result = command("peers", "check", "Province B")
    assert result.code == 1
    assert "no answer" in result.err
