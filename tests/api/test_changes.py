"""The doors of changes and webhooks, from a client's side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from api import announcer
from api.beside import make_sender
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.repositories import life_evidence
from models.repositories.life_evidence import NewEvidence
from tests.api.conftest import NAME, OTHER_REGION, RESIDENT_ID, World
from tests.api.receiver import Receiver, running_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def announce(world: World) -> None:
    context = world.context
    announcer.announce(context.database, context.policy.certification, context.clock)


def pensioners(world: World) -> None:
    today = world.context.policy.certification.today(world.clock())
    with world.context.database.session_scope() as session:
        for person in session.scalars(select(Person)):
            drawn = Benefit(person_id=person.id, scheme=Scheme.EMPLOYEE_PENSION, region_code=person.region_code, monthly_fen=1)
            drawn.status, drawn.from_month = BenefitStatus.ACTIVE, today.replace(year=2015, day=1)
            session.add(drawn)
    announce(world)


def certify(world: World) -> None:
    today = world.context.policy.certification.today(world.clock())
    with world.context.database.session_scope() as session:
        for person in session.scalars(select(Person)):
            new = NewEvidence(
                person_id=person.id, kind=EvidenceKind.COUNTER, occurred_on=today, strength=Strength.CONCLUSIVE, source="test"
            )
            life_evidence.add(session, new, by="test", now=world.clock())
    announce(world)


def test_the_feed_tells_the_clients_region_in_pages_and_every_page_is_recorded(world: World) -> None:
    pensioners(world)
    client = world.client("changes:read")
    first = client.get("/api/v1/changes").get_json()
    assert [change["person_id"] for change in first["changes"]] == [world.at_home]
    assert (first["changes"][0]["before"], first["changes"][0]["state"], first["more"]) == (None, "never_certified", False)
    assert client.get("/api/v1/changes", query_string={"cursor": first["next_cursor"]}).get_json()["changes"] == []
    certify(world)
    second = client.get("/api/v1/changes", query_string={"cursor": first["next_cursor"]}).get_json()
    assert [(change["before"], change["state"]) for change in second["changes"]] == [("never_certified", "certified")]
    page = client.get("/api/v1/changes", query_string={"limit": 1}).get_json()
    assert (page["changes"], page["more"]) == (first["changes"], True)
    assert page["next_cursor"] == page["changes"][-1]["change"]
    elsewhere = world.client("changes:read", region=OTHER_REGION).get("/api/v1/changes").get_json()
    assert {change["person_id"] for change in elsewhere["changes"]} == {world.elsewhere}
    with world.context.database.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "changes_read").order_by(AuditEntry.id)).all()
    assert [entry.details["count"] for entry in entries] == [1, 0, 1, 1, 2]
    assert NAME not in str(first)
    assert RESIDENT_ID not in str(first)


@pytest.mark.parametrize("cursor", ["x", "0" * 16, "V" * 16])
def test_a_cursor_of_somebody_elses_making_is_refused(world: World, cursor: str) -> None:
    answer = world.client("changes:read").get("/api/v1/changes", query_string={"cursor": cursor})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "cursor")


def test_a_webhook_from_its_making_to_its_end(world: World, receiver: Receiver) -> None:
    client = world.client("webhooks:manage")
    made = client.post("/api/v1/webhooks", json={"url": receiver.url()})
    assert made.status_code == 201
    webhook = made.get_json()["webhook_id"]
    receiver.secrets["/hook"] = made.get_json()["secret"]
    assert client.post(f"/api/v1/webhooks/{webhook}/test").get_json() == {"delivered": True, "status": 204, "error": None}
    assert receiver.received.pop()[2]["type"] == "webhook.test"
    receiver.answer = lambda _path, _number: (410, {})
    pensioners(world)
    sender = make_sender(world.context)
    sender.run_once()
    dead = client.get(f"/api/v1/webhooks/{webhook}/deliveries", query_string={"state": "dead"}).get_json()["deliveries"]
    assert [(row["person_id"], row["state"], row["last_status"]) for row in dead] == [(world.at_home, "dead", 410)]
    (listed,) = client.get("/api/v1/webhooks").get_json()["webhooks"]
    assert (listed["dead"], listed["disabled_reason"]) == (1, "the address answered 410 Gone")
    assert "secret" not in listed
    receiver.answer = lambda _path, _number: (200, {})
    again = client.post(f"/api/v1/webhooks/{webhook}/retry", json={"deliveries": [dead[0]["delivery_id"]]})
    assert again.get_json() == {"retried": 1}
    assert sender.run_once().delivered == 1
    assert receiver.ids()[-1] == f"msg_{dead[0]['delivery_id']}"
    assert receiver.refused == 0
    sender.close()
    assert client.delete(f"/api/v1/webhooks/{webhook}").status_code == 204
    assert client.get("/api/v1/webhooks").get_json() == {"webhooks": []}


def test_webhooks_of_others_are_not_there(world: World) -> None:
    made = world.client("webhooks:manage").post("/api/v1/webhooks", json={"url": "http://127.0.0.1:9/"}).get_json()
    other = world.client("webhooks:manage")
    address = f"/api/v1/webhooks/{made['webhook_id']}"
    answers = [
        other.delete(address),
        other.post(address + "/test"),
        other.get(address + "/deliveries"),
        other.post(address + "/retry", json={}),
    ]
    assert [(answer.status_code, answer.get_json()["code"]) for answer in answers] == [(404, "webhook_unknown")] * 4
    assert other.get("/api/v1/webhooks").get_json() == {"webhooks": []}


def test_an_address_with_a_password_is_refused_by_name(world: World) -> None:
    answer = world.client("webhooks:manage").post("/api/v1/webhooks", json={"url": "https://user:pass@example.org/"})
    assert (answer.status_code, answer.get_json()["errors"]) == (422, [{"field": "url", "rule": "url_credentials", "place": "body"}])


def test_a_client_has_ten_webhooks(world: World) -> None:
    client = world.client("webhooks:manage")
    codes = [client.post("/api/v1/webhooks", json={"url": "https://example.org/"}).status_code for _ in range(11)]
    assert codes == [201] * 10 + [409]
