"""The pages of outreach, of pauses and resumptions, and of lists: who may do what, and what shows."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api.payments import make_lists, make_outreach, make_resumptions
from api.rights import RoleName
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Strength
from models.outreach import OutreachChannel, OutreachOutcome
from models.payment_change import PaymentChangeKind
from models.repositories import life_evidence, outreach, payment_changes, persons
from models.repositories.life_evidence import NewEvidence
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World
from tests.pages.test_pages import post

PHONE = "10012345678"


def add_benefit(world: World, person_id: str, region: str) -> int:
    """Row number of the person, who draws a benefit since 2015 and has a phone."""
    with world.context.database.session_scope() as session:
        person = persons.get(session, person_id)
        person.phone_sealed = world.context.keyring.seal(PHONE.encode(), persons.associated_data(person.public_id, "phone"))
        person.phone_masked = "100****5678"
        benefit = {"scheme": Scheme.RESIDENT_PENSION, "region_code": region, "monthly_fen": 123_456, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **benefit))
        return person.id


@pytest.fixture
def rows(world: World) -> tuple[str, str]:
    """Public ids of the rows of the person at home and of the one elsewhere, both on the list."""
    people = [add_benefit(world, world.at_home, HOME_REGION), add_benefit(world, world.elsewhere, OTHER_REGION)]
    make_outreach(world.context).refresh()
    with world.context.database.read_scope() as session:
        found = [outreach.open_of_person(session, person) for person in people]
    assert all(found)
    return found[0].public_id, found[1].public_id


def sought(world: World, row: str) -> None:
    service = make_outreach(world.context)
    for channel in OutreachChannel:
        outcome = OutreachOutcome.SENT if channel is OutreachChannel.SMS else OutreachOutcome.NOT_REACHED
        service.log_attempt(row, channel=channel, outcome=outcome, note=None, actor="staff:counter")
    world.clock.advance(days=world.context.policy.outreach.days_min)


def propose(world: World, row: str, role: RoleName = RoleName.CASEWORKER) -> str:
    """Public id of the change that a member of staff proposed on the page."""
    answer: Any = post(world.staff(role), f"/desk/outreach/{row}", f"/desk/outreach/{row}/proposal", reason="三次未联系上")
    assert answer.status_code == 303
    return str(answer.headers["Location"]).rpartition("/")[2]


def actions(world: World) -> list[str]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def decide(client: FlaskClient, change: str, **values: str) -> Any:
    return post(client, f"/desk/payment-changes/{change}", f"/desk/payment-changes/{change}/decision", **values)


def test_the_list_shows_people_of_the_own_region_masked(world: World, rows: tuple[str, str]) -> None:
    page = world.staff().get("/desk/outreach").text
    assert rows[0] in page
    assert rows[1] not in page
    assert "王*国" in page
    assert NAME not in page
    assert RESIDENT_ID not in page


def test_filters_choose_and_nonsense_in_them_does_no_harm(world: World, rows: tuple[str, str]) -> None:
    client = world.staff()
    assert rows[0] in client.get("/desk/outreach?days=90&attempts=0&channel=sms").text
    assert rows[0] not in client.get("/desk/outreach?channel=visit").text
    assert rows[0] in client.get("/desk/outreach?days=x&attempts=-1&channel=pigeon&after=nothing").text


def test_a_row_of_another_region_looks_like_none(world: World, rows: tuple[str, str]) -> None:
    client = world.staff()
    assert client.get(f"/desk/outreach/{rows[1]}").status_code == client.get("/desk/outreach/nothing").status_code == 404
    for what in ("attempts", "number"):
        assert post(client, f"/desk/outreach/{rows[0]}", f"/desk/outreach/{rows[1]}/{what}").status_code == 404


def test_the_number_shows_only_when_asked_for_and_that_is_recorded(world: World, rows: tuple[str, str]) -> None:
    client = world.staff()
    page = client.get(f"/desk/outreach/{rows[0]}").text
    assert "100****5678" in page
    assert PHONE not in page
    assert "phone_seen" not in actions(world)
    shown: Any = post(client, f"/desk/outreach/{rows[0]}", f"/desk/outreach/{rows[0]}/number")
    assert PHONE in shown.text
    assert actions(world)[-1] == "phone_seen"


def test_an_attempt_is_recorded_and_an_impossible_one_is_not(world: World, rows: tuple[str, str]) -> None:
    client, address = world.staff(), f"/desk/outreach/{rows[0]}"
    good: Any = post(client, address, f"{address}/attempts", channel="phone", outcome="not_reached", note="无人接听")
    assert good.status_code == 303
    for values in ({"channel": "phone", "outcome": "sent"}, {"channel": "x", "outcome": "reached"}, {}):
        wrong: Any = post(client, address, f"{address}/attempts", **values)
        assert wrong.status_code == 422
        assert 'role="alert"' in wrong.text
    view = make_outreach(world.context).one(rows[0])
    assert [(attempt.made_by, attempt.note) for attempt in view.attempts] == [("staff:counter", "无人接听")]
    assert "无人接听" in client.get(address).text


def test_a_pause_is_offered_only_when_enough_was_tried_and_only_to_who_may(world: World, rows: tuple[str, str]) -> None:
    address = f"/desk/outreach/{rows[0]}"
    caseworker = world.staff(RoleName.CASEWORKER)
    assert "proposal" not in caseworker.get(address).text
    early: Any = post(caseworker, address, f"{address}/proposal", reason="x")
    assert early.status_code == 409
    sought(world, rows[0])
    assert "proposal" in world.staff(RoleName.CASEWORKER).get(address).text
    assert "proposal" not in world.staff(RoleName.COUNTER).get(address).text
    assert post(world.staff(RoleName.COUNTER), address, f"{address}/proposal", reason="x").status_code == 403
    empty: Any = post(world.staff(RoleName.CASEWORKER), address, f"{address}/proposal", reason=" ")
    assert empty.status_code == 422


def test_the_second_person_sees_the_case_and_signs_it(world: World, rows: tuple[str, str]) -> None:
    sought(world, rows[0])
    change = propose(world, rows[0])
    reviewer = world.staff(RoleName.REVIEWER)
    assert change in reviewer.get("/desk/payment-changes").text
    page = reviewer.get(f"/desk/payment-changes/{change}").text
    assert "三次未联系上" in page
    assert "1,234.56" in page
    assert "payment_change_seen" in actions(world)
    assert decide(reviewer, change, decision="approve").status_code == 303
    assert "已签批" in reviewer.get(f"/desk/payment-changes/{change}").text
    assert change not in reviewer.get("/desk/payment-changes").text
    assert change in reviewer.get("/desk/payment-changes?show=done").text


def test_the_proposer_has_no_button_and_is_refused(world: World, rows: tuple[str, str]) -> None:
    sought(world, rows[0])
    change = propose(world, rows[0], RoleName.SUPERVISOR)
    supervisor = world.staff(RoleName.SUPERVISOR)
    assert "/decision" not in supervisor.get(f"/desk/payment-changes/{change}").text
    assert decide(supervisor, change, decision="approve").status_code == 403
    with world.context.database.read_scope() as session:
        assert session.scalars(select(Benefit.status)).all() == [BenefitStatus.ACTIVE] * 2
    address = f"/desk/payment-changes/{change}"
    assert post(world.staff(RoleName.CASEWORKER), address, f"{address}/withdrawal").status_code == 403
    assert post(supervisor, address, f"{address}/withdrawal").status_code == 303
    assert "已撤回" in supervisor.get(address).text


def test_rejecting_needs_a_reason_and_choosing_needs_a_choice(world: World, rows: tuple[str, str]) -> None:
    sought(world, rows[0])
    change = propose(world, rows[0])
    reviewer = world.staff(RoleName.REVIEWER)
    assert decide(reviewer, change, decision="reject").status_code == 422
    assert decide(reviewer, change, decision="perhaps").status_code == 422
    assert decide(reviewer, change, decision="reject", note="再上门一次").status_code == 303
    assert "再上门一次" in reviewer.get(f"/desk/payment-changes/{change}").text
    late = decide(reviewer, change, decision="approve")
    assert late.status_code == 409
    assert "已被 reviewer 先行处理：已退回" in late.text


def test_signing_after_a_certification_says_why_it_was_not_signed(world: World, rows: tuple[str, str]) -> None:
    sought(world, rows[0])
    change = propose(world, rows[0])
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        today = world.context.policy.certification.today(world.clock())
        new = NewEvidence(person.id, EvidenceKind.COUNTER, today, Strength.CONCLUSIVE, "test")
        life_evidence.add(session, new, by="test", now=world.clock())
    reviewer = world.staff(RoleName.REVIEWER)
    answer = decide(reviewer, change, decision="approve")
    assert "未签批" in reviewer.get(answer.headers["Location"]).text


def resumption(world: World) -> None:
    """A resumption of the person at home that waits for a list."""
    person = add_benefit(world, world.at_home, HOME_REGION)
    today = world.context.policy.certification.today(world.clock())
    with world.context.database.session_scope() as session:
        (benefit,) = payment_changes.drawn_active(session, [person], today)
        payment_changes.pause(session, benefit.id, today.replace(day=1) - timedelta(days=28))
        new = NewEvidence(person, EvidenceKind.COUNTER, today, Strength.CONCLUSIVE, "test")
        life_evidence.add(session, new, by="test", now=world.clock())
    assert len(make_resumptions(world.context).resume_certified().changes) == 1


def test_a_list_is_made_and_taken_by_who_may_export(world: World) -> None:
    resumption(world)
    reviewer = world.staff(RoleName.REVIEWER)
    page = reviewer.get("/desk/payment-changes").text
    assert "生成恢复名单（1）" in page
    assert post(reviewer, "/desk/payment-changes", "/desk/payment-lists", kind="resume").status_code == 303
    page = reviewer.get("/desk/payment-changes").text
    (address,) = re.findall(r'href="(/desk/payment-lists/[^"]+/list\.csv)"', page)
    answer = reviewer.get(address)
    assert RESIDENT_ID in answer.data.decode("utf-8-sig")
    assert "no-store" in answer.headers["Cache-Control"]
    assert actions(world)[-1] == "payment_list.read"
    signature = reviewer.get(address.replace("list.csv", "signature"))
    assert make_lists(world.context).check(answer.data, signature.data)[0].value == "valid"
    assert world.staff(RoleName.CASEWORKER).get(address).status_code == 403
    assert reviewer.get("/desk/payment-lists/nothing/list.csv").status_code == 404
    assert post(reviewer, "/desk/payment-changes", "/desk/payment-lists", kind="x").status_code == 400


def test_the_case_of_a_resumption_shows_the_arrears_month_by_month(world: World) -> None:
    resumption(world)
    reviewer = world.staff(RoleName.REVIEWER)
    page = reviewer.get("/desk/payment-changes?show=done").text
    (address,) = re.findall(r'href="(/desk/payment-changes/[^"?]+)"', page)
    case = reviewer.get(address).text
    assert "全额补发" in case
    assert "/decision" not in case


def test_a_list_of_another_region_looks_like_none(world: World) -> None:
    resumption(world)
    made = make_lists(world.context).make(PaymentChangeKind.RESUME, "190000", actor="cli:x")
    assert made is not None
    answer = world.staff(RoleName.REVIEWER).get(f"/desk/payment-lists/{made.view.public_id}/list.csv")
    assert answer.status_code == 404


@pytest.mark.parametrize("address", ["/desk/outreach", "/desk/outreach/{row}", "/desk/payment-changes", "/desk/payment-changes?show=done"])
def test_every_page_has_one_heading_that_its_title_starts_with(world: World, rows: tuple[str, str], address: str) -> None:
    for language in ("zh", "en"):
        client = world.staff(RoleName.SUPERVISOR)
        client.set_cookie("lifecert_language", language)
        page = client.get(address.format(row=rows[0])).text
        (heading,) = re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
        title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
        assert title is not None
        assert title.group(1).startswith(heading.strip())
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
