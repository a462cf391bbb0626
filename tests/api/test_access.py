"""Every door, every kind of caller: who is let in. A door without a row here fails the first test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.rights import RoleName
from api.scopes import Scope
from api.v1 import assistance, claims
from tests.api.conftest import NAME, RESIDENT_ID, World, blank_picture, csrf, make_world
from tests.api.headers import wrong_headers
from tests.conftest import FixedClock

PICTURE = {"data": blank_picture(), "content_type": "image/jpeg"}
CONSENT = {"text_version": "0", "language": "zh", "channel": "self"}

EVERY_ROLE = frozenset(RoleName)
NOBODY: frozenset[RoleName] = frozenset()
DESK = frozenset({RoleName.COUNTER, RoleName.SUPERVISOR})
HANDLERS = DESK | {RoleName.CASEWORKER, RoleName.MACHINE_CLIENT}
READERS = HANDLERS | {RoleName.REVIEWER, RoleName.AUDITOR}
ALERT_READERS = frozenset({RoleName.CASEWORKER, RoleName.REVIEWER, RoleName.SUPERVISOR, RoleName.AUDITOR})


@dataclass(frozen=True)
class Row:
    """One door: who may, and what those who may not get. inside: the status for somebody who may, here and now.

    roles: staff who may. own: pensioners may, for themselves. open: no account is asked for. token: the session's token is.
    scope: of a machine client that may; None when none may.
    """

    method: str
    path: str
    inside: int
    roles: frozenset[RoleName] = NOBODY
    own: bool = False
    open: bool = False
    token: bool = False
    arguments: Any = None
    scope: Scope | None = None


def rows(person: str) -> dict[str, Row]:
    """Endpoint -> row, about one person. Nothing is enrolled, consented to or certified yet."""
    about = f"/persons/{person}"
    start = {"json": {"person_id": person}}
    frame = {"query_string": {"seq": 0, "captured_at_ms": 0, "step": "x"}, **PICTURE}
    return {
        "v1.start_verification": Row("POST", "/verifications", 409, HANDLERS, own=True, arguments=start),
        "v1.add_frame": Row("POST", "/verifications/nothing/frames", 404, token=True, arguments=frame),
        "v1.read_verification": Row("GET", "/verifications/nothing", 404, token=True),
        "v1.finish_verification": Row("POST", "/verifications/nothing/finish", 404, token=True),
        "v1.abandon_verification": Row("POST", "/verifications/nothing/abandon", 404, token=True),
        "v1.check_reference": Row("POST", "/references/check", 200, DESK | {RoleName.MACHINE_CLIENT}, arguments=PICTURE),
        "v1.enrol_reference": Row("POST", f"{about}/reference", 422, DESK | {RoleName.MACHINE_CLIENT}, arguments=PICTURE),
        "v1.read_reference": Row("GET", f"{about}/reference", 404, READERS),
        "v1.revoke_reference": Row("DELETE", f"{about}/reference", 404, DESK, arguments={"json": {"reason": "other"}}),
        "v1.find_person": Row(
            "POST",
            "/persons/lookup",
            200,
            HANDLERS | {RoleName.REVIEWER},
            arguments={"json": {"name": NAME, "resident_id": RESIDENT_ID}},
        ),
        "v1.give_consent": Row("POST", f"{about}/consents", 422, HANDLERS, own=True, arguments={"json": CONSENT}),
        "v1.withdraw_consent": Row("DELETE", f"{about}/consents/current", 404, HANDLERS, own=True),
        "v1.read_person_status": Row("GET", f"{about}/status", 200, READERS, own=True, scope=Scope.STATUS_READ),
        "v1.record_life_evidence": Row(
            "POST",
            f"{about}/life-evidence",
            422,
            DESK | {RoleName.CASEWORKER},
            arguments={"json": {"kind": "counter", "occurred_on": "1901-01-01"}},
        ),
        "v1.look_up_status": Row(
            "POST", "/statuses/lookup", 200, scope=Scope.STATUS_READ, arguments={"json": {"resident_id": RESIDENT_ID}}
        ),
        "v1.look_up_statuses": Row(
            "POST", "/statuses/batch", 200, scope=Scope.STATUS_READ, arguments={"json": {"ids": [{"resident_id": RESIDENT_ID}]}}
        ),
        "v1.read_certificate": Row("GET", "/certificates/nothing", 404, READERS, own=True),
        "v1.read_certificate_pdf": Row("GET", "/certificates/nothing/pdf", 404, READERS, own=True),
        "v1.check_certificate": Row("GET", "/certificate-checks/nothing", 200, open=True),
        "v1.check_identity": Row(
            "POST",
            "/identity-checks",
            200,
            scope=Scope.IDENTITY_CHECK,
            arguments={"json": {"resident_id": RESIDENT_ID, "institution": "First Hospital"}},
        ),
        "v1.look_up_card": Row(
            "POST", "/blacklist/lookup", 200, scope=Scope.BLACKLIST_READ, arguments={"json": {"card_number": "190100000001"}}
        ),
        "v1.put_assistance": Row(
            "PUT", "/assistance/nothing", 404, scope=Scope.ASSISTANCE_RELAY, arguments={"json": assistance.REQUEST_EXAMPLE}
        ),
        "v1.import_records": Row(
            "POST", "/imports/persons", 422, scope=Scope.RECORDS_WRITE, arguments={"data": b"a,b\n1,2\n", "content_type": "text/csv"}
        ),
        "v1.read_import": Row("GET", "/imports/batches/nothing", 404, scope=Scope.RECORDS_WRITE),
        "v1.read_rejected_rows": Row("GET", "/imports/batches/nothing/rejected", 404, scope=Scope.RECORDS_WRITE),
        "v1.read_peer": Row("GET", "/peer", 404, scope=Scope.ASSISTANCE_RELAY),
        "v1.read_changes": Row("GET", "/changes", 200, scope=Scope.CHANGES_READ),
        "v1.create_webhook": Row("POST", "/webhooks", 422, scope=Scope.WEBHOOKS_MANAGE, arguments={"json": {"url": "nowhere"}}),
        "v1.list_webhooks": Row("GET", "/webhooks", 200, scope=Scope.WEBHOOKS_MANAGE),
        "v1.delete_webhook": Row("DELETE", "/webhooks/nothing", 404, scope=Scope.WEBHOOKS_MANAGE),
        "v1.test_webhook": Row("POST", "/webhooks/nothing/test", 404, scope=Scope.WEBHOOKS_MANAGE),
        "v1.list_deliveries": Row("GET", "/webhooks/nothing/deliveries", 404, scope=Scope.WEBHOOKS_MANAGE),
        "v1.retry_webhook": Row("POST", "/webhooks/nothing/retry", 404, scope=Scope.WEBHOOKS_MANAGE, arguments={"json": {}}),
        "v1.read_alerts": Row("GET", "/alerts", 200, ALERT_READERS, scope=Scope.ALERTS_READ),
        "v1.read_alert": Row("GET", "/alerts/nothing", 404, ALERT_READERS, scope=Scope.ALERTS_READ),
        "v1.read_signals": Row("GET", "/signals", 200, ALERT_READERS, scope=Scope.ALERTS_READ),
        "v1.screen_claim": Row(
            "POST",
            "/claims:screen",
            404,
            scope=Scope.CLAIMS_SCREEN,
            arguments={"json": {**claims.EXAMPLE_REQUEST, "resident_id": RESIDENT_ID}},
        ),
        "v1.read_engine": Row("GET", "/engine", 200, EVERY_ROLE),
        "v1.read_problem": Row("GET", "/problems/conflict", 200, open=True),
    }


ENDPOINTS = sorted(rows("x"))
WITH_ACCOUNT = [endpoint for endpoint in ENDPOINTS if not (rows("x")[endpoint].open or rows("x")[endpoint].token)]
ABOUT_A_PERSON = ["v1.start_verification", *(endpoint for endpoint in ENDPOINTS if rows("x")[endpoint].path.startswith("/persons/x/"))]


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all of them: nothing here changes it."""
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("access")
    path = folder / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", folder / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    yield made
    made.context.database.dispose()


def doors(app: APIFlask) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}


def ask(client: FlaskClient, row: Row, headers: dict[str, str] | None = None) -> tuple[int, str]:
    answer = client.open("/api/v1" + row.path, method=row.method, headers=headers or {}, **(row.arguments or {}))
    assert wrong_headers(answer, https=False) == [], row.path
    code = answer.get_json()["code"] if answer.mimetype == "application/problem+json" else ""
    return answer.status_code, code


def test_every_door_has_a_row(shared: World) -> None:
    assert doors(shared.app) == set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("role", list(RoleName))
def test_staff_come_in_by_role(shared: World, endpoint: str, role: RoleName) -> None:
    row = rows(shared.at_home)[endpoint]
    status, code = ask(shared.staff(role), row)
    if row.token:
        assert (status, code) == (401, "session_token_required")
    elif row.open or role in row.roles:
        assert status == row.inside, code
    else:
        assert (status, code) == (403, "not_permitted")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_nobody_comes_in_without_an_account(shared: World, endpoint: str) -> None:
    row = rows(shared.at_home)[endpoint]
    status, code = ask(shared.anonymous(), row)
    if row.token:
        assert (status, code) == (401, "session_token_required")
    elif row.open:
        assert status == row.inside
    else:
        assert (status, code) == (401, "authentication_required")


@pytest.fixture(scope="module")
def programs(shared: World) -> dict[Scope, FlaskClient]:
    """A machine client a scope."""
    return {scope: shared.client(scope.value) for scope in Scope}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("scope", list(Scope))
def test_machine_clients_come_in_by_scope(shared: World, programs: dict[Scope, FlaskClient], endpoint: str, scope: Scope) -> None:
    row = rows(shared.at_home)[endpoint]
    status, code = ask(programs[scope], row)
    if row.token:
        assert (status, code) == (401, "session_token_required")
    elif row.open or scope is row.scope:
        assert status == row.inside, code
    else:
        assert (status, code) == (403, "not_permitted")


@pytest.mark.parametrize("endpoint", WITH_ACCOUNT)
def test_an_access_token_that_is_wrong_is_nobodys(shared: World, endpoint: str) -> None:
    row = rows(shared.at_home)[endpoint]
    assert ask(shared.anonymous(), row, {"Authorization": "Bearer wrong"}) == (401, "authentication_required")


@pytest.mark.parametrize("endpoint", WITH_ACCOUNT)
def test_a_token_that_is_wrong_is_nobodys(shared: World, endpoint: str) -> None:
    row = rows(shared.at_home)[endpoint]
    assert ask(shared.anonymous(), row, {"Authentication-Token": "wrong"}) == (401, "authentication_required")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_pensioners_see_to_themselves_only(shared: World, endpoint: str) -> None:
    row = rows(shared.at_home)[endpoint]
    client = shared.pensioner()
    status, code = ask(client, row, csrf(shared, client))
    if row.token:
        assert (status, code) == (401, "session_token_required")
    elif row.open or row.own:
        assert status == row.inside, code
    else:
        assert (status, code) == (403, "not_permitted")


@pytest.mark.parametrize("endpoint", [e for e in WITH_ACCOUNT if rows("x")[e].method != "GET"])
def test_a_cookie_alone_changes_nothing(shared: World, endpoint: str) -> None:
    row = rows(shared.at_home)[endpoint]
    assert ask(shared.pensioner(), row) == (400, "csrf_failed")


@pytest.mark.parametrize(("endpoint", "role"), [(e, role) for e in ABOUT_A_PERSON for role in sorted(rows("x")[e].roles)])
def test_people_of_another_region_look_like_people_who_are_not_there(shared: World, endpoint: str, role: RoleName) -> None:
    elsewhere, nobody = (ask(shared.staff(role), rows(person)[endpoint]) for person in (shared.elsewhere, "nobody"))
    assert elsewhere == nobody
    assert elsewhere[0] in {404, 422}
    assert elsewhere[1] in {"person_unknown", "validation_failed"}


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if rows("x")[e].own and "certificate" not in e])
def test_other_people_look_to_a_pensioner_like_people_who_are_not_there(shared: World, endpoint: str) -> None:
    client = shared.pensioner()
    assert ask(client, rows(shared.elsewhere)[endpoint], csrf(shared, client)) == (404, "person_unknown")
