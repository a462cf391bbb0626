"""Attempts to have SQL, templates, scripts, headers or paths carried out, in every field of every door and form, on PostgreSQL.

No answer is a fault of ours, nothing is evaluated, nothing comes back unescaped, and everything is still there afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from api.rights import RoleName
from api.scopes import Scope
from models.account import Account
from models.person import Person
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, csrf, make_world
from tests.api.test_access import ENDPOINTS, rows
from tests.conftest import ROOT, TEMPLATE, FixedClock, _postgres_database
from tests.pages.filled_desk import fill_desk

PRODUCT = str(1337 * 7331)
MARK = "<script>alert(1)</script>\"'"
PAYLOADS = {
    "sql": "'; DROP TABLE person; --",
    "union": "' UNION SELECT password FROM account --",
    "templates": "{{1337*7331}} ${1337*7331} <%= 1337*7331 %> #{1337*7331} {% raise %}",
    "script": MARK,
    "nul": "a\x00b",
    "crlf": "a\r\nSet-Cookie: forged=1\r\n\r\n<b>",
    "path": "../../../../etc/passwd",
    "direction": "\u202ea\u2066b\u0301",
    "surrogate": "a\ud800b",
    "long": "x" * 1_000_000,
}
OF_ADDRESSES = ("sql", "templates", "script", "nul", "crlf", "surrogate")
ARGUMENTS = sorted(
    {name for path in (ROOT / "api" / "pages").glob("*.py") for name in re.findall(r"args\.get(?:list)?\(\"(\w+)\"", path.read_text())}
)


@dataclass(frozen=True)
class Target:
    """A filled store on PostgreSQL, and who attacks it from within."""

    world: World
    addresses: dict[str, dict[str, str]]
    staff: FlaskClient
    program: FlaskClient
    forms: dict[str, dict[str, str]]

    def rows(self) -> tuple[int, int]:
        """How many persons and accounts there are."""
        with self.world.context.database.read_scope() as session:
            people = session.execute(select(func.count()).select_from(Person)).scalar_one()
            return people, session.execute(select(func.count()).select_from(Account)).scalar_one()


class Forms(HTMLParser):
    """The forms of a page that are posted: address -> names and given values of their fields. texts: names of fields for typing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._fields = self.found.setdefault(given.get("action", ""), {})
        elif self._fields is not None and tag in {"input", "textarea", "select", "button"} and given.get("name"):
            self._fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        if tag == "form":
            self._fields = None


def address_of(world: World, addresses: dict[str, dict[str, str]], endpoint: str) -> str | None:
    from flask import url_for

    rule = next(rule for rule in world.app.url_map.iter_rules(endpoint) if "GET" in (rule.methods or ()))
    values = addresses.get(endpoint, {})
    if rule.arguments - set(values):
        return None
    with world.app.test_request_context():
        return url_for(endpoint, **values)


@pytest.fixture(scope="module")
def target(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("injection")
    with _postgres_database(postgres_server, TEMPLATE) as url:
        world = make_world(url, folder / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
        who = {"actor": "staff:supervisor", "signer": "staff:reviewer"}
        addresses = dict(fill_desk(world.context, world.at_home, world.elsewhere, HOME_REGION, OTHER_REGION, **who))
        staff = world.staff(RoleName.SUPERVISOR)
        staff.environ_base["HTTP_X_CSRFTOKEN"] = csrf(world, staff)["X-CSRFToken"]
        forms: dict[str, dict[str, str]] = {}
        pages = sorted({rule.endpoint for rule in world.app.url_map.iter_rules() if "GET" in (rule.methods or ())})
        for endpoint in pages:
            address = address_of(world, addresses, endpoint) if endpoint.startswith(("counter.", "face_pairs.", "pages.")) else None
            if address is None or address.endswith((".svg", ".pdf", ".png", ".xlsx", ".csv")):
                continue
            page = staff.get(address)
            if page.status_code == 200 and page.mimetype == "text/html":
                parser = Forms()
                parser.feed(page.text)
                forms |= {action or address: fields for action, fields in parser.found.items()}
        yield Target(world, addresses, staff, world.client(*Scope), forms)
        world.context.database.dispose()


def harmless(answer: Any) -> str:
    """What is wrong with an answer; "" when nothing is."""
    with answer:
        text = answer.data.decode("utf-8", "replace")
        told = [
            ("a fault of ours", answer.status_code >= 500),
            ("evaluated", PRODUCT in text),
            ("unescaped", answer.mimetype == "text/html" and MARK in text),
            ("a header of theirs", "forged" in str(answer.headers)),
            ("a file of the machine", "root:" in text),
        ]
        return ", ".join(f"{words} ({answer.status_code})" for words, wrong in told if wrong)


def with_value(example: Any, path: tuple[Any, ...], value: str) -> Any:
    """A copy of the example with this value at the path."""
    if not path:
        return value
    key, *rest = path
    copied = dict(example) if isinstance(example, dict) else list(example)
    copied[key] = with_value(copied[key], tuple(rest), value)
    return copied


def text_fields(example: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all texts in an example."""
    if isinstance(example, str):
        return [path]
    inside = example.items() if isinstance(example, dict) else enumerate(example) if isinstance(example, list) else ()
    return [found for key, value in inside for found in text_fields(value, (*path, key))]


def examples(target: Target) -> dict[str, Any]:
    """Example bodies of the doors, from their description."""
    described = target.world.app.test_client().get("/openapi.json").get_json()
    found = {}
    for operations in described["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}) if isinstance(operation, dict) else {}
            given = content.get("example") or next((one["value"] for one in content.get("examples", {}).values()), None)
            if given is not None:
                found["v1." + operation["operationId"]] = given
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_of_doors_are_only_texts(target: Target, payload: str) -> None:
    before, wrong, tried = target.rows(), [], 0
    bodies = examples(target)
    for endpoint in ENDPOINTS:
        row = rows(target.world.at_home)[endpoint]
        client = target.program if row.scope is not None and RoleName.SUPERVISOR not in row.roles else target.staff
        for path in text_fields(bodies.get(endpoint, {})):
            body = with_value(bodies[endpoint], path, PAYLOADS[payload])
            said = harmless(client.open("/api/v1" + row.path, method=row.method, json=body))
            tried += 1
            if said:
                wrong.append(f"{endpoint} {path}: {said}")
    assert wrong == []
    assert tried > 30
    assert target.rows() == before


@pytest.mark.parametrize("payload", PAYLOADS)
def test_fields_of_forms_are_only_texts(target: Target, payload: str) -> None:
    before, wrong = target.rows(), []
    assert len(target.forms) > 25
    for address, fields in target.forms.items():
        if address.startswith("/language") or "sessions" in address:
            continue
        typed = {name: given if given else PAYLOADS[payload] for name, given in fields.items() if name != "csrf_token"}
        body = urlencode(typed, errors="surrogatepass")
        said = harmless(target.staff.post(address, data=body, content_type="application/x-www-form-urlencoded"))
        if said:
            wrong.append(f"{address} {sorted(typed)}: {said}")
    assert wrong == []
    assert target.rows() == before


@pytest.mark.thorough
@pytest.mark.parametrize("payload", OF_ADDRESSES)
def test_arguments_and_parts_of_addresses_are_only_texts(target: Target, payload: str) -> None:
    wrong, text = [], PAYLOADS[payload]
    arguments = urlencode(dict.fromkeys(ARGUMENTS, text), errors="surrogatepass")
    assert len(ARGUMENTS) > 10
    for rule in target.world.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.endswith((".svg", ".pdf", ".png", ".xlsx")):
            continue
        known = address_of(target.world, target.addresses, rule.endpoint) if not rule.rule.startswith("/api/") else None
        odd = re.sub(r"<[^>]*>", quote(text, safe="", errors="surrogatepass"), rule.rule)
        for address in {odd, *([f"{known}?{arguments}"] if known else [])}:
            said = harmless(target.staff.get(address, buffered=True))
            if said:
                wrong.append(f"{address[:120]}: {said}")
    assert wrong == []


def test_the_payloads_would_be_seen() -> None:
    assert Path(__file__).read_text().count(PRODUCT) == 0
    parser = Forms()
    parser.feed('<form method="post" action="/a"><input name="x"><textarea name="y"></textarea></form><input name="z">')
    assert parser.found == {"/a": {"x": "", "y": ""}}
