"""Files of findings: the same rows by every ending, whole or not at all."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from detection import finding_files
from detection.finding_files import OutFileError, open_findings, row_of
from models.alert import AlertSeverity
from models.finding import Finding, Record

FINDINGS = [
    Finding(
        "P1",
        f"P1:{person}",
        "429801",
        AlertSeverity.VIOLATION,
        0.9,
        person_id=person,
        from_month=date(2025, 11, 1),
        to_month=date(2026, 3, 1),
        months=5,
        amount_fen=500_000,
        facts={"source": "民政", "died_on": "2025-10-20"},
        records=(Record("life_evidence", 7, "death"), Record("payment", 8, "paid")),
    )
    for person in (1, 2, 3)
]


def test_every_ending_holds_the_same_rows(tmp_path: Path) -> None:
    rows = [row_of(finding, person="abc", masked="42**") for finding in FINDINGS]
    for name in ("a.csv", "a.parquet", "a.xlsx"):
        with open_findings(tmp_path / name) as write:
            write(rows[:2])
            write(rows[2:])
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        text = list(csv.DictReader(stream))
    assert [row["key"] for row in text] == ["P1:1", "P1:2", "P1:3"]
    assert (text[0]["from_month"], text[0]["facts"]) == ("2025-11-01", '{"died_on": "2025-10-20", "source": "民政"}')
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == rows
    sheet = CalamineWorkbook.from_path(tmp_path / "a.xlsx").get_sheet_by_index(0).to_python()
    assert [line[sheet[0].index("amount_fen")] for line in sheet[1:]] == [500_000] * 3
    assert sheet[1][sheet[0].index("records")] == rows[0]["records"]


def test_a_file_that_could_not_be_finished_is_not_there_and_the_old_one_is(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_text("old")
    with pytest.raises(KeyError), open_findings(path) as write:
        write([row_of(FINDINGS[0]), {}])
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.xlsx"]


def test_what_a_sheet_cannot_hold_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_files, "SHEET_ROWS", 2)
    with pytest.raises(OutFileError, match="parquet"), open_findings(tmp_path / "a.xlsx") as write:
        write([row_of(finding) for finding in FINDINGS])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.txt", "a", "none/a.csv"])
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutFileError), open_findings(tmp_path / name):
        pass
