"""What every answer tells the browser, and the request's id."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.app import create_app
from api.callers import PERSON_KEY
from api.security_headers import HEADERS
from api.settings import Settings
from tests.api.conftest import World

PATHS = ["/", "/docs", "/docs/start.js", "/openapi.json", "/healthz", "/api/v1/engine", "/api/v1/nothing", "/nothing", "/login"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_them(world: World, path: str) -> None:
    answer = world.anonymous().get(path, buffered=True)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_the_policy_names_no_other_host_and_no_inline_code() -> None:
    sources = {word for part in HEADERS["Content-Security-Policy"].split("; ") for word in part.split()[1:]}
    assert sources == {"'none'", "'self'", "data:", "blob:"}


def test_scripts_and_styles_come_from_here_only() -> None:
    parts = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
    assert parts["frame-ancestors"] == parts["default-src"] == "'none'"


@pytest.mark.parametrize("path", ["/api/v1/engine", "/", "/login", "/healthz"])
def test_answers_that_may_hold_personal_data_are_not_kept(world: World, path: str) -> None:
    assert "no-store" in world.anonymous().get(path).headers["Cache-Control"]


def cookie_of(world: World, public_url: str) -> str:
    settings = Settings(**{**world.context.settings.model_dump(), "public_url": public_url})
    app = create_app(replace(world.context, settings=settings))
    client = app.test_client()
    with client.session_transaction() as session:
        session[PERSON_KEY] = world.at_home
    with app.test_request_context():
        response = app.response_class()
        opened = app.session_interface.open_session(app, app.test_request_context().request)
        assert opened is not None
        opened[PERSON_KEY] = world.at_home
        app.session_interface.save_session(app, opened, response)
    return response.headers["Set-Cookie"]


def test_the_session_cookie_is_for_this_site_and_not_for_scripts(world: World) -> None:
    cookie = cookie_of(world, "https://lifecert.example")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert world.at_home not in cookie


def test_without_https_the_cookie_still_works(world: World) -> None:
    assert "Secure" not in cookie_of(world, "http://localhost:8440")


def test_https_is_asked_for_from_then_on_where_there_is_https(world: World) -> None:
    settings = Settings(**{**world.context.settings.model_dump(), "public_url": "https://lifecert.example"})
    app = create_app(replace(world.context, settings=settings))
    assert "max-age" in app.test_client().get("/healthz").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in world.anonymous().get("/healthz").headers


def test_a_well_formed_request_id_comes_back(world: World) -> None:
    answer = world.anonymous().get("/api/v1/engine", headers={"X-Request-ID": "abc-123_DEF.4"})
    assert answer.headers["X-Request-ID"] == answer.get_json()["request_id"] == "abc-123_DEF.4"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space 123", "a;b;c;d;e", "19010219520307001é"])
def test_any_other_request_id_is_replaced(world: World, given: str) -> None:
    answer = world.anonymous().get("/api/v1/engine", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == answer.get_json()["request_id"] != given


def test_every_request_has_an_id_of_its_own(world: World) -> None:
    client = world.anonymous()
    assert client.get("/healthz").headers["X-Request-ID"] != client.get("/healthz").headers["X-Request-ID"]
