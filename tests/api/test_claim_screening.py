"""Screening one claim by door and command: what is found with the claims of the store, what is refused, what the audit says."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.cli import cli
from models.audit import AuditEntry
from models.casework import RuleMode
from models.claim import CareSetting, Claim
from models.detection import Signal
from models.person import Person
from models.repositories import rule_modes
from tests.api.conftest import HOME_REGION, OTHER_REGION, OTHER_RESIDENT_ID, RESIDENT_ID, World
from tests.detection.claims_in_store import add_claim, add_institution

CODE = "H19010200001"
CLAIM: dict[str, Any] = {
    "resident_id": RESIDENT_ID,
    "institution": CODE,
    "reference": "2026-871",
    "setting": "inpatient",
    "scheme": "employee_medical",
    "from_date": "2026-03-12",
    "to_date": "2026-03-15",
    "principal_diagnosis": "i50.900",
    "total_fen": 412_600,
    "fund_fen": 330_080,
    "lines": [
        {
            "number": 7,
            "item_code": "001102000010000",
            "item_name": "三人间床位费",
            "category": "bed",
            "quantity": 9,
            "unit_price_fen": 4_000,
            "amount_fen": 36_000,
            "charged_on": "2026-03-12",
        }
    ],
}


@pytest.fixture
def hospital(world: World) -> World:
    """With a hospital here and one elsewhere, and a stay of the person that ended three days before."""
    with world.context.database.session_scope() as session:
        here = add_institution(session, CODE, region=HOME_REGION)
        add_institution(session, "H29010200001", region=OTHER_REGION)
        person = session.scalars(select(Person.id).where(Person.public_id == world.at_home)).one()
        stay = {"setting": CareSetting.INPATIENT, "principal_diagnosis": "I50.901", "from_date": date(2026, 3, 1)}
        add_claim(session, here, person, "2026-700", date(2026, 3, 9), **stay)
    return world


def screened(world: World, **changes: Any) -> Any:
    body = {name: value for name, value in (CLAIM | changes).items() if value is not None}
    return world.client("claims:screen").post("/api/v1/claims:screen", json=body)


def test_a_claim_is_judged_with_the_claims_of_the_store_and_not_kept(hospital: World) -> None:
    answer = screened(hospital)
    assert answer.status_code == 200, answer.get_json()
    body = answer.get_json()
    assert (body["claim"], body["history_claims"]) == ("2026-871", 1)
    assert body["rules_run"] > 5
    found = {one["code"]: one for one in body["findings"]}
    split = found["H1"]
    assert (split["official"], split["amount_fen"], split["facts"]["gap_days"], split["lines"]) == (["GZ10000204001000"], 330_080, 3, [])
    assert "this claim" in split["explanation"]["en"]
    assert "本次结算" in split["explanation"]["zh"]
    assert "claim 2026-700 [2026-03-01 to 2026-03-09, " in split["explanation"]["en"]
    assert "结算单2026-700[2026-03-01至2026-03-09，" in split["explanation"]["zh"]
    beds = found["H12"]
    assert "line 7 of it [三人间床位费, 2026-03-12, 360.00 yuan]" in beds["explanation"]["en"]
    assert beds["lines"] == [7]
    assert str(1 << 62) not in json.dumps(body)
    with hospital.context.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(Claim)) == 1
        assert session.scalar(select(func.count()).select_from(Signal)) == 0
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "claim_screened")).one()
        person = session.scalars(select(Person.id).where(Person.public_id == hospital.at_home)).one()
    assert (entry.person_id, entry.object, entry.details["codes"]) == (person, CODE, sorted(found))
    assert RESIDENT_ID not in json.dumps(entry.details)


def test_a_claim_of_the_store_with_the_same_reference_is_left_out(hospital: World) -> None:
    answer = screened(hospital, reference="2026-700").get_json()
    assert answer["history_claims"] == 0
    assert "H1" not in {one["code"] for one in answer["findings"]}


def test_a_hospital_is_not_told_the_numbers_of_claims_of_other_hospitals(hospital: World) -> None:
    with hospital.context.database.session_scope() as session:
        elsewhere = add_institution(session, "H19010200002", region=HOME_REGION)
        person = session.scalars(select(Person.id).where(Person.public_id == hospital.at_home)).one()
        stay = {"setting": CareSetting.INPATIENT, "principal_diagnosis": "I50.901", "from_date": date(2026, 3, 2)}
        add_claim(session, elsewhere, person, "SECRET-9", date(2026, 3, 10), **stay)
    answer = screened(hospital)
    split = next(one for one in answer.get_json()["findings"] if one["code"] == "H1")
    assert "a claim of another institution" in split["explanation"]["en"]
    assert "其他机构的结算单" in split["explanation"]["zh"]
    assert "SECRET-9" not in answer.text


def test_a_rule_on_trial_tells_hospitals_nothing(hospital: World) -> None:
    with hospital.context.database.session_scope() as session:
        rule_modes.change(session, "H12", RuleMode.SHADOW, reason="tried out", by="staff:wang", now=hospital.context.clock())
    found = {one["code"] for one in screened(hospital).get_json()["findings"]}
    assert "H1" in found
    assert "H12" not in found


def test_who_and_where_it_is_have_to_be_known_and_in_reach(hospital: World) -> None:
    assert screened(hospital, institution="H29010200001").get_json()["code"] == "institution_unknown"
    assert screened(hospital, institution="H00000000000").get_json()["code"] == "institution_unknown"
    assert screened(hospital, resident_id="110101199003077571").get_json()["code"] == "person_unknown"
    assert screened(hospital, resident_id="110101199003077570").get_json()["code"] == "validation_failed"
    with hospital.context.database.read_scope() as session:
        tried = session.scalars(select(AuditEntry.person_id).where(AuditEntry.action == "claim_screening_unknown")).all()
    assert [person is not None for person in tried] == [True, True, False]
    # people are treated everywhere
    assert screened(hospital, resident_id=OTHER_RESIDENT_ID).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"to_date": "2026-03-11"},
        {"fund_fen": 500_000},
        {"social_security_number": "A12345678"},
        {"resident_id": None},
        {"lines": [CLAIM["lines"][0], CLAIM["lines"][0]]},
        {"setting": "ward"},
        {"total_fen": "412600"},
        {"price": 3},
    ],
)
def test_a_document_that_cannot_be_is_refused(hospital: World, changes: dict[str, Any]) -> None:
    answer = screened(hospital, **changes)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "validation_failed")


def test_the_command_says_the_same(
    hospital: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIFECERT_HOME", str(hospital.context.settings.home))
    monkeypatch.setenv("LIFECERT_DATABASE_URL", hospital.context.settings.database_url)
    monkeypatch.setenv("LIFECERT_ENVIRONMENT", "test")
    monkeypatch.setenv("LIFECERT_ENGINE", "scripted")
    file = tmp_path / "claim.json"
    file.write_text(json.dumps(CLAIM), encoding="utf-8")
    cli.main(["screen", str(file), "--json"], standalone_mode=False)
    by_command = json.loads(capsys.readouterr().out)
    by_door = screened(hospital).get_json()
    assert {**by_command, "ms": 0} == {**by_door, "ms": 0}
    cli.main(["screen", str(file)], standalone_mode=False)
    assert "H1 (GZ10000204001000) Split stay: warning, 3,300.80 yuan at risk" in capsys.readouterr().out
