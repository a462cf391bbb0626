"""The staff's pages about one person: recording, correcting, timeline, mergers, alerts. Over HTTP on a real store, without a browser."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import select

from api.evidence import evidence_service
from api.rights import RoleName
from models.alert import Alert, AlertState, CaseFile
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus, Payment
from models.certification_state import CertificationState
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.repositories import alerts, certifications, life_evidence, persons
from models.repositories.alerts import NewAlert
from models.repositories.life_evidence import NewEvidence
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, World
from tests.pages.test_pages import post
from verify.evidence_rules import TypedEvidence

TODAY = date(2026, 3, 15)
SECOND_ID = "190102195203070027"


def record(world: World, kind: EvidenceKind, on: date, strength: Strength = Strength.CONCLUSIVE) -> int:
    with world.context.database.session_scope() as session:
        key = persons.get(session, world.at_home).id
        return life_evidence.add(session, NewEvidence(key, kind, on, strength, "test"), by="test", now=world.clock()).id


def state(world: World, public_id: str) -> CertificationState:
    with world.context.database.read_scope() as session:
        key = persons.get(session, public_id).id
        return certifications.status_of(session, key, world.context.policy.certification, TODAY).state


def second_record(world: World) -> str:
    with world.context.database.session_scope() as session:
        new = persons.NewPerson(resident_id=SECOND_ID, name="王建囯", region_code=HOME_REGION)
        return persons.add(session, new, keyring=world.context.keyring, now=world.clock()).public_id


def pay(world: World, months: int, *, fen: int = 123_456, start: date = date(2025, 1, 1)) -> None:
    with world.context.database.session_scope() as session:
        key = persons.get(session, world.at_home).id
        benefit = Benefit(
            person_id=key,
            scheme=Scheme.EMPLOYEE_PENSION,
            region_code=HOME_REGION,
            monthly_fen=fen,
            status=BenefitStatus.ACTIVE,
            from_month=start,
        )
        session.add(benefit)
        session.flush()
        for n in range(months):
            year, month = divmod(start.month - 1 + n, 12)
            session.add(Payment(benefit_id=benefit.id, month=date(start.year + year, month + 1, 1), amount_fen=fen))


def test_a_home_visit_is_recorded_with_its_second_member_of_staff(world: World) -> None:
    client = world.staff(RoleName.COUNTER)
    at = f"/desk/person/{world.at_home}/record/home_visit"
    page = client.get(at)
    assert page.status_code == 200
    assert "supervisor" in page.text
    values = {"occurred_on": "2026-03-15", "place": "样板村", "second_staff": "counter", "latitude_deg": "", "longitude_deg": ""}
    alone = post(client, at, **values)
    assert alone.status_code == 422
    assert "第二名工作人员必须是另一人" in alone.text
    assert "样板村" in alone.text  # what was typed is still there
    values["second_staff"] = "supervisor"
    assert post(client, at, **values).status_code == 303
    assert state(world, world.at_home) is CertificationState.CERTIFIED
    page = client.get(f"/counter/person/{world.at_home}").text
    assert "认证通过" in page


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("video_call", {"occurred_on": "2026-03-16"}, "日期在将来"),
        ("video_call", {"occurred_on": "yesterday"}, "此项必填"),
        ("custody", {"occurred_on": "2026-01-01"}, "此项必填"),
        ("death_record", {"occurred_on": "2026-01-01"}, "此项必填"),
        ("home_visit", {"occurred_on": "2026-03-15", "place": "x", "second_staff": "supervisor", "latitude_deg": "1"}, "位置不完整"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(world: World, kind: str, values: dict[str, str], words: str) -> None:
    answer = post(world.staff(), f"/desk/person/{world.at_home}/record/{kind}", **values)
    assert answer.status_code == 422
    assert words in answer.text
    with world.context.database.read_scope() as session:
        assert session.scalars(select(LifeEvidence)).all() == []


@pytest.mark.parametrize("kind", ["face", "data_match", "nonsense"])
def test_kinds_that_staff_do_not_type_in_have_no_page(world: World, kind: str) -> None:
    assert world.staff().get(f"/desk/person/{world.at_home}/record/{kind}").status_code == 404


def test_a_wrong_death_record_is_taken_away_on_the_timeline_and_the_status_comes_back(world: World) -> None:
    world_service = evidence_service(world.context)
    world_service.record(world.at_home, TypedEvidence(EvidenceKind.COUNTER, date(2026, 3, 1)), actor="test")
    record(world, EvidenceKind.DEATH_RECORD, date(2026, 2, 1))
    assert state(world, world.at_home) is CertificationState.DECEASED
    client = world.staff(RoleName.CASEWORKER)
    page = client.get(f"/desk/person/{world.at_home}/timeline").text
    assert "请先核查死亡记录是否有误" in page
    links = re.findall(r'href="(/desk/person/[^"]+/correct)"', page)
    assert len(links) == 2
    [death] = [link for link in links if "死亡记录" in client.get(link).text]
    assert post(client, death, reason="", what="take_away").status_code == 422
    assert post(client, death, reason="wrong_person", what="take_away").headers["Location"] == f"/desk/person/{world.at_home}/timeline"
    assert state(world, world.at_home) is CertificationState.CERTIFIED
    after = client.get(f"/desk/person/{world.at_home}/timeline").text
    assert "没有相互矛盾之处" in after
    assert "<s>死亡记录</s>" in after
    again = client.get(death)
    assert again.status_code == 200
    late = post(client, death, reason="wrong_person", what="take_away")
    assert (late.status_code, "已有他人先行更正" in late.text) == (409, True)


def test_who_may_not_correct_sees_no_link_and_gets_403(world: World) -> None:
    record(world, EvidenceKind.COUNTER, date(2026, 3, 1))
    client = world.staff(RoleName.COUNTER)
    page = client.get(f"/desk/person/{world.at_home}/timeline").text
    assert "/correct" not in page
    assert client.get(f"/desk/person/{world.at_home}/evidence/x/correct").status_code == 403


def test_the_timeline_shows_runs_of_payments_marks_contradictions_and_is_audited(world: World) -> None:
    pay(world, 14)
    record(world, EvidenceKind.DEATH_RECORD, date(2025, 10, 20))
    client = world.staff(RoleName.AUDITOR)
    page = client.get(f"/desk/person/{world.at_home}/timeline").text
    assert "10 个月" in page  # January to October, alike and in order
    assert "死亡（2025年10月20日）次月以后仍有发放：4 个月，2025-11 至 2026-02，共 4,938.24 元" in page
    assert NAME not in page
    assert page.count("<h1>") == 1
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    only = client.get(f"/desk/person/{world.at_home}/timeline?show=evidence&show=nonsense").text
    assert "10 个月" not in only
    assert "死亡记录" in only
    with world.context.database.read_scope() as session:
        looks = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "timeline_seen")).all()
    assert looks == ["staff:auditor"] * 2
    assert client.get(f"/desk/person/{world.elsewhere}/timeline").status_code == 404


def test_the_timeline_reads_one_query_a_kind(world: World) -> None:
    from sqlalchemy import event

    def queries() -> int:
        seen: list[str] = []
        engine = world.context.database.engine
        event.listen(engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        client = world.staff(RoleName.AUDITOR)
        assert client.get(f"/desk/person/{world.at_home}/timeline").status_code == 200
        return len(seen)

    pay(world, 2)
    queries()  # the first page also writes that the session was seen
    few = queries()
    for month in range(1, 13):
        record(world, EvidenceKind.COUNTER, date(2024, month, 1))
    pay(world, 24, start=date(2020, 1, 1))
    assert queries() == few


def test_two_records_are_compared_merged_and_split_again(world: World) -> None:
    other = second_record(world)
    record(world, EvidenceKind.COUNTER, date(2026, 3, 1))
    client = world.staff(RoleName.CASEWORKER)
    at = f"/desk/person/{other}/merge"
    found = post(client, at, text="王")
    assert f"{at}/{world.at_home}" in found.text
    page = client.get(f"{at}/{world.at_home}").text
    assert "≠" in page
    assert SECOND_ID not in page
    assert post(client, f"{at}/{world.at_home}", kept=other, reason=" ").status_code == 422
    assert state(world, other) is CertificationState.NEVER_CERTIFIED
    assert post(client, f"{at}/{world.at_home}", kept=other, reason="同一人").headers["Location"] == f"/counter/person/{other}"
    assert state(world, other) is CertificationState.CERTIFIED
    page = client.get(at).text
    assert "同一人" in page
    late = post(client, at, f"/desk/person/{other}/split/{other}", reason="no")  # it is not merged into anybody
    assert (late.status_code, "已有他人先行处理" in late.text) == (409, True)
    assert post(client, at, f"/desk/person/{other}/split/{world.at_home}", reason="两个人").status_code == 303
    assert state(world, other) is CertificationState.NEVER_CERTIFIED
    assert state(world, world.at_home) is CertificationState.CERTIFIED
    with world.context.database.read_scope() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.in_(["person.merge", "person.split"]))).all()
        details = session.scalars(select(AuditEntry.details)).all()
    assert sorted(actions) == ["person.merge"] * 2 + ["person.split"] * 2
    assert "同一人" not in str(details)


def test_a_record_out_of_reach_cannot_be_merged(world: World) -> None:
    client = world.staff(RoleName.CASEWORKER)
    assert client.get(f"/desk/person/{world.at_home}/merge/{world.elsewhere}").status_code == 404
    assert world.staff(RoleName.COUNTER).get(f"/desk/person/{world.at_home}/merge").status_code == 403


def open_alert(world: World, *, region: str = HOME_REGION, key: str = "k") -> str:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home if region == HOME_REGION else world.elsewhere)
        alerts.open_alerts(
            session,
            [NewAlert("P7", key, "warning", region, person.id, 5_000)],
            by="test",
            now=world.clock(),  # type: ignore[arg-type]
        )
        return session.scalars(select(Alert.public_id).where(Alert.key == key)).one()


def test_alerts_of_the_region_are_listed_and_worked(world: World) -> None:
    alert, elsewhere = open_alert(world), open_alert(world, region=OTHER_REGION, key="e")
    client = world.staff(RoleName.CASEWORKER)
    page = client.get("/desk/alerts").text
    assert alert in page
    assert elsewhere not in page
    assert "王*国" in page
    assert alert not in client.get("/desk/alerts?code=P3").text
    assert alert not in client.get("/desk/alerts?severity=violation").text
    assert client.get(f"/desk/alerts/{elsewhere}").status_code == client.get("/desk/alerts/nothing").status_code == 404
    at = f"/desk/alerts/{alert}"
    assert post(client, at, what="close", reason="x").status_code == 400
    case = post(client, at, what="take").headers["Location"]
    assert post(client, at, what="take").headers["Location"] == case
    assert post(world.staff(RoleName.SUPERVISOR), at, what="take").status_code == 409
    with world.context.database.read_scope() as session:
        assert [row.owner for row in session.scalars(select(CaseFile))] == ["staff:caseworker"]
    assert post(client, case, what="decide", outcome="nonsense", conclusion="x").status_code == 422
    assert post(client, case, what="decide", outcome="data_error", conclusion="记录有误").status_code == 303
    assert "记录有误" in client.get(at).text
    with world.context.database.read_scope() as session:
        assert alerts.get(session, alert).state is AlertState.CLOSED
    assert alert in client.get("/desk/alerts?state=closed").text


def test_the_door_and_the_page_do_the_same(world: World) -> None:
    answer = world.staff().post(
        f"/api/v1/persons/{world.at_home}/life-evidence", json={"kind": "video_call", "occurred_on": "2026-03-10", "reference": "call 7"}
    )
    assert answer.status_code == 201
    assert answer.get_json() | {"evidence_id": "", "certificate_id": ""} == {
        "evidence_id": "",
        "certificate_id": "",
        "outcome": "certified",
        "alert_opened": False,
        "state": "certified",
        "due_on": "2027-03-10",
    }
    with world.context.database.read_scope() as session:
        assert session.scalars(select(Person).where(Person.public_id == world.at_home)).one().merged_into_id is None
    wrong = world.staff().post(f"/api/v1/persons/{world.at_home}/life-evidence", json={"kind": "counter", "occurred_on": "2026-03-16"})
    assert (wrong.status_code, wrong.get_json()["errors"]) == (
        422,
        [{"field": "occurred_on", "rule": "in_the_future", "place": "body"}],
    )
