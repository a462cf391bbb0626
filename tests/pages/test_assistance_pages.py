"""The desk's pages of assisted certification: queues by region, a request on both sides, asking another region."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from api.assistance import assistance_service
from api.rights import RoleName
from models.account import Account
from models.assistance import AssistanceRequest, AssistanceState
from models.audit import AuditEntry
from models.certificate import Certificate
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World, csrf
from verify.assistance import Action
from verify.assistance_views import Answer

CONTACT = "13800000000"


@dataclass(frozen=True)
class Desks:
    """asking: at home; there: an account of the other region."""

    world: World
    asking: FlaskClient
    there: FlaskClient


@pytest.fixture
def desks(world: World) -> Desks:
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == RoleName.CASEWORKER.value).values(region_code=OTHER_REGION))
    return Desks(world, world.staff(RoleName.COUNTER), world.staff(RoleName.CASEWORKER))


def ask(desks: Desks) -> str:
    answer = desks.asking.post(
        f"/counter/person/{desks.world.at_home}/ask-region",
        data={"region": OTHER_REGION, "reason": "lives with her daughter", "contact": CONTACT, "find": "29"},
        headers=csrf(desks.world, desks.asking),
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).rsplit("/", 1)[1]


def post(desks: Desks, client: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    answer = client.post(f"/desk/assistance/{path}", data=form, headers=csrf(desks.world, client))
    return answer.status_code, answer.text


def test_regions_are_found_by_code_and_name_and_the_own_one_is_not_offered(desks: Desks) -> None:
    page = desks.asking.get(f"/counter/person/{desks.world.at_home}/ask-region?find=2901").text
    assert f'value="{OTHER_REGION}"' in page
    page = desks.asking.get(f"/counter/person/{desks.world.at_home}/ask-region?find=1901").text
    assert f'value="{HOME_REGION}"' not in page
    assert f"/counter/person/{desks.world.at_home}/ask-region" in desks.asking.get(f"/counter/person/{desks.world.at_home}").text


def test_the_whole_way_on_the_pages_of_both_sides(desks: Desks) -> None:
    request_id = ask(desks)
    ours, theirs = desks.asking.get("/desk/assistance").text, desks.there.get("/desk/assistance?side=performing").text
    assert request_id in ours
    assert request_id in theirs
    assert "剩余天数：5" in theirs
    assert request_id not in desks.there.get("/desk/assistance").text
    page = desks.there.get(f"/desk/assistance/{request_id}").text
    assert f"/desk/assistance/{request_id}/accept" in page
    assert "withdraw" not in page
    assert not {NAME, RESIDENT_ID, CONTACT} & set(re.split(r"[<>\s]", page))
    assert desks.world.at_home not in page
    assert post(desks, desks.there, f"{request_id}/accept", version="1")[0] == 303
    status, page = post(desks, desks.there, f"{request_id}/carry_out", version="2", method="home_visit", occurred_on="2026-03-15")
    assert status == 422
    assert 'id="second_staff-error"' in page
    form = {"version": "2", "method": "counter", "occurred_on": "2026-03-15", "note": "well"}
    assert post(desks, desks.there, f"{request_id}/carry_out", **form)[0] == 303
    done = desks.asking.get(f"/desk/assistance/{request_id}").text
    assert "已认证，已出具证明" in done
    with desks.world.context.database.read_scope() as session:
        assert len(session.scalars(select(Certificate)).all()) == 1
    assert request_id not in desks.asking.get("/desk/assistance").text
    assert request_id in desks.asking.get("/desk/assistance?state=carried_out").text


def test_the_person_is_shown_on_demand_only_and_every_look_is_recorded(desks: Desks) -> None:
    request_id = ask(desks)
    desks.there.get(f"/desk/assistance/{request_id}")
    status, page = post(desks, desks.there, f"{request_id}/person")
    assert status == 200
    assert NAME in page
    assert RESIDENT_ID in page
    assert CONTACT in page
    assert desks.there.get(f"/desk/assistance/{request_id}/person").status_code == 405
    with desks.world.context.database.read_scope() as session:
        seen = session.execute(
            select(AuditEntry.actor, AuditEntry.action).where(AuditEntry.object == request_id).order_by(AuditEntry.id)
        ).all()
    assert [tuple(entry) for entry in seen][1:] == [
        ("staff:caseworker", "assistance.seen"),
        ("staff:caseworker", "assistance.person_opened"),
    ]


def test_who_comes_too_late_is_told_and_changes_nothing(desks: Desks) -> None:
    request_id = ask(desks)
    assert post(desks, desks.there, f"{request_id}/accept", version="1")[0] == 303
    status, page = post(desks, desks.there, f"{request_id}/accept", version="1")
    assert status == 409
    assert "没有改动任何内容" in page
    with desks.world.context.database.read_scope() as session:
        assert session.scalars(select(AssistanceRequest.version)).all() == [2]


@pytest.mark.parametrize("path", ["", "/accept", "/withdraw"])
def test_a_third_region_sees_nothing(desks: Desks, path: str) -> None:
    request_id = ask(desks)
    with desks.world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == RoleName.SUPERVISOR.value).values(region_code="290000"))
        session.execute(update(AssistanceRequest).values(performing_region="390100"))
    assert desks.world.staff(RoleName.SUPERVISOR).get(f"/desk/assistance/{request_id}{path}").status_code == 404


def test_it_is_not_for_roles_without_the_right(world: World) -> None:
    for role in (RoleName.AUDITOR, RoleName.REVIEWER, RoleName.ADMINISTRATOR):
        assert world.staff(role).get("/desk/assistance").status_code == 403


def test_lateness_is_said_in_words_and_the_list_goes_on_page_by_page(desks: Desks) -> None:
    request_id = ask(desks)
    desks.world.clock.advance(days=7)
    page = desks.there.get("/desk/assistance?side=performing").text
    assert "已超期天数：2" in page
    assert "超期：1" in page
    assert request_id not in desks.there.get(f"/desk/assistance?side=performing&after={request_id}").text
    assert desks.there.get("/desk/assistance?state=nonsense").status_code == 404


def test_a_second_request_about_the_same_person_is_refused_kindly(desks: Desks) -> None:
    ask(desks)
    answer = desks.asking.post(
        f"/counter/person/{desks.world.at_home}/ask-region",
        data={"region": OTHER_REGION, "reason": "again"},
        headers=csrf(desks.world, desks.asking),
    )
    assert answer.status_code == 409
    assert "已经就此人向其他地区发出请求" in answer.text
    for form in ({"region": OTHER_REGION, "reason": " "}, {"region": "999999", "reason": "x"}):
        answer = desks.asking.post(f"/counter/person/{desks.world.at_home}/ask-region", data=form, headers=csrf(desks.world, desks.asking))
        assert answer.status_code == 422


@pytest.mark.parametrize("action", ["refuse", "withdraw", "return", "carry_out"])
def test_every_form_opens_where_its_step_is_possible(desks: Desks, action: str) -> None:
    request_id = ask(desks)
    client = desks.asking if action == "withdraw" else desks.there
    if action in {"return", "carry_out"}:
        service = assistance_service(desks.world.context)
        service.act(request_id, Action.ACCEPT, Answer(), version=1, region="2901", actor="staff:there")
    page = client.get(f"/desk/assistance/{request_id}/{action}")
    assert page.status_code == 200
    assert page.text.count("<h1>") == 1
    with desks.world.context.database.read_scope() as session:
        version = session.scalars(select(AssistanceRequest.version)).one()
    form = {"refuse": {"why": "not_here"}, "return": {"why": "ill"}, "withdraw": {"note": "no longer needed"}, "carry_out": {}}[action]
    if action == "carry_out":
        form = {"method": "video_call", "occurred_on": "2026-03-15"}
    assert post(desks, client, f"{request_id}/{action}", version=str(version), **form)[0] == 303
    ends = {"refuse": "refused", "return": "returned", "withdraw": "withdrawn", "carry_out": "carried_out"}
    with desks.world.context.database.read_scope() as session:
        assert session.scalars(select(AssistanceRequest.state)).one() is AssistanceState(ends[action])
