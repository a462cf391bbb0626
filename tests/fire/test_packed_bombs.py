"""Small packed files that unpack to very much are refused with a reason, and hurt nobody."""

from __future__ import annotations

import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.fire.workbooks import BOMBS, workbook
from detection.intake.errors import FileUnusableError
from detection.intake.headings import load_headings
from detection.intake.tables import open_table
from detection.intake.trial import require_readable
from models.import_batch import ImportKind


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_workbook_that_asks_for_too_much_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "received.part"
    path.write_bytes(BOMBS[name]())
    assert path.stat().st_size < 2_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileUnusableError, match="more memory or time than a file of records may"):
        open_table(path, ImportKind.PERSONS, load_headings(), file_name="people.xlsx")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "KiB in this process"


def test_a_parquet_file_of_one_text_repeated_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["A" * 2_000_000]))
    pq.write_table(pa.table({"resident_id": text}), path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(FileUnusableError, match="opening it takes more memory"):
        require_readable(path, path.name, memory_bytes=400_000_000)


def test_what_is_damaged_is_left_to_its_reader(tmp_path: Path) -> None:
    for name, data in (("half.xlsx", workbook("<row/>")[:300]), ("no.xlsx", b"PK\x03\x04nothing"), ("half.parquet", b"PAR1" + bytes(50))):
        (tmp_path / name).write_bytes(data)
        require_readable(tmp_path / name, name)
        with pytest.raises(FileUnusableError, match=r"damaged|holds anything"):
            open_table(tmp_path / name, ImportKind.PERSONS, load_headings())
