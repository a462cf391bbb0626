"""Errors have one shape, a stable code, and tell nothing about anybody."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import abort
from sqlalchemy.exc import OperationalError

from api.problem_catalogue import CATALOGUE, kind_of_capture, kind_of_status
from api.problems import Problem
from api.rights import RoleName
from tests.api.conftest import NAME, RESIDENT_ID, World
from verify.errors import CaptureProblem, EngineError
from verify.service_errors import ServiceError, TriesUsedUp

MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def all_service_errors() -> list[type[ServiceError]]:
    return ServiceError.__subclasses__()


def raising(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Any:
    """The answer of a door whose service raises this."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(world.context.verification), "state", fail)
    return world.anonymous().get("/api/v1/verifications/any", headers={"Lifecert-Session": "any"})


def test_a_problem_has_all_members_and_the_media_type(world: World) -> None:
    answer = world.anonymous().get("/api/v1/engine")
    assert answer.mimetype == "application/problem+json"
    assert set(answer.get_json()) == MEMBERS
    assert answer.get_json()["status"] == answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]


def test_the_type_of_a_problem_leads_to_its_explanation(world: World) -> None:
    problem = world.anonymous().get("/api/v1/nothing").get_json()
    assert world.anonymous().get(problem["type"]).get_json() == {
        "code": "not_found",
        "status": 404,
        "title": CATALOGUE["not_found"].title,
        "remedy": CATALOGUE["not_found"].remedy,
    }


def test_unknown_addresses_and_methods_are_problems_too(world: World) -> None:
    client = world.anonymous()
    assert client.get("/api/v2/engine").get_json()["code"] == "not_found"
    answer = client.put("/api/v1/engine")
    assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_pages_get_pages(world: World) -> None:
    answer = world.anonymous().get("/nothing-here", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


@pytest.mark.parametrize("kind", all_service_errors())
def test_every_refusal_of_the_service_has_its_own_code(kind: type[ServiceError]) -> None:
    assert CATALOGUE[kind.code].status in {404, 409, 422, 429, 503}


@pytest.mark.parametrize("problem", list(CaptureProblem))
def test_every_broken_picture_has_a_status(problem: CaptureProblem) -> None:
    assert CATALOGUE[kind_of_capture(problem)].status in {413, 415, 422}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 429, 500, 502, 503])
def test_a_bare_status_finds_a_code_of_its_class(status: int) -> None:
    assert CATALOGUE[kind_of_status(status)].status // 100 == status // 100


def test_titles_are_told_apart() -> None:
    titles = [kind.title for code, kind in CATALOGUE.items() if code != "reference_unknown"]
    assert len(titles) == len(set(titles))


def test_what_was_not_expected_says_nothing_about_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = raising(world, monkeypatch, RuntimeError(f"{NAME} {RESIDENT_ID}"))
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
    assert NAME not in answer.get_data(as_text=True)
    assert RESIDENT_ID not in answer.get_data(as_text=True)


def test_names_and_numbers_in_a_refusal_are_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(ServiceError):
        code = "conflict"

    answer = raising(world, monkeypatch, Careless(f"{NAME} has {RESIDENT_ID}"))
    assert answer.status_code == 409
    assert NAME not in answer.get_data(as_text=True)
    assert RESIDENT_ID not in answer.get_data(as_text=True)


def test_after_too_many_tries_the_answer_says_how_long_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = raising(world, monkeypatch, TriesUsedUp("too many", retry_after_s=42))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "42")


@pytest.mark.parametrize(
    "error", [EngineError("no weights"), OperationalError("SELECT 1", None, Exception("database is locked")), Problem("unavailable")]
)
def test_what_will_pass_is_503(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    assert raising(world, monkeypatch, error).status_code == 503


def test_an_abort_of_the_framework_is_a_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.context.verification), "state", lambda *_: abort(410))
    answer = world.anonymous().get("/api/v1/verifications/any", headers={"Lifecert-Session": "any"})
    assert (answer.status_code, answer.get_json()["code"]) == (410, "gone")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "malformed_json")),
        (b"\xff\xfe", "application/json", (400, "malformed_json")),
        (b"", "application/json", (400, "malformed_json")),
        (b"[]", "application/json", (422, "validation_failed")),
        (b"{}", "application/json", (422, "validation_failed")),
        (b"{}", "text/plain", (415, "unsupported_media_type")),
        (b'{"name": 1, "resident_id": "190102195203070019"}', "application/json", (422, "validation_failed")),
        (b'{"name": "a", "resident_id": "190102195203070019", "x": 1}', "application/json", (422, "validation_failed")),
        (b'{"name": "\\u0000", "resident_id": "190102195203070019"}', "application/json", (422, "validation_failed")),
        (b'{"name": "' + b"a" * 20_000 + b'"}', "application/json", (413, "too_large")),
    ],
)
def test_bad_bodies_are_refused_by_kind(world: World, body: bytes, content_type: str, expected: tuple[int, str]) -> None:
    answer = world.staff(RoleName.COUNTER).post("/api/v1/persons/lookup", data=body, content_type=content_type)
    assert (answer.status_code, answer.get_json()["code"]) == expected


def test_a_finding_names_field_and_rule_and_not_the_value(world: World) -> None:
    wrong = {"name": NAME, "resident_id": RESIDENT_ID[:-1] + "0"}
    answer = world.staff().post("/api/v1/persons/lookup", json=wrong)
    assert answer.get_json()["errors"] == [{"field": "resident_id", "rule": "check_digit", "place": "body"}]
    assert RESIDENT_ID[:-1] not in answer.get_data(as_text=True)
