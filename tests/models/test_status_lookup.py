"""The single read of a status stays a handful of index searches, however large the store says that it is."""

import sqlite3
from pathlib import Path

import pytest

from models.repositories.status_lookup import Number, _statement
from models.schema import upgrade

COUNTY = (
    ("person", "sqlite_autoindex_person_1", "50000 1"),
    ("person", "ix_person_merged_into_id", "25 1"),
    ("life_evidence", "ix_life_evidence_person_kind_occurred", "150488 4 2 1 1 1"),
    ("life_evidence", "uq_life_evidence_corrects_id", "151 1"),
    ("benefit", "uq_benefit_person_scheme_region_from", "50000 1 1 1 1"),
    ("benefit_pause", "uq_benefit_pause_benefit_paused_on", "520 1 1"),
)
"""What ANALYZE writes about a store of fifty thousand persons."""


@pytest.mark.parametrize("number", Number)
def test_sqlite_reads_no_table_as_a_whole_after_analyze(tmp_path: Path, number: Number) -> None:
    path = tmp_path / "store.sqlite"
    upgrade(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("ANALYZE")
    connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", COUNTY)
    connection.commit()
    connection.close()
    connection = sqlite3.connect(path)
    try:
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + _statement(number, "sqlite"), (b"",))]
    finally:
        connection.close()
    scanned = [step for step in plan if "BLOOM" in step or (step.startswith("SCAN") and step not in {"SCAN root", "SCAN member"})]
    assert any("life_evidence_person" in step for step in plan)
    assert scanned == []
