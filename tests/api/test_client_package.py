"""The Python client against a live server: tokens, statuses, batches, errors, and what is sent again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date

import httpx
import pytest
from werkzeug.serving import make_server

from api.client import LifecertClient, NotAnsweredError, ProblemError, TokenError
from api.client.retrying import SAFE, RetryingTransport
from api.intake import import_waiting
from models.repositories import clients
from models.repositories.clients import NewClient
from tests.api.conftest import HOME_REGION, OTHER_RESIDENT_ID, RESIDENT_ID, World
from tests.api.test_changes import certify, pensioners
from tests.api.test_imports import body


def made(world: World, *scopes: str, rate: int = 1_000_000) -> NewClient:
    with world.context.database.session_scope() as session:
        return clients.add(
            session,
            name="test",
            scopes=scopes,
            region_code=HOME_REGION,
            rate_per_minute=rate,
            certificate_sha256=None,
            with_secret=True,
            keyring=world.context.keyring,
            actor="test",
            now=world.clock(),
        )


@pytest.fixture
def base(world: World) -> Iterator[str]:
    """Address of the application, served for real."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(base: str, new: NewClient, **options: object) -> LifecertClient:
    return LifecertClient(base, new.client_id, new.secret, **options)  # type: ignore[arg-type]


def test_a_status_and_a_batch_come_back_typed(world: World, base: str) -> None:
    with client_of(base, made(world, "status:read")) as lifecert:
        status = lifecert.status(resident_id=RESIDENT_ID, on=date(2026, 3, 1))
        assert (status.person_id, status.state, status.on, status.due_on) == (world.at_home, "never_certified", date(2026, 3, 1), None)
        ids = [{"resident_id": RESIDENT_ID}, {"resident_id": OTHER_RESIDENT_ID}, {"social_security_number": "A12345678"}]
        lines = list(lifecert.statuses(ids, on=date(2026, 3, 1)))
    assert [(line.index, line.problem) for line in lines] == [(0, None), (1, "person_unknown"), (2, "person_unknown")]
    assert lines[0].status == status


def test_a_refusal_is_a_problem_with_its_code(world: World, base: str) -> None:
    with client_of(base, made(world, "status:read")) as lifecert:
        with pytest.raises(ProblemError) as unknown:
            lifecert.status(resident_id=OTHER_RESIDENT_ID)
        assert (unknown.value.status, unknown.value.code) == (404, "person_unknown")
        assert len(unknown.value.request_id) == 32
        with pytest.raises(ProblemError) as wrong:
            lifecert.status(resident_id=RESIDENT_ID[:-1] + "0")
        assert [(error["field"], error["rule"]) for error in wrong.value.errors] == [("resident_id", "check_digit")]
    with client_of(base, made(world, "changes:read")) as lifecert, pytest.raises(ProblemError) as forbidden:
        lifecert.status(resident_id=RESIDENT_ID)
    assert forbidden.value.code == "not_permitted"


def test_a_token_that_ended_is_renewed_and_one_of_a_revoked_client_is_not(world: World, base: str) -> None:
    new = made(world, "status:read")
    with client_of(base, new) as lifecert:
        lifecert.status(resident_id=RESIDENT_ID)
        world.clock.advance(hours=2)  # the server's; the client believes in its token still
        lifecert.status(resident_id=RESIDENT_ID)
        lifecert.revoke_token()
        lifecert.status(resident_id=RESIDENT_ID)
        with world.context.database.session_scope() as session:
            clients.revoke(session, new.client_id, actor="test", now=world.clock())
        world.clock.advance(hours=2)
        with pytest.raises(TokenError) as refused:
            lifecert.status(resident_id=RESIDENT_ID)
    assert refused.value.error == "invalid_client"


def test_a_client_that_is_too_fast_is_told_when_to_come_again(world: World, base: str) -> None:
    with client_of(base, made(world, "status:read", rate=40)) as lifecert:
        for _ in range(40):
            lifecert.status(resident_id=RESIDENT_ID)
        lifecert._http._transport._longest_s = 0.0  # type: ignore[attr-defined]  # no waiting here: the clock stands still
        with pytest.raises(ProblemError) as refused:
            lifecert.status(resident_id=RESIDENT_ID)
        assert (refused.value.status, refused.value.code) == (429, "too_many_requests")
        world.clock.advance(minutes=1)
        lifecert.status(resident_id=RESIDENT_ID)


def test_hospitals_check_a_person_again_under_the_same_reference_and_look_cards_up(world: World, base: str) -> None:
    with client_of(base, made(world, "identity:check", "blacklist:read")) as lifecert:
        first = lifecert.identity_check(institution="first hospital", resident_id=RESIDENT_ID, reference="2026-1")
        again = lifecert.identity_check(institution="first hospital", resident_id=RESIDENT_ID, reference="2026-1")
        card = lifecert.card("A12345678")
    assert (first.person_id, first.certification_state, first.card_blacklisted) == (world.at_home, "never_certified", False)
    assert again.check == first.check
    assert (card.blacklisted, card.reason) == (False, None)


@pytest.mark.parametrize(("given", "sent"), [({"reference": "1"}, 2), ({"key": "0123456789abcdef"}, 2), ({}, 1)])
def test_a_check_is_sent_again_only_when_the_service_can_tell_that_it_is_the_same(given: dict[str, str], sent: int) -> None:
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
        asked.append(request)
        return httpx.Response(503 if len(asked) == 1 else 400, headers={"Retry-After": "0"})

    lifecert = LifecertClient("http://service.invalid", "c0", "s", transport=httpx.MockTransport(answer))
    with lifecert, pytest.raises(ProblemError):
        lifecert.identity_check(institution="first hospital", resident_id=RESIDENT_ID, **given)  # type: ignore[arg-type]
    assert len(asked) == sent


def test_changes_and_webhooks_come_and_go(world: World, base: str) -> None:
    pensioners(world)
    with client_of(base, made(world, "changes:read", "webhooks:manage")) as lifecert:
        changes = list(lifecert.changes(limit=1))
        assert [(change.person_id, change.before, change.state) for change in changes] == [(world.at_home, None, "never_certified")]
        certify(world)
        assert [change.state for change in lifecert.changes(changes[-1].change, limit=1)] == ["certified"]
        hook = lifecert.add_webhook("https://192.0.2.1/told", states=["overdue"])
        assert [(one.webhook_id, one.url) for one in lifecert.webhooks()] == [(hook.webhook_id, hook.url)]
        lifecert.remove_webhook(hook.webhook_id)
        assert [one.webhook_id for one in lifecert.webhooks()] == []


def test_a_file_of_records_is_handed_in_and_what_was_rejected_is_fetched(world: World, base: str) -> None:
    with client_of(base, made(world, "records:write")) as lifecert:
        data = body((5, HOME_REGION), (7, "999999"))
        batch = lifecert.hand_in("persons", data).batch
        assert lifecert.hand_in("persons", data).batch == batch
        import_waiting(world.context)
        told = lifecert.handed_in(batch)
        assert (told.rows, told.accepted, told.rejected) == (2, 1, 1)
        assert b"region_code" in lifecert.rejected(batch)


def test_a_batch_costs_a_request_for_every_so_many_ids(world: World, base: str) -> None:
    per_request = world.context.policy.integration.ids_per_request
    with client_of(base, made(world, "status:read", rate=3)) as lifecert:
        lifecert._http._transport._longest_s = 0.0  # type: ignore[attr-defined]
        assert len(list(lifecert.statuses([{"resident_id": RESIDENT_ID}] * (per_request + 1)))) == per_request + 1
        lifecert.status(resident_id=RESIDENT_ID)
        with pytest.raises(ProblemError) as refused:
            lifecert.status(resident_id=RESIDENT_ID)
    assert refused.value.code == "too_many_requests"


def test_nobody_at_the_address_is_an_error_of_its_own() -> None:
    with LifecertClient("http://127.0.0.1:9", "c0", "secret") as lifecert, pytest.raises(NotAnsweredError):
        lifecert.status(resident_id=RESIDENT_ID)


@pytest.mark.parametrize(
    ("safe", "answers", "expected", "waits"),
    [
        (True, [(503, "2"), (429, "5"), (200, None)], 200, [2.0, 5.0]),
        (True, [(503, None), (503, None), (503, None), (503, None)], 503, [1.0, 2.0, 4.0]),
        (True, [(429, "3600")], 429, []),
        (True, [(500, "1")], 500, []),
        (False, [(503, "1")], 503, []),
    ],
)
def test_only_safe_calls_are_sent_again_after_as_long_as_the_service_says(
    safe: bool, answers: list[tuple[int, str | None]], expected: int, waits: list[float]
) -> None:
    left, waited = list(answers), list[float]()

    def answer(_: httpx.Request) -> httpx.Response:
        status, after = left.pop(0)
        return httpx.Response(status, headers={} if after is None else {"Retry-After": after})

    transport = RetryingTransport(httpx.MockTransport(answer), sleep=waited.append)
    with httpx.Client(transport=transport) as client:
        assert client.get("http://service.invalid/", extensions={SAFE: safe}).status_code == expected
    assert (waited, left) == (waits, [])
