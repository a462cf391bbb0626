"""The doors of alerts and signals, from a client's side, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from api.rights import RoleName
from models.audit import AuditEntry
from models.detection import DetectionRun, RunState, Signal
from models.repositories import persons, run_lists
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World
from tests.api.signal_cases import Found, add_alert, add_run, add_signal, entry, fill

SECOND_ID = "190102195203070027"


def put(world: World) -> Found:
    with world.context.database.session_scope() as session:
        found = fill(session, world.context.keyring, world.at_home, SECOND_ID, world.clock())
    world.clock.advance(minutes=5)
    return found


def audited(world: World, action: str) -> list[AuditEntry]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def all_signals(client: Any, *, limit: int, cursor: str | None = None) -> tuple[list[dict[str, Any]], str]:
    """Every signal from a cursor on, in pages."""
    told = []
    while True:
        query = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        answer = client.get("/api/v1/signals", query_string=query)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        told += page["signals"]
        cursor = page["next_cursor"]
        assert cursor is not None
        if not page["more"]:
            return told, cursor


def test_alerts_come_in_pages_by_priority_and_without_names(both_worlds: World) -> None:
    world = both_worlds
    found = put(world)
    client = world.client("alerts:read")
    first = client.get("/api/v1/alerts", query_string={"limit": 1})
    page = first.get_json()
    assert [alert["alert_id"] for alert in page["alerts"]] == [found.alert]
    assert page["alerts"][0]["signals"] == ["B1", "D1", "P1"]
    assert page["alerts"][0]["person_id"] == world.at_home
    assert page["alerts"][0]["amount_fen"] == 800_100
    second = client.get("/api/v1/alerts", query_string={"limit": 1, "cursor": page["next_cursor"]}).get_json()
    assert [alert["alert_id"] for alert in second["alerts"]] == [found.pair]
    assert second["next_cursor"] is None
    narrowed = {
        "code=D1": [found.alert],
        "severity=suspicion": [found.pair],
        "state=closed": [],
        "amount_fen_min=800100": [found.alert],
        f"region_code={HOME_REGION}": [found.alert, found.pair],
        f"region_code={OTHER_REGION}": [],
    }
    for query, ids in narrowed.items():
        assert [alert["alert_id"] for alert in client.get(f"/api/v1/alerts?{query}").get_json()["alerts"]] == ids, query
    assert world.client("alerts:read", region=OTHER_REGION).get("/api/v1/alerts").get_json() == {"alerts": [], "next_cursor": None}
    assert (NAME in first.text, RESIDENT_ID in first.text) == (False, False)
    assert [row.details["count"] for row in audited(world, "alerts_read")][:2] == [1, 1]


def test_one_alert_has_every_signal_with_its_records_in_both_languages(both_worlds: World) -> None:
    world = both_worlds
    found = put(world)
    answer = world.client("alerts:read").get(f"/api/v1/alerts/{found.alert}")
    alert = answer.get_json()
    assert [one["code"] for one in alert["findings"]] == ["B1", "D1", "P1"]
    twice, covers, death = alert["findings"]
    assert twice["title"] == {"en": "Employee and resident pension paid at once", "zh": "同时领取职工养老和居民养老"}
    assert (twice["from_month"], twice["to_month"], twice["months"], twice["amount_fen"]) == ("2024-12-01", "2025-03-01", 4, 64_000)
    assert [len(one["records"]) for one in alert["findings"]] == [8, 2, 3]
    assert covers["records"][0] == {
        "kind": "enrolment",
        "role": "overlap",
        "person_id": world.at_home,
        "code": None,
        "on": "2023-01-01",
        "until": "2023-12-01",
        "scheme": "employee_pension",
        "region_code": HOME_REGION,
        "amount_fen": None,
        "source": None,
        "strength": None,
    }
    assert death["sentences"]["en"][0].startswith("Death on 2025-04-09")
    assert death["sentences"]["zh"][0].startswith("死亡日期2025-04-09")
    assert death["explanation"]["en"].startswith("A pension or other benefit ends")
    assert (NAME in answer.text, RESIDENT_ID in answer.text) == (False, False)
    with world.context.database.read_scope() as session:
        key = persons.get(session, world.at_home).id
    assert [(row.actor[:7], row.person_id, row.object) for row in audited(world, "alert_seen")] == [("client:", key, found.alert)]


def test_what_a_run_found_is_counted_by_code(both_worlds: World) -> None:
    found = put(both_worlds)
    with both_worlds.context.database.session_scope() as session:
        gone = session.scalars(select(Signal).where(Signal.code == "D1")).one()
        gone.vanished_at, gone.vanished_reason = both_worlds.clock(), "not_found_again"
        session.flush()
        run = run_lists.get(session, found.run)
        counted = run_lists.found_by_code(session, run.id, ["B1", "D1", "P1"])
        assert [(one.code, one.standing, one.vanished, one.amount_fen) for one in counted] == [("B1", 1, 0, 64_000), ("D1", 0, 1, 0)]
        assert [one.public_id for one in run_lists.listing(session, limit=2)] == [found.run]


def test_an_alert_of_another_region_looks_like_none_and_its_persons_are_counted_only(world: World) -> None:
    found = put(world)
    elsewhere = world.client("alerts:read", region=OTHER_REGION)
    unknown = elsewhere.get(f"/api/v1/alerts/{found.alert}")
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "alert_unknown")
    assert unknown.get_json()["detail"] == elsewhere.get("/api/v1/alerts/nothing").get_json()["detail"]
    with world.context.database.session_scope() as session:
        one, other = persons.get(session, world.at_home), persons.get(session, world.elsewhere)
        alert = add_alert(session, one, "D3", world.clock(), key="pair")
        records = [entry("person", one, "person"), entry("person", other, "other")]
        add_signal(session, alert, one, "D3", world.clock(), key="pair", facts={"probability": 0.9, "weight": 3.0}, records=records)
        public_id, key = alert.public_id, other.id
    answer = world.staff(RoleName.AUDITOR).get(f"/api/v1/alerts/{public_id}")
    (finding,) = answer.get_json()["findings"]
    assert [record["person_id"] for record in finding["records"]] == [world.at_home]
    assert finding["records_elsewhere"] == 1
    assert world.elsewhere not in answer.text
    assert key not in {row.person_id for row in audited(world, "alert_seen")}


def test_signals_are_told_in_the_order_of_their_changes_and_none_is_missed(both_worlds: World) -> None:
    world = both_worlds
    put(world)
    client = world.client("alerts:read")
    told, cursor = all_signals(client, limit=3)
    assert [one["code"] for one in told] == ["B1", "D1", "P1", "D3"]
    assert all_signals(client, limit=3, cursor=cursor)[0] == []
    with world.context.database.session_scope() as session:
        changed, gone = (session.scalars(select(Signal).where(Signal.code == code)).one() for code in ("D1", "B1"))
        changed.changed_at, changed.months = world.clock(), 5
        gone.vanished_at, gone.vanished_reason = world.clock.advance(seconds=1), "not_found_again"
    assert all_signals(client, limit=3, cursor=cursor)[0] == []  # not settled yet
    world.clock.advance(minutes=2)
    told, cursor = all_signals(client, limit=1, cursor=cursor)
    assert [(one["code"], one["months"], one["vanished_reason"]) for one in told] == [("D1", 5, None), ("B1", 4, "not_found_again")]
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        back = add_signal(session, None, person, "B1", world.clock(), changed_at=world.clock() - timedelta(days=9))  # dismissed, and back
        back_id = back.public_id
    world.clock.advance(minutes=2)
    assert [one["signal_id"] for one in all_signals(client, limit=9, cursor=cursor)[0]] == [back_id]
    assert world.client("alerts:read", region=OTHER_REGION).get("/api/v1/signals").get_json()["signals"] == []
    assert [row.details["count"] for row in audited(world, "signals_read")][:3] == [3, 1, 0]


def test_what_a_run_finds_is_told_when_it_has_ended(world: World) -> None:
    client = world.client("alerts:read")
    _, cursor = all_signals(client, limit=9)
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        run = add_run(session, world.clock(), state=RunState.RUNNING, finished_at=None)
        world.clock.advance(minutes=10)
        add_signal(session, None, person, "B2", world.clock())
        run_id = run.id
    world.clock.advance(minutes=10)
    assert all_signals(client, limit=9, cursor=cursor)[0] == []
    with world.context.database.session_scope() as session:
        ended = session.get_one(DetectionRun, run_id)
        ended.state, ended.finished_at = RunState.DONE, world.clock()
    assert [one["code"] for one in all_signals(client, limit=9, cursor=cursor)[0]] == ["B2"]


def test_a_run_that_was_killed_holds_nothing_back_for_more_than_a_day(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        add_run(session, world.clock(), state=RunState.RUNNING, finished_at=None)
        add_signal(session, None, person, "B2", world.clock.advance(minutes=1))
    world.clock.advance(hours=20)
    assert world.client("alerts:read").get("/api/v1/signals").get_json()["signals"] == []
    world.clock.advance(hours=5)
    assert len(world.client("alerts:read").get("/api/v1/signals").get_json()["signals"]) == 1


WRONG = {
    "alerts?cursor=NONSENSE": "cursor",
    "signals?cursor=NONSENSE": "cursor",
    "alerts?cursor=9G2001IBVT29LG00000000000000A": "cursor",  # of the other door
    "alerts?state=gone": "state",
    "alerts?region_code=19": "region_code",
    "alerts?limit=0": "limit",
    "alerts?amount_fen_min=-1": "amount_fen_min",
    "signals?code=%00": "code",
}


def test_what_cannot_be_read_is_refused_by_field(world: World) -> None:
    client = world.client("alerts:read")
    answers = {address: client.get(f"/api/v1/{address}") for address in WRONG}
    assert {address: answer.status_code for address, answer in answers.items()} == dict.fromkeys(WRONG, 422)
    assert {address: answer.get_json()["errors"][0]["field"] for address, answer in answers.items()} == WRONG
