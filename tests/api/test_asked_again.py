"""What goes against a person, or changes who may what, needs a fresh sign-in: one row for each form of the desk, or a test fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import url_for

from api import sessions
from api.rights import RoleName
from tests.api.conftest import World, csrf, make_world
from tests.api.route_table import DESK_ROWS
from tests.conftest import FixedClock

NOBODY = "x" * 22
ALWAYS: Mapping[str, str] = {}

# Endpoint -> forms that are asked for again.
ASKED: dict[str, tuple[Mapping[str, str], ...]] = {
    "counter.account_add": (ALWAYS,),
    "counter.account_change": tuple({"what": what} for what in ("disable", "roles", "region", "reset_factors", "reset_password", "unlock")),
    "counter.case_step": ({"what": "sign"}, {"what": "undo"}, {"what": "decide", "outcome": "confirmed"}),
    "counter.change_rule_mode": (ALWAYS,),
    "counter.compare_records": (ALWAYS,),
    "counter.correct_evidence": (ALWAYS,),
    "counter.decide_review": ({"what": "decide", "decision": "suspected"},),
    "counter.outreach_propose": (ALWAYS,),
    "counter.payment_change_decide": ({"decision": "approve"}, {"decision": "reject"}),
    "counter.payment_list_make": ({"kind": "pause"},),
    "counter.privacy_request_answer": ({"answer": "carry_out"}, {"answer": "refuse"}),
    "counter.privacy_request_sign": ({"decision": "sign"}, {"decision": "send_back"}),
    "counter.prove_again": (ALWAYS,),  # the page that asks leads there
    "counter.record_evidence": (ALWAYS,),  # at the address of a death record
    "counter.reference_revoke": (ALWAYS,),
    "counter.split": (ALWAYS,),
}
# Only somebody signed in with a browser gets there at all: tests/api/test_account_sessions.py, test_second_factor.py.
ASKED_IN_A_BROWSER = {"counter.account_codes", "counter.account_factor_remove"}
# Endpoint -> forms that are for somebody, or against nobody: those are not asked for again.
NOT_ASKED: dict[str, tuple[Mapping[str, str], ...]] = {
    "counter.case_step": ({"what": "note"}, {"what": "take"}, {"what": "decide", "outcome": "unfounded"}, {"what": "withdraw"}),
    "counter.decide_review": ({"what": "decide", "decision": "certified"}, {"what": "uncover"}),
    "counter.payment_list_make": ({"kind": "resume"},),
    # work of the counter, and what only shows
    **dict.fromkeys(
        (
            "counter.home",
            "counter.done",
            "counter.consent",
            "counter.reference",
            "counter.reference_check",
            "counter.status_code",
            "counter.visit",
            "counter.person_data",
            "counter.merge",
            "counter.assistance_ask",
            "counter.assistance_person",
            "counter.assistance_step",
            "counter.outreach_attempt",
            "counter.outreach_number",
            "counter.harness_start",
            "counter.harness_frame",
            "counter.privacy_request_wish",
            "counter.audit_list",
            "face_pairs.uncover",
        ),
        (ALWAYS,),
    ),
    # work on alerts that decides nothing about anybody
    **dict.fromkeys(
        (
            "counter.alert",
            "counter.case_paper_add",
            "counter.save_view",
            "counter.change_view",
            "counter.take_next",
            "counter.end_suppression",
            "counter.detection_runs",
            "counter.read_notices",
            "counter.subscribe",
            "counter.end_subscription",
            "counter.test_subscription",
            "counter.oversight_refresh",
            "counter.retry_webhook",
        ),
        (ALWAYS,),
    ),
    "counter.payment_change_withdraw": (ALWAYS,),  # one's own proposal, in favour of the person
    # of one's own sessions: whoever ends them must not be held up
    "counter.account_session_end": (ALWAYS,),
    "counter.account_sessions_end": (ALWAYS,),
}
ASKS_FOR_THE_PASSWORD_ITSELF = {"counter.account_password"}


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("asked_again")
    path = folder / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", folder / "home", FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC)))
    yield made
    made.context.database.dispose()


def forms_of_the_desk(world: World) -> set[str]:
    return {rule.endpoint for rule in world.app.url_map.iter_rules() if "POST" in (rule.methods or ()) and rule.endpoint in DESK_ROWS}


def answer(world: World, endpoint: str, form: Mapping[str, str]) -> int:
    """The status that somebody gets who may send this form, about what is not there."""
    roles = DESK_ROWS[endpoint].who_may("POST")
    rule = next(rule for rule in world.app.url_map.iter_rules(endpoint) if "POST" in (rule.methods or ()))
    values = dict.fromkeys(rule.arguments, NOBODY) | {"kind": "death_record"} | {"action": "withdraw"}
    with world.app.test_request_context():
        address = url_for(endpoint, **{name: values[name] for name in rule.arguments})
    client = world.staff(RoleName.SUPERVISOR if RoleName.SUPERVISOR in roles else min(roles))
    return client.post(address, data=dict(form), headers=csrf(world, client)).status_code


def test_every_form_of_the_desk_has_a_row(shared: World) -> None:
    stated = {*ASKED, *NOT_ASKED, *ASKED_IN_A_BROWSER, *ASKS_FOR_THE_PASSWORD_ITSELF}
    assert forms_of_the_desk(shared) == stated
    for endpoint in ASKED_IN_A_BROWSER:
        assert shared.app.view_functions[endpoint].asks_again, endpoint


def test_an_old_sign_in_does_nothing_against_anybody(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    young = {(name, tuple(form.items())): answer(shared, name, form) for name, forms in ASKED.items() for form in forms}
    monkeypatch.setattr(sessions, "is_fresh", lambda _proved_at: False)
    old = {(name, tuple(form.items())): answer(shared, name, form) for name, forms in ASKED.items() for form in forms}
    assert {row: status for row, status in old.items() if status != 403} == {}
    assert {row: status for row, status in young.items() if status == 403} == {}


def test_an_old_sign_in_is_enough_for_what_is_against_nobody(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "is_fresh", lambda _proved_at: False)
    got = {(name, tuple(form.items())): answer(shared, name, form) for name, forms in NOT_ASKED.items() for form in forms}
    assert {row: status for row, status in got.items() if status == 403} == {}


@pytest.mark.parametrize("kind", ["counter", "custody", "death_record"])
def test_the_door_for_evidence_asks_like_the_page(shared: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(sessions, "is_fresh", lambda _proved_at: False)
    body = {"kind": kind, "occurred_on": "1901-01-01", "reference": "a paper", "told_by": "family"}
    given = shared.staff(RoleName.CASEWORKER).post(f"/api/v1/persons/{shared.at_home}/life-evidence", json=body)
    asked = (403, "sign_in_too_old")
    assert ((given.status_code, given.get_json()["code"]) == asked) == (kind != "counter"), given.text


def test_the_door_that_revokes_a_face_asks_too(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    address, client = f"/api/v1/persons/{shared.at_home}/reference", shared.staff(RoleName.COUNTER)
    assert client.delete(address, json={"reason": "other"}).get_json()["code"] == "reference_unknown"
    monkeypatch.setattr(sessions, "is_fresh", lambda _proved_at: False)
    assert client.delete(address, json={"reason": "other"}).get_json()["code"] == "sign_in_too_old"
