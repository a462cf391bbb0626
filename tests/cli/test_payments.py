"""`lifecert outreach` and `lifecert payments`: results, files, exit codes."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from models.benefit import Benefit, BenefitStatus
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.repositories import life_evidence
from models.repositories.life_evidence import NewEvidence
from tests.cli.conftest import Command, one_line
from tests.models.people import NOW, REGION, add_person


@pytest.fixture
def county(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one overdue person, and one whose paused benefit is to be resumed; a folder to work in."""
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    keyring = FileKeyRing.open(home / "keys.json")
    with database.session_scope() as session:
        for number in (1, 2):
            person = add_person(session, keyring, sequence=number)
            paused = {"status": BenefitStatus.PAUSED, "paused_on": date(2026, 1, 1)} if number == 2 else {"status": BenefitStatus.ACTIVE}
            draws = {"scheme": Scheme.RESIDENT_PENSION, "region_code": REGION, "monthly_fen": 100}
            session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **draws, **paused))
        new = NewEvidence(person.id, EvidenceKind.COUNTER, date(2026, 3, 1), Strength.CONCLUSIVE, "test")
        life_evidence.add(session, new, by="test", now=NOW)
    database.dispose()
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_refreshing_counts_what_changed(command: Command, county: Path) -> None:
    assert command("outreach", "refresh", "--as-of", "2026-03-15", "--json").json == {
        "opened": 1,
        "certified": 0,
        "deceased": 0,
        "not_due": 0,
        "withdrawn": 0,
    }
    assert command("outreach", "refresh", "--as-of", "2026-03-15").out == "0 added, 0 certified, 0 dead, 0 no longer due\n"
    assert command("outreach", "refresh", "--as-of", "tomorrow").code == 2


def test_a_list_is_made_verified_and_made_again(command: Command, county: Path) -> None:
    resumed = command("payments", "resume", "--json").json
    assert resumed["resumed"] == 1
    assert resumed["held_back"] == {}
    made = command("payments", "export", "--kind", "resume", "--region", REGION, "--json").json
    assert (made["number"], made["rows"], made["waiting"]) == (1, 1, 0)
    file, signature = county / made["file"], county / made["signature"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, signature)] == [0o600, 0o600]
    again = command("payments", "export", "--kind", "resume", "--number", 1, "--out", "again.csv")
    assert again.code == 0
    assert (county / "again.csv").read_bytes() == file.read_bytes()
    valid = command("payments", "verify", "again.csv", "--signature", signature)
    assert (valid.code, valid.out) == (0, "valid: resume list 1, 1 lines\n")
    file.write_bytes(file.read_bytes().replace(b"certified", b"overdue"))
    forged = command("payments", "verify", file, "--signature", signature, "--json")
    assert (forged.code, forged.json) == (1, {"state": "forged", "kind": None, "number": None})
    assert [(view["kind"], view["number"]) for view in command("payments", "list", "--json").json] == [("resume", 1)]
    assert command("payments", "list", "--kind", "pause").out == "no list was made yet\n"
    nothing = command("payments", "export", "--kind", "resume", "--region", REGION)
    assert (nothing.code, nothing.out) == (0, "nothing to export: every signed change is on a list\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--kind", "pause"), 2, "either --region"),
        (("--kind", "pause", "--region", REGION, "--number", "1"), 2, "either --region"),
        (("--kind", "pause", "--region", REGION, "--out", "nowhere/x.csv"), 2, "folder"),
        (("--kind", "pause", "--region", "990000"), 1, "no region 990000"),
        (("--kind", "pause", "--number", "9"), 1, "no pause list with the number 9"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(
    command: Command, county: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = command("payments", "export", *arguments)
    assert result.code == code
    assert says in result.err
    assert result.out == ""
    assert list(county.iterdir()) == []


def test_a_signature_file_that_is_none_is_named(command: Command, county: Path) -> None:
    (county / "x.csv").write_text("x")
    result = command("payments", "verify", "x.csv", "--signature", "x.csv")
    assert result.code == 2
    assert "signature file" in one_line(result)


def test_a_list_whose_file_cannot_be_written_can_be_had_again(command: Command, county: Path) -> None:
    command("payments", "resume")
    (county / "taken").mkdir()
    result = command("payments", "export", "--kind", "resume", "--region", REGION, "--out", "taken.csv/../taken/x.csv")
    assert result.code == 2
    (county / "lifecert-resume-1.csv").mkdir()
    result = command("payments", "export", "--kind", "resume", "--region", REGION)
    assert result.code == 1
    assert "--number 1" in result.err
    assert command("payments", "export", "--kind", "resume", "--number", 1, "--out", "x.csv").code == 0
