"""Statuses by number: one, many, as of a day, of merged records; recorded before they are shown; the fast read equal to the slow one."""

from __future__ import annotations

import json
import time
from datetime import date
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api import audit_journal
from models.audit import AuditEntry
from models.audit_journal import AuditJournal
from models.benefit import Benefit, BenefitStatus
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.repositories import audit, certifications, persons, status_lookup
from models.repositories.status_lookup import Number, StatusReader
from tests.api.conftest import HOME_PROVINCE, HOME_REGION, OTHER_RESIDENT_ID, RESIDENT_ID, World
from tests.models.people import NOW, REGION, add_person, resident_id
from tests.models.test_certification import (
    POLICY,
    TODAY,
    _insert_benefits,
    _insert_evidence,
    _insert_person,
    days,
    people,
)


def certified(session: Session, person_id: int, day: date) -> None:
    session.add(
        LifeEvidence(
            person_id=person_id,
            kind=EvidenceKind.FACE,
            occurred_on=day,
            strength=Strength.CONCLUSIVE,
            source="test",
            recorded_by="test",
            recorded_at=NOW,
        )
    )


def pensioner(world: World, sequence: int, *, last: date | None = None, number: str | None = None) -> tuple[str, str]:
    """(resident ID, public id) of a new pensioner of the accounts' region."""
    chosen = resident_id(sequence=sequence, region="190102")
    with world.context.database.session_scope() as session:
        new = persons.NewPerson(resident_id=chosen, name="李秀英", region_code=HOME_REGION, social_security_number=number)
        person = persons.add(session, new, keyring=world.context.keyring, now=world.clock())
        session.add(
            Benefit(
                person_id=person.id,
                scheme=Scheme.EMPLOYEE_PENSION,
                region_code=HOME_REGION,
                monthly_fen=300_000,
                status=BenefitStatus.ACTIVE,
                from_month=date(2015, 1, 1),
            )
        )
        if last is not None:
            certified(session, person.id, last)
        return chosen, person.public_id


def look_up(client: FlaskClient, **body: Any) -> tuple[int, Any]:
    answer = client.post("/api/v1/statuses/lookup", json=body)
    return answer.status_code, answer.get_json()


def batch(client: FlaskClient, ids: list[dict[str, str]], **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/statuses/batch", json={"ids": ids} | more)
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_status_is_found_by_either_number_and_as_of_a_day(both_worlds: World) -> None:
    world = both_worlds
    number, public_id = pensioner(world, 11, last=date(2025, 4, 1), number="A1234567890")
    client = world.client("status:read")
    expected = {
        "person_id": public_id,
        "resident_id_masked": number[:2] + "*" * 12 + number[-4:],
        "state": "due_soon",
        "on": "2026-03-15",
        "last_certified_on": "2025-04-01",
        "due_on": "2026-04-01",
        "cycle_months": 12,
    }
    assert look_up(client, resident_id=number) == (200, expected)
    assert look_up(client, social_security_number="a1234567890") == (200, expected)
    later = look_up(client, resident_id=number, on="2026-04-02")[1]
    assert (later["state"], later["on"]) == ("overdue", "2026-04-02")
    assert look_up(client, resident_id=number, on="2025-03-31")[1]["state"] == "never_certified"


def test_people_elsewhere_and_people_who_are_not_there_look_the_same(world: World) -> None:
    client = world.client("status:read")
    answers = [look_up(client, resident_id=number) for number in (OTHER_RESIDENT_ID, resident_id(sequence=77))]
    for code, body in answers:
        assert (code, body["code"], body["detail"]) == (404, "person_unknown", "No person in your reach has this number.")
    found = look_up(world.client("status:read", region=HOME_PROVINCE), resident_id=RESIDENT_ID)
    assert found[0] == 200


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"resident_id": RESIDENT_ID[:-1] + "0"}, "resident_id", "check_digit"),
        ({"resident_id": "1"}, "resident_id", "string_pattern_mismatch"),
        ({}, "(whole)", "value_error"),
        ({"resident_id": RESIDENT_ID, "social_security_number": "A12345678"}, "(whole)", "value_error"),
        ({"resident_id": RESIDENT_ID, "on": "9999-12-31"}, "on", "less_than_equal"),
        ({"resident_id": RESIDENT_ID, "on": "yesterday"}, "on", "date_parsing"),
    ],
)
def test_what_is_wrong_with_a_question_is_said_without_repeating_it(world: World, body: dict[str, str], field: str, rule: str) -> None:
    code, problem = look_up(world.client("status:read"), **body)
    assert (code, problem["code"]) == (422, "validation_failed")
    assert [(error["field"], error["rule"]) for error in problem["errors"]] == [(field, rule)]
    assert RESIDENT_ID[:-1] not in json.dumps(problem)


def test_every_look_is_in_the_trail_before_the_answer(both_worlds: World) -> None:
    world = both_worlds
    client = world.client("status:read")
    answer = client.post("/api/v1/statuses/lookup", json={"resident_id": RESIDENT_ID}, headers={"X-Request-ID": "trail-0001"})
    look_up(client, resident_id=OTHER_RESIDENT_ID)
    assert audit_journal.take_in(world.context)
    with world.context.database.read_scope() as session:
        entries = audit.between(session, world.clock(), world.clock().replace(hour=23))
        looks = [entry for entry in entries if entry.action.startswith("status_")]
        key = session.scalars(select(Person.id).where(Person.public_id == world.at_home)).one()
    assert [(entry.action, entry.person_id, entry.object) for entry in looks] == [
        ("status_looked_up", key, answer.get_json()["person_id"]),
        ("status_not_found", None, None),
    ]
    assert looks[0].actor.startswith("client:c")
    assert looks[0].details == {"door": "api", "request_id": "trail-0001"}
    assert looks[0].at == world.clock()


def test_what_cannot_be_recorded_is_not_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client("status:read")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(AuditJournal, "append", full)
    code, problem = look_up(client, resident_id=RESIDENT_ID)
    assert (code, problem["code"]) == (503, "unavailable")
    assert client.post("/api/v1/statuses/batch", json={"ids": [{"resident_id": RESIDENT_ID}]}).status_code == 503
    monkeypatch.undo()
    assert look_up(client, resident_id=RESIDENT_ID)[0] == 200


def test_a_batch_is_answered_in_order_each_line_by_itself(both_worlds: World) -> None:
    world = both_worlds
    number, public_id = pensioner(world, 11, last=date(2025, 4, 1), number="A1234567890")
    ids = [
        {"resident_id": number},
        {"resident_id": OTHER_RESIDENT_ID},
        {"resident_id": RESIDENT_ID[:-1] + "0"},
        {"social_security_number": "A1234567890"},
        {"resident_id": RESIDENT_ID},
        {"resident_id": number},
    ]
    client = world.client("status:read")
    lines = batch(client, ids, on="2026-03-10")
    assert [line["index"] for line in lines] == list(range(6))
    assert [line.get("person_id") for line in lines] == [public_id, None, None, public_id, world.at_home, public_id]
    assert lines[1]["problem"] == "person_unknown"
    assert (lines[2]["problem"], lines[2]["rule"]) == ("validation_failed", "check_digit")
    one = look_up(client, resident_id=number, on="2026-03-10")[1]
    assert lines[0] == {"index": 0} | one
    assert audit_journal.take_in(world.context)
    with world.context.database.read_scope() as session:
        seen = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.object == public_id)) or 0
    assert seen == 4


def test_a_batch_longer_than_a_chunk_is_whole_and_one_longer_than_policy_is_refused(world: World) -> None:
    ids = [{"resident_id": resident_id(sequence=sequence)} for sequence in range(1, 999)] + [{"resident_id": RESIDENT_ID}] * 205
    client = world.client("status:read")
    lines = batch(client, ids)
    assert [line["index"] for line in lines] == list(range(len(ids)))
    assert [line.get("person_id") for line in lines[998:]] == [world.at_home] * 205
    answer = client.post("/api/v1/statuses/batch", json={"ids": [{"resident_id": RESIDENT_ID}] * 10_001})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "ids")


def test_a_batch_that_breaks_off_says_so_in_the_lines_that_are_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    journal: audit_journal.Journal = world.app.extensions[audit_journal.KEY]
    writes, write = count(), journal.write

    def second_fails(entries: Any) -> None:
        if next(writes):
            raise OSError("no room")
        write(entries)

    monkeypatch.setattr(journal, "write", second_fails)
    lines = batch(world.client("status:read"), [{"resident_id": RESIDENT_ID}] * 700)
    assert [line.get("problem") for line in lines] == [None] * 500 + ["unavailable"] * 200


def test_a_merged_record_is_answered_for_by_the_one_that_speaks(both_worlds: World) -> None:
    world = both_worlds
    old, old_id = pensioner(world, 21, last=date(2026, 3, 1), number="OLD123456")
    new, new_id = pensioner(world, 22, last=date(2024, 1, 1))
    with world.context.database.session_scope() as session:
        kept = session.scalars(select(Person.id).where(Person.public_id == new_id)).one()
        session.execute(update(Person).where(Person.public_id == old_id).values(merged_into_id=kept))
    client = world.client("status:read")
    by_new = look_up(client, resident_id=new)[1]
    assert (by_new["person_id"], by_new["state"], by_new["last_certified_on"]) == (new_id, "certified", "2026-03-01")
    assert look_up(client, resident_id=old)[1] == by_new
    assert look_up(client, social_security_number="OLD123456")[1] == by_new
    lines = batch(client, [{"resident_id": old}, {"resident_id": new}])
    assert [{key: line[key] for key in by_new} for line in lines] == [by_new, by_new]


@settings(max_examples=15)
@given(people=people, on=days)
def test_the_fast_read_gives_what_the_ledger_gives(
    people: list[tuple[list[Any], list[Any], int | None]], on: date, database: Database, keyring: FileKeyRing
) -> None:
    reader = StatusReader(database, keyring, POLICY)
    with database.sessions() as session:
        template = add_person(session, keyring)
        ids, evidence_ids, benefit_ids = count(1000), count(1), count(1)
        speaks: dict[int, int] = {}
        for evidence, benefits, back in people:
            person_id = next(ids)
            root = speaks[person_id - back] if back is not None and person_id - back in speaks else person_id
            speaks[person_id] = root
            _insert_person(session, template, person_id, merged_into_id=None if root == person_id else root)
            _insert_evidence(session, person_id, evidence, evidence_ids)
            _insert_benefits(session, person_id, benefits, benefit_ids)
        session.flush()
        raw = session.connection().connection.driver_connection
        statement = reader._statements[Number.RESIDENT_ID]
        for person_id, root in speaks.items():
            rows = raw.execute(statement, (b"%032d" % person_id,)).fetchall()  # type: ignore[union-attr]
            found = reader._found(rows, on)
            assert (found.key, found.region_code) == (root, REGION)
            assert found.status == certifications.status_of(session, person_id, POLICY, on)
        digests = {Number.RESIDENT_ID: [b"%032d" % person_id for person_id in speaks]}
        many = status_lookup.read_many(session, digests, POLICY, on)
        assert {digest: found.status for (_, digest), found in many.items()} == {
            b"%032d" % person_id: certifications.status_of(session, person_id, POLICY, on) for person_id in speaks
        }
        session.rollback()


def test_a_day_of_today_is_the_policys(world: World) -> None:
    world.clock.now = world.clock.now.replace(hour=17)  # in China it is the 16th
    assert look_up(world.client("status:read"), resident_id=RESIDENT_ID)[1]["on"] == TODAY.replace(day=16).isoformat()


def test_beside_a_server_entries_get_into_the_store_by_themselves(world: World) -> None:
    audit_of: audit_journal.Journal = world.app.extensions[audit_journal.KEY]
    audit_of.work_beside()
    client = world.client("status:read")
    for _ in range(3):
        look_up(client, resident_id=RESIDENT_ID)
    deadline, looks = time.monotonic() + 60, 0
    while looks < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
        with world.context.database.read_scope() as session:
            looks = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "status_looked_up")) or 0
    assert looks == 3
    audit_of.end()
