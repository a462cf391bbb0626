"""`lifecert import institutions|claims|claim-lines|fhir`: output and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.claim import Claim, ClaimLine
from models.database import Database
from tests.cli.conftest import Command, one_line
from tests.detection import fhir_bundles as made
from tests.detection.files import REGION, count, number, table
from tests.detection.test_intake_claims import CHARGED, CLAIMS, HOSPITALS, LINES, SENT


@pytest.fixture(autouse=True)
def _no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detection.intake_service.write_report", lambda *_: None)


@pytest.fixture
def people(command: Command, tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", [(number(5), "王安", REGION)])
    assert command("import", "persons", path, "--json").code == 0


@pytest.mark.usefixtures("people")
def test_the_three_kinds_come_in_one_after_another(command: Command, home: Path, tmp_path: Path) -> None:
    hospitals = table(tmp_path / "h.csv", [("H1", "第一医院", "医院", "三级", REGION, "800")], HOSPITALS)
    claims, lines = table(tmp_path / "c.csv", [SENT], CLAIMS), table(tmp_path / "l.csv", [CHARGED], LINES)
    early = command("import", "claims", claims, "--json")
    assert (early.code, early.json["by_rule"]) == (0, {"INSTITUTION_UNKNOWN": 1})
    for kind, path in (("institutions", hospitals), ("claims", claims), ("claim-lines", lines)):
        result = command("import", kind, path, "--json")
        assert (result.code, result.json["accepted"]) == (0, 1), result.err
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    assert (count(database, Claim), count(database, ClaimLine)) == (1, 1)
    wrong = command("import", "claim-lines", claims)
    assert wrong.code == 2
    assert "line_number" in one_line(wrong)


@pytest.mark.usefixtures("people")
def test_fhir_prints_json_alone_names_what_it_left_out_and_refuses_a_wrong_rate(command: Command, tmp_path: Path) -> None:
    resources = [made.patient(), made.organization(), *made.others(), made.claim(), made.benefit(currency="USD")]
    path = made.bundle(tmp_path / "b.json", *resources)
    for rate in ("USD", "USD=x", "USD=-1", "usd=7", "USD=Infinity"):
        refused = command("import", "fhir", path, "--rate", rate)
        assert refused.code == 2
        assert "USD=7.1" in one_line(refused)
    without = command("import", "fhir", path, "--json")
    assert without.json["claims"]["by_rule"] == {"AMOUNT_INVALID": 1}
    result = command("import", "fhir", path, "--rate", "USD=7.1", "--json")
    assert result.code == 0
    assert {kind: result.json[kind]["accepted"] for kind in ("institutions", "claims", "claim_lines")} == {
        "institutions": 0,
        "claims": 1,
        "claim_lines": 2,
    }
    assert result.json["skipped"]["answered_by_benefit"] == 1
    plain = command("import", "fhir", path, "--rate", "USD=7.1")
    assert "claims: 1 rows, 0 accepted, 1 unchanged, 0 rejected" in plain.out
    assert "not taken over: item_without_amount: 1" in plain.out
    (tmp_path / "x.json").write_text("no")
    assert command("import", "fhir", tmp_path / "x.json").code == 2
