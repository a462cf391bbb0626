"""Alerts with their signals, runs and rules of detection: the pages, over HTTP on a real store, without a browser."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from api import detection_requests
from api.pages import month_strip
from api.pages.month_strip import Event
from api.pages.waterfall import waterfall
from api.policy_comments import comments, comments_of
from api.rights import RoleName
from detection.claims.catalogue import CLAIM_RULES
from detection.rules.catalogue import RULES
from models.alert import AlertSeverity, AlertState
from models.audit import AuditEntry
from models.detection import DetectionKind, RunState, Signal
from models.enrolment import Scheme
from models.legal_basis import LegalBasis, LegalPurpose
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.repositories import life_evidence, persons
from models.repositories.life_evidence import NewEvidence
from models.repositories.signal_records import BENEFIT, ENROLMENT, Lane
from models.run_lock import only_one
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World
from tests.api.signal_cases import WATERFALL, Found, add_alert, add_run, add_signal, drawn, entry, fill
from tests.conftest import ROOT
from tests.pages.test_pages import post

SECOND_ID = "190102195203070027"
TODAY = date(2026, 3, 15)


@pytest.fixture
def found(world: World) -> Found:
    with world.context.database.session_scope() as session:
        return fill(session, world.context.keyring, world.at_home, SECOND_ID, world.clock())


def english(client: FlaskClient) -> FlaskClient:
    client.set_cookie("lifecert_language", "en")
    return client


def ids(page: str) -> list[str]:
    return re.findall(r'class="found__one alert-line[^"]*" href="/desk/alerts/([^"]+)"', page)


def audited(world: World, action: str) -> list[tuple[str, int | None]]:
    with world.context.database.read_scope() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id))
        return [(row.object or "", row.person_id) for row in rows]


# the list -----------------------------------------------------------------------------------------------------------------------


def test_the_most_urgent_alert_comes_first_with_what_is_at_risk_altogether(world: World, found: Found) -> None:
    page = english(world.staff(RoleName.CASEWORKER)).get("/desk/alerts").text
    assert ids(page) == [found.alert, found.pair]
    assert "2 alerts, 9,201.00 yuan at risk" in page
    assert "also: Paid after death (P1)" in page.replace("Employee and resident pension contributions at once (D1) · ", "")
    assert (NAME in page, RESIDENT_ID in page, SECOND_ID in page) == (False, False, False)


NARROWED = {
    "code=B1": "alert",
    "code=P1": "alert",  # a signal behind it, not its own code
    "code=D3": "pair",
    "severity=suspicion": "pair",
    "state=closed": "",
    "state=in_case": "",
    "state=open": "alert pair",
    f"region={HOME_REGION}": "alert pair",
    "region=190000": "alert pair",
    "region=190200": "",
    f"region={OTHER_REGION}": "",
    "at_least=1,200": "alert pair",
    "at_least=1201": "alert",
    "at_least=8001&severity=violation": "alert",
    "at_least=8002": "",
    "severity=nonsense&state=nonsense&region=nonsense": "alert pair",
}


def test_the_list_is_narrowed(world: World, found: Found) -> None:
    client = world.staff(RoleName.REVIEWER)
    shown = {query: ids(client.get(f"/desk/alerts?{query}").text) for query in NARROWED}
    assert shown == {query: [getattr(found, name) for name in names.split()] for query, names in NARROWED.items()}


def test_an_amount_that_cannot_be_one_is_said(world: World, found: Found) -> None:
    client = english(world.staff(RoleName.CASEWORKER))
    for amount in ("-1", "ten", "1e9", "99999999999", "１２"):
        answer = client.get("/desk/alerts", query_string={"at_least": amount})
        assert answer.status_code == 422, amount
        assert "Write the amount in whole yuan" in answer.text
        assert ids(answer.text) == [found.alert, found.pair]


def test_pages_go_on_where_the_last_one_ended_also_among_equals_and_alerts_without_priority(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.alerts.PAGE", 3)
    priorities = [None, 1.5, 4.0, 1.5, None, 1.5, 0.0, 4.0]
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        made = [
            (-(priority or 0.0), -row.id, row.public_id)
            for number, priority in enumerate(priorities)
            for row in [add_alert(session, person, "P3", world.clock(), key=f"k{number}", priority=priority)]
        ]
    client, address, seen = world.staff(RoleName.CASEWORKER), "/desk/alerts", []
    while address:
        page = client.get(address).text
        seen.append(ids(page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    assert [len(page) for page in seen] == [3, 3, 2]
    assert [one for page in seen for one in page] == [public_id for _, _, public_id in sorted(made)]


def test_an_address_with_a_wrong_cursor_is_said(world: World) -> None:
    answer = world.staff(RoleName.CASEWORKER).get("/desk/alerts?after=nonsense")
    assert answer.status_code == 422
    assert "请从第一页重新开始" in answer.text


def test_alerts_of_another_region_are_nobodys(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.elsewhere)
        other = add_alert(session, person, "P3", world.clock()).public_id
    client = world.staff(RoleName.SUPERVISOR)
    assert ids(client.get("/desk/alerts").text) == []
    assert client.get(f"/desk/alerts/{other}").status_code == 404


# one alert ----------------------------------------------------------------------------------------------------------------------


def test_each_signal_says_its_sentences_its_explanation_and_its_records(world: World, found: Found) -> None:
    page = english(world.staff(RoleName.CASEWORKER)).get(f"/desk/alerts/{found.alert}").text
    assert "Employee pension and resident pension were both paid for 4 month(s), 2024-12 to 2025-03" in page
    assert "Death on 2025-04-09 (source: civil affairs, conclusive" in page
    assert "A pension or other benefit ends with the month of death." in page
    assert "4 payments, 640.00 yuan together" in page
    assert "Enrolled: Resident pension" in page
    assert f"/desk/person/{world.at_home}/timeline?show=evidence" in page
    assert "4 × 3,200.50" in page  # the months of the strip in words
    chinese = world.staff(RoleName.CASEWORKER).get(f"/desk/alerts/{found.alert}").text
    assert "养老金等待遇发放到死亡当月为止" in chinese
    assert "同时参加职工养老和居民养老共3个月" in chinese


def test_the_look_is_recorded_for_everybody_who_is_shown(world: World, found: Found) -> None:
    client = world.staff(RoleName.AUDITOR)
    assert client.get(f"/desk/alerts/{found.pair}").status_code == 200
    with world.context.database.read_scope() as session:
        keys = sorted(persons.get(session, one).id for one in (world.at_home, found.second))
    assert audited(world, "alert_seen") == [(found.pair, key) for key in keys]


def test_auditors_look_and_change_nothing(world: World, found: Found) -> None:
    client = world.staff(RoleName.AUDITOR)
    page = client.get(f"/desk/alerts/{found.alert}").text
    assert 'name="what"' not in page
    assert post(client, f"/desk/alerts/{found.alert}", what="take").status_code == 403
    assert post(client, f"/desk/alerts/{found.pair}", what="open_numbers", signal=found.pair_signal).status_code == 403
    assert post(client, "/desk/detection", kind="payments", region=HOME_REGION, as_of="2026-03-01").status_code == 403
    assert world.staff(RoleName.COUNTER).get("/desk/alerts").status_code == 403
    assert world.staff(RoleName.COUNTER).get("/desk/rules").status_code == 403


def test_a_pair_is_held_side_by_side_with_its_weights(world: World, found: Found) -> None:
    page = english(world.staff(RoleName.CASEWORKER)).get(f"/desk/alerts/{found.pair}").text
    assert NAME in page
    assert "王建囯" in page
    assert (RESIDENT_ID in page, SECOND_ID in page) == (False, False)
    assert f"/desk/person/{found.second}/merge/{world.at_home}" in page
    rows = [
        re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row)
        for row in re.findall(r"<tr.*?</tr>", page.split("-weights")[-1].split("</table>")[0], re.DOTALL)
    ]
    said = [" ".join(row.split()) for row in rows]
    assert said == [
        "Feature Weight So far Picture",
        "Any two records -18.00 -18.00",
        "Identity card number one slip +14.50 -3.50",
        "Name the same name +9.25 +5.75",
        "Name how rare the value is +2.00 +7.75",
        "Birth date the same day +7.50 +15.25",
        "Region differs -3.00 +12.25",
        "Telephone, account, address a new level +1.25 +13.50",
        "Altogether +13.50 +13.50",
    ]
    assert "probability 99.91%, match weight 13.5" in page


def test_whole_numbers_are_opened_on_purpose_and_recorded(world: World, found: Found) -> None:
    client = world.staff(RoleName.CASEWORKER)
    at = f"/desk/alerts/{found.pair}"
    assert audited(world, "resident_id_opened") == []
    page = post(client, at, what="open_numbers", signal=found.pair_signal)
    plain = re.sub(r"<[^>]+>", "", page.text)
    assert RESIDENT_ID in plain
    assert SECOND_ID in plain
    assert "<mark>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    with world.context.database.read_scope() as session:
        keys = [persons.get(session, one).id for one in (found.second, world.at_home)]
    assert audited(world, "resident_id_opened") == [(found.pair, key) for key in keys]
    assert post(client, at, what="open_numbers", signal="nothing").status_code == 404
    reviewer = world.staff(RoleName.REVIEWER)
    assert "open_numbers" not in reviewer.get(at).text
    assert post(reviewer, at, what="open_numbers", signal=found.pair_signal).status_code == 403
    assert len(audited(world, "resident_id_opened")) == 2


def test_a_person_of_another_region_is_not_shown(world: World, found: Found) -> None:
    with world.context.database.session_scope() as session:
        one, other = persons.get(session, world.at_home), persons.get(session, world.elsewhere)
        other.name = "欧阳娜"
        alert = add_alert(session, one, "D3", world.clock(), key="pair")
        records = [entry("person", one, "person"), entry("person", other, "other")]
        facts = {"probability": 0.99995, "weight": 20.0, "waterfall": WATERFALL}
        signal = add_signal(session, alert, one, "D3", world.clock(), facts=facts, records=records)
        at, opened, masked, key = f"/desk/alerts/{alert.public_id}", signal.public_id, other.resident_id_masked, other.id
    client = english(world.staff(RoleName.CASEWORKER))
    page = client.get(at).text
    assert "欧" not in page
    assert masked not in page
    assert world.elsewhere not in page
    assert "belongs to a region that your account does not see" in page
    assert "over 99.99%" in page
    assert (alert.public_id, key) not in audited(world, "alert_seen")
    assert post(client, at, what="open_numbers", signal=opened).status_code == 404
    assert audited(world, "resident_id_opened") == []


def test_a_pair_of_faces_leads_to_its_own_page_for_those_who_may_compare(world: World, found: Found) -> None:
    with world.context.database.session_scope() as session:
        one, other = persons.get(session, world.at_home), persons.get(session, found.second)
        alert = add_alert(session, one, "P8", world.clock(), key="faces", severity=AlertSeverity.SUSPICION)
        facts = {"similarity": 0.6123, "threshold": 0.5, "fmr": 0.0001, "flags": ["may_be_twins"]}
        records = [entry("person", other, "other_person")]
        signal = add_signal(session, alert, one, "P8", world.clock(), confidence=0.5, facts=facts, records=records)
        at, address = f"/desk/alerts/{alert.public_id}", f"/desk/face-pair/{signal.public_id}"
    client = english(world.staff(RoleName.CASEWORKER))
    page = client.get(at).text
    assert "similarity 0.6123, threshold 0.5" in page
    assert "about one of 10,000 pairs" in page
    assert "They may be twins" in page
    assert f'href="{address}"' in page
    assert client.get(address).status_code == 200
    assert address not in world.staff(RoleName.AUDITOR).get(at).text


def test_the_history_tells_what_happened_by_whom_and_why(world: World, found: Found) -> None:
    client = english(world.staff(RoleName.CASEWORKER))
    at = f"/desk/alerts/{found.alert}"
    with world.context.database.session_scope() as session:
        row = session.scalars(select(Signal).where(Signal.code == "D1")).one()
        row.vanished_at = world.clock.advance(days=1)
        row.vanished_reason = "not_found_again"
        changed = session.scalars(select(Signal).where(Signal.code == "B1")).one()
        changed.changed_at = world.clock.advance(days=1)
    world.clock.advance(days=1)
    case = post(client, at, what="take").headers["Location"]
    world.clock.advance(minutes=5)
    assert post(client, case, what="decide", outcome="confirmed", conclusion="Paid twice", found="640").status_code == 303
    world.clock.advance(minutes=5)
    assert post(world.staff(RoleName.REVIEWER), case, what="sign").status_code == 303
    page = client.get(at).text
    history = re.sub(r"<[^>]+>", "", page.split('id="history-title"')[1].split("</section>")[0])
    order = ["Opened", "No longer found: Employee", "Found with other values: Employee", "Case opened", "Case closed: confirmed"]
    assert [history.index(said) for said in order] == sorted(history.index(said) for said in order)
    assert "Paid twice" in history
    assert "caseworker" in history
    assert "no run found it any more" in history
    assert "Enrolled: Resident pension" not in page  # the vanished signal is history


def test_an_alert_whose_signals_are_all_gone_shows_the_last_of_them(world: World, found: Found) -> None:
    with world.context.database.session_scope() as session:
        for row in session.scalars(select(Signal)):
            row.vanished_at, row.vanished_reason = world.clock(), "not_found_again"
    page = world.staff(RoleName.CASEWORKER).get(f"/desk/alerts/{found.alert}").text
    assert "最近的检测已不再发现" in page
    assert "居民养老" in page


# months and weights -------------------------------------------------------------------------------------------------------------


def lane(kind: str, number: int, first: date, last: date | None, paid: dict[date, int] | None = None) -> Lane:
    return Lane(kind, number, 1, Scheme.EMPLOYEE_PENSION, HOME_REGION, first, last, None, paid or {})


def months_that_count(strip: month_strip.MonthStrip) -> list[tuple[date, date, int]]:
    return [(run.first, run.last, run.months) for run in strip.runs if run.counts]


def test_the_strip_counts_months_in_which_both_stand() -> None:
    one = lane(ENROLMENT, 1, date(2024, 1, 1), date(2024, 6, 1))
    other = lane(ENROLMENT, 2, date(2024, 5, 1), None)
    strip = month_strip.draw([one, other], ["a", "b"], [], from_month=date(2024, 5, 1), to_month=date(2024, 6, 1), today=TODAY)
    assert (strip.first, strip.last) == (date(2024, 3, 1), date(2024, 8, 1))
    assert months_that_count(strip) == [(date(2024, 5, 1), date(2024, 6, 1), 2)]
    assert [run.cells for run in strip.runs] == [(True, None), (True, True), (None, True)]
    assert (strip.counted.x, strip.counted.width) == (pytest.approx(1000 / 3, abs=0.1), pytest.approx(1000 / 3, abs=0.1))
    bars = [bar for row in strip.lanes for bar in row.bars]
    assert all(bar.x >= 0 and bar.x + bar.width <= 1000.1 for bar in bars)


def test_the_strip_counts_the_payments_that_the_finding_names_and_no_month_without_one() -> None:
    paid = {date(2024, month, 1): 100 for month in (1, 2, 4)}
    benefit = lane(BENEFIT, 7, date(2020, 1, 1), None, paid)
    named = frozenset({(7, date(2024, 2, 1)), (7, date(2024, 4, 1))})
    strip = month_strip.draw([benefit], ["a"], [], from_month=date(2024, 2, 1), to_month=date(2024, 4, 1), today=TODAY, paid=named)
    assert months_that_count(strip) == [(date(2024, 2, 1), date(2024, 2, 1), 1), (date(2024, 4, 1), date(2024, 4, 1), 1)]
    assert [bar.kind for bar in strip.lanes[0].bars] == ["span", "paid", "named", "named"]


def test_a_day_a_custody_that_lasts_and_too_many_lanes_are_drawn_within_the_picture() -> None:
    lanes = [lane(BENEFIT, number, date(2024, 1, 1), None) for number in range(11)]
    events = [Event("death", date(2023, 12, 31)), Event("custody", date(2010, 5, 9), None, lasts=True), Event("old", date(1990, 1, 1))]
    strip = month_strip.draw(lanes, ["x"] * 11, events, from_month=date(2024, 1, 1), to_month=date(2024, 1, 1), today=TODAY)
    assert (len(strip.labels), strip.hidden) == (8, 3)
    death, custody, old = strip.lanes[8:]
    assert [len(one.bars) for one in (death, custody, old)] == [1, 1, 0]
    assert (custody.bars[0].x, custody.bars[0].width) == (0, 1000)


def test_without_months_there_is_no_strip() -> None:
    assert month_strip.window(None, None, TODAY) is None
    assert month_strip.window(date(2024, 2, 1), date(2024, 1, 1), TODAY) is None


def test_the_strip_does_not_go_beyond_today() -> None:
    assert month_strip.window(date(2026, 1, 1), date(2026, 2, 1), TODAY) == (date(2025, 11, 1), date(2026, 3, 1))
    assert month_strip.window(date(2026, 1, 1), date(2026, 5, 1), TODAY) == (date(2025, 11, 1), date(2026, 5, 1))


def test_the_waterfall_runs_from_the_prior_to_the_weight_within_the_picture() -> None:
    fall = waterfall({"probability": 0.9991, "weight": 13.5, "waterfall": WATERFALL})
    assert fall is not None
    assert [step.kind.value for step in fall.steps] == ["prior", *["feature"] * 6, "total"]
    assert fall.steps[-2].total == pytest.approx(13.5)
    assert all(step.x >= 0 and step.x + step.width <= 1000.01 and step.width > 0 for step in fall.steps)
    assert [step.up for step in fall.steps[1:-1]] == [True, True, True, True, False, True]
    no_prior = waterfall({"weight": 3.0, "waterfall": [{"feature": "full_name", "level": "same", "weight": 5.0}]})
    assert no_prior is not None
    assert no_prior.steps[0].total == -2.0


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"weight": 1.0},
        {"waterfall": WATERFALL},
        {"weight": float("nan"), "waterfall": WATERFALL},
        {"weight": 1.0, "waterfall": ["x", {"feature": "a"}]},
    ],
)
def test_without_weights_there_is_no_waterfall(facts: dict[str, object]) -> None:
    assert waterfall(facts) is None


# runs ---------------------------------------------------------------------------------------------------------------------------


def test_a_run_tells_its_stages_and_what_it_found(world: World, found: Found) -> None:
    client = english(world.staff(RoleName.REVIEWER))
    listed = client.get("/desk/detection").text
    assert found.run in listed
    assert "Duplicate benefits" in listed
    page = re.sub(r"<[^>]+>", " ", client.get(f"/desk/detection/{found.run}").text)
    text = " ".join(page.split())
    assert "paid at once (B1) · found 1 · at risk, yuan 640.00 · seconds 1.2 Findings put together into alerts · new 2" in text
    assert "(part)" not in text
    assert "3 found: 3 new, 0 changed, 0 gone" in text
    assert "Employee and resident pension paid at once (B1) 1 0 640.00" in text
    assert client.get("/desk/detection/nothing").status_code == 404


def test_a_run_that_stopped_says_why_and_what_to_do(world: World) -> None:
    with world.context.database.session_scope() as session:
        failed = add_run(session, world.clock(), state=RunState.FAILED, failure="the disk is full")
        running = add_run(session, world.clock(), state=RunState.RUNNING, finished_at=None, kind=DetectionKind.PAYMENTS)
        paths = [f"/desk/detection/{run.public_id}" for run in (failed, running)]
    pages = [english(world.staff(RoleName.SUPERVISOR)).get(path).text for path in paths]
    assert "the disk is full" in pages[0]
    assert "ask for the same run again" in pages[0]
    assert "goes on after the last stage" in pages[1]


def test_a_supervisor_asks_for_a_run_once(world: World) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    values = {"kind": "payments", "region": HOME_REGION, "as_of": "2026-03-01"}
    assert post(client, "/desk/detection", **values).status_code == 303
    assert "The run is in the line" in client.get("/desk/detection").text
    assert post(client, "/desk/detection", **values).status_code == 303
    assert "This run waits already" in client.get("/desk/detection").text
    waiting = detection_requests.waiting(world.context)
    assert [(one.kind, one.as_of, one.region_code, one.asked_by) for one in waiting] == [
        (DetectionKind.PAYMENTS, date(2026, 3, 1), HOME_REGION, "staff:supervisor")
    ]
    assert len(audited(world, "detection.asked")) == 1
    assert "Ask for a run" not in english(world.staff(RoleName.CASEWORKER)).get("/desk/detection").text


def test_a_supervisor_asks_for_a_run_over_claims(world: World) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    page = client.get("/desk/detection").text
    assert 'value="claims"' in page
    assert f"in the {world.context.policy.claims.window_days} days up to the day below" in page
    assert post(client, "/desk/detection", kind="claims", region=HOME_REGION, as_of="2026-03-01").status_code == 303
    waiting = detection_requests.waiting(world.context)
    assert [(one.kind, one.region_code) for one in waiting] == [(DetectionKind.CLAIMS, HOME_REGION)]
    assert len(audited(world, "detection.asked")) == 1
    caseworker = world.staff(RoleName.CASEWORKER)
    assert post(caseworker, "/desk/detection", kind="claims", region=HOME_REGION, as_of="2026-03-02").status_code == 403


WRONG = [
    ({"kind": "figures"}, "Choose what to look for"),
    ({"kind": ""}, "Choose what to look for"),
    ({"kind": "faces"}, "legal basis"),
    ({"region": OTHER_REGION}, "Choose a region"),
    ({"region": ""}, "Choose a region"),
    ({"as_of": "2026-03-16"}, "must not lie in the future"),
    ({"as_of": "1999-12-31"}, "nor before 2000"),
    ({"as_of": "yesterday"}, "Write the day"),
]


def test_what_is_wrong_with_the_form_is_said(world: World) -> None:
    client = english(world.staff(RoleName.SUPERVISOR))
    right = {"kind": "payments", "region": HOME_REGION, "as_of": "2026-03-15"}
    for values, said in WRONG:
        answer = post(client, "/desk/detection", **(right | values))
        assert answer.status_code == 422, values
        assert said in answer.text
    assert detection_requests.waiting(world.context) == []


def test_a_run_that_could_only_look_back_is_not_taken(world: World) -> None:
    with world.context.database.session_scope() as session:
        add_run(session, world.clock(), as_of=date(2026, 3, 10), kind=DetectionKind.PAYMENTS)
    client = english(world.staff(RoleName.SUPERVISOR))
    answer = post(client, "/desk/detection", kind="payments", region=HOME_REGION, as_of="2026-03-09")
    assert answer.status_code == 422
    assert "A run as of 2026-03-10 has ended already" in answer.text
    assert post(client, "/desk/detection", kind="payments", region=HOME_REGION, as_of="2026-03-10").status_code == 303


def test_faces_are_offered_while_a_legal_basis_holds(world: World) -> None:
    client = world.staff(RoleName.SUPERVISOR)
    assert 'value="faces"' not in client.get("/desk/detection").text
    with world.context.database.session_scope() as session:
        session.add(
            LegalBasis(
                purpose=LegalPurpose.FACE_SEARCH,
                basis="a law",
                document="1",
                valid_from=date(2026, 1, 1),
                valid_until=date(2026, 12, 31),
                recorded_by="a",
                recorded_at=world.clock(),
                approved_by="b",
                approved_at=world.clock(),
            )
        )
    assert 'value="faces"' in client.get("/desk/detection").text
    assert post(client, "/desk/detection", kind="faces", region=HOME_REGION, as_of="2026-03-15").status_code == 303


# rules --------------------------------------------------------------------------------------------------------------------------


def test_every_rule_is_published_with_its_parameters_and_their_source(world: World) -> None:
    page = english(world.staff(RoleName.AUDITOR)).get("/desk/rules").text
    codes = set(re.findall(r'id="rule-([A-Z0-9-]+)"', page))
    models = {"M-HOSPITAL", "M-DEPARTMENT", "M-DOCTOR", "M-PERSON"}
    assert codes == {*(rule.code for rule in (*RULES, *CLAIM_RULES)), "D3", "P8", *models}
    assert "30 days overdue ([pause] overdue_days_min) and 15 days of outreach" in page
    assert "supporting 0.7; conclusive 0.95" in page
    assert "人社部发〔2014〕17号, article 7" in page
    assert "Nothing is merged by the machine" in page
    chinese = world.staff(RoleName.AUDITOR).get("/desk/rules").text
    assert "系统不会自行合并" in chinese


def test_comments_of_the_policy_are_found_where_they_stand() -> None:
    text = """
# of the whole table
[a.b] # beside it
one = 1 # first
two = "a # b" # second
# above
three = [
  1, # inside
  2,
]
four = 4

[[a.list]] # number 0
x = 1
[[a.list]]
x = 2 # of number 1
"""
    assert comments(text) == {
        "a.b": "of the whole table beside it",
        "a.b.one": "first",
        "a.b.two": "second",
        "a.b.three": "above inside",
        "a.list.0": "number 0",
        "a.list.1.x": "of number 1",
    }
    assert len(comments_of(ROOT / "policy.toml")) > 100
    assert comments_of(Path("/nowhere/policy.toml")) == {}


def test_nothing_about_a_person_is_in_an_address_or_in_the_audit(world: World, found: Found) -> None:
    client = world.staff(RoleName.CASEWORKER)
    post(client, f"/desk/alerts/{found.pair}", what="open_numbers", signal=found.pair_signal)
    page = client.get(f"/desk/alerts/{found.alert}").text
    addresses = re.findall(r'(?:href|action)="([^"]*)"', page)
    assert not any(RESIDENT_ID in address or "王" in address for address in addresses)
    with world.context.database.read_scope() as session:
        entries = [f"{row.object} {row.details} {row.reason}" for row in session.scalars(select(AuditEntry))]
        assert session.scalars(select(Person)).first() is not None
    assert not any(RESIDENT_ID in one or SECOND_ID in one or NAME in one for one in entries)


def test_the_page_of_an_alert_without_signals_stays_as_it_was(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        late = add_alert(session, person, "assistance_late", world.clock(), severity=AlertSeverity.WARNING, state=AlertState.OPEN)
        late.updated_at = world.clock() + timedelta(days=2)
        at = f"/desk/alerts/{late.public_id}"
    page = world.staff(RoleName.CASEWORKER).get(at).text
    assert "地区间的协助请求已超期" in page
    assert "signal" not in re.findall(r'class="panel ([a-z]+)"', page)


# from the form to the alert -----------------------------------------------------------------------------------------------------


def test_a_run_that_was_asked_for_is_carried_out_and_its_findings_are_on_the_pages(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        death = NewEvidence(person.id, EvidenceKind.DEATH_RECORD, date(2025, 4, 9), Strength.CONCLUSIVE, "civil affairs")
        life_evidence.add(session, death, by="test", now=world.clock())
        drawn(session, person, Scheme.EMPLOYEE_PENSION, date(2025, 1, 1), 8, 320_050)
    client = english(world.staff(RoleName.SUPERVISOR))
    assert post(client, "/desk/detection", kind="payments", region=HOME_REGION, as_of="2026-03-15").status_code == 303
    assert detection_requests.carry_out_waiting(world.context) == 1
    assert detection_requests.waiting(world.context) == []
    (listed,) = re.findall(r'href="/desk/detection/([A-Za-z0-9_-]+)"', client.get("/desk/detection").text)
    run = " ".join(re.sub(r"<[^>]+>", " ", client.get(f"/desk/detection/{listed}").text).split())
    assert "Paid after death (P1) 1 0 12,802.00" in run
    assert "Findings put together into alerts · " in run
    (alert,) = ids(client.get("/desk/alerts").text)
    page = client.get(f"/desk/alerts/{alert}").text
    assert "Paid for 4 later month(s), 2025-05 to 2025-08: 12,802.00 yuan" in page
    assert "4 × 3,200.50" in page
    assert "4 payments, 12,802.00 yuan together" in page
    told = world.client("alerts:read").get(f"/api/v1/alerts/{alert}").get_json()
    assert [one["code"] for one in told["findings"]] == ["P1"]


def test_a_run_that_cannot_be_carried_out_does_not_come_again(world: World) -> None:
    wanted = detection_requests.RunRequest(DetectionKind.PAYMENTS, date(2026, 3, 15), "999999", "staff:supervisor", world.clock())
    detection_requests.ask(world.context, wanted)
    assert detection_requests.carry_out_waiting(world.context) == 1
    assert detection_requests.waiting(world.context) == []


def test_a_run_waits_while_another_of_its_kind_is_at_work(world: World) -> None:
    wanted = detection_requests.RunRequest(DetectionKind.PAYMENTS, date(2026, 3, 15), HOME_REGION, "staff:supervisor", world.clock())
    detection_requests.ask(world.context, wanted)
    with only_one(world.context.database, "detect-payments"):
        assert detection_requests.carry_out_waiting(world.context) == 0
    assert detection_requests.waiting(world.context) == [wanted]
