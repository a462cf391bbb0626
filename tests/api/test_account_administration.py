"""Administrators make and change accounts of their region; nobody both administers and audits; others look and change nothing."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from api import account_administration as administration
from api.account_administration import AccountProblem, AccountRefused, NewAccount
from api.rights import RIGHTS, Right, RoleName, conflicting, mixed_roles, rights_of
from models.account import Account, Role, account_role
from models.audit import AuditEntry
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, csrf

ADMINISTRATOR = RoleName.ADMINISTRATOR


def post(world: World, client: FlaskClient, path: str, **form: object):
    return client.post(path, data=form, headers=csrf(world, client))


def public_id(world: World, name: str) -> str:
    with world.context.database.read_scope() as session:
        return session.scalars(select(Account.public_id).where(Account.username == name)).one()


def account(world: World, name: str) -> Account:
    with world.context.database.read_scope() as session:
        return session.scalars(select(Account).where(Account.username == name)).one()


def make(world: World, **form: object):
    return post(world, world.staff(ADMINISTRATOR), "/desk/accounts", **form)


def test_a_new_account_has_a_temporary_password_that_is_shown_once(world: World) -> None:
    page = make(world, name="li", role=["counter", "caseworker"], region=HOME_REGION)
    assert page.status_code == 200
    found = re.search(r'id="password">([^<]+)<', page.text)
    assert found
    made = account(world, "li")
    assert made.password_temporary
    assert {role.name for role in made.roles} == {"counter", "caseworker"}
    client = world.anonymous()
    client.get("/login")
    post(world, client, "/login", email="li", password=found[1])
    assert client.get("/desk", follow_redirects=True).request.path == "/desk/new-password"


@pytest.mark.parametrize(
    "form",
    [
        {"name": "Li!", "role": ["counter"]},
        {"name": "counter", "role": ["counter"]},
        {"name": "li", "role": ["administrator", "auditor"]},
        {"name": "li", "role": ["administrator", "counter"]},
        {"name": "li", "role": ["emperor"]},
        {"name": "li"},
        {"name": "li", "role": ["counter"], "region": OTHER_REGION},
        {"name": "li", "role": ["counter"], "region": "199999"},
        {"name": "li", "role": ["counter"], "email": "nobody"},
    ],
)
def test_what_cannot_be_an_account_is_said_and_not_made(world: World, form: dict[str, object]) -> None:
    page = make(world, **form)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    with world.context.database.read_scope() as session:
        assert len(session.scalars(select(Account.id)).all()) == len(RoleName)


def test_nobody_both_administers_and_audits_or_sees_people() -> None:
    assert mixed_roles() == ()
    for role in set(RoleName) - {ADMINISTRATOR}:
        both = frozenset({ADMINISTRATOR.value, role.value})
        assert conflicting(both)
        assert rights_of(both) == frozenset()
    people = {Right.FIND_PERSON, Right.READ_STATUS, Right.READ_TIMELINE, Right.READ_ALERTS, Right.READ_REFERENCE}
    assert not RIGHTS[ADMINISTRATOR] & people


def test_roles_mixed_past_the_application_open_nothing_and_are_found(world: World) -> None:
    with world.context.database.session_scope() as session:
        auditor = session.scalars(select(Role.id).where(Role.name == "auditor")).one()
        key = session.scalars(select(Account.id).where(Account.username == "administrator")).one()
        session.execute(account_role.insert().values(account_id=key, role_id=auditor))
    with world.context.database.read_scope() as session:
        assert administration.mixed_accounts(session) == [public_id(world, "administrator")]
    assert administration.tell_mixed_accounts(world.context) == [public_id(world, "administrator")]
    client = world.staff(ADMINISTRATOR)
    assert [client.get(path).status_code for path in ("/desk/accounts", "/desk/alerts", "/desk/webhooks")] == [403, 403, 403]


def test_a_change_holds_at_the_next_request_and_leaves_an_entry(world: World) -> None:
    headers, admin = world.token(RoleName.COUNTER), world.staff(ADMINISTRATOR)
    path = f"/desk/accounts/{public_id(world, 'counter')}"
    assert post(world, admin, path, what="disable").status_code == 303
    assert world.anonymous().get("/api/v1/engine", headers=headers).status_code == 401
    for what in ("enable", "unlock", "reset_factors", "end_sessions"):
        assert post(world, admin, path, what=what).status_code == 303
    assert post(world, admin, path, what="roles", role=["reviewer"]).status_code == 303
    assert post(world, admin, path, what="region", region="").status_code == 303
    changed = account(world, "counter")
    assert (changed.active, [role.name for role in changed.roles], changed.region_code) == (True, ["reviewer"], None)
    assert post(world, admin, path, what="reset_password").status_code == 200
    with world.context.database.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action.like("account.%")).order_by(AuditEntry.id)).all()
    assert {entry.actor for entry in entries} == {"staff:administrator"}
    assert [entry.action.removeprefix("account.") for entry in entries] == [
        "disabled",
        "enabled",
        "unlocked",
        "factors_reset",
        "sessions_ended",
        "roles_set",
        "region_set",
        "password_reset",
    ]


def test_an_administrator_changes_neither_their_own_account_nor_one_elsewhere(world: World) -> None:
    admin = world.staff(ADMINISTRATOR)
    own = f"/desk/accounts/{public_id(world, 'administrator')}"
    assert post(world, admin, own, what="disable").status_code == 409
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == "counter").values(region_code=OTHER_REGION))
    elsewhere = f"/desk/accounts/{public_id(world, 'counter')}"
    assert post(world, admin, elsewhere, what="disable").status_code == 404
    assert admin.get(elsewhere).status_code == 404
    assert post(world, admin, "/desk/accounts/" + "x" * 22, what="disable").status_code == 404
    assert account(world, "counter").active


def test_auditors_and_security_officers_look_and_change_nothing(world: World) -> None:
    path = f"/desk/accounts/{public_id(world, 'counter')}"
    for role in (RoleName.AUDITOR, RoleName.SECURITY_OFFICER):
        client = world.staff(role)
        assert client.get("/desk/accounts").status_code == 200
        assert '<form method="post" action="/desk/accounts' not in client.get(path).text
        assert post(world, client, path, what="disable").status_code == 403
        assert post(world, client, "/desk/accounts", name="li", role=["counter"]).status_code == 403
    assert world.staff(RoleName.SUPERVISOR).get("/desk/accounts").status_code == 403


def test_the_last_administrator_stays(both_worlds: World) -> None:
    world, by = both_worlds, {"actor": "cli:test", "now": both_worlds.clock()}
    with world.context.database.session_scope() as session:
        only = administration.by_name(session, "ADMINISTRATOR")
        for change in (
            lambda: administration.disable(session, only, **by),
            lambda: administration.set_roles(session, only, ["counter"], **by),
        ):
            with pytest.raises(AccountRefused) as refused:
                change()
            assert refused.value.problem is AccountProblem.LAST_ADMINISTRATOR
        new = NewAccount("second", ("administrator",), HOME_REGION)
        administration.add(session, new, password_hash="x", **by)
        administration.disable(session, only, **by)
    with world.context.database.read_scope() as session:
        listed = administration.listed(session, region="1901", now=world.clock())
    assert [view.name for view in listed] == sorted(view.name for view in listed)
    assert [view.active for view in listed if "administrator" in view.roles] == [False, True]


def test_the_list_goes_on_after_fifty(world: World) -> None:
    with world.context.database.session_scope() as session:
        session.execute(delete(account_role))
        for number in range(administration.PAGE + 3):
            session.add(
                Account(email=f"{number}@test.invalid", username=f"zz{number:03}", fs_uniquifier=f"u{number}", region_code=HOME_REGION)
            )
    seen: list[str] = []
    after = ""
    while True:
        with world.context.database.read_scope() as session:
            page = administration.listed(session, region="1901", after=after, now=world.clock())
        seen += [view.name for view in page]
        if len(page) < administration.PAGE:
            break
        after = page[-1].name
    assert len(seen) == len(set(seen)) == administration.PAGE + 3 + len(RoleName)


def test_the_command_line_makes_the_first_administrator(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from api.cli import cli

    monkeypatch.setenv("LIFECERT_HOME", str(tmp_path_factory.mktemp("first")))
    run = CliRunner()
    made = json.loads(run.invoke(cli, ["accounts", "add", "li", "--role", "administrator", "--json"]).stdout)
    assert made["temporary"]
    assert len(made["password"]) >= 16
    (line,) = json.loads(run.invoke(cli, ["accounts", "list", "--json"]).stdout)
    assert (line["name"], line["roles"], line["password"]) == ("li", ["administrator"], "temporary")
    assert made["password"] not in run.invoke(cli, ["accounts", "show", "li"]).stdout
    for refused in (["roles", "li", "administrator", "auditor"], ["disable", "li"], ["unlock", "nobody"], ["region", "li", "420100"]):
        assert run.invoke(cli, ["accounts", *refused]).exit_code == 2
    for done in (["unlock", "li"], ["end-sessions", "li"], ["reset-factor", "li"], ["reset-password", "li"]):
        assert run.invoke(cli, ["accounts", *done, "--json"]).exit_code == 0
