"""`lifecert statuses`: counts and the list of a region, the same by both ways."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from models.audit import AuditEntry
from models.database import Database
from models.repositories import region_statuses
from tests.cli.conftest import Command
from tests.cli.test_certify_silently import fill, store  # noqa: F401 - a fixture
from tests.models.people import REGION


def test_counts_and_list_agree(store: Database, home: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    fill(store, home, 700)
    monkeypatch.setattr(region_statuses, "SMALL", 100)
    counted = command("statuses", "--region", REGION, "--as-of", "2026-03-15", "--json")
    assert counted.code == 0, counted.err
    told = counted.json
    assert told["persons"] == told["by_state"]["never_certified"] == 700
    path = tmp_path / "city.csv"
    listed = command("statuses", "--region", REGION, "--as-of", "2026-03-15", "--out", path, "--json")
    assert listed.code == 0, listed.err
    assert listed.json["by_state"] == {"never_certified": 700}
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["state"] for row in rows} == {"never_certified"}
    assert len({row["public_id"] for row in rows}) == 700
    with store.read_scope() as session:
        assert [entry.details["persons"] for entry in session.query(AuditEntry).filter_by(action="statuses.listed")] == [700]


def test_a_region_that_is_not_there_is_named_and_no_file_left(store: Database, command: Command, tmp_path: Path) -> None:  # noqa: F811
    done = command("statuses", "--region", "999999", "--out", tmp_path / "x.csv")
    assert done.code == 2
    assert "999999" in done.err
    assert list(tmp_path.glob("*.csv*")) == []


def test_a_folder_that_is_not_there_is_named(store: Database, home: Path, command: Command, tmp_path: Path) -> None:  # noqa: F811
    fill(store, home, 1)
    done = command("statuses", "--region", REGION, "--out", tmp_path / "none" / "x.csv")
    assert done.code == 2
    assert "none" in done.err
