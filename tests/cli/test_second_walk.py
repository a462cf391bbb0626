"""The files to try the intake with, by the real commands: exactly the listed rows are refused, and those who are due are certified."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from models.database import Database
from models.region import Region, RegionLevel
from sample_data.generate import regions
from sample_data.intake_files import FAULTS, ORDER, write_files
from tests.cli.conftest import Command


def add_regions(home: Path) -> None:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        for row in regions():
            session.add(Region(code=row.code, name=row.name, level=RegionLevel(row.level), parent_code=row.parent_code))
            session.flush()
    database.dispose()


def test_the_listed_rows_are_refused_and_the_others_lead_to_silent_certifications(command: Command, home: Path, tmp_path: Path) -> None:
    add_regions(home)
    folder, today = tmp_path / "files", datetime.now(UTC).date()
    write_files(folder, seed=3, as_of=today)
    with (folder / FAULTS).open(encoding="utf-8", newline="") as stream:
        listed = [(row["file"], row["row"], row["rule"]) for row in csv.DictReader(stream)]
    refused = []
    for name, kind in ORDER.items():
        result = command("import", kind, folder / name, "--json")
        assert result.code == 0, result.err
        assert result.json["accepted"] + result.json["rejected"] == result.json["rows"], (name, result.json)
        with Path(result.json["rejected_file"]).open(encoding="utf-8-sig", newline="") as stream:
            refused += [(name, row["row"], row["rule"]) for row in csv.DictReader(stream)]
    assert refused == listed
    again = command("import", "traces", folder / "traces.csv", "--json")
    assert (again.json["accepted"], again.json["unchanged"]) == (0, 27)
    silent = command("certify-silently", "--as-of", today, "--json")
    assert silent.code == 0, silent.err
    # 27 left traces: 9 travelled, which is not enough, two of the others have died, one is in custody
    assert (silent.json["certified"], silent.json["refused"]) == (15, 3)
