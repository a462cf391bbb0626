"""The description at /openapi.json is whole and true, and /docs shows it without asking anybody outside."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from api.problem_catalogue import CATALOGUE
from api.v1.docs import OWN_FILES, SWAGGER_UI
from tests.api.conftest import World

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def spec(world: World) -> dict[str, Any]:
    answer = world.anonymous().get("/openapi.json")
    assert answer.status_code == 200
    result: dict[str, Any] = answer.get_json()
    return result


def operations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in spec["paths"].values() for method, operation in path.items() if method in METHODS]


def validator(spec: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": spec["components"]})


def test_it_is_openapi_3_1_and_describes_the_doors_only(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    assert all(path.startswith("/api/v1/") for path in spec["paths"])


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    names = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', str(spec).replace("'", '"')))
    assert names
    assert names <= set(spec["components"]["schemas"])


def test_every_operation_shows_an_example_of_what_it_takes_and_answers(spec: dict[str, Any]) -> None:
    for operation in operations(spec):
        content = operation.get("requestBody", {}).get("content", {})
        assert "application/json" not in content or "example" in content["application/json"], operation["operationId"]
        for parameter in operation["parameters"]:
            assert "example" in parameter, (operation["operationId"], parameter["name"])
        for status, response in operation["responses"].items():
            for media_type, body in response.get("content", {}).items():
                if media_type != "application/pdf":
                    assert "example" in body or body["examples"], (operation["operationId"], status)


def test_every_example_fits_its_schema(spec: dict[str, Any]) -> None:
    seen = 0
    for operation in operations(spec):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in (media for part in bodies for media in part.get("content", {}).values()):
            examples = [body["example"]] if "example" in body else [e["value"] for e in body.get("examples", {}).values()]
            for example in examples:
                validator(spec, body["schema"]).validate(example)
                seen += 1
        for parameter in operation["parameters"]:
            validator(spec, parameter["schema"]).validate(parameter["example"])
    assert seen > 100


def test_every_refusal_is_a_problem_with_a_known_code(spec: dict[str, Any]) -> None:
    for operation in operations(spec):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                body = response["content"]["application/problem+json"]
                assert body["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert {CATALOGUE[code].status for code in body["examples"]} == {int(status)}


def test_every_operation_tells_who_may_call_it(spec: dict[str, Any]) -> None:
    public = {operation["operationId"] for operation in operations(spec) if operation["security"] == []}
    assert public == {"check_certificate", "read_problem"}
    named = {name for operation in operations(spec) for scheme in operation["security"] for name in scheme}
    assert named == set(spec["components"]["securitySchemes"])


def test_requests_refuse_what_they_do_not_know(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    for name in ("StartRequest", "ConsentRequest", "LookupRequest", "RevokeRequest"):
        assert schemas[name]["additionalProperties"] is False


def test_posts_but_frames_take_an_idempotency_key(spec: dict[str, Any]) -> None:
    keyed = {o["operationId"] for o in operations(spec) if any(p["name"] == "Idempotency-Key" for p in o["parameters"])}
    posts = {path["post"]["operationId"] for path in spec["paths"].values() if "post" in path}
    # finish and abandon come to the same whenever they are sent again, and frames by sequence number and bytes
    # and a look-up or a screening changes nothing; a file that was brought in already changes nothing, and its bytes are too many to
    # remember
    once_anyway = {
        "add_frame",
        "finish_verification",
        "abandon_verification",
        "look_up_status",
        "look_up_statuses",
        "import_records",
        "screen_claim",
    }
    assert posts - keyed == once_anyway


def test_the_page_asks_nobody_outside(world: World) -> None:
    client = world.anonymous()
    page = client.get("/docs", buffered=True).get_data(as_text=True)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address, buffered=True).status_code == 200
    assert "<script>" not in page
    assert "://" not in page + (OWN_FILES / "start.js").read_text(encoding="utf-8")
    assert (SWAGGER_UI / "swagger-ui-bundle.js").stat().st_size > 100_000


@pytest.mark.parametrize("path", ["/docs/swagger-ui/../start.js", "/docs/swagger-ui/VERSION", "/docs/swagger-ui/swagger-ui.js"])
def test_no_other_file_is_served(world: World, path: str) -> None:
    assert world.anonymous().get(path).status_code == 404
