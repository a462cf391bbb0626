"""`lifecert certify-silently`: what it prints, and that a killed run goes on with nothing lost and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Select, func, insert, select

from api.context import utc_now
from models.benefit import Benefit, BenefitStatus
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing, Sealed
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.outbox import OutboxMessage
from models.person import Person, Sex
from models.silent_run import SilentRun
from tests.cli.conftest import Command, one_line
from tests.conftest import ROOT
from tests.models.people import NOW, REGION, add_person

PERSONS = 600
FIRST_ID = 101
AS_OF = date(2026, 3, 15)
LONG_S = 240


def fill(database: Database, home: Path, persons: int) -> None:
    """Somebody without a benefit, and pensioners who never certified, each with a fresh medical visit."""
    sealed = Sealed("k1", b"sealed")
    with database.session_scope() as session:
        add_person(session, FileKeyRing.open(home / "keys.json"), sequence=1)
        numbers = range(FIRST_ID, FIRST_ID + persons)
        common = {"resident_id_sealed": sealed, "resident_id_masked": "42**", "name": "王秀英", "birth_date": date(1950, 1, 1)}
        common |= {"sex": Sex.FEMALE, "region_code": REGION, "created_at": NOW, "updated_at": NOW}
        session.execute(
            insert(Person), [{"id": n, "public_id": f"person-{n}", "resident_id_index": b"%032d" % n, **common} for n in numbers]
        )
        benefit = {"scheme": Scheme.EMPLOYEE_PENSION, "region_code": REGION, "monthly_fen": 1, "status": BenefitStatus.ACTIVE}
        session.execute(insert(Benefit), [{"person_id": n, "from_month": date(2015, 1, 1), **benefit} for n in numbers])
        trace: dict[str, object] = {
            "kind": EvidenceKind.DATA_MATCH,
            "trace": Trace.MEDICAL_VISIT,
            "strength": Strength.SUPPORTING,
            "source": "省医院",
        }
        trace |= {"occurred_on": AS_OF - timedelta(days=10), "recorded_by": "test", "recorded_at": NOW}
        session.execute(insert(LifeEvidence), [{"person_id": n, **trace} for n in numbers])


@pytest.fixture
def store(home: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    yield database
    database.dispose()


def test_json_holds_what_was_done_and_nothing_else(command: Command, home: Path, store: Database) -> None:
    fill(store, home, 30)
    result = command("certify-silently", "--as-of", AS_OF, "--json")
    assert result.code == 0
    assert set(result.json) == {"as_of", "run", "examined", "certified", "refused", "alerts", "by_trace", "wall_s"}
    assert (result.json["as_of"], result.json["examined"], result.json["certified"]) == ("2026-03-15", 31, 30)
    again = command("certify-silently", "--as-of", AS_OF, "--json").json
    assert (again["examined"], again["certified"]) == (31, 0)


def test_people_read_counts_and_explained_examples_without_names(command: Command, home: Path, store: Database) -> None:
    fill(store, home, 3)
    dry = command("certify-silently", "--as-of", AS_OF, "--dry-run")
    assert "3 would be certified" in dry.out
    result = command("certify-silently", "--as-of", AS_OF)
    assert "3 certified (traces that counted: medical_visit 3)" in result.out
    assert "for example person person-103: medical_visit on 2026-03-05 (2 points), 2 points of 2 needed" in result.out
    assert "王" not in result.out + result.err


def test_what_cannot_be_asked_for_is_wrong_input(command: Command, store: Database) -> None:
    later = command("certify-silently", "--as-of", utc_now().date() + timedelta(days=3))
    assert (later.code, "yet to come" in later.err) == (2, True)
    region = command("certify-silently", "--as-of", AS_OF, "--region", "999999")
    assert region.code == 2
    assert "no region 999999" in one_line(region)
    assert command("certify-silently", "--as-of", "15.3.2026").code == 2


def test_a_killed_run_goes_on_with_nothing_lost_and_nothing_twice(database_url: str, tmp_path: Path) -> None:
    home = tmp_path / "killed"
    home.mkdir(mode=0o700)
    database = Database(database_url)
    fill(database, home, PERSONS)
    environment = {**os.environ, "LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": database_url, "LIFECERT_ENGINE": "scripted"}
    environment |= {"LIFECERT_ENVIRONMENT": "test"}
    line = [sys.executable, "-m", "api.cli", "certify-silently", "--as-of", AS_OF.isoformat(), "--chunk", "20", "--json"]
    process = subprocess.Popen(line, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        killed_after = _wait_for_chunks(database, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=LONG_S)
    with database.read_scope() as session:
        run = session.scalars(select(SilentRun)).one()
        assert run.finished_at is None, "the run was over before it could be killed"
        assert run.certified == session.scalar(_certifications()) == session.scalar(_messages())
    assert 0 < killed_after <= run.after_person_id < FIRST_ID + PERSONS
    result = subprocess.run(
        [*line[:-2], "500", "--json"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LONG_S, check=True
    )
    assert f'"run": "{run.public_id}"' in result.stdout
    assert f'"certified": {PERSONS},' in result.stdout
    with database.read_scope() as session:
        assert session.scalar(_certifications()) == session.scalar(_messages()) == PERSONS
        people = session.scalars(select(LifeEvidence.person_id).where(LifeEvidence.based_on_id.is_not(None))).all()
        assert len(set(people)) == PERSONS
        assert session.scalars(select(SilentRun)).one().certified == PERSONS
    database.dispose()


def _certifications() -> Select[int]:
    return select(func.count()).select_from(LifeEvidence).where(LifeEvidence.based_on_id.is_not(None))


def _messages() -> Select[int]:
    return select(func.count()).select_from(OutboxMessage)


def _wait_for_chunks(database: Database, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline and process.poll() is None:
        with database.read_scope() as session:
            after = session.scalar(select(SilentRun.after_person_id).where(SilentRun.finished_at.is_(None)))
        if after is not None and after > FIRST_ID + 40:
            return after
        time.sleep(0.01)
    raise AssertionError("the command did not get to work")
