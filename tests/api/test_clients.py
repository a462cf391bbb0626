"""Machine clients: tokens given out and taken back, what a token opens, how fast it may go."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.client import Client, ClientToken
from models.repositories import clients
from models.repositories.clients import NewClient
from tests.api.conftest import HOME_REGION, OTHER_REGION, World


def made(world: World, *scopes: str, region: str = HOME_REGION, rate: int = 1_000_000) -> NewClient:
    with world.context.database.session_scope() as session:
        return clients.add(
            session,
            name="城东医院",
            scopes=scopes or ("status:read",),
            region_code=region,
            rate_per_minute=rate,
            certificate_sha256=None,
            with_secret=True,
            keyring=world.context.keyring,
            actor="test",
            now=world.clock(),
        )


def ask(world: World, client: NewClient, **form: str) -> tuple[int, dict[str, object]]:
    asked = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret} | form
    answer = world.anonymous().post("/oauth/token", data=asked)
    return answer.status_code, answer.get_json()


def status(world: World, token: object, person: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return world.anonymous().get(f"/api/v1/persons/{person or world.at_home}/status", headers=headers).status_code


def test_a_secret_in_header_or_form_becomes_a_token_that_is_stored_nowhere(both_worlds: World) -> None:
    world = both_worlds
    client = made(world, "status:read", "changes:read")
    by_form, token = ask(world, client)
    assert by_form == 200
    assert token["scope"] == "changes:read status:read"
    assert (token["token_type"], token["expires_in"]) == ("Bearer", world.context.policy.integration.token_minutes * 60)
    secret = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    by_header = world.anonymous().post(
        "/oauth/token", data={"grant_type": "client_credentials", "scope": "status:read"}, headers={"Authorization": f"Basic {secret}"}
    )
    assert by_header.status_code == 200
    assert by_header.get_json()["scope"] == "status:read"
    assert by_header.headers["Cache-Control"] == "no-store"
    assert status(world, token["access_token"]) == 200
    with world.context.database.read_scope() as session:
        digests = session.scalars(select(ClientToken.digest)).all()
        assert clients.token_digest(str(token["access_token"])) in digests
        kept = session.scalars(select(Client.secret_digest)).one()
        assert kept is not None
        assert client.secret is not None
        assert client.secret.encode() not in kept
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.actor == f"client:{client.client_id}")).all()
    assert sorted(actions) == ["client.token_issued", "client.token_issued", "status_read"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "nobody"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"scope": "records:write"}, (400, "invalid_scope")),
        ({"scope": "everything"}, (400, "invalid_scope")),
    ],
)
def test_what_is_wrong_with_a_token_request_is_said_as_rfc_6749_says_it(
    world: World, form: dict[str, str], expected: tuple[int, str]
) -> None:
    code, answer = ask(world, made(world), **form)
    assert (code, answer["error"]) == expected


def test_an_unknown_id_and_a_wrong_secret_look_the_same(world: World) -> None:
    client = made(world)
    assert ask(world, client, client_secret="x") == ask(world, client, client_id="x")


def test_secrets_in_an_address_are_not_looked_at(world: World) -> None:
    client = made(world)
    query = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret}
    assert world.anonymous().post("/oauth/token", query_string=query).status_code == 400


def test_a_parameter_that_comes_twice_is_refused(world: World) -> None:
    client = made(world)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret, "scope": ["a", "b"]}
    answer = world.anonymous().post("/oauth/token", data=form)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_a_token_ends_with_its_time(world: World) -> None:
    token = world.access_token("status:read")
    assert status(world, token) == 200
    world.clock.advance(minutes=world.context.policy.integration.token_minutes)
    assert status(world, token) == 401


def test_a_token_opens_its_scopes_only_and_its_region_only(world: World) -> None:
    changes = world.access_token("changes:read")
    answer = world.anonymous().get(f"/api/v1/persons/{world.at_home}/status", headers={"Authorization": f"Bearer {changes}"})
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="lifecert", error="insufficient_scope", scope="status:read"'
    token = world.access_token("status:read", region=OTHER_REGION)
    assert status(world, token) == 404
    assert status(world, token, world.elsewhere) == 200


@pytest.mark.parametrize("token", ["wrong", "", "x" * 10_000])
def test_a_token_of_nobody_opens_nothing_even_beside_a_cookie(world: World, token: str) -> None:
    answer = world.pensioner().get(f"/api/v1/persons/{world.at_home}/status", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="lifecert", error="invalid_token"'


def test_a_revoked_token_is_ended_by_its_own_client_only(world: World) -> None:
    client, other = made(world), made(world)
    token = str(ask(world, client)[1]["access_token"])

    def revoke(by: NewClient, what: str) -> int:
        form = {"token": what, "client_id": by.client_id, "client_secret": by.secret}
        return world.anonymous().post("/oauth/revoke", data=form).status_code

    assert revoke(other, token) == 400
    assert status(world, token) == 200
    assert revoke(client, "nobody's") == 200
    assert revoke(client, token) == 200
    assert status(world, token) == 401


def test_a_revoked_client_gets_no_token_and_its_tokens_end(both_worlds: World) -> None:
    world = both_worlds
    client = made(world)
    token = ask(world, client)[1]["access_token"]
    with world.context.database.session_scope() as session:
        clients.revoke(session, client.client_id, actor="test", now=world.clock())
    assert status(world, token) == 401
    assert ask(world, client)[0] == 401


def test_a_rotated_secret_replaces_the_old_one(world: World) -> None:
    client = made(world)
    token = ask(world, client)[1]["access_token"]
    with world.context.database.session_scope() as session:
        secret = clients.rotate(session, client.client_id, keyring=world.context.keyring, actor="test", now=world.clock())
    assert ask(world, client)[0] == 401
    assert ask(world, NewClient(client.client_id, secret))[0] == 200
    assert status(world, token) == 401


def test_expired_tokens_are_purged_after_the_days_of_the_policy(both_worlds: World) -> None:
    world = both_worlds
    world.access_token("status:read")
    world.clock.advance(days=1)
    world.access_token("status:read")
    with world.context.database.session_scope() as session:
        assert clients.purge_tokens(session, before=world.clock()) == 1
        assert clients.purge_tokens(session, before=world.clock()) == 0
