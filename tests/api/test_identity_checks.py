"""The doors of hospitals: what goes in, what comes out, what they refuse."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.identity_checks import identity_checks_of
from api.jobs import add_jobs, make_queue
from api.scopes import Scope
from models.audit import AuditEntry
from models.consent import ConsentPurpose
from models.identity_check import BlacklistReason, IdentityCheck
from models.repositories import blacklist
from models.repositories.blacklist import BlacklistRow
from sample_data.captures import draw, jpeg
from tests.api.conftest import NAME, OTHER_PROVINCE, OTHER_RESIDENT_ID, RESIDENT_ID, World
from verify.engines.scripted import Scene

HERSELF = jpeg(draw(Scene(identity=7)))
CARD = "190100000042"


def base64_of(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@pytest.fixture
def hospital(world: World) -> FlaskClient:
    """A client of another province than the person's, with the person enrolled."""
    references = world.context.verification.references
    purpose = ConsentPurpose.FACE_VERIFICATION
    references.give_consent(world.at_home, purpose=purpose, text_version="2026-01", language="zh", channel="counter")
    references.enrol(world.at_home, HERSELF, source="camera", actor="staff:x")
    return world.client(Scope.IDENTITY_CHECK, Scope.BLACKLIST_READ, region=OTHER_PROVINCE)


def ask(client: FlaskClient, **changes: Any) -> Any:
    body = {"resident_id": RESIDENT_ID, "institution": "First Hospital", "picture": base64_of(HERSELF)} | changes
    return client.post("/api/v1/identity-checks", json={name: value for name, value in body.items() if value is not None})


def blacklist_card(world: World, until_on: date | None = None) -> None:
    row = BlacklistRow(CARD, BlacklistReason.LOST, date(2026, 3, 1), until_on, "card centre")
    with world.context.database.session_scope() as session:
        blacklist.put(session, [row], keyring=world.context.keyring, batch_id=None, by="operator", now=world.clock())


def test_a_hospital_of_any_region_gets_match_status_and_card(world: World, hospital: FlaskClient) -> None:
    blacklist_card(world)
    answer = ask(hospital, name=NAME, card_number=CARD)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body.pop("check")
    assert body == {
        "person_id": world.at_home,
        "match": "match",
        "why": "same_face",
        "reasons": [],
        "certification": {"state": "never_certified", "due_on": None},
        "card": {"blacklisted": True, "reason": "lost", "from_on": "2026-03-01", "of_person": None},
        "trace_recorded": True,
    }
    assert ask(hospital, resident_id=OTHER_RESIDENT_ID).get_json()["why"] == "no_consent"


def test_the_same_reference_is_answered_again_for_one_client_only(world: World, hospital: FlaskClient) -> None:
    first = ask(hospital, reference="A-1")
    assert ask(hospital, reference="A-1").get_json() == first.get_json()
    reused = ask(hospital, reference="A-1", picture=None)
    assert (reused.status_code, reused.get_json()["code"]) == (409, "check_reference_reused")
    other = ask(world.client(Scope.IDENTITY_CHECK), reference="A-1")
    assert other.get_json()["check"] != first.get_json()["check"]


def test_nobody_is_not_found(hospital: FlaskClient) -> None:
    answer = ask(hospital, resident_id="190102195203070027")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "person_unknown")


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"resident_id": RESIDENT_ID[:-1] + "8"}, 422, "resident_id"),
        ({"resident_id": None}, 422, "(whole)"),
        ({"social_security_number": CARD}, 422, "(whole)"),
        ({"picture": "a"}, 422, "picture"),
        ({"picture": "abcde"}, 422, "picture"),
        ({"picture": "data:image/png;base64,abcd"}, 422, "picture"),
        ({"picture": base64_of(b"nothing that is a picture")}, 415, "body"),
        ({"picture": base64_of(HERSELF[:3000])}, 422, "body"),
        ({"institution": "  "}, 422, "institution"),
        ({"institution": "x" * 81}, 422, "institution"),
        ({"card_number": "42-9"}, 422, "card_number"),
        ({"reference": "with space"}, 422, "reference"),
        ({"surplus": 1}, 422, "surplus"),
    ],
)
def test_what_is_wrong_is_named(world: World, hospital: FlaskClient, changes: dict[str, Any], status: int, field: str) -> None:
    answer = ask(hospital, **changes)
    assert answer.status_code == status
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    assert RESIDENT_ID not in answer.get_data(as_text=True)
    with world.context.database.read_scope() as session:
        assert session.scalars(select(IdentityCheck)).all() == []


def test_a_large_photograph_fits_and_a_larger_body_does_not(world: World, hospital: FlaskClient) -> None:
    limit = world.context.policy.verification.capture.still.max_bytes
    padded = HERSELF + bytes(3_000_000)  # phones append data of their own
    assert ask(hospital, picture=base64_of(padded)).get_json()["match"] == "match"
    assert ask(hospital, picture=base64_of(HERSELF + bytes(limit))).status_code == 413
    lookup = hospital.post("/api/v1/blacklist/lookup", json={"card_number": CARD, "padding": "x" * 100_000})
    assert lookup.status_code == 413


def test_a_busy_worker_says_when_to_come_again(world: World, hospital: FlaskClient) -> None:
    with world.app.app_context():
        service = identity_checks_of(world.context)
        assert identity_checks_of(world.context) is service
    service._policy = service._policy.model_copy(update={"wait_s": 0.0})
    for _ in range(world.context.policy.identity_check.at_once):
        assert service._at_once.acquire(blocking=False)
    answer = ask(hospital)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    service._at_once.release()
    assert ask(hospital).status_code == 200


def test_a_card_is_looked_up_and_the_look_is_audited(world: World, hospital: FlaskClient) -> None:
    blacklist_card(world, until_on=date(2026, 3, 20))

    def look(**options: str) -> dict[str, Any]:
        answer = hospital.post("/api/v1/blacklist/lookup", json={"card_number": CARD, **options})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.get_json()
        return found

    assert look() == {
        "blacklisted": True,
        "on": "2026-03-15",
        "reason": "lost",
        "from_on": "2026-03-01",
        "until_on": "2026-03-20",
        "source": "card centre",
    }
    assert look(on="2026-03-21")["blacklisted"] is False
    with world.context.database.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "blacklist_read").order_by(AuditEntry.id)).all()
    assert [entry.details["hit"] for entry in entries] == [True, False]
    assert all(entry.actor.startswith("client:") and CARD not in str(entry.details) for entry in entries)


def test_the_scene_of_the_tests_is_a_match_only_for_herself(hospital: FlaskClient) -> None:
    other = jpeg(draw(replace(Scene(identity=7), identity=8)))
    assert ask(hospital, picture=base64_of(other)).get_json()["match"] == "no_match"


def test_housekeeping_deletes_checks_that_are_old_enough(world: World, hospital: FlaskClient) -> None:
    ask(hospital, reference="A-1")
    run = add_jobs(make_queue(world.context), world.context)["housekeeping"].call_local
    assert run()["identity_checks_deleted"] == 0
    world.clock.advance(days=world.context.policy.identity_check.days_kept + 1)
    assert run()["identity_checks_deleted"] == 1
