"""`lifecert detect`: what it prints and writes, again without change, and killed without anything lost or twice."""

from __future__ import annotations

import csv
import io
import json
import os
import signal as signals_of_the_system
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from api.context import utc_now
from models.alert import Alert, AlertState
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus, Payment
from models.database import Database
from models.detection import DetectionRun, RunState, Signal
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from tests.cli.conftest import Command, one_line
from tests.conftest import ROOT
from tests.models.people import NOW, REGION, add_person, resident_id

AS_OF = "2026-03-15"
LONG_S = 240
FEN = 100_000
CODES = ["P1", "P2", "P3", "P4", "P5", "P6", "P7"]


def fill(database: Database, home: Path, persons: int) -> None:
    """Pensioners who died in October 2025, were certified in September, and were paid until March."""
    keyring = FileKeyRing.open(home / "keys.json")
    with database.session_scope() as session:
        ids = [add_person(session, keyring, sequence=2 * place + 1, name="王秀英").id for place in range(persons)]
        benefit = {"scheme": Scheme.EMPLOYEE_PENSION, "region_code": REGION, "monthly_fen": FEN, "status": BenefitStatus.ACTIVE}
        rows = [{"person_id": person, "from_month": date(2015, 1, 1), **benefit} for person in ids]
        benefits = session.scalars(insert(Benefit).returning(Benefit.id), rows).all()
        months = [date(2025, month, 1) for month in range(7, 13)] + [date(2026, month, 1) for month in (1, 2, 3)]
        session.execute(insert(Payment), [{"benefit_id": one, "month": month, "amount_fen": FEN} for one in benefits for month in months])
        told = {"strength": Strength.CONCLUSIVE, "source": "民政", "recorded_by": "test", "recorded_at": NOW}
        facts = ((EvidenceKind.COUNTER, date(2025, 9, 1)), (EvidenceKind.DEATH_RECORD, date(2025, 10, 20)))
        session.execute(
            insert(LifeEvidence),
            [{"person_id": person, "kind": kind, "occurred_on": day, **told} for person in ids for kind, day in facts],
        )


@pytest.fixture
def store(home: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    yield database
    database.dispose()


def test_counts_by_code_and_findings_in_full_and_again_nothing_changes(
    command: Command, home: Path, store: Database, tmp_path: Path
) -> None:
    fill(store, home, 4)
    first = command("detect", "payments", "--as-of", AS_OF, "--json")
    assert first.code == 0, first.err
    assert (first.json["kind"], first.json["as_of"], first.json["recorded"], list(first.json["codes"])) == ("payments", AS_OF, True, CODES)
    found = first.json["codes"]["P1"]
    assert (found["found"], found["opened"], found["amount_fen"]) == (4, 4, 4 * 5 * FEN)
    assert first.json["alerts"] == {"opened": 4, "updated": 0, "closed": 0, "told": 0}
    out = tmp_path / "found.csv"
    again = command("detect", "payments", "--as-of", AS_OF, "--out", out, "--json").json
    assert (again["codes"]["P1"]["opened"], again["codes"]["P1"]["unchanged"], again["alerts"]["opened"]) == (0, 4, 0)
    assert again["out"] == {"file": str(out), "findings": 4}
    text = out.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["code"], row["months"], row["amount_fen"]) for row in rows] == [("P1", "5", str(5 * FEN))] * 4
    records = json.loads(rows[0]["records"])
    assert sorted(record["role"] for record in records) == ["death", *["paid"] * 5]
    with store.read_scope() as session:
        assert session.scalars(select(Alert.amount_fen)).all() == [5 * FEN] * 4
        runs = session.scalars(select(AuditEntry).where(AuditEntry.action == "detection.run")).all()
        assert [entry.object for entry in runs] == [first.json["run"], again["run"]]
        person = session.get_one(Person, int(rows[0]["person_id"]))
        paid = session.scalars(select(Payment.month).where(Payment.id.in_(one["id"] for one in records if one["kind"] == "payment"))).all()
    assert (rows[0]["person"], rows[0]["resident_id_masked"]) == (person.public_id, person.resident_id_masked)
    assert min(paid) == date(2025, 11, 1)
    assert "王" not in text
    assert [path.name for path in (home / "detection" / "work").iterdir()] == []


def test_people_read_a_table_and_an_earlier_day_is_only_looked_back_at(
    command: Command, home: Path, store: Database, tmp_path: Path
) -> None:
    fill(store, home, 2)
    result = command("detect", "payments", "--as-of", AS_OF)
    assert f"payments as of {AS_OF}" in result.out
    assert "10,000.00" in result.out
    assert "alerts: 2 opened" in result.out
    assert "P1: 2 of 2" in result.err
    assert "王" not in result.out + result.err
    out = tmp_path / "then.csv"
    then = command("detect", "payments", "--as-of", "2026-01-31", "--out", out, "--json")
    assert (then.json["recorded"], then.json["run"], then.json["codes"]["P1"]["amount_fen"]) == (False, None, 2 * 3 * FEN)
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 3
    with store.read_scope() as session:
        assert session.scalar(select(func.sum(Signal.amount_fen))) == 2 * 5 * FEN


def test_files_are_looked_at_without_a_store(command: Command, home: Path, tmp_path: Path) -> None:
    files, number = tmp_path / "files", resident_id(sequence=1)
    files.mkdir()
    told = {
        "persons": ("resident_id,name,region_code", f"{number},王秀英,420106", "123,王秀英,420106"),
        "benefits": ("resident_id,scheme,from_month,monthly_fen", f"{number},employee_pension,2015-01,{FEN}"),
        "payments": ("resident_id,month,amount_fen", f"{number},2025-10,{FEN}", f"{number},2025-11,{FEN}"),
        "deaths": ("resident_id,death_date,source", f"{number},2025-10-20,民政"),
    }
    for name, lines in told.items():
        (files / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "found.csv"
    result = command("detect", "payments", "--files", files, "--as-of", AS_OF, "--out", out, "--json")
    assert result.code == 0, result.err
    assert (result.json["codes"]["P1"]["found"], result.json["amount_fen"]) == (1, FEN)
    assert sum(result.json["rejected"]["persons.csv"].values()) == 1
    assert "王" not in out.read_text(encoding="utf-8-sig") + result.err
    (files / "persons.csv").unlink()
    nobody = command("detect", "payments", "--files", files)
    assert (nobody.code, "persons.csv" in one_line(nobody)) == (2, True)


def test_what_cannot_be_asked_for_is_wrong_input(command: Command, store: Database, tmp_path: Path) -> None:
    later = command("detect", "payments", "--as-of", date(utc_now().year + 1, 1, 1))
    assert (later.code, "yet to come" in later.err) == (2, True)
    region = command("detect", "payments", "--as-of", AS_OF, "--region", "999999")
    assert (region.code, "no region 999999" in one_line(region)) == (2, True)
    ending = command("detect", "payments", "--out", tmp_path / "found.pdf")
    assert (ending.code, ".csv, .parquet, .xlsx" in one_line(ending)) == (2, True)
    nowhere = command("detect", "payments", "--out", tmp_path / "none" / "found.csv")
    assert nowhere.code == 2
    assert command("detect", "everything").code == 2


def test_a_killed_run_goes_on_with_nothing_lost_and_nothing_twice(database_url: str, tmp_path: Path) -> None:
    home = tmp_path / "killed"
    home.mkdir(mode=0o700)
    database = Database(database_url)
    fill(database, home, 40)
    environment = {**os.environ, "LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": database_url, "LIFECERT_ENGINE": "scripted"}
    environment |= {"LIFECERT_ENVIRONMENT": "test"}
    line = [sys.executable, "-m", "api.cli", "detect", "payments", "--as-of", AS_OF, "--json"]
    process = subprocess.Popen(line, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        done = _wait_for_a_stage(database, process)
    finally:
        process.send_signal(signals_of_the_system.SIGKILL)
        process.wait(timeout=LONG_S)
    with database.read_scope() as session:
        run = session.scalars(select(DetectionRun)).one()
        assert run.state is RunState.RUNNING, "the run was over before it could be killed"
    finished = subprocess.run(line, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S, check=True)
    result = json.loads(finished.stdout)
    assert (result["run"], result["resumed"], list(result["codes"])) == (run.public_id, True, CODES)
    assert not any(f"{code}: " in finished.stderr for code in done)
    assert (result["codes"]["P1"]["found"], result["codes"]["P1"]["opened"]) == (40, 40)
    with database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(Signal)) == 40
        assert session.scalar(select(func.count(Alert.person_id.distinct())).where(Alert.state == AlertState.OPEN)) == 40
        assert session.scalars(select(DetectionRun)).one().state is RunState.DONE
    assert list((home / "detection" / "work").iterdir()) == []
    database.dispose()


def _wait_for_a_stage(database: Database, process: subprocess.Popen[bytes]) -> list[str]:
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline and process.poll() is None:
        with database.read_scope() as session:
            run = session.scalar(select(DetectionRun))
        if run is not None and len(run.finished_stages) >= 2:
            return list(run.finished_stages)
        time.sleep(0.01)
    raise AssertionError("the command did not get to work")
