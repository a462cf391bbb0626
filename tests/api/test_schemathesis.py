"""Generated requests, good and bad, against the description of the doors: all of schemathesis' checks, for every caller there is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

from api.rights import RoleName
from api.scopes import Scope
from api.v1 import imports
from tests.api.conftest import World, blank_picture, csrf, make_world
from tests.api.test_access import ENDPOINTS, rows
from tests.conftest import FixedClock

BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
FEW = settings(BOUNDED, max_examples=3)

# Rules that no JSON Schema can say: a check digit, the text in force, a face that is good enough. There 422 answers well-formed data.
BEYOND_SCHEMA = ["2xx", "401", "403", "404", "409", "422", "429"]
CONFIG = {
    "operations": [
        {"include-operation-id": name, "checks": {"positive_data_acceptance": {"expected-statuses": BEYOND_SCHEMA}}}
        for name in (
            "put_assistance",
            "find_person",
            "give_consent",
            "enrol_reference",
            "look_up_status",
            "look_up_statuses",
            "record_life_evidence",
            "check_identity",
            "screen_claim",
            "read_changes",
            "read_alerts",
            "read_signals",
            "create_webhook",
            "list_deliveries",
        )
    ]
}

for media_type in ("image/jpeg", "image/png", "image/webp"):
    schemathesis.openapi.media_type(media_type, st.just(blank_picture()))
for media_type in imports.ENDINGS:
    schemathesis.openapi.media_type(media_type, st.just(b"resident_id,name,region_code\n1,2,3\n"))


@pytest.fixture(scope="module")
def generated_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("schemathesis")
    path = folder / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", folder / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    yield made
    made.context.database.dispose()


@pytest.fixture(scope="module")
def description(generated_world: World) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", generated_world.app, config=schemathesis.Config.from_dict(CONFIG))


def fresh_key(case: Any) -> None:
    """A new key for each request: a key that is used twice is another story, told in test_idempotency."""
    if case.headers and "Idempotency-Key" in case.headers and case.meta and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())


def hold(description: Any, endpoint: str, check: Callable[[Any], None], *, let_in: bool = True) -> None:
    """Run schemathesis' examples, coverage and generated cases of one operation through ``check``.

    let_in: False for a caller that is turned away before anybody reads the request, or does what another caller was tried with: a few
    generated requests show it, and those that seek the limits of each field are left to that other caller.
    """
    operation = description.find_operation_by_id(endpoint.removeprefix("v1."))
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING, *([HypothesisTestMode.COVERAGE] if let_in else [])]

    def held(case: Any) -> None:
        fresh_key(case)
        check(case)

    create_test(
        operation=operation,
        test_func=held,
        config=HypothesisTestConfig(project=description.config, modes=modes, settings=BOUNDED if let_in else FEW, seed=1),
    )()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_staff_send_is_answered_as_described(description: Any, generated_world: World, endpoint: str) -> None:
    headers = generated_world.token(RoleName.COUNTER)
    row = rows("x")[endpoint]
    let_in = row.open or row.token or RoleName.COUNTER in row.roles
    hold(description, endpoint, lambda case: case.call_and_validate(headers=headers), let_in=let_in)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_nobody_sends_is_answered_as_described(description: Any, endpoint: str) -> None:
    row = rows("x")[endpoint]
    hold(description, endpoint, lambda case: case.call_and_validate(), let_in=row.open or row.token)


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if rows("x")[endpoint].scope is not None])
def test_what_clients_send_is_answered_as_described(description: Any, generated_world: World, endpoint: str) -> None:
    headers = {"Authorization": f"Bearer {generated_world.access_token(*Scope)}"}
    hold(description, endpoint, lambda case: case.call_and_validate(headers=headers))


PENSIONER = "pensioner"
OTHERS = (*(role.value for role in RoleName if role is not RoleName.COUNTER), PENSIONER)


def gets_in(endpoint: str, caller: str) -> bool:
    """True when this door is for them."""
    row = rows("x")[endpoint]
    return row.open or row.token or (row.own if caller == PENSIONER else RoleName(caller) in row.roles)


def turns() -> list[Any]:
    """Each door with one further caller, by turns, of those who get in where there are such; every other pair is for the thorough run."""
    chosen, driven = {}, dict.fromkeys(OTHERS, 0)
    for endpoint in ENDPOINTS:
        callers = [caller for caller in OTHERS if gets_in(endpoint, caller)] or list(OTHERS)
        chosen[endpoint] = min(callers, key=lambda caller: driven[caller])
        driven[chosen[endpoint]] += 1
    assert all(driven.values()), driven
    pairs = [(endpoint, caller) for endpoint in ENDPOINTS for caller in OTHERS]
    return [
        pytest.param(endpoint, caller, marks=() if chosen[endpoint] == caller else pytest.mark.thorough, id=f"{endpoint}-{caller}")
        for endpoint, caller in pairs
    ]


def headers_of(world: World, caller: str) -> dict[str, str]:
    """What this caller sends with every request."""
    if caller != PENSIONER:
        return world.token(RoleName(caller))
    client = world.pensioner()
    page = csrf(world, client)
    cookie = client.get_cookie("lifecert")
    assert cookie is not None
    return {**page, "Cookie": f"lifecert={cookie.value}"}


@pytest.mark.parametrize(("endpoint", "caller"), turns())
def test_what_every_other_caller_sends_is_answered_as_described(
    description: Any, generated_world: World, endpoint: str, caller: str
) -> None:
    headers = headers_of(generated_world, caller)
    hold(description, endpoint, lambda case: case.call_and_validate(headers=headers), let_in=False)
