"""Staff sign in at an issuer of OpenID Connect: only accounts that exist, with PKCE, state and nonce, and back to the page asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from api.app import create_app
from api.rights import RoleName
from api.settings import SecondFactorChoice
from models.account import Account
from models.account_access import AccountSession, SignedInBy
from models.audit import AuditEntry
from tests.api.conftest import World
from tests.api.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, Told, running_issuer

BACK = "http://localhost:8440/oidc/back"
SETTINGS = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, "oidc_second_factor": "mfa, hwk"}


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with running_issuer(BACK) as issuer:
        yield issuer


@dataclass
class Central:
    """A world with an issuer."""

    world: World
    issuer: Issuer

    @property
    def told(self) -> Told:
        return self.issuer.told


@pytest.fixture
def central(world: World, running: Issuer) -> Central:
    return made(world, running)


@pytest.fixture
def strict(world: World, running: Issuer) -> Central:
    return made(world, running, second_factor=SecondFactorChoice.REQUIRED)


def made(world: World, running: Issuer, **more: Any) -> Central:
    for name, value in vars(Told()).items():
        setattr(running.told, name, value)
    settings = world.context.settings.model_copy(update={"oidc_issuer": running.address, **SETTINGS, **more})
    context = replace(world.context, settings=settings)
    return Central(replace(world, app=create_app(context), context=context), running)


def at_issuer(location: str) -> str:
    """What a browser does at the issuer: it is sent straight back. The path and query of our own address."""
    answer = httpx.get(location, follow_redirects=False, trust_env=False)
    assert answer.status_code == 302, answer.text
    back = answer.headers["location"]
    assert back.startswith(BACK)
    return back.removeprefix("http://localhost:8440")


def go(client: FlaskClient, start: str = "/oidc/start"):
    sent = client.get(start)
    assert sent.status_code == 302, sent.text
    return client.get(at_issuer(sent.location))


def is_in(client: FlaskClient) -> bool:
    return client.get("/api/v1/engine").status_code == 200


def test_an_account_signs_in_and_comes_back_to_the_page_it_asked_for(central: Central) -> None:
    client = central.world.anonymous()
    assert "/oidc/start?next=/desk/cases" in client.get("/login?next=/desk/cases").text
    answer = go(client, "/oidc/start?next=/desk/cases")
    assert (answer.status_code, answer.location) == (303, "/desk/cases")
    assert is_in(client)
    with central.world.context.database.read_scope() as session:
        row = session.scalars(select(AccountSession)).one()
        account = session.get_one(Account, row.account_id)
    assert (row.signed_in_by, account.username) == (SignedInBy.OIDC, "supervisor")
    assert not central.world.anonymous().get("/oidc/start?next=//evil.example").location.startswith("//")


def test_the_request_has_state_nonce_and_pkce(central: Central) -> None:
    go(central.world.anonymous())
    asked = central.told.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


@pytest.mark.parametrize("name", ["nobody-here", "supervisor@test.invalid", ""])
def test_who_has_no_account_is_not_let_in_and_none_is_made(central: Central, name: str) -> None:
    central.told.name = name
    client = central.world.anonymous()
    assert go(client).location == "/login"
    assert not is_in(client)
    with central.world.context.database.read_scope() as session:
        assert len(session.scalars(select(Account.id)).all()) == len(RoleName)
        assert "account.oidc_refused" in session.scalars(select(AuditEntry.action)).all()


def test_a_disabled_account_is_not_let_in(central: Central) -> None:
    with central.world.context.database.session_scope() as session:
        session.execute(update(Account).values(active=False))
    client = central.world.anonymous()
    go(client)
    assert not is_in(client)


@pytest.mark.parametrize(
    "wrong",
    [{"other_key": True}, {"nonce": "another one"}, {"issuer": "https://elsewhere.example"}, {"audience": "another program"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_token_that_does_not_fit_opens_nothing(central: Central, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(central.told, name, value)
    client = central.world.anonymous()
    assert go(client).location == "/login"
    assert not is_in(client)


def test_an_answer_that_another_browser_asked_for_opens_nothing(central: Central) -> None:
    mine, other = central.world.anonymous(), central.world.anonymous()
    back = at_issuer(mine.get("/oidc/start").location)
    assert other.get(back).location == "/login"
    other.get("/oidc/start")
    assert other.get(back).location == "/login"
    assert not is_in(other)
    assert mine.get(back).location == "/desk"
    mine.get(back)  # and a second time it is worth nothing
    assert mine.get("/oidc/back?error=access_denied&state=x").location == "/login"


def test_an_issuer_that_does_not_answer_leaves_the_password(central: Central) -> None:
    settings = central.world.context.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    app = create_app(replace(central.world.context, settings=settings))
    page = app.test_client().get("/oidc/start", follow_redirects=True)
    assert page.request.path == "/login"
    assert "notice--warning" in page.text


def test_the_second_factor_is_ours_unless_the_issuer_names_one_of_the_configuration(strict: Central) -> None:
    for told, expected in (({}, False), ({"amr": ["pwd"]}, False), ({"amr": ["pwd", "hwk"]}, True), ({"acr": "mfa"}, True)):
        strict.told.acr, strict.told.amr = told.get("acr"), told.get("amr", [])
        client = strict.world.anonymous()
        answer = go(client)
        assert is_in(client) is expected
        assert answer.location == ("/desk" if expected else "/desk/account/factors/new")


def test_the_issuer_proves_again_for_a_decision_but_only_the_same_person_and_only_now(central: Central) -> None:
    client, told = central.world.anonymous(), central.told
    go(client)
    central.world.clock.advance(minutes=central.world.context.policy.accounts.fresh_minutes + 1)
    path = "/desk/account/factors/add"
    page = client.get(path)
    assert page.status_code == 403
    assert "/oidc/start?again=1" in page.text
    for name, value in (("name", "reviewer"), ("auth_time", int(time.time()) - 7200)):
        before = getattr(told, name)
        setattr(told, name, value)
        go(client, "/oidc/start?again=1")
        assert client.get(path).status_code == 403
        setattr(told, name, before)
    assert go(client, "/oidc/start?again=1").status_code == 200
    assert parse_qs(urlsplit("?" + "&".join(f"{key}={value}" for key, value in told.asked[-1].items())).query)["max_age"] == ["0"]
    assert client.get(path).status_code == 303


def test_without_an_issuer_there_is_no_such_door(world: World) -> None:
    assert world.anonymous().get("/oidc/start").status_code == 404
    assert "/oidc/" not in world.anonymous().get("/login").text
