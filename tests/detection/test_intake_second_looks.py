"""Intake: life after a death, regions by name and by the operator's file, broken files, files that are deleted in time."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from detection.intake import divisions
from detection.intake.errors import FileUnusableError, ImportFailedError
from detection.intake_service import Intake
from models.alert import Alert
from models.database import Database
from models.detection import Signal
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import imports
from tests.detection.files import DEFAULT, REGION, make_intake, number, rejected, table


@pytest.fixture
def intake(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    return make_intake(database, keyring, records_policy, tmp_path / "home" / "imports")


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    return make_intake(sqlite_database, keyring, records_policy, tmp_path / "home" / "imports")


def people(intake: Intake, path: Path, *sequences: int) -> None:
    table(path, [(number(one), "王安", REGION) for one in sequences])
    intake.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")


def alerts(intake: Intake) -> list[Alert]:
    with intake.database.read_scope() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


DEATHS, TRACES = ("resident_id", "death_date", "source"), ("resident_id", "trace", "occurred_on")


@pytest.mark.parametrize("death_first", [True, False])
def test_life_after_a_death_record_opens_one_alert_in_either_order(intake: Intake, tmp_path: Path, death_first: bool) -> None:
    people(intake, tmp_path / "p.csv", 1, 3, 5)
    death = table(tmp_path / "d.csv", [(number(1), "2026-01-05", "民政"), (number(3), "2026-01-05", "民政")], DEATHS)
    trace = table(
        tmp_path / "t.csv",
        [(number(1), "vaccination", "2026-02-01"), (number(3), "vaccination", "2026-01-05"), (number(5), "vaccination", "2026-02-01")],
        TRACES,
    )
    files = [(ImportKind.DEATHS, death), (ImportKind.TRACES, trace)]
    for kind, path in files if death_first else reversed(files):
        assert intake.import_file(kind, path, DEFAULT, actor="test").rejected == 0
    (alert,) = alerts(intake)
    assert alert.code == "P7"
    assert alert.key == f"person:{alert.person_id}"
    assert alert.region_code == REGION
    with intake.database.read_scope() as session:
        (signal,) = session.scalars(select(Signal))
    assert (signal.code, signal.key, signal.alert_id) == ("P7", f"P7:{alert.person_id}", alert.id)
    assert (signal.facts["died_on"], signal.facts["newest_trace_on"]) == ("2026-01-05", "2026-02-01")
    assert [record["role"] for record in signal.records] == ["death", "trace"]
    for kind, path in files:
        intake.import_file(kind, path, DEFAULT, actor="test")
    assert len(alerts(intake)) == 1


def test_a_social_security_number_that_ends_in_zeros_is_taken_as_text(small: Intake, tmp_path: Path) -> None:
    headings = ("resident_id", "name", "region_code", "social_security_number")
    rows = [(number(1), "王安", REGION, "420106195006010000"), (number(3), "王安", REGION, "4.20106E+17")]
    result = small.import_file(ImportKind.PERSONS, table(tmp_path / "p.csv", rows, headings), DEFAULT, actor="test")
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [(3, "EXCEL_PRECISION_LOST")]


def test_regions_are_known_by_an_unambiguous_name(small: Intake, tmp_path: Path) -> None:
    rows = [(number(1), "王安", "武汉市武昌区"), (number(3), "王安", "湖北省武汉市武昌区"), (number(5), "王安", "鼓楼区")]
    result = small.import_file(ImportKind.PERSONS, table(tmp_path / "p.csv", rows), DEFAULT, actor="test")
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [(4, "REGION_UNKNOWN")]


def test_the_operator_adds_divisions(small: Intake, tmp_path: Path) -> None:
    rows = [(number(1), "王安", "420198"), (number(3), "王安", "420197")]
    path = table(tmp_path / "p.csv", rows)
    assert small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test").rejected == 2
    own = tmp_path / "home" / "divisions.csv"
    own.write_text("code,name,successor\n420198,新设区,\n420197,旧设区,420198\n", encoding="utf-8")
    assert small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test").accepted == 2
    own.write_text("code,name\n42,新设区\n", encoding="utf-8")
    with pytest.raises(ImportFailedError, match=r"divisions\.csv, row 2"):
        small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")


def test_codes_of_development_zones_are_known() -> None:
    assert divisions.successor("320576") == "320576"
    assert [one.code for one in divisions.parents("320576", {})] == ["320000", "320500", "320576"]


def test_names_and_phones_come_into_one_form(small: Intake, tmp_path: Path) -> None:
    headings = ("resident_id", "name", "region_code", "phone")
    rows = [
        (number(1), "买买提•吐尔逊", REGION, "+86 138-0000-0001"),
        (number(3), "王" * 51, REGION, ""),
        (number(5), "王2安", REGION, ""),
        (" ".join(number(7)), "王 安", f"{REGION}", "027–8765–4321"),
        (number(9).translate(str.maketrans("0123456789", "０１２３４５６７８９")), "王安", REGION, ""),
    ]
    result = small.import_file(ImportKind.PERSONS, table(tmp_path / "p.csv", rows, headings), DEFAULT, actor="test")
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [(3, "NAME_INVALID"), (4, "NAME_INVALID")]


BROKEN = {
    "one long cell": b"a" * 1_500_000,
    "open quotation mark": b'"4201' + b"\n1,2,3" * 40,
    "nul": b"\x00,\x00,\x00\n1\x002,x,y",
    "mixed ends": b"1,2,3\r\n4,5,6\r7,8,9\n",
    "mark inside": "1,\ufeff王,3\n\ufeff4,5,6\n".encode(),
    "headings again": b"resident_id,name,region_code\n",
    "five hundred columns": b",".join([b"1"] * 500) + b"\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rows_come_back_and_the_good_one_goes_in(small: Intake, tmp_path: Path, name: str) -> None:
    good = f"{number(1)},王安,{REGION}\n".encode()
    path = tmp_path / "p.csv"
    path.write_bytes("花名册\nresident_id,name,region_code\n".encode() + good + BROKEN[name])
    result = small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")
    assert result.accepted == 1
    assert result.rejected >= 1
    assert min(line.row for line in rejected(result.rejected_file)) == 4


def test_random_bytes_are_refused_or_rejected_never_a_crash(small: Intake, tmp_path: Path) -> None:
    drawn = random.Random(7)
    path = tmp_path / "p.csv"
    for start in (b"", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0", b"\xff\xfe", "身份证号,姓名,行政区划\n".encode()):
        for size in (1, 60, 4_000):
            path.write_bytes(start + drawn.randbytes(size))
            try:
                result = small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")
            except FileUnusableError as error:
                assert "p.csv" in str(error)  # noqa: PT017 - some of these files have rows, and then it is the rows that are rejected
            else:
                assert result.accepted == 0
                assert result.rejected == result.rows


def test_a_batch_that_was_never_gone_on_with_is_given_up(small: Intake, tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", [(number(1), "王安", REGION)])
    batch = small.register(ImportKind.PERSONS, path, DEFAULT, actor="test")
    day = datetime(2026, 4, 20, tzinfo=UTC)
    with small.database.session_scope() as session:
        imports.give_up(session, before=datetime(2026, 3, 1, tzinfo=UTC), now=day, failure="interrupted")
        assert imports.get(session, batch).state is ImportState.RUNNING
        imports.give_up(session, before=datetime(2026, 3, 20, tzinfo=UTC), now=day, failure="interrupted")
    with small.database.read_scope() as session:
        assert session.scalar(select(ImportBatch.state)) is ImportState.FAILED
    assert os.path.exists(path)
