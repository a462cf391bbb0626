"""The pages of scorecards and fairness: roles and regions, numbers, modes, what is said when nothing was counted."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, update

from api.figures import make_figures
from api.rights import RoleName
from detection.fairness_service import FairnessService
from models.account import Account
from models.alert import CaseOutcome
from models.casework import RuleMode
from models.oversight import FigurePeriod, OversightFigure
from models.person import Person
from models.repositories import rule_modes
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.api.conftest import HOME_PROVINCE, HOME_REGION, OTHER_REGION, World, csrf
from tests.models.decided_cases import Made, add_case
from tests.pages.test_signal_pages import english

ONE_CASE = "/desk/scorecards/B1"


def _decide(world: World, count: int, outcome: CaseOutcome, code: str = "B1", region: str = HOME_REGION) -> None:
    at = world.clock() - timedelta(days=1)
    found = 123_400 if outcome is CaseOutcome.CONFIRMED else None
    with world.context.database.session_scope() as session:
        for _ in range(count):
            add_case(session, Made((code,), region, outcome, found, 3_600, at, ()))


@pytest.fixture
def counted(world: World) -> World:
    """Of B1 two confirmed and thirty unfounded, of D1 thirty unfounded, of B1 elsewhere fifty confirmed."""
    _decide(world, 2, CaseOutcome.CONFIRMED)
    _decide(world, 30, CaseOutcome.UNFOUNDED)
    _decide(world, 40, CaseOutcome.UNFOUNDED, "D1")
    _decide(world, 50, CaseOutcome.CONFIRMED, "B1", OTHER_REGION)
    make_figures(world.context).count(by="test")
    return world


def _only_at_home(world: World) -> None:
    with world.context.database.session_scope() as session:
        session.execute(update(Person).values(region_code=HOME_REGION))


@pytest.mark.parametrize("path", ["/desk/scorecards", ONE_CASE, "/desk/fairness", ONE_CASE + "/trend.svg"])
def test_only_who_reads_figures_opens_the_pages(world: World, path: str) -> None:
    allowed = {RoleName.SUPERVISOR, RoleName.AUDITOR}
    make_figures(world.context).count(by="test")
    for role in set(RoleName) - {RoleName.MACHINE_CLIENT}:
        assert world.staff(role).get(path).status_code == (200 if role in allowed else 403), role
    assert world.anonymous().get(path).status_code == 303


def test_before_anything_was_counted_the_pages_say_what_to_do(world: World) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    for path in ("/desk/scorecards", ONE_CASE, "/desk/fairness"):
        page = client.get(path).text
        assert page.count("<h1") == 1
        assert "lifecert figures" in page
    assert client.get("/desk/scorecards/no_such_rule").status_code == 404
    assert client.get(f"/desk/scorecards/{'x' * 41}").status_code == 404
    assert client.get('/desk/scorecards/B1"').status_code == 404
    assert client.get("/desk/fairness/age.svg").status_code == 404
    assert client.get("/desk/fairness/shoes.svg").status_code == 404


def test_the_list_shows_what_was_decided_in_the_region_and_what_it_speaks_for(counted: World) -> None:
    page = english(counted.staff(RoleName.AUDITOR)).get("/desk/scorecards").text
    row = re.search(r'<tr data-row data-code="B1">.*?</tr>', page, re.DOTALL)
    assert row is not None
    cells = re.findall(r'data-label="([^"]+)">([^<]*)', row[0])
    assert dict(cells) == {
        "Decided": "32",
        "Confirmed": "2",
        "Precision": "6.2% ",
        "Found, yuan": "2,468",
        "Recovered, yuan": "0",
        "Hours of review": "32.0",
        "Found an hour, yuan": "77",
        "Open alerts": "0",
    }
    assert "1.7–20.1%" in row[0]  # Wilson's, 2 of 32
    assert "Tighten?" in row[0]
    suggestions = page[page.index("suggested-title") : page.index('id="scorecards"')]
    assert suggestions.index("Retire? ") < suggestions.index("Tighten? ")
    assert "Of 40 cases 0 were confirmed: 0.0%, with 95% confidence 0.0% to 8.8%." in suggestions
    assert "not yet: " in page
    others = page[page.index('id="others"') :]
    assert 'href="/desk/scorecards/P1?' in others
    assert 'href="/desk/scorecards/B1?' not in others
    assert counted.staff(RoleName.AUDITOR).get("/desk/scorecards?region=290100").status_code == 404
    chinese = counted.staff(RoleName.AUDITOR).get("/desk/scorecards").text
    assert "规则评分卡" in chinese
    assert "Precision" not in chinese


def test_a_rule_has_its_numbers_trend_cases_parameters_and_mode(counted: World) -> None:
    client = english(counted.staff(RoleName.AUDITOR))
    page = client.get(ONE_CASE).text
    assert page.count("<h1") == 1
    assert "Think about tightening it: even the upper end of the interval lies below 30.0%." in page
    assert page.count('href="/desk/cases/') == 32
    assert "Mode: Live" in page
    assert "offset_months" in page
    assert "Put it into another mode" not in page  # auditors change nothing
    trend = page[page.index('id="trend"') :]
    assert trend.count('<th scope="row">20') == counted.context.policy.oversight.scorecard.months
    chart = client.get(ONE_CASE + "/trend.svg")
    assert chart.mimetype == "image/svg+xml"
    assert client.get(ONE_CASE + "/trend.svg", headers={"If-None-Match": chart.headers["ETag"]}).status_code == 304


def test_a_supervisor_of_everybody_changes_a_mode_with_a_reason(counted: World) -> None:
    client = english(counted.staff(RoleName.SUPERVISOR))
    headers = csrf(counted, client)
    form = {"mode": "shadow", "reason": "most are unfounded"}
    assert "your account is for a part of them" in client.get(ONE_CASE).text
    assert client.post(ONE_CASE + "/mode", data=form, headers=headers).status_code == 403
    _only_at_home(counted)
    assert "Put it into another mode" in client.get(ONE_CASE).text
    for wrong in ({"mode": "shadow", "reason": " "}, {"mode": "asleep", "reason": "x"}, {"mode": "shadow", "reason": "x" * 501}, {}):
        answer = client.post(ONE_CASE + "/mode", data=wrong, headers=headers)
        assert answer.status_code == 422
        assert "Choose a mode and write why" in answer.text
    assert client.post("/desk/scorecards/fairness_gap/mode", data=form, headers=headers).status_code == 404
    assert client.post(ONE_CASE + "/mode", data=form, headers=headers).status_code == 303
    with counted.context.database.read_scope() as session:
        assert rule_modes.current(session) == {"B1": RuleMode.SHADOW}
    late = client.post(ONE_CASE + "/mode", data={"mode": "retired", "reason": "of no use", "seen": "0"}, headers=headers)
    assert late.status_code == 409
    assert "supervisor was faster. You changed nothing" in late.text
    assert "most are unfounded" in late.text
    page = client.get(ONE_CASE).text
    assert "of no use" not in page
    assert "most are unfounded" in page
    assert "What it would have opened" in page
    assert "In the shadow" in client.get("/desk/scorecards").text
    for role in (RoleName.AUDITOR, RoleName.CASEWORKER, RoleName.REVIEWER):
        other = counted.staff(role)
        assert other.post(ONE_CASE + "/mode", data=form, headers=csrf(counted, other)).status_code == 403


def _attempt(person: int, channel: VerificationChannel, outcome: VerificationOutcome, world: World) -> dict[str, object]:
    decided = {"state": VerificationState.DECIDED, "outcome": outcome, "decided_at": world.clock() + timedelta(seconds=40)}
    made = {"person_id": person, "kind": VerificationKind.STANDARD, "channel": channel, "challenge": {}, "token_hash": b"0" * 32}
    return {
        **made,
        **decided,
        "started_at": world.clock(),
        "expires_at": world.clock() + timedelta(minutes=5),
        "client": {"device": "phone"},
    }


def test_fairness_shows_groups_with_intervals_and_a_gap_as_an_alert(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = session.scalars(select(Person.id).where(Person.public_id == world.at_home)).one()
        channels = {VerificationChannel.SELF: (20, 80), VerificationChannel.COUNTER: (95, 5)}
        rows = [
            _attempt(person, channel, outcome, world)
            for channel, counts in channels.items()
            for outcome, count in zip((VerificationOutcome.CERTIFIED, VerificationOutcome.RETRY), counts, strict=True)
            for _ in range(count)
        ]
        session.execute(insert(Verification), rows)
        session.execute(update(Account).values(region_code=HOME_PROVINCE))
    make_figures(world.context).count(by="test")
    tended = FairnessService(world.context.database, world.context.policy, world.clock).tend()
    assert (tended.found, tended.opened) == (2, 2)
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get("/desk/fairness").text
    assert page.count("<h1") == 1
    table = page[page.index('id="route"') : page.index("routes-title")]
    assert "20.0%" in table
    assert "13.3–28.9%" in table  # Wilson's, 20 of 100
    assert "Certified – worse than everybody else by 75.0 percentage points" in table
    assert page.count('href="/desk/alerts/') == 2
    assert "policy allows 5.0 percentage points" in page
    for dimension in ("route", "age", "sex", "device", "region"):
        assert client.get(f"/desk/fairness/{dimension}.svg").mimetype == "image/svg+xml"
    chinese = world.staff(RoleName.SUPERVISOR).get("/desk/fairness").text
    assert "刷脸认证公平性" in chinese
    assert "Camera checks" not in chinese
    alert = re.search(r'href="(/desk/alerts/[^"]+)"', page)
    assert alert is not None
    assert "A group of people fares worse with the camera check" in client.get(alert[1]).text


def test_a_county_office_sees_its_own_figures_only(counted: World) -> None:
    elsewhere = select(OversightFigure.day).where(
        OversightFigure.region_code == OTHER_REGION, OversightFigure.kind == "scorecard.confirmed"
    )
    with counted.context.database.session_scope() as session:
        assert session.scalars(elsewhere.where(OversightFigure.period == FigurePeriod.MONTH)).all() == [date(2026, 3, 1)]
        session.execute(update(Account).values(region_code=OTHER_REGION))
    page = english(counted.staff(RoleName.AUDITOR)).get(ONE_CASE).text
    assert "interval 92.9–100.0%, of 50" in page  # Wilson's, 50 of 50
