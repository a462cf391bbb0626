"""`lifecert import KIND`: output and exit codes, and a real process that is killed, runs twice at once, or finds no room on the disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from detection.intake_service import ImportResult
from models.database import Database
from models.errors import ConflictError
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.keys import FileKeyRing
from models.person import Person
from models.policy import RecordsPolicy
from tests.cli.conftest import Command, one_line
from tests.conftest import ROOT
from tests.detection.files import DEFAULT, HEADINGS, REGION, count, make_intake, number, people, rejected, table

KEYS = {"batch", "rows", "accepted", "unchanged", "rejected", "by_rule", "rejected_file", "report"}
ROWS = 20_000
FAULTY_EVERY = 10
LONG_S = 240


def test_json_alone_on_stdout_and_exit_0_with_rejected_rows(command: Command, tmp_path: Path) -> None:
    rows = [*people(3), ("4.20106E+17", "王安", REGION)]
    path = table(tmp_path / "p.csv", [(*row, "x") for row in rows], (*HEADINGS, "remark"))
    result = command("import", "persons", path, "--json")
    assert result.code == 0
    assert set(result.json) == KEYS
    assert (result.json["rows"], result.json["by_rule"]) == (4, {"EXCEL_PRECISION_LOST": 1})
    assert "columns that are not used: remark" in result.err
    assert Path(result.json["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    again = command("import", "persons", path, path, "--json")
    assert [(one["unchanged"], one["rejected"]) for one in again.json] == [(3, 1), (3, 1)]
    plain = command("import", "persons", path)
    assert "4 rows, 0 accepted, 3 unchanged, 1 rejected" in plain.out


def test_nothing_is_written_when_one_of_several_files_cannot_be_used(command: Command, home: Path, tmp_path: Path) -> None:
    good = table(tmp_path / "good.csv", people(3))
    bad = table(tmp_path / "bad.csv", [("1", "2")], ("a", "b"))
    result = command("import", "persons", good, bad)
    assert result.code == 2
    assert "bad.csv, row 1: column resident_id, name, region_code missing" in one_line(result)
    assert count(Database(f"sqlite:///{home / 'lifecert.sqlite3'}"), Person) == 0


def test_another_map_of_headings(command: Command, tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", people(1), ("Ausweis", "Mensch", "Ort"))
    (tmp_path / "map.toml").write_text('[fields]\nresident_id = ["ausweis"]\nname = ["mensch"]\nregion_code = ["ort"]\n')
    assert command("import", "persons", path, "--headings", tmp_path / "map.toml").code == 0
    (tmp_path / "map.toml").write_text('[fields]\nnonsense = ["ausweis"]\n')
    assert "nonsense is not known" in one_line(command("import", "persons", path, "--headings", tmp_path / "map.toml"))


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Enough rows to be killed in the middle of; every tenth one is wrong."""
    rows = [(row[0], "", row[2]) if place % FAULTY_EVERY == 0 else row for place, row in enumerate(people(ROWS))]
    return table(tmp_path / "long.csv", rows)


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the real command on a store of each kind."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    environment |= {
        "LIFECERT_HOME": str(tmp_path / "home"),
        "LIFECERT_DATABASE_URL": database_url,
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": "scripted",
    }

    def run(*words: object, largest_file: int | None = None) -> subprocess.Popen[str]:
        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", *map(str, words)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,  # noqa: PLW1509 - no thread of this process holds a lock that it needs
        )

    return run


def until_rows(database: Database, rows: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LONG_S
    while True:
        with database.read_scope() as session:
            done = session.scalar(select(func.max(ImportBatch.rows_done))) or 0
        if done >= rows:
            return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def go_on(database: Database, policy: RecordsPolicy, home: Path, path: Path) -> ImportResult:
    """What the next run of the same command does, in this process."""
    intake = make_intake(database, FileKeyRing.open(home / "keys.json"), policy, home / "imports")
    return intake.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")


def test_a_killed_run_goes_on_where_it_stopped(
    database: Database, start: Callable[..., subprocess.Popen[str]], long_file: Path, tmp_path: Path, records_policy: RecordsPolicy
) -> None:
    killed = start("import", "persons", long_file)
    until_rows(database, 5_000, killed)
    with pytest.raises(ConflictError, match="another import of persons is running"):
        go_on(database, records_policy, tmp_path / "home", long_file)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with database.read_scope() as session:
        batch = session.scalars(select(ImportBatch)).one()
    assert (batch.state, 5_000 <= batch.rows_done < ROWS) == (ImportState.RUNNING, True)
    result = go_on(database, records_policy, tmp_path / "home", long_file)
    assert (result.batch, result.rows) == (batch.public_id, ROWS)
    assert (result.accepted, result.rejected) == (ROWS - ROWS // FAULTY_EVERY, ROWS // FAULTY_EVERY)
    assert [line.row for line in rejected(result.rejected_file)] == list(range(2, ROWS + 2, FAULTY_EVERY))
    assert count(database, Person) == result.accepted
    assert count(database, ImportBatch) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite's own file would meet the limit first
def test_a_full_disk_leaves_what_is_counted_and_the_next_run_finishes(
    database: Database, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, records_policy: RecordsPolicy
) -> None:
    path = table(tmp_path / "p.csv", [(number(1 + place % 900), "", REGION) for place in range(12_000)])
    stopped = start("import", "persons", path, largest_file=500_000)
    _, err = stopped.communicate(timeout=LONG_S)
    assert stopped.returncode == 1
    assert "the file of rejected rows cannot be written" in err
    result = go_on(database, records_policy, tmp_path / "home", path)
    assert (result.rows, result.rejected) == (12_000, 12_000)
    assert [line.row for line in rejected(result.rejected_file)] == list(range(2, 12_002))
