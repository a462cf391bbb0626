"""How many statements a page of the desk makes: at most twelve, however many rows it shows. A page that is not in the list fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import url_for
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from api.rights import RoleName
from tests.api.conftest import HOME_REGION, OTHER_REGION, World, make_world
from tests.conftest import FixedClock
from tests.pages.filled_desk import Addresses, fill_desk

MOST = 12
OF_THE_DESK = ("counter", "face_pairs")
NO_STATEMENTS = ("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")

# Who looks at a page, where it is not a supervisor, who may do most.
SEEN_BY = {
    "counter.accounts": RoleName.ADMINISTRATOR,
    "counter.account_of_staff": RoleName.ADMINISTRATOR,
    "counter.health": RoleName.SECURITY_OFFICER,
    "counter.webhooks": RoleName.ADMINISTRATOR,
    "counter.privacy": RoleName.SECURITY_OFFICER,
    "counter.privacy_pack": RoleName.SECURITY_OFFICER,
    "counter.retention": RoleName.SECURITY_OFFICER,
    "counter.audit_list": RoleName.AUDITOR,
    "counter.audit_entry": RoleName.AUDITOR,
    "counter.case_views": RoleName.CASEWORKER,
}
# Pages that answer something else than 200 to a plain GET, and what.
ANSWERS = {
    "counter.second_factor": 303,  # of a sign-in that is half done
    "counter.password_new": 303,
    "counter.factor_new": 303,
    "counter.account_factor_add": 303,
    "counter.factor_qr": 404,
    "counter.desk": 303,
    "counter.result": 303,
    "counter.fairness_chart": 404,  # nobody of this group was counted
    "counter.import_rejected": 404,  # the files of the batches were deleted in time
    "counter.import_report": 404,
    "counter.status_code": 303,
    "counter.harness": 404,  # off unless a folder for recordings is set
}


@dataclass
class Statements:
    """What was sent to the database."""

    sent: list[str]


@contextmanager
def counted(engine: Engine) -> Iterator[Statements]:
    """Count what is sent to the database inside the block; the words that begin and end transactions do not count."""
    seen = Statements([])

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # whether the jobs are heard of is asked once in some seconds by a worker, whatever page comes then
        if not statement.lstrip().upper().startswith(NO_STATEMENTS) and "FROM heartbeat" not in statement:
            seen.sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@dataclass(frozen=True)
class Desk:
    """A world with a filled store. addresses: values of the addresses, by endpoint."""

    world: World
    addresses: Addresses


@pytest.fixture(scope="module")
def desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("filled")
    path = home / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    world = make_world(f"sqlite:///{path}", home / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    staff = {"actor": "staff:supervisor", "signer": "staff:reviewer"}
    addresses = fill_desk(world.context, world.at_home, world.elsewhere, HOME_REGION, OTHER_REGION, **staff)
    yield Desk(world, addresses)
    world.context.database.dispose()


def pages_of(desk: Desk) -> list[str]:
    """Every endpoint of the desk that is looked at."""
    rules = desk.world.app.url_map.iter_rules()
    return sorted(rule.endpoint for rule in rules if rule.endpoint.split(".")[0] in OF_THE_DESK and "GET" in (rule.methods or ()))


def address_of(desk: Desk, endpoint: str) -> str:
    rule = next(rule for rule in desk.world.app.url_map.iter_rules(endpoint) if "GET" in (rule.methods or ()))
    values = desk.addresses.get(endpoint, {})
    missing = rule.arguments - set(values)
    assert not missing, f"{endpoint}: say in tests/pages/filled_desk.py what its address is; missing {sorted(missing)}"
    with desk.world.app.test_request_context():
        return url_for(endpoint, **values)


def test_every_page_makes_few_statements(desk: Desk) -> None:
    clients: dict[RoleName, FlaskClient] = {}
    engine = desk.world.context.database.engine
    wrong: list[str] = []
    for endpoint in pages_of(desk):
        role = SEEN_BY.get(endpoint, RoleName.SUPERVISOR)
        client = clients.setdefault(role, desk.world.staff(role))
        try:
            address = address_of(desk, endpoint)
            with counted(engine) as seen:
                answer = client.get(address)
        except Exception as error:
            wrong.append(f"{endpoint} fails: {type(error).__name__}: {str(error)[:100]}")
            continue
        if answer.status_code != ANSWERS.get(endpoint, 200):
            wrong.append(f"{endpoint} answers {answer.status_code}")
        if len(seen.sent) > MOST:
            wrong.append(f"{endpoint} makes {len(seen.sent)} statements")
    assert wrong == []


def test_statements_are_counted(desk: Desk) -> None:
    with counted(desk.world.context.database.engine) as seen:
        page = desk.world.staff(RoleName.SUPERVISOR).get("/desk/notices")
    assert page.status_code == 200
    assert any("FROM notice" in statement for statement in seen.sent)
