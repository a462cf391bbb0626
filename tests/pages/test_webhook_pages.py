"""The page of connected systems: administrators see the clients of their region, what did not arrive, and send it again."""

from __future__ import annotations

from sqlalchemy import select

from api.rights import RoleName
from models.client import Client
from models.repositories import audit, clients, webhook_deliveries, webhooks
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, csrf


def connect(world: World, name: str, region: str, url: str) -> tuple[str, int]:
    context = world.context
    with context.database.session_scope() as session:
        made = clients.add(
            session,
            name=name,
            scopes=["webhooks:manage"],
            region_code=region,
            rate_per_minute=10,
            certificate_sha256=None,
            with_secret=True,
            keyring=context.keyring,
            actor="test",
            now=world.clock(),
        )
        client_pk = session.scalar(select(Client.id).where(Client.client_id == made.client_id))
        assert client_pk is not None
        row, _ = webhooks.add(session, client_pk=client_pk, url=url, states=None, most=3, keyring=context.keyring, now=world.clock())
        return row.public_id, row.id


def test_administrators_see_their_region_and_send_again(world: World) -> None:
    here, key = connect(world, "第一医院", HOME_REGION, "https://hook.hospital.example/secret-path")
    there, _ = connect(world, "外省银行", OTHER_REGION, "https://hook.bank.example/")
    with world.context.database.session_scope() as session:
        webhook_deliveries.disable(session, key, reason="the address answered 410 Gone", now=world.clock())
    client = world.staff(RoleName.ADMINISTRATOR)
    page = client.get("/desk/webhooks").text
    assert "第一医院" in page
    assert "hook.hospital.example" in page
    assert "410 Gone" in page
    assert "外省银行" not in page
    assert "secret-path" not in page, "an address may hold a token"
    assert client.post(f"/desk/webhooks/{there}/retry", headers=csrf(world, client)).status_code == 404
    assert client.post(f"/desk/webhooks/{here}/retry", headers=csrf(world, client)).status_code == 303
    assert "410 Gone" not in client.get("/desk/webhooks").text
    with world.context.database.read_scope() as session:
        assert webhooks.find(session, here).disabled_at is None
        (entry,) = audit.between(session, world.clock(), world.clock.advance(seconds=1), action="webhook_retried")
    assert (entry.actor, entry.object) == ("staff:administrator", here)


def test_others_do_not_see_connected_systems(world: World) -> None:
    for role in set(RoleName) - {RoleName.ADMINISTRATOR}:
        assert world.staff(role).get("/desk/webhooks").status_code == 403
    assert world.anonymous().get("/desk/webhooks").status_code == 303


def test_a_retry_without_the_pages_token_changes_nothing(world: World) -> None:
    here, key = connect(world, "第一医院", HOME_REGION, "https://hook.hospital.example/")
    with world.context.database.session_scope() as session:
        webhook_deliveries.disable(session, key, reason="gone", now=world.clock())
    client = world.staff(RoleName.ADMINISTRATOR)
    client.post(f"/desk/webhooks/{here}/retry")
    with world.context.database.read_scope() as session:
        assert webhooks.find(session, here).disabled_at is not None
