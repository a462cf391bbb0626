"""What the doors do, through the whole service with the scripted engine; and the trail that every look leaves."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.rights import RoleName
from models.audit import AuditEntry
from models.person import Person
from sample_data.captures import Actor, draw, jpeg
from tests.api.conftest import NAME, OTHER_RESIDENT_ID, RESIDENT_ID, World, blank_picture, csrf
from verify.engines.scripted import Scene

PICTURE = "image/jpeg"
FACE = jpeg(draw(Scene()))


def give_consent(world: World) -> None:
    version = world.context.policy.consent.text_versions["face_verification"]
    body = {"text_version": version, "language": "zh", "channel": "counter"}
    assert world.staff().post(f"/api/v1/persons/{world.at_home}/consents", json=body).status_code == 201


def enrol(world: World) -> dict[str, Any]:
    answer = world.staff().post(f"/api/v1/persons/{world.at_home}/reference?source=file", data=FACE, content_type=PICTURE)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    result: dict[str, Any] = answer.get_json()
    return result


def ready(world: World) -> None:
    give_consent(world)
    enrol(world)


def start(world: World, **body: Any) -> tuple[FlaskClient, dict[str, Any]]:
    client = world.pensioner()
    answer = client.post("/api/v1/verifications", json={"person_id": world.at_home, **body}, headers=csrf(world, client))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    result: dict[str, Any] = answer.get_json()
    return world.anonymous(), result


def send(client: FlaskClient, session: dict[str, Any], seq: int, data: bytes, step: str, at_ms: int = 0, **changes: Any) -> Any:
    query = {"seq": seq, "captured_at_ms": at_ms, "step": step}
    headers = {"Lifecert-Session": session["token"]}
    asked: dict[str, Any] = {"query_string": query, "data": data, "content_type": PICTURE, "headers": headers, **changes}
    return client.post(f"/api/v1/verifications/{session['verification_id']}/frames", **asked)


def perform(world: World, client: FlaskClient, session: dict[str, Any]) -> dict[str, Any]:
    """Follow every prompt until the service has seen enough, then finish."""
    actor, guide = Actor(), session["guide"]
    for seq in range(400):
        colour = guide["colour"]
        tint = None if colour is None else tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
        frame = actor.follow(guide["prompt"], colour_rgb=tint)
        world.clock.advance(milliseconds=100)
        answer = send(client, session, seq, frame.data, guide["step_token"], frame.at_ms)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        guide = answer.get_json()["guide"]
        if answer.get_json()["complete"]:
            break
    path = f"/api/v1/verifications/{session['verification_id']}/finish"
    done = client.post(path, headers={"Lifecert-Session": session["token"]})
    assert done.status_code == 200, done.get_data(as_text=True)
    result: dict[str, Any] = done.get_json()
    return result


def trail(world: World) -> list[AuditEntry]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def assert_final(client: FlaskClient, session: dict[str, Any], result: dict[str, Any]) -> None:
    """The decision stays as it is, and tells the state of each piece of evidence without measured values and thresholds."""
    path, headers = f"/api/v1/verifications/{session['verification_id']}", {"Lifecert-Session": session["token"]}
    assert client.post(f"{path}/finish", headers=headers).get_json() == result
    assert client.get(path, headers=headers).get_json() == result
    assert result["evidence"]
    assert all(set(piece) == {"kind", "state", "reasons"} for piece in result["evidence"])


def test_a_person_is_certified_and_anyone_can_check_the_certificate(both_worlds: World) -> None:
    world = both_worlds
    ready(world)
    client, session = start(world)
    result = perform(world, client, session)
    assert (result["state"], result["outcome"]) == ("decided", "certified")
    assert_final(client, session, result)
    pensioner = world.pensioner()
    certificate = pensioner.get(f"/api/v1/certificates/{result['certificate_id']}").get_json()
    assert (certificate["person_id"], certificate["full_name"]) == (world.at_home, NAME)
    assert pensioner.get(f"/api/v1/certificates/{result['certificate_id']}/pdf").data.startswith(b"%PDF-")
    check = world.anonymous().get(f"/api/v1/certificate-checks/{certificate['check_token']}").get_json()
    assert set(check) == {"state", "masked_name", "valid_until"}
    assert (check["state"], check["valid_until"]) == ("valid", result["valid_until"])
    assert NAME not in str(check)
    assert pensioner.get(f"/api/v1/persons/{world.at_home}/status").get_json()["state"] == "certified"
    other = world.pensioner(world.elsewhere)
    assert other.get(f"/api/v1/certificates/{result['certificate_id']}").status_code == 404


def test_the_same_frame_again_gets_an_answer_and_another_picture_does_not(world: World) -> None:
    ready(world)
    client, session = start(world)
    step = session["guide"]["step_token"]
    assert send(client, session, 0, FACE, step).status_code == 200
    assert send(client, session, 0, FACE, step).get_json()["frames"] == 1
    other = send(client, session, 0, blank_picture(), step)
    assert (other.status_code, other.get_json()["code"]) == (409, "frame_duplicate")


def test_a_frame_needs_the_right_session(world: World) -> None:
    ready(world)
    client, session = start(world)
    step = session["guide"]["step_token"]
    for token, expected in (("", 401), ("wrong", 404), ("not\ta token", 404), ("x" * 500, 404)):
        headers = {"Lifecert-Session": token}
        assert send(client, session, 0, FACE, step, headers=headers).status_code == expected


def test_an_abandoned_verification_takes_no_more_frames(world: World) -> None:
    ready(world)
    client, session = start(world)
    path = f"/api/v1/verifications/{session['verification_id']}/abandon"
    assert client.post(path, headers={"Lifecert-Session": session["token"]}).status_code == 204
    late = send(client, session, 0, FACE, session["guide"]["step_token"])
    assert (late.status_code, late.get_json()["code"]) == (409, "verification_closed")
    assert late.get_json()["errors"] == [{"field": "verification_id", "rule": "state_abandoned", "place": "path"}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"content_type": "image/gif"}, (415, "unsupported_media_type")),
        ({"content_type": "application/json"}, (415, "unsupported_media_type")),
        ({"data": b"GIF89a" + bytes(100)}, (415, "unsupported_media_type")),
        ({"data": b""}, (422, "picture_unusable")),
        ({"data": FACE[:200]}, (422, "picture_unusable")),
        ({"data": FACE + bytes(2_500_000)}, (413, "too_large")),
        ({"query_string": {"seq": -1, "captured_at_ms": 0, "step": "x"}}, (422, "validation_failed")),
        ({"query_string": {"seq": "1.5", "captured_at_ms": 0, "step": "x"}}, (422, "validation_failed")),
        ({"query_string": {"seq": 0, "step": "x"}}, (422, "validation_failed")),
        ({"query_string": {"seq": 0, "captured_at_ms": 0, "step": "x", "more": 1}}, (422, "validation_failed")),
        ({"query_string": [("seq", 0), ("seq", 1), ("captured_at_ms", 0), ("step", "x")]}, (422, "validation_failed")),
    ],
)
def test_what_is_no_frame_is_refused_by_kind(world: World, change: dict[str, Any], expected: tuple[int, str]) -> None:
    change = dict(change)
    ready(world)
    client, session = start(world)
    answer = send(client, session, 0, change.pop("data", FACE), session["guide"]["step_token"], **change)
    assert (answer.status_code, answer.get_json()["code"]) == expected


def test_a_body_without_a_length_is_cut_off_at_the_limit(world: World) -> None:
    import io

    ready(world)
    client, session = start(world)
    path = f"/api/v1/verifications/{session['verification_id']}/frames"
    answer = client.post(
        path,
        query_string={"seq": 0, "captured_at_ms": 0, "step": session["guide"]["step_token"]},
        headers={"Lifecert-Session": session["token"], "Transfer-Encoding": "chunked"},
        content_type=PICTURE,
        input_stream=io.BytesIO(FACE + bytes(2_500_000)),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large"), answer.get_json()


@pytest.mark.parametrize(("caller", "channel"), [("pensioner", "counter"), ("staff", "self"), ("staff", "helper")])
def test_a_channel_is_for_whoever_stands_there(world: World, caller: str, channel: str) -> None:
    ready(world)
    client = world.pensioner() if caller == "pensioner" else world.staff()
    headers = csrf(world, client) if caller == "pensioner" else {}
    answer = client.post("/api/v1/verifications", json={"person_id": world.at_home, "channel": channel}, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "channel_not_allowed")


def test_a_picture_without_a_face_is_refused_with_the_reason(world: World) -> None:
    path = f"/api/v1/persons/{world.at_home}/reference"
    answer = world.staff().post(path, data=blank_picture(), content_type=PICTURE)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "reference_rejected")
    assert answer.get_json()["errors"] == [{"field": "body", "rule": "no_face", "place": "body"}]
    checked = world.staff().post("/api/v1/references/check", data=blank_picture(), content_type=PICTURE).get_json()
    assert (checked["acceptable"], checked["faces"], checked["reasons"]) == (False, 0, ["no_face"])


def test_a_reference_is_read_without_its_template_and_revoked_with_a_reason(world: World) -> None:
    enrolled = enrol(world)
    path = f"/api/v1/persons/{world.at_home}/reference"
    assert world.staff().get(path).get_json() == enrolled
    assert "template" not in enrolled
    assert world.staff().delete(path, json={}).status_code == 422
    assert world.staff().delete(path, json={"reason": "poor_quality"}).status_code == 204
    assert world.staff().get(path).get_json()["code"] == "reference_unknown"


def test_consent_is_to_the_text_in_force_and_can_be_withdrawn(world: World) -> None:
    path = f"/api/v1/persons/{world.at_home}/consents"
    old = world.staff().post(path, json={"text_version": "1999-01", "language": "zh", "channel": "counter"})
    assert old.get_json()["errors"] == [{"field": "text_version", "rule": "text_in_force", "place": "body"}]
    ready(world)
    assert world.staff().delete(f"{path}/current").status_code == 204
    client = world.pensioner()
    answer = client.post("/api/v1/verifications", json={"person_id": world.at_home}, headers=csrf(world, client))
    assert answer.get_json()["code"] == "consent_missing"


@pytest.mark.parametrize(
    ("name", "resident_id"), [("李四", RESIDENT_ID), (NAME, OTHER_RESIDENT_ID)], ids=["another name", "another region"]
)
def test_looking_up_tells_nothing_about_what_did_not_fit(world: World, name: str, resident_id: str) -> None:
    answer = world.staff().post("/api/v1/persons/lookup", json={"name": name, "resident_id": resident_id})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "person_unknown")


def test_every_look_at_a_person_is_in_the_trail_without_personal_data(both_worlds: World) -> None:
    world = both_worlds
    ready(world)
    staff = world.staff(RoleName.CASEWORKER)
    before = len(trail(world))
    staff.post("/api/v1/persons/lookup", json={"name": NAME, "resident_id": RESIDENT_ID})
    staff.get(f"/api/v1/persons/{world.at_home}/status")
    staff.get(f"/api/v1/persons/{world.at_home}/reference", headers={"X-Request-ID": "look-number-3"})
    world.pensioner().get(f"/api/v1/persons/{world.at_home}/status")
    entries = trail(world)[before:]
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("staff:caseworker", "person_found"),
        ("staff:caseworker", "status_read"),
        ("staff:caseworker", "reference_read"),
        ("person", "status_read"),
    ]
    with world.context.database.read_scope() as session:
        key = session.scalar(select(Person.id).where(Person.public_id == world.at_home))
    assert {entry.person_id for entry in entries} == {key}
    assert entries[2].details["request_id"] == "look-number-3"
    assert not any(secret in str(entry.details) + str(entry.object) for entry in entries for secret in (NAME, RESIDENT_ID))


def test_who_typed_a_consent_in_is_in_the_trail(world: World) -> None:
    give_consent(world)
    assert [(entry.actor, entry.action) for entry in trail(world)][-1] == ("staff:counter", "consent.give")


def test_a_lookup_that_finds_nobody_is_in_the_trail_too(world: World) -> None:
    world.staff().post("/api/v1/persons/lookup", json={"name": "李四", "resident_id": RESIDENT_ID})
    assert [entry.action for entry in trail(world)] == ["person_not_found"]


def test_the_engine_says_what_it_is(world: World) -> None:
    answer = world.staff(RoleName.ADMINISTRATOR).get("/api/v1/engine").get_json()
    assert (answer["name"], answer["calibration"]) == ("scripted", "provisional")


@pytest.mark.parametrize("token", ["nothing", "a.b.c", "~", "x" * 400])
def test_a_code_that_never_was_is_not_valid(world: World, token: str) -> None:
    answer = world.anonymous().get(f"/api/v1/certificate-checks/{token}")
    assert answer.status_code == 200
    assert answer.get_json()["state"] in {"unknown", "forged"}
    assert answer.get_json()["masked_name"] is None
