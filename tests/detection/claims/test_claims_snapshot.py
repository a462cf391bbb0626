"""What files hold is read from their ends, as it would be counted from their rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.snapshot import present_in_files
from detection.claims.tables import SCHEMAS, present_in

SCHEMA = SCHEMAS["claim"]


def rows(*some: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(SCHEMA.names) | one for one in some], schema=SCHEMA)


def test_the_ends_of_files_tell_which_columns_hold_anything(tmp_path: Path) -> None:
    parts = [rows({"id": 1, "diagnoses": []}, {"id": 2}), rows({"id": 3, "doctor": "D1", "diagnoses": ["I10"]}), rows()]
    files = []
    for number, part in enumerate(parts):
        files.append(tmp_path / f"{number}.parquet")
        pq.write_table(part, files[-1], row_group_size=1)
    assert present_in_files("claim", files) == {"claim", "claim.id", "claim.doctor", "claim.diagnoses"}
    assert present_in_files("claim", files[:1]) == {"claim", "claim.id"}
    assert present_in_files("claim", files[2:]) == set()
    assert present_in_files("claim", files) == present_in({"claim": pa.concat_tables(parts)})


def test_a_column_of_which_a_file_says_nothing_may_hold_something(tmp_path: Path) -> None:
    pq.write_table(rows({"id": 1}), tmp_path / "silent.parquet", write_statistics=False)
    assert "claim.doctor" in present_in_files("claim", [tmp_path / "silent.parquet"])
