"""How often people, accounts and addresses may come: over workers and restarts, behind proxies, in words."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from api.app import create_app
from api.limits import KEY, Limited, network_of
from api.policy import Policy
from api.rights import RoleName
from models.errors import DatabaseUnreachableError
from models.policy_limits import LimitsPolicy, RateLimit
from tests.api.conftest import NAME, OTHER_RESIDENT_ID, RESIDENT_ID, World, blank_picture, csrf, make_world
from tests.conftest import ROOT, FixedClock
from tests.pages.filled_desk import SECOND_NUMBER

CHECK = "/api/v1/certificate-checks/nothing"
FEW = RateLimit(most=3, per_s=60)
LONG_S = 130.0


def limited(world: World, **limits: RateLimit) -> World:
    """The same world under other limits."""
    policy: Policy = world.context.policy
    changed = policy.model_copy(update={"limits": policy.limits.model_copy(update=limits)})
    changed._hash = policy.hash
    context = replace(world.context, policy=changed)
    return replace(world, context=context, app=create_app(context))


def statuses(client: FlaskClient, path: str, times: int, **options: Any) -> list[int]:
    return [client.get(path, **options).status_code for _ in range(times)]


def test_every_limit_of_the_policy_is_used_and_the_other_way_round() -> None:
    assert {limit.value for limit in Limited} == set(LimitsPolicy.model_fields)
    used = "\n".join(path.read_text() for path in (ROOT / "api").rglob("*.py") if path.name != "limits.py")
    assert [limit.name for limit in Limited if f"Limited.{limit.name}" not in used] == []


def test_two_workers_and_the_one_after_a_restart_count_together(both_worlds: World) -> None:
    world = limited(both_worlds, certificate_checks_from_address=FEW)
    first, second = world.app.test_client(), create_app(world.context).test_client()
    assert [client.get(CHECK).status_code for client in (first, second, first, second, first)] == [200, 200, 200, 429, 429]
    after_restart = create_app(world.context).test_client()
    assert after_restart.get(CHECK).status_code == 429
    world.clock.advance(seconds=20)
    assert [client.get(CHECK).status_code for client in (second, after_restart)] == [200, 429]


def test_a_door_says_when_to_come_again(world: World) -> None:
    client = limited(world, certificate_checks_from_address=FEW).app.test_client()
    statuses(client, CHECK, 3)
    answer = client.get(CHECK)
    assert (answer.status_code, answer.mimetype, answer.get_json()["code"]) == (429, "application/problem+json", "too_many_requests")
    assert answer.headers["Retry-After"] == "20"


@pytest.mark.parametrize(("language", "words"), [("zh", "请等待 20 秒后继续"), ("en", "You can go on in 20 seconds")])
def test_a_page_says_it_in_words(world: World, language: str, words: str) -> None:
    client = limited(world, certificate_checks_from_address=FEW).app.test_client()
    client.set_cookie("lifecert_language", language)
    assert statuses(client, "/c/nothing", 3) == [404] * 3
    page = client.get("/c/nothing")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "20")
    assert words in page.text
    assert page.text.count("<h1") == 1


def test_nobodys_address_and_number_is_in_the_store(world: World) -> None:
    client = world.anonymous()
    client.post("/identify", data={"full_name": NAME, "resident_id": RESIDENT_ID}, headers=csrf(world, client))
    client.get("/c/nothing", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    world.context.database.dispose()
    content = b"".join(path.read_bytes() for path in Path(str(world.context.database.engine.url.database)).parent.glob("*.sqlite*"))
    assert b"certificate_checks_from_address" in content
    assert b"203.0.113.77" not in content
    assert RESIDENT_ID.encode() not in content


def test_an_address_cannot_be_forged(world: World) -> None:
    few = limited(world, certificate_checks_from_address=FEW)
    client = few.app.test_client()
    assert [client.get(CHECK, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(4)] == [200] * 3 + [429]


def test_behind_a_proxy_the_address_that_it_wrote_counts(world: World) -> None:
    settings = world.context.settings.model_copy(update={"trusted_proxies": 1})
    client = limited(
        replace(world, context=replace(world.context, settings=settings)), certificate_checks_from_address=FEW
    ).app.test_client()

    def come(*addresses: str) -> int:
        return client.get(CHECK, headers={"X-Forwarded-For": ", ".join(addresses)}).status_code

    assert [come(f"198.51.100.{n}", "203.0.113.1") for n in range(4)] == [200] * 3 + [429]
    assert come("203.0.113.2") == 200


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_addresses_are_counted_by_what_one_party_holds(address: str, counted_as: str) -> None:
    assert network_of(address) == counted_as


def test_while_the_store_cannot_be_written_each_worker_counts_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    few = limited(world, certificate_checks_from_address=FEW)

    @contextlib.contextmanager
    def read_only() -> Iterator[Any]:
        raise DatabaseUnreachableError("attempt to write a readonly database")
        yield

    monkeypatch.setattr(few.context.database, "session_scope", read_only)
    assert statuses(few.app.test_client(), CHECK, 4) == [200, 200, 200, 429]


def test_a_hall_of_two_hundred_pensioners_behind_one_address_is_not_shut_out(world: World) -> None:
    found: Any = world.app.extensions[KEY]
    for number in range(200):
        assert found.wait_s(Limited.IDENTIFYING_FROM_ADDRESS, "192.0.2.1") == 0
        assert found.wait_s(Limited.IDENTIFYING_OF_NUMBER, str(number)) == 0
        assert found.wait_s(Limited.VERIFICATIONS_FROM_ADDRESS, "192.0.2.1") == 0


def identify(world: World, client: FlaskClient, number: str, name: str = "没有人") -> int:
    form = {"full_name": name, "resident_id": number}
    return client.post("/identify", data=form, headers=csrf(world, client)).status_code


def test_names_are_not_guessed_for_a_number_from_one_address_nor_from_many(world: World) -> None:
    client = world.anonymous()
    assert [identify(world, client, RESIDENT_ID) for _ in range(6)] == [422] * 5 + [429]
    assert identify(world, client, OTHER_RESIDENT_ID) == 422, "another person at the same line is not held up"
    world.clock.advance(seconds=30)
    assert identify(world, client, RESIDENT_ID, NAME) == 303
    few = limited(world, identifying_of_number=FEW)
    answers = []
    for number in range(4):
        client = few.anonymous()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        answers.append(identify(few, client, SECOND_NUMBER))
    assert answers == [422] * 3 + [429]


def test_an_account_sends_so_many_pictures(world: World) -> None:
    few = limited(world, uploads_of_account=FEW)
    client, picture = few.staff(RoleName.COUNTER), {"data": blank_picture(), "content_type": "image/jpeg"}
    answers = [client.post("/api/v1/references/check", **picture).status_code for _ in range(4)]  # type: ignore[arg-type]
    assert answers == [200] * 3 + [429]
    assert few.staff(RoleName.SUPERVISOR).post("/api/v1/references/check", **picture).status_code == 200  # type: ignore[arg-type]


def test_counters_that_lapsed_are_deleted_by_the_housekeeping(world: World) -> None:
    from huey import MemoryHuey

    from api.jobs import add_jobs

    world.anonymous().get(CHECK)
    world.clock.advance(hours=25)
    queue = MemoryHuey("test", immediate=True)
    done = add_jobs(queue, world.context)["housekeeping"].call_local()
    assert done["limit_counters_deleted"] == 1


# two real workers ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(home: Path, url: str, policy: Path) -> Iterator[str]:
    """`gunicorn` with two workers on a port of its own; everything of it is gone at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    settings = {"HOME": str(home), "DATABASE_URL": url, "ENVIRONMENT": "test", "ENGINE": "scripted", "POLICY_FILE": str(policy)}
    environment = kept | {f"LIFECERT_{name}": value for name, value in settings.items()}
    words = [sys.executable, "-m", "gunicorn", "-w", "2", "--threads", "4", "-k", "gthread", "-b", f"127.0.0.1:{port}"]
    words += ["--no-control-socket", "api.app:create_wsgi()"]
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + LONG_S
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200:
                    break
            except httpx.TransportError:
                assert time.monotonic() < until, "the server does not start"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)], indirect=True)
def test_of_a_hundred_at_once_twenty_get_through_two_workers_and_none_after_a_restart(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    make_world(database_url, tmp_path / "home", clock).context.database.dispose()
    policy, count = re.subn(
        r"(?m)^certificate_checks_from_address = .*$",
        "certificate_checks_from_address = { most = 20, per_s = 86_400 }",
        (ROOT / "policy.toml").read_text(),
    )
    assert count == 1
    (tmp_path / "policy.toml").write_text(policy)
    with served(tmp_path / "home", database_url, tmp_path / "policy.toml") as base, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: httpx.get(base + CHECK, timeout=LONG_S).status_code, range(100)))
    assert (answers.count(200), answers.count(429)) == (20, 80)
    with served(tmp_path / "home", database_url, tmp_path / "policy.toml") as base:
        assert httpx.get(base + CHECK, timeout=LONG_S).status_code == 429
