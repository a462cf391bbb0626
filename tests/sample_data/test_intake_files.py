from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from models.identifiers import IdentifierError, parse_resident_id
from sample_data import generate
from sample_data.intake_files import FAULTS, IN_CSV, IN_EXCEL, ORDER, write_files

AS_OF = date(2026, 3, 15)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_files(folder, seed=1, as_of=AS_OF)
    return folder


def read_csv(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_same_seed_and_day_give_the_same_bytes(files: Path, tmp_path: Path) -> None:
    write_files(tmp_path, seed=1, as_of=AS_OF)
    names = {path.name for path in files.iterdir()}
    assert names == {*ORDER, FAULTS}
    assert all((tmp_path / name).read_bytes() == (files / name).read_bytes() for name in names)


def test_good_rows_are_right_and_the_listed_ones_are_wrong(files: Path) -> None:
    faults = {int(row["row"]): row["rule"] for row in read_csv(files / FAULTS, "utf-8") if row["file"] == "persons.csv"}
    good = set()
    for place, row in enumerate(read_csv(files / "persons.csv", "utf-8-sig"), start=2):
        if faults.get(place) in {"ID_CHECK_DIGIT", "ID_LENGTH"}:
            with pytest.raises(IdentifierError):
                parse_resident_id(row["身份证号"])
        elif place not in faults:
            number = parse_resident_id(row["身份证号"])
            assert number.region_code == row["行政区划代码"]
            assert number.region_code.startswith("4298")
            assert number.birth_date.isoformat() == row["出生日期"]
            assert row["手机号"].startswith("100")
            good.add(number.number)
    assert len(good) == IN_CSV


def test_excel_holds_numbers_where_it_damaged_them(files: Path) -> None:
    rows = CalamineWorkbook.from_path(files / "persons_from_excel.xlsx").get_sheet_by_index(0).to_python()
    assert len(rows) == IN_EXCEL + 1
    assert [index for index, row in enumerate(rows, start=1) if isinstance(row[1], float)] == [5, 9]


def test_every_kind_of_record_has_a_file_with_a_fault(files: Path) -> None:
    faulty = {row["file"] for row in read_csv(files / FAULTS, "utf-8")}
    assert faulty == set(ORDER)
    assert "线索类型" in (files / "traces.csv").read_bytes().decode("gb18030")


def test_the_command_writes_them_and_says_how_to_bring_them_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--files", str(tmp_path / "to try")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == list(ORDER.values())
    assert all(line.startswith("lifecert import ") for line in lines)
