"""Signed-in sessions of staff: listed, ended, over after a while; a decision against somebody asks who sits there once more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from flask_security import hash_password
from sqlalchemy import select, update

from api import sessions
from api.accounts import demo_password
from api.app import create_app
from api.rights import RoleName
from api.settings import Environment
from models.account import Account
from models.account_access import AccountSession, SessionEnd
from models.repositories import account_sessions
from tests.api.conftest import World, csrf

ROLE = RoleName.SUPERVISOR
NEW = "winter lamp seventy"
WRONG_CASE = "/desk/cases/" + "x" * 22


@pytest.fixture
def open_world(world: World) -> World:
    """The world whose supervisor has a password."""
    with world.app.app_context():
        hashed = hash_password(demo_password(ROLE))
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == ROLE.value).values(password=hashed))
    return world


def post(world: World, client: FlaskClient, path: str, **form: str):
    return client.post(path, data=form, headers=csrf(world, client))


def signed_in(world: World, address: str = "10.20.30.40", agent: str = "Mozilla/5.0 (Windows NT 10.0)") -> FlaskClient:
    client = world.anonymous()
    client.environ_base["REMOTE_ADDR"] = address
    client.environ_base["HTTP_USER_AGENT"] = agent
    client.get("/login")
    assert post(world, client, "/login", email=ROLE.value, password=demo_password(ROLE)).status_code == 302
    return client


def is_in(client: FlaskClient) -> bool:
    return client.get("/api/v1/engine").status_code == 200


def rows(world: World) -> list[AccountSession]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AccountSession).order_by(AccountSession.id)))


def test_a_session_says_where_it_came_from_but_not_from_which_desk(open_world: World) -> None:
    signed_in(open_world)
    signed_in(open_world, address="2001:db8:1:2:3::4", agent="iPhone")
    one, other = rows(open_world)
    assert (one.network, one.device_class) == ("10.20.30.0/24", "computer")
    assert (other.network, other.device_class) == ("2001:db8:1::/48", "phone")


def test_the_cookie_of_an_ended_session_opens_nothing_in_any_worker(open_world: World) -> None:
    mine, other = signed_in(open_world), signed_in(open_world)
    page = mine.get("/desk/account").text
    (address,) = set(re.findall(r'action="(/desk/account/sessions/[^"]+)"', page))
    worker = create_app(open_world.context).test_client()
    with other.session_transaction() as kept:
        cookie = dict(kept)
    with worker.session_transaction() as session:
        session.update(cookie)
    assert is_in(worker)
    post(open_world, mine, address)
    assert is_in(mine)
    assert not is_in(other)
    assert not is_in(worker)
    assert rows(open_world)[1].ended_why is SessionEnd.BY_OWNER


def test_all_others_end_together(open_world: World) -> None:
    mine, others = signed_in(open_world), [signed_in(open_world), signed_in(open_world)]
    post(open_world, mine, "/desk/account/sessions")
    assert [is_in(client) for client in (mine, *others)] == [True, False, False]


def test_nobody_ends_another_accounts_session(open_world: World) -> None:
    mine = signed_in(open_world)
    row = rows(open_world)[0]
    with open_world.context.database.session_scope() as session:
        stranger = session.scalars(select(Account.id).where(Account.username == RoleName.REVIEWER.value)).one()
        assert account_sessions.end(session, stranger, SessionEnd.BY_OWNER, now=open_world.clock(), public_id=row.public_id) == 0
    assert is_in(mine)


def test_a_cookie_that_was_kept_is_worth_nothing_after_signing_out(open_world: World) -> None:
    client = signed_in(open_world)
    with client.session_transaction() as session:
        kept = dict(session)
    post(open_world, client, "/logout")
    thief = open_world.anonymous()
    with thief.session_transaction() as session:
        session.update(kept)
    assert not is_in(thief)
    assert rows(open_world)[0].ended_why is SessionEnd.SIGNED_OUT


def test_a_session_ends_when_nothing_is_done_and_after_its_longest_time(open_world: World) -> None:
    policy = open_world.context.policy.accounts
    idle, busy = signed_in(open_world), signed_in(open_world)
    for _ in range(policy.longest_hours * 60 // (policy.idle_minutes - 1)):
        open_world.clock.advance(minutes=policy.idle_minutes - 1)
        assert is_in(busy)
    assert not is_in(idle)
    open_world.clock.advance(minutes=policy.idle_minutes - 1)
    assert not is_in(busy)
    assert [row.ended_why for row in rows(open_world)] == [SessionEnd.IDLE, SessionEnd.TOO_LONG]


def test_a_new_password_ends_other_sessions_and_tokens_but_not_this_one(open_world: World) -> None:
    mine, other, headers = signed_in(open_world), signed_in(open_world), open_world.token(ROLE)
    wrong = post(open_world, mine, "/desk/account/password", present="wrong password!", new=NEW, again=NEW)
    assert wrong.status_code == 422
    assert is_in(other)
    done = post(open_world, mine, "/desk/account/password", present=demo_password(ROLE), new=NEW, again=NEW)
    assert done.status_code == 303
    assert [is_in(mine), is_in(other)] == [True, False]
    assert open_world.anonymous().get("/api/v1/engine", headers=headers).status_code == 401


def test_an_old_sign_in_is_asked_again_and_what_was_filled_in_goes_on(open_world: World) -> None:
    client = signed_in(open_world)
    assert post(open_world, client, WRONG_CASE, what="sign").status_code == 404  # young: straight to the case that is not there
    open_world.clock.advance(minutes=open_world.context.policy.accounts.fresh_minutes + 1)
    filled = {"what": "decide", "outcome": "confirmed", "conclusion": 'Line one\n<b>"two"</b>'}
    page = post(open_world, client, WRONG_CASE, **filled)
    assert page.status_code == 403
    assert "&lt;b&gt;&#34;two&#34;&lt;/b&gt;" in page.text
    for name in filled:
        assert f'<textarea name="{name}" hidden' in page.text
    wrong = post(open_world, client, WRONG_CASE, **filled, lifecert_proof="1", proof_password="wrong password!")
    assert wrong.status_code == 403
    assert "&lt;b&gt;" in wrong.text
    assert post(open_world, client, WRONG_CASE, **filled, lifecert_proof="1", proof_password=demo_password(ROLE)).status_code == 404
    assert post(open_world, client, WRONG_CASE, **filled).status_code == 404


def test_what_goes_against_nobody_is_not_asked_for_again(open_world: World) -> None:
    client = signed_in(open_world)
    open_world.clock.advance(minutes=open_world.context.policy.accounts.fresh_minutes + 1)
    assert post(open_world, client, WRONG_CASE, what="decide", outcome="unfounded", conclusion="x").status_code == 404
    assert post(open_world, client, WRONG_CASE, what="note", note="x").status_code == 404


def test_a_page_that_asks_by_its_address_comes_back_to_it(open_world: World) -> None:
    client = signed_in(open_world)
    open_world.clock.advance(minutes=open_world.context.policy.accounts.fresh_minutes + 1)
    page = client.get("/desk/account/factors/add")
    assert page.status_code == 403
    proof = {"lifecert_proof": "1", "proof_password": demo_password(ROLE)}
    answer = post(open_world, client, "/desk/account/proof", next="/desk/account/factors/add", **proof)
    assert (answer.status_code, answer.location) == (303, "/desk/account/factors/add")
    answer = post(open_world, client, "/desk/account/proof", next="//elsewhere.example", **proof)
    assert answer.location == "/desk/account"


def test_the_demonstration_is_not_asked_again_all_day(open_world: World) -> None:
    settings = open_world.context.settings.model_copy(update={"environment": Environment.DEMO})
    context = replace(open_world.context, settings=settings)
    assert sessions.fresh_for(context) >= sessions.fresh_for(open_world.context) * 10


def test_old_sessions_are_forgotten(open_world: World) -> None:
    client = signed_in(open_world)
    policy = open_world.context.policy.accounts
    for days, left in ((policy.sessions_kept_days - 1, 1), (2, 0)):
        open_world.clock.advance(days=days)
        with open_world.context.database.session_scope() as session:
            account_sessions.forget(session, policy, now=open_world.clock())
        assert len(rows(open_world)) == left
    assert not is_in(client)
