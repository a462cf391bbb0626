"""A post that is sent again is answered again and not done again; on both databases."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from api.idempotency import RUNNING
from api.rights import RoleName
from models.audit import AuditEntry
from models.consent import Consent
from models.idempotency import IdempotencyKey
from tests.api.conftest import NAME, RESIDENT_ID, World, csrf

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
LOOKUP = {"name": NAME, "resident_id": RESIDENT_ID}


def consent(world: World) -> dict[str, Any]:
    version = world.context.policy.consent.text_versions["face_verification"]
    return {"text_version": version, "language": "zh", "channel": "counter"}


def consents_path(world: World) -> str:
    return f"/api/v1/persons/{world.at_home}/consents"


def looks(world: World) -> int:
    with world.context.database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "person_found")) or 0


def test_the_first_answer_is_given_again_and_the_work_is_done_once(both_worlds: World) -> None:
    world = both_worlds
    client = world.staff()
    first = client.post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    again = client.post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.data == again.data
    assert again.mimetype == "application/json"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert looks(world) == 1


def test_quotes_around_the_key_make_no_difference(world: World) -> None:
    client = world.staff()
    client.post("/api/v1/persons/lookup", json=LOOKUP, headers={"Idempotency-Key": '"abc"'})
    again = client.post("/api/v1/persons/lookup", json=LOOKUP, headers={"Idempotency-Key": "abc"})
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_answer_survives_a_restart(both_worlds: World) -> None:
    from api.app import create_app

    world = both_worlds
    first = world.staff().post(consents_path(world), json=consent(world), headers=KEY)
    restarted = World(create_app(world.context), world.context, world.clock, world.at_home, world.elsewhere)
    again = restarted.staff().post(consents_path(world), json=consent(world), headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first.get_json()


@pytest.mark.parametrize("change", ["body", "path"])
def test_a_key_for_another_request_is_refused(both_worlds: World, change: str) -> None:
    world = both_worlds
    client = world.staff()
    assert client.post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY).status_code == 200
    if change == "body":
        other = client.post("/api/v1/persons/lookup", json={**LOOKUP, "name": "李四"}, headers=KEY)
    else:
        other = client.post(consents_path(world), json=consent(world), headers=KEY)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")


def test_the_same_key_of_somebody_else_is_another_key(world: World) -> None:
    world.staff(RoleName.COUNTER).post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    other = world.staff(RoleName.CASEWORKER).post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    assert "Idempotency-Replayed" not in other.headers


def test_a_refusal_is_not_kept(world: World) -> None:
    client = world.pensioner()
    start = {"person_id": world.at_home}
    headers = {**KEY, **csrf(world, client)}
    before = client.post("/api/v1/verifications", json=start, headers=headers)
    assert (before.status_code, before.get_json()["code"]) == (409, "consent_missing")
    world.staff().post(consents_path(world), json=consent(world))
    after = client.post("/api/v1/verifications", json=start, headers=headers)
    assert after.get_json()["code"] == "reference_missing"


def test_the_key_is_forgotten_after_the_time_in_policy(world: World) -> None:
    client = world.staff()
    client.post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    world.clock.advance(hours=world.context.policy.retention.idempotency_hours, seconds=-1)
    assert "Idempotency-Replayed" in world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY).headers
    world.clock.advance(seconds=2)
    assert "Idempotency-Replayed" not in world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY).headers


def test_the_stored_answer_is_sealed_and_the_request_is_not_stored(world: World) -> None:
    world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    with world.context.database.read_scope() as session:
        row = session.scalars(select(IdempotencyKey)).one()
    assert row.response_body is not None
    stored = row.response_body.blob + row.request_hash + row.client.encode()
    assert world.at_home.encode() not in stored
    assert RESIDENT_ID.encode() not in stored


@pytest.mark.parametrize("key", ["", '""', "with space", "ü", "x" * 256])
def test_a_key_that_is_not_usable_is_refused(world: World, key: str) -> None:
    answer = world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_malformed")


def running(world: World) -> None:
    """Leave the key as a worker leaves it that was killed half-way."""
    client = world.staff()
    client.post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    with world.context.database.session_scope() as session:
        row = session.scalars(select(IdempotencyKey)).one()
        row.response_status, row.response_body, row.expires_at = None, None, world.clock() + RUNNING


def test_while_the_first_is_running_the_second_waits(both_worlds: World) -> None:
    world = both_worlds
    running(world)
    answer = world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_key_in_use")
    assert answer.headers["Retry-After"] == "1"


def test_a_request_whose_worker_died_can_be_sent_again(both_worlds: World) -> None:
    world = both_worlds
    running(world)
    world.clock.advance(seconds=RUNNING.total_seconds() + 1)
    assert world.staff().post("/api/v1/persons/lookup", json=LOOKUP, headers=KEY).status_code == 200


def test_of_two_workers_with_one_key_one_works_and_the_other_repeats_or_is_told_to_wait(both_worlds: World) -> None:
    world = both_worlds
    clients = [world.staff() for _ in range(4)]
    gate = threading.Barrier(len(clients))
    answers: list[tuple[int, bytes, bool]] = []

    def send(client: Any) -> None:
        gate.wait()
        answer = client.post(consents_path(world), json=consent(world), headers=KEY)
        answers.append((answer.status_code, answer.data, "Idempotency-Replayed" in answer.headers))

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == len(clients)
    assert {status for status, _, _ in answers} <= {201, 409}
    assert [replayed for status, _, replayed in answers if status == 201].count(False) == 1
    assert len({body for status, body, _ in answers if status == 201}) == 1
    with world.context.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 1
