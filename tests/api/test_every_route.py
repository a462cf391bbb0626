"""Every address, every method, every role, inside its region and outside: allowed, or turned away as the table says."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import url_for
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule

from api.app import create_app
from api.rights import OF_PROGRAMS, OWN_RIGHTS, RIGHTS, Right, RoleName
from api.settings import Settings
from models.account import Account, Role
from models.casework import Suppression
from models.person import Person
from models.region import Region, RegionLevel
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, csrf, make_world
from tests.api.headers import wrong_headers
from tests.api.route_table import DESK_ROWS, OPEN_ROWS, SIGNING_IN, Desk
from tests.api.test_access import ENDPOINTS, rows
from tests.conftest import FixedClock
from tests.pages.filled_desk import fill_desk

THIRD_PROVINCE, THIRD_REGION = "390000", "390100"
DRAWN = (".svg", ".pdf", ".png", ".xlsx")  # the same guard as other pages, and slow to draw
ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Forms are posted below the address of the page that shows them, so what is in one is in the other.
SHOWN_AT = {
    "counter.assistance_person": "counter.assistance_request",
    "counter.case_paper_add": "counter.case",
    "counter.case_step": "counter.case",
    "counter.change_rule_mode": "counter.scorecard",
    "counter.decide_review": "counter.review",
    "counter.done": "counter.person",
    "counter.outreach_attempt": "counter.outreach_one",
    "counter.outreach_number": "counter.outreach_one",
    "counter.outreach_propose": "counter.outreach_one",
    "counter.payment_change_decide": "counter.payment_change",
    "counter.payment_change_withdraw": "counter.payment_change",
    "counter.privacy_request_answer": "counter.privacy_request",
    "counter.privacy_request_sign": "counter.privacy_request",
    "counter.privacy_request_wish": "counter.privacy_request",
    "counter.reference_check": "counter.person",
    "counter.reference_revoke": "counter.person",
    "counter.split": "counter.person",
    "face_pairs.uncover": "face_pairs.show",
}


@dataclass(frozen=True)
class Everybody:
    """A filled store and a browser for everybody. secret: what a stranger must never read."""

    world: World
    addresses: dict[str, dict[str, str]]
    inside: dict[RoleName, FlaskClient]
    stranger: dict[RoleName, FlaskClient]
    without_account: dict[str, FlaskClient]
    secret: frozenset[str]

    def address(self, rule: Rule) -> str:
        """Of something that is there, where there is such a thing."""
        known = self.addresses.get(rule.endpoint) or self.addresses.get(SHOWN_AT.get(rule.endpoint, ""), {})
        values = {name: known.get(name, "nothing") for name in rule.arguments}
        if rule.endpoint == "docs.swagger_ui":
            values["name"] = "swagger-ui.css"
        with self.world.app.test_request_context():
            return url_for(rule.endpoint, **values)

    def rule(self, endpoint: str, method: str) -> Rule | None:
        """The rule of an endpoint that takes this method."""
        found = self.world.app.url_map.iter_rules(endpoint)
        return next((rule for rule in found if method in (rule.methods or ())), None)


def with_token(world: World, client: FlaskClient) -> FlaskClient:
    """The client sends the page's token with everything that it posts."""
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf(world, client)["X-CSRFToken"]
    return client


def as_staff(world: World, username: str) -> FlaskClient:
    from api.staff import StaffDatastore

    user = StaffDatastore(world.context.database).find_user(username=username)
    assert user is not None
    client = world.app.test_client()
    with world.app.app_context():
        client.environ_base["HTTP_AUTHENTICATION_TOKEN"] = str(user.get_auth_token())
    return with_token(world, client)


def add_strangers(world: World) -> None:
    """A third region, which nothing in the store has to do with, and an account a role there."""
    with world.context.database.session_scope() as session:
        session.add(Region(code=THIRD_PROVINCE, name="third", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code=THIRD_REGION, name="third city", level=RegionLevel.CITY, parent_code=THIRD_PROVINCE))
        for role in session.scalars(select(Role)).all():
            name = f"{role.name}_elsewhere"
            account = Account(email=f"{name}@test.invalid", username=name, fs_uniquifier=secrets.token_hex(32), roles=[role])
            account.region_code = THIRD_REGION
            session.add(account)


def over_https(world: World) -> World:
    """The same, reached over https: cookies and headers are at their strictest. A sign-in is young, however long the walk takes."""
    settings = Settings(**{**world.context.settings.model_dump(), "public_url": "https://lifecert.example"})
    accounts = world.context.policy.accounts.model_copy(update={"fresh_minutes": 24 * 60})
    context = replace(world.context, settings=settings, policy=world.context.policy.model_copy(update={"accounts": accounts}))
    return replace(world, context=context, app=create_app(context))


@pytest.fixture(scope="module")
def everybody(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    home = tmp_path_factory.mktemp("routes")
    path = home / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    world = over_https(make_world(f"sqlite:///{path}", home / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC))))
    staff = {"actor": "staff:supervisor", "signer": "staff:reviewer"}
    addresses = dict(fill_desk(world.context, world.at_home, world.elsewhere, HOME_REGION, OTHER_REGION, **staff))
    add_strangers(world)
    with world.context.database.read_scope() as session:
        suppression = session.scalars(select(Suppression.public_id)).first() or ""
        people = session.execute(select(Person.public_id, Person.resident_id_masked)).all()
    addresses["counter.end_suppression"] = {"suppression_id": suppression}
    things = {value for values in addresses.values() for value in values.values() if len(value) == 22}
    province_wide = set(addresses["counter.anomaly_model"].values())
    yield Everybody(
        world,
        addresses,
        {role: as_staff(world, role.value) for role in RoleName},
        {role: as_staff(world, f"{role.value}_elsewhere") for role in RoleName},
        {
            "nobody": with_token(world, world.anonymous()),
            "pensioner": with_token(world, world.pensioner()),
            "program": with_token(world, world.client("status:read", "alerts:read")),
        },
        frozenset({value for row in people for value in row} | (things - province_wide)),
    )
    world.context.database.dispose()


def ask(client: FlaskClient, address: str, method: str, form: Any = None) -> tuple[int, str, str]:
    answer = client.open(address, method=method, data=dict(form or {}), buffered=True)
    with answer:
        assert wrong_headers(answer, https=True) == [], f"{method} {address}"
        return answer.status_code, answer.headers.get("Location", ""), answer.data.decode("utf-8", "replace")


def is_sign_in(status: int, location: str) -> bool:
    return status == 303 and location.startswith("/login")


def test_every_route_has_a_row_and_no_row_is_left_over(everybody: Everybody) -> None:
    routes = {rule.endpoint for rule in everybody.world.app.url_map.iter_rules()}
    stated = {*DESK_ROWS, *OPEN_ROWS, *SIGNING_IN, *ENDPOINTS}
    assert {"not stated": sorted(routes - stated), "not there": sorted(stated - routes)} == {"not stated": [], "not there": []}


def check_desk(everybody: Everybody, endpoint: str, method: str) -> None:
    row: Desk = DESK_ROWS[endpoint]
    expected = row.post if method == "POST" else (None if row.get is None else (row.get,))
    rule = everybody.rule(endpoint, method)
    assert (rule is None) == (expected is None), f"{endpoint} {method}: the row says otherwise"
    if rule is None or expected is None:
        return
    address, form = everybody.address(rule), row.form if method == "POST" else None
    wrong = []
    # whoever is turned away first: what others post may change what there is
    for name, client in everybody.without_account.items():
        status, location, _ = ask(client, address, method, form)
        if not is_sign_in(status, location):
            wrong.append(f"{name}: {status} {location}")
    for role in RoleName:
        may = role in row.who_may(method)
        status, location, text = ask(everybody.stranger[role], address, method, form)
        if may and row.bound:
            fits = status == 404 and not is_sign_in(status, location)
        else:
            fits = status in (expected if may else (403,)) and not is_sign_in(status, location)
            if endpoint in {"counter.oversight_csv", "counter.fairness_chart"}:
                fits = fits or (may and status == 404)  # nothing was counted there
        if not fits:
            wrong.append(f"{role} of another region: {status} {location}")
        told = sorted(secret for secret in everybody.secret if secret in text)
        if told and secret_is_not_in_the_address(told, address):
            wrong.append(f"{role} of another region reads {told}")
    for role in RoleName:
        may = role in row.who_may(method)
        status, location, _ = ask(everybody.inside[role], address, method, form)
        if status not in (expected if may else (403,)) or is_sign_in(status, location):
            wrong.append(f"{role}: {status} {location}")
    if method == "GET" and not address.endswith(DRAWN):
        role = RoleName.SUPERVISOR if RoleName.SUPERVISOR in row.who_may(method) else min(row.who_may(method))
        wrong += head_is_other_than(row.get, everybody.inside[role], address)
    assert wrong == []


def head_is_other_than(shown: int | None, client: FlaskClient, address: str) -> list[str]:
    """HEAD answers like GET, which came to ``shown``, without a body."""
    status, _, text = ask(client, address, "HEAD")
    return [] if status == shown and not text else [f"HEAD: {status}"]


def secret_is_not_in_the_address(told: list[str], address: str) -> bool:
    return any(one not in address for one in told)


@pytest.mark.parametrize("endpoint", sorted(DESK_ROWS))
def test_pages_of_the_desk_are_shown_to_whom_the_table_says(everybody: Everybody, endpoint: str) -> None:
    check_desk(everybody, endpoint, "GET")


@pytest.mark.parametrize("endpoint", sorted(DESK_ROWS))
def test_forms_of_the_desk_are_taken_from_whom_the_table_says(everybody: Everybody, endpoint: str) -> None:
    check_desk(everybody, endpoint, "POST")


@pytest.mark.parametrize("endpoint", sorted(OPEN_ROWS))
def test_pages_for_everybody_answer_everybody_alike_but_a_known_pensioner(everybody: Everybody, endpoint: str) -> None:
    row, wrong = OPEN_ROWS[endpoint], []
    for method, others, own in (("GET", row.get, row.own), ("POST", row.post, row.own_post)):
        rule = everybody.rule(endpoint, method)
        assert (rule is None) == (others is None), f"{endpoint} {method}: the row says otherwise"
        if rule is None:
            continue
        callers = {**{role.value: client for role, client in everybody.inside.items()}, **everybody.without_account}
        for name, client in callers.items():
            if name == "pensioner":  # a session of its own: posting may end it
                client = with_token(everybody.world, everybody.world.pensioner())
            expected = own if name == "pensioner" and own is not None else others
            status, _, _ = ask(client, everybody.address(rule), method)
            if status != expected:
                wrong.append(f"{method} {name}: {status} instead of {expected}")
        if method == "GET":
            wrong += head_is_other_than(others, everybody.without_account["nobody"], everybody.address(rule))
    assert wrong == []


def rules_of(everybody: Everybody) -> list[Rule]:
    return sorted(everybody.world.app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))


def path_of(everybody: Everybody, rule: Rule) -> str:
    if rule.endpoint in ENDPOINTS:
        return "/api/v1" + rows(everybody.world.at_home)[rule.endpoint].path
    return everybody.address(rule)


def test_methods_that_an_address_does_not_have_are_refused(everybody: Everybody) -> None:
    known = everybody.world.app.url_map.bind("localhost")  # of all rules that an address fits: one may be the example of another's id
    taken = {path: set(known.allowed_methods(path)) for path in (path_of(everybody, rule) for rule in rules_of(everybody))}
    wrong = []
    for number, (path, methods) in enumerate(taken.items()):
        others = [method for method in ALL_METHODS if method not in methods]
        for method in others:
            with pytest.raises(MethodNotAllowed) as refused:
                known.match(path, method)
            assert set(refused.value.valid_methods or ()) == methods, f"{method} {path}"
        # the router refuses them alike: one of each address is sent, each method to many addresses
        answer = everybody.without_account["nobody"].open(path, method=others[number % len(others)])
        wrong += [f"{path}: {one}" for one in wrong_headers(answer, https=True)]
        allowed = {one.strip() for one in answer.headers.get("Allow", "").split(",")}
        if answer.status_code != 405 or allowed != methods:
            wrong.append(f"{path}: {answer.status_code} {allowed}")
    assert wrong == []


def test_options_tell_nothing_but_methods(everybody: Everybody) -> None:
    client, wrong = everybody.without_account["nobody"], []
    for path in {path_of(everybody, rule) for rule in rules_of(everybody)}:
        asked = client.open(path, method="OPTIONS")
        wrong += [f"OPTIONS {path}: {one}" for one in wrong_headers(asked, https=True)]
        if asked.status_code not in {200, 204} or asked.data or "OPTIONS" not in asked.headers.get("Allow", ""):
            wrong.append(f"OPTIONS {path}: {asked.status_code}")
    assert wrong == []


def test_whatever_changes_something_needs_the_pages_token(everybody: Everybody) -> None:
    world, wrong = everybody.world, []
    clients = {"pensioner": world.pensioner(), "staff": world.staff(RoleName.SUPERVISOR)}
    posts = [rule for rule in rules_of(everybody) if "POST" in (rule.methods or ()) and rule.endpoint not in ENDPOINTS]
    assert len(posts) > 40
    for rule in posts:
        row = OPEN_ROWS.get(rule.endpoint)
        if row is not None and not row.forged:
            continue
        for name, client in clients.items():
            for given in ({}, {"csrf_token": "wrong"}):
                status, _, _ = ask(client, everybody.address(rule), "POST", given)
                if status != 400:
                    wrong.append(f"{rule.rule} {name}: {status}")
    assert wrong == []


# Rights of those who look after the service, and of those who look at what was done with it (GB/T 22239, separated roles).
OF_ADMINISTRATION = {right for right in Right if right.value.startswith("manage_") and right is not Right.MANAGE_RULES} - OF_PROGRAMS
OF_AUDIT = {right for right in Right if right.value in {"read_audit", "read_oversight"}}


def test_no_role_both_administers_and_audits() -> None:
    for role, rights in RIGHTS.items():
        assert not (rights & OF_ADMINISTRATION and rights & OF_AUDIT), role
    assert RIGHTS[RoleName.ADMINISTRATOR] & OF_ADMINISTRATION


def test_who_runs_the_service_sees_nobody_in_it_and_auditors_change_nothing() -> None:
    of_people = {right for rights in (RIGHTS[RoleName.COUNTER], RIGHTS[RoleName.CASEWORKER], OWN_RIGHTS) for right in rights}
    for role in (RoleName.ADMINISTRATOR, RoleName.SECURITY_OFFICER):
        assert RIGHTS[role] & of_people <= {Right.READ_ENGINE}, role
    assert all(right.value.startswith(("read_", "view_")) for right in RIGHTS[RoleName.AUDITOR])


def test_no_account_has_rights_of_programs() -> None:
    assert not OF_PROGRAMS & {right for rights in RIGHTS.values() for right in rights}
