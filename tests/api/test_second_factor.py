"""Staff give a second factor: by code, by recovery code; programs too. What is set up first, and what ends when something changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from flask_security import hash_password
from passlib.totp import TOTP
from sqlalchemy import select, update

from api.accounts import demo_password
from api.app import create_app
from api.rights import RoleName
from api.settings import SecondFactorChoice
from models.account import Account
from models.account_access import AccountFactor, AccountRecoveryCode, AccountSession
from models.audit import AuditEntry
from tests.api.conftest import World, csrf

ROLE = RoleName.REVIEWER


def make_strict(world: World, choice: SecondFactorChoice = SecondFactorChoice.REQUIRED) -> World:
    """The world with passwords, and with a second factor required."""
    with world.app.app_context():
        hashed = hash_password(demo_password(ROLE))
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == ROLE.value).values(password=hashed))
    settings = world.context.settings.model_copy(update={"second_factor": choice})
    context = replace(world.context, settings=settings)
    return replace(world, app=create_app(context), context=context)


@pytest.fixture
def strict(world: World) -> World:
    return make_strict(world)


@pytest.fixture
def free(world: World) -> Iterator[World]:
    return make_strict(world, SecondFactorChoice.OFF)


def post(world: World, client: FlaskClient, path: str, **form: str):
    return client.post(path, data=form, headers=csrf(world, client))


def sign_in(world: World, client: FlaskClient, role: RoleName = ROLE):
    client.get("/login")
    return post(world, client, "/login", email=role.value, password=demo_password(role))


def secret_on(page: str) -> str:
    found = re.search(r'id="secret">([^<]+)<', page)
    assert found, page
    return found[1].replace(" ", "").replace("-", "")


def code_of(world: World, secret: str) -> str:
    return str(TOTP(key=secret).generate(time=int(world.clock().timestamp())).token)


def set_up(world: World, client: FlaskClient) -> tuple[str, list[str]]:
    """Set the application up; its secret and the recovery codes."""
    secret = secret_on(client.get("/desk/account/factors/new").text)
    answer = post(world, client, "/desk/account/factors/code", code=code_of(world, secret))
    assert answer.status_code == 200, answer.text
    codes = re.findall(r'<li class="code">([^<]+)</li>', answer.text)
    return secret, codes


def is_in(client: FlaskClient) -> bool:
    return client.get("/api/v1/engine").status_code == 200


def actions(world: World) -> list[str]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("account.%")).order_by(AuditEntry.id)))


def test_an_account_without_a_factor_can_do_nothing_but_set_one_up(strict: World) -> None:
    client = strict.anonymous()
    sign_in(strict, client)
    assert not is_in(client)
    for path in ("/desk", "/desk/cases", "/counter", "/desk/account"):
        assert client.get(path).status_code == 303, path
    assert client.get("/desk/cases", follow_redirects=True).request.path == "/desk/account/factors/new"
    _, codes = set_up(strict, client)
    assert is_in(client)
    assert len(codes) == strict.context.policy.accounts.recovery_codes
    assert actions(strict) == ["account.factor_added", "account.sign_in"]


def test_every_later_sign_in_asks_and_goes_on_to_the_page_that_was_wanted(strict: World) -> None:
    secret, _ = set_up_once(strict)
    client = strict.anonymous()
    client.get("/login?next=/desk/cases")
    post(strict, client, "/login?next=/desk/cases", email=ROLE.value, password=demo_password(ROLE), next="/desk/cases")
    assert not is_in(client)
    page = client.get("/desk/cases", follow_redirects=True)
    assert page.request.path == "/desk/second-factor"
    assert post(strict, client, "/desk/second-factor", proof_code="000000").status_code == 422
    assert not is_in(client)
    answer = post(strict, client, "/desk/second-factor", proof_code=code_of(strict, secret))
    assert (answer.status_code, answer.location) == (303, "/desk/cases")
    assert is_in(client)


def set_up_once(world: World) -> tuple[str, list[str]]:
    client = world.anonymous()
    sign_in(world, client)
    found = set_up(world, client)
    world.clock.advance(minutes=2)
    return found


def test_a_code_is_good_once(strict: World) -> None:
    secret, _ = set_up_once(strict)
    code = code_of(strict, secret)
    one, other = strict.anonymous(), strict.anonymous()
    for client in (one, other):
        sign_in(strict, client)
    assert post(strict, one, "/desk/second-factor", proof_code=code).status_code == 303
    assert post(strict, other, "/desk/second-factor", proof_code=code).status_code == 422
    assert is_in(one)
    assert not is_in(other)


def test_a_recovery_code_stands_in_once(strict: World) -> None:
    _, codes = set_up_once(strict)
    one, other = strict.anonymous(), strict.anonymous()
    for client, expected in ((one, True), (other, False)):
        sign_in(strict, client)
        post(strict, client, "/desk/second-factor", proof_code=codes[0].lower())
        assert is_in(client) is expected


def test_tries_of_the_factor_are_counted_over_addresses_and_an_unlock_ends_the_wait(strict: World) -> None:
    secret, _ = set_up_once(strict)
    client = strict.anonymous()
    sign_in(strict, client)
    for number in range(strict.context.policy.retry.failures_before_wait):
        client.environ_base["REMOTE_ADDR"] = f"127.0.0.{number + 2}"
        post(strict, client, "/desk/second-factor", proof_code="123456")
    assert post(strict, client, "/desk/second-factor", proof_code=code_of(strict, secret)).status_code == 429
    with strict.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == ROLE.value).values(unlocked_at=strict.clock()))
    assert post(strict, client, "/desk/second-factor", proof_code=code_of(strict, secret)).status_code == 303


def test_a_sign_in_that_stays_half_done_is_over(strict: World) -> None:
    secret, _ = set_up_once(strict)
    client = strict.anonymous()
    sign_in(strict, client)
    strict.clock.advance(minutes=strict.context.policy.accounts.pending_minutes)
    assert post(strict, client, "/desk/second-factor", proof_code=code_of(strict, secret)).status_code == 303
    assert not is_in(client)


def token_answer(world: World, **more: str):
    client = world.anonymous()
    body = {"email": ROLE.value, "password": demo_password(ROLE), **more}
    return client.post("/login?include_auth_token", json=body, headers=csrf(world, client))


def test_a_program_gets_no_token_without_the_factor(strict: World) -> None:
    assert token_answer(strict).status_code == 400  # none is set up
    secret, _ = set_up_once(strict)
    for wrong in ({}, {"code": "000000"}):
        answer = token_answer(strict, **wrong)
        assert answer.status_code == 400
        assert "authentication_token" not in answer.text
    token = token_answer(strict, code=code_of(strict, secret)).get_json()["response"]["user"]["authentication_token"]
    assert strict.anonymous().get("/api/v1/engine", headers={"Authentication-Token": token}).status_code == 200


def test_whoever_has_a_factor_is_asked_also_where_none_is_required(free: World) -> None:
    client = free.anonymous()
    sign_in(free, client)
    assert is_in(client)
    set_up(free, client)
    other = free.anonymous()
    sign_in(free, other)
    assert not is_in(other)
    assert token_answer(free).status_code == 400


def test_nothing_of_a_factor_lies_open_in_the_store(strict: World, tmp_path: Path) -> None:
    secret, codes = set_up_once(strict)
    with strict.context.database.read_scope() as session:
        factor = session.scalars(select(AccountFactor)).one()
        assert factor.secret_sealed is not None
        assert secret.encode() not in factor.secret_sealed.blob
        digests = set(session.scalars(select(AccountRecoveryCode.digest)))
    assert len(digests) == len(codes)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("lifecert.sqlite*"))
    assert secret.encode() not in raw
    assert codes[0].encode() not in raw
    assert codes[0].replace("-", "").encode() not in raw


def test_the_picture_holds_the_secret_and_only_its_owner_gets_it(strict: World) -> None:
    client = strict.anonymous()
    assert client.get("/desk/account/factors/qr.svg").status_code == 404
    sign_in(strict, client)
    client.get("/desk/account/factors/new")
    picture = client.get("/desk/account/factors/qr.svg")
    assert picture.mimetype == "image/svg+xml"
    assert picture.headers["Cache-Control"] == "no-store"


def test_the_only_factor_stays_where_one_is_required(strict: World) -> None:
    client = strict.anonymous()
    sign_in(strict, client)
    set_up(strict, client)
    with strict.context.database.read_scope() as session:
        factor = session.scalars(select(AccountFactor.public_id)).one()
    page = post(strict, client, f"/desk/account/factors/{factor}/removal")
    assert page.status_code == 303
    with strict.context.database.read_scope() as session:
        assert session.scalars(select(AccountFactor)).one().public_id == factor


def test_new_recovery_codes_end_the_former_ones(strict: World) -> None:
    client = strict.anonymous()
    sign_in(strict, client)
    _, former = set_up(strict, client)
    answer = post(strict, client, "/desk/account/recovery-codes")
    assert len(re.findall(r'<li class="code">', answer.text)) == len(former)
    other = strict.anonymous()
    sign_in(strict, other)
    assert post(strict, other, "/desk/second-factor", proof_code=former[0]).status_code == 422


def test_a_temporary_password_has_to_be_changed_first(free: World) -> None:
    with free.context.database.session_scope() as session:
        session.execute(update(Account).values(password_temporary=True))
    client = free.anonymous()
    sign_in(free, client)
    assert client.get("/desk", follow_redirects=True).request.path == "/desk/new-password"
    for new, again in (("short", "short"), ("Password123456!", "Password123456!"), ("winter lamp seventy", "winter lamp eighty")):
        assert post(free, client, "/desk/new-password", new=new, again=again).status_code == 422
    assert token_answer(free).status_code == 400
    answer = post(free, client, "/desk/new-password", new="winter lamp seventy", again="winter lamp seventy")
    assert answer.status_code == 303
    assert is_in(client)
    with free.context.database.read_scope() as session:
        assert session.scalar(select(AccountSession.opened_at)) is not None
