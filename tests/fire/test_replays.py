"""Requests that were somebody else's, or were altered on the way, are refused: what `test_doors.py` and its neighbours do not try yet."""

from __future__ import annotations

from typing import Any

import pytest

from api.scopes import Scope
from tests.api.conftest import OTHER_PROVINCE, World, csrf, world  # noqa: F401 - a fixture
from tests.api.test_doors import FACE, enrol, give_consent, perform, send, start


@pytest.fixture
def ready(world: World) -> World:  # noqa: F811
    give_consent(world)
    enrol(world)
    return world


def test_the_token_of_one_session_opens_no_other(ready: World) -> None:
    client, first = start(ready)
    _, second = start(ready)
    swapped = {**second, "token": first["token"]}
    headers = {"Lifecert-Session": first["token"]}
    path = f"/api/v1/verifications/{second['verification_id']}"
    assert send(client, swapped, 0, FACE, second["guide"]["step_token"]).status_code == 404
    for method, door in (("GET", ""), ("POST", "/finish"), ("POST", "/abandon")):
        answer = client.open(path + door, method=method, headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "verification_unknown"), door
    assert client.get(path, headers={"Lifecert-Session": second["token"]}).get_json()["state"] == "open"


def test_a_step_token_spliced_in_from_another_session_is_not_accepted(ready: World) -> None:
    _, first = start(ready)
    client, second = start(ready)
    answer = send(client, second, 0, FACE, first["guide"]["step_token"]).get_json()
    assert (answer["accepted"], answer["frames"]) == (False, 0)


def test_a_finished_session_takes_nothing_more(ready: World) -> None:
    client, session = start(ready)
    result = perform(ready, client, session)
    path, headers = f"/api/v1/verifications/{session['verification_id']}", {"Lifecert-Session": session["token"]}
    assert send(client, session, 900, FACE, session["guide"]["step_token"]).status_code == 409
    assert client.post(f"{path}/abandon", headers=headers).status_code in (204, 409)
    assert client.post(f"{path}/finish", headers=headers).get_json() == result


def test_the_cookie_of_one_person_opens_nothing_of_another(ready: World) -> None:
    client, session = start(ready)
    result = perform(ready, client, session)
    stranger = ready.pensioner(ready.elsewhere)
    header = csrf(ready, stranger)
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/api/v1/persons/{ready.at_home}/status", {}),
        ("GET", f"/api/v1/certificates/{result['certificate_id']}/pdf", {}),
        ("DELETE", f"/api/v1/persons/{ready.at_home}/consents/current", {}),
        ("POST", "/api/v1/verifications", {"json": {"person_id": ready.at_home}}),
    ]
    for method, path, body in asked:
        assert stranger.open(path, method=method, headers=header, **body).status_code in (403, 404), path


def test_a_page_token_of_one_browser_is_no_good_in_another(ready: World) -> None:
    header = csrf(ready, ready.pensioner())
    other = ready.pensioner()
    csrf(ready, other)
    answer = other.post("/api/v1/verifications", json={"person_id": ready.at_home}, headers=header)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "csrf_failed")


def test_an_altered_cookie_is_nobody(ready: World) -> None:
    client = ready.pensioner()
    cookie = client.get_cookie("lifecert")
    assert cookie is not None
    for altered in (cookie.value[:-2] + "AA", "x" + cookie.value, cookie.value.replace(".", "", 1), ""):
        fresh = ready.anonymous()
        fresh.set_cookie("lifecert", altered)
        assert fresh.get(f"/api/v1/persons/{ready.at_home}/status").status_code == 401


def test_a_token_does_not_reach_where_its_client_does_not(ready: World) -> None:
    client = ready.client(Scope.STATUS_READ, region=OTHER_PROVINCE)
    assert client.get(f"/api/v1/persons/{ready.at_home}/status").status_code == 404
