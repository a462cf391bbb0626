"""Staff sign in with a password, or send a token; nobody else comes in, and nothing is asked outside."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.accounts import DemoAccountsRefused, create_demo_accounts, demo_password
from api.app import create_app
from api.rights import RIGHTS, Right, RoleName, rights_of
from api.settings import Environment, Settings
from models.account import Account
from models.audit import AuditEntry
from tests.api.conftest import HOME_PROVINCE, World, csrf

ROLE = RoleName.COUNTER


@pytest.fixture
def demo(world: World) -> World:
    """The world with the counter's account of the demonstration instead of the one without a password."""
    without_accounts(world, ROLE)
    create_demo_accounts(world.context)
    return world


def without_accounts(world: World, *roles: RoleName) -> None:
    with world.context.database.session_scope() as session:
        for account in session.scalars(select(Account).where(Account.username.in_(roles))):
            session.delete(account)


def sign_in(world: World, client: FlaskClient, password: str, name: str = ROLE.value, *, query: str = "") -> Any:
    data = {"email": name, "password": password, "csrf_token": csrf(world, client)["X-CSRFToken"]}
    return client.post(f"/login{query}", data=data, headers={"Accept": "application/json" if query else "text/html"})


def actions(world: World) -> list[str]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("account.")).order_by(AuditEntry.id)))


def test_every_role_of_the_demonstration_can_sign_in(world: World) -> None:
    demo = world
    without_accounts(demo, *RoleName)
    assert [role for _, _, role in create_demo_accounts(demo.context)] == [role.value for role in RoleName]
    for name, password, _ in create_demo_accounts(demo.context):
        client = demo.anonymous()
        assert sign_in(demo, client, password, name).status_code == 302
        assert client.get("/api/v1/engine").status_code == 200


def test_making_the_demonstration_accounts_again_changes_nothing(demo: World) -> None:
    with demo.context.database.read_scope() as session:
        before = session.execute(select(Account.username, Account.password).order_by(Account.id)).all()
    create_demo_accounts(demo.context)
    with demo.context.database.read_scope() as session:
        assert session.execute(select(Account.username, Account.password).order_by(Account.id)).all() == before


def test_passwords_are_kept_as_argon2id_under_a_key(demo: World) -> None:
    with demo.context.database.read_scope() as session:
        hashes = session.scalars(select(Account.password).where(Account.username == ROLE.value)).all()
    assert all(re.match(r"\$argon2id\$", kept or "") for kept in hashes)
    import argon2

    with pytest.raises(argon2.exceptions.VerifyMismatchError):  # without the key ring's pepper the right password does not fit
        argon2.PasswordHasher().verify(hashes[0] or "", demo_password(RoleName.COUNTER))


def test_demonstration_accounts_see_the_province(demo: World) -> None:
    with demo.context.database.read_scope() as session:
        code = session.scalar(select(Account.region_code).where(Account.username == ROLE.value))
    assert code == HOME_PROVINCE


def test_production_refuses_accounts_with_known_passwords(world: World) -> None:
    settings = Settings(**{**world.context.settings.model_dump(), "environment": Environment.PRODUCTION, "engine": "dlib"})
    with pytest.raises(DemoAccountsRefused):
        create_demo_accounts(replace(world.context, settings=settings))


def test_a_session_opens_doors_and_changes_need_the_pages_token(demo: World) -> None:
    client = demo.anonymous()
    assert sign_in(demo, client, demo_password(ROLE)).status_code == 302
    assert client.get(f"/api/v1/persons/{demo.at_home}/status").status_code == 200
    path = f"/api/v1/persons/{demo.at_home}/reference"
    assert client.delete(path, json={"reason": "other"}).get_json()["code"] == "csrf_failed"
    assert client.delete(path, json={"reason": "other"}, headers=csrf(demo, client)).get_json()["code"] == "reference_unknown"


def test_a_pensioners_page_works_in_a_browser_that_staff_are_signed_in_with(demo: World) -> None:
    client = demo.pensioner(demo.elsewhere)  # out of the staff's region
    sign_in(demo, client, demo_password(ROLE))
    body = {"person_id": demo.elsewhere, "channel": "self"}
    answer = client.post("/api/v1/verifications", json=body, headers=csrf(demo, client))
    assert answer.get_json()["code"] == "consent_missing"
    body = {"person_id": demo.elsewhere, "channel": "counter"}
    answer = client.post("/api/v1/verifications", json=body, headers=csrf(demo, client))
    assert answer.get_json()["code"] == "person_unknown"


def test_signing_out_ends_it(demo: World) -> None:
    client = demo.anonymous()
    sign_in(demo, client, demo_password(ROLE))
    client.post("/logout", headers=csrf(demo, client))
    assert client.get("/api/v1/engine").status_code == 401


def test_an_unknown_account_and_a_wrong_password_look_the_same(demo: World) -> None:
    def shown(name: str) -> str:
        text = sign_in(demo, demo.anonymous(), "wrong password!", name).get_data(as_text=True)
        return re.sub(r'(value|content)="[^"]*"', "", text)

    assert shown(ROLE.value) == shown("nobody-here")


def test_after_too_many_tries_even_the_right_password_waits(demo: World) -> None:
    client = demo.anonymous()
    for _ in range(demo.context.policy.retry.failures_before_wait):
        assert sign_in(demo, client, "wrong password!").status_code == 200
    assert sign_in(demo, client, demo_password(ROLE)).status_code == 200
    demo.clock.advance(seconds=demo.context.policy.retry.longest_wait_s)
    assert sign_in(demo, client, demo_password(ROLE)).status_code == 302


def test_signing_in_and_failing_to_are_in_the_audit_trail(demo: World) -> None:
    sign_in(demo, demo.anonymous(), "wrong password!")
    sign_in(demo, demo.anonymous(), demo_password(ROLE))
    assert actions(demo) == ["account.sign_in_failed", "account.sign_in"]


def test_a_program_gets_a_token_for_its_password(demo: World) -> None:
    client = demo.anonymous()
    answer = sign_in(demo, client, demo_password(ROLE), query="?include_auth_token")
    token = answer.get_json()["response"]["user"]["authentication_token"]
    headers = {"Authentication-Token": token}
    assert demo.anonymous().get("/api/v1/engine", headers=headers).status_code == 200


def test_a_token_in_the_address_opens_nothing(world: World) -> None:
    token = world.token(ROLE)["Authentication-Token"]
    assert world.anonymous().get("/api/v1/engine", query_string={"auth_token": token}).status_code == 401
    assert world.anonymous().post("/api/v1/persons/lookup", json={"auth_token": token}).status_code == 401


@pytest.mark.parametrize("change", ["deactivated", "other keys"])
def test_a_token_ends_with_the_account_and_with_the_keys(world: World, change: str, tmp_path: Path) -> None:
    headers = world.token(ROLE)
    app = world.app
    if change == "deactivated":
        with world.context.database.session_scope() as session:
            session.scalars(select(Account).where(Account.username == ROLE.value)).one().active = False
    else:
        from models.keys import FileKeyRing

        app = create_app(replace(world.context, keyring=FileKeyRing.open(tmp_path / "other.json")))
    assert app.test_client().get("/api/v1/engine", headers=headers).status_code == 401


def test_an_account_without_a_region_sees_nobody(world: World) -> None:
    with world.context.database.session_scope() as session:
        session.scalars(select(Account).where(Account.username == ROLE.value)).one().region_code = None
    assert world.staff(ROLE).get(f"/api/v1/persons/{world.at_home}/status").status_code == 404


def test_signing_in_asks_nobody_outside(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert sign_in(demo, demo.anonymous(), demo_password(ROLE)).status_code == 302


@pytest.mark.parametrize("path", ["/register", "/reset", "/change", "/confirm"])
def test_there_is_no_registration_and_no_recovery(world: World, path: str) -> None:
    assert world.anonymous().get(path).status_code == 404


def test_whoever_runs_the_service_sees_nobody_in_it() -> None:
    of_people = {Right.FIND_PERSON, Right.READ_STATUS, Right.READ_TIMELINE, Right.READ_REFERENCE, Right.READ_ALERTS, Right.READ_CERTIFICATE}
    for role in (RoleName.SECURITY_OFFICER, RoleName.ADMINISTRATOR):
        assert not RIGHTS[role] & of_people


def test_auditors_change_nothing() -> None:
    assert all(right.value.startswith(("read_", "view_")) for right in RIGHTS[RoleName.AUDITOR])


def test_an_unknown_role_allows_nothing() -> None:
    assert rights_of(frozenset({"emperor"})) == frozenset()
