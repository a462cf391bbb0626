"""The rules straight over files: the intake's formats and headings, rows that are no good counted, the same findings as over the store."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from detection.detection_service import RunAs, look
from detection.findings import Finding
from detection.intake.headings import load_headings
from detection.intake.regions import RegionBook
from detection.record_files import FilesRead, HowToRead, RecordFilesError, write_files
from detection.rules.tables import SCHEMAS
from detection.rules_service import stages_over
from models.detection import DetectionKind
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories.persons import BlindIndex
from tests.models.people import REGION, resident_id

AS_OF = date(2026, 3, 15)
ONE, TWO, THREE, STRANGER = (resident_id(sequence=sequence) for sequence in (124, 126, 128, 130))


@pytest.fixture
def how(keyring: FileKeyRing, records_policy: RecordsPolicy) -> HowToRead:
    regions = RegionBook({REGION, "429802"})
    return HowToRead(records_policy, load_headings(), regions, BlindIndex(keyring), AS_OF, AS_OF)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write = {
        "persons.csv": "身份证号,姓名,行政区划代码\n"
        f"{ONE},张建国,{REGION}\n{TWO},李秀英,{REGION}\n{THREE},张建国,{REGION}\n123,王芳,{REGION}\n",
        "benefits-2026.csv": "身份证号,险种,开始年月,月待遇(分)\n"
        f"{ONE},职工养老,2012-07,300000\n{TWO},居民养老,2012-07,20000\n{STRANGER},居民养老,2012-07,20000\n",
        "payments.csv": "身份证号,月份,金额(分)\n"
        + "".join(f"{ONE},2025-{month:02},300000\n" for month in range(1, 9))
        + f"{THREE},2025-01,1\n",
        "deaths.csv": f"身份证号,死亡日期,来源\n{ONE},2025-05-20,民政\n",
        "traces.csv": f"身份证号,线索类型,发生日期,来源\n{ONE},接种,2025-07-01,疾控\n{TWO},接种,2025-07-01,疾控\n",
        "enrolments.csv": f"身份证号,险种,开始年月,终止年月,行政区划\n{TWO},职工医保,2024-01,,{REGION}\n{TWO},职工医保,2024-03,,429802\n",
        "notes.txt": "nothing",
    }
    for name, text in write.items():
        (folder / name).write_text(text, encoding="gb18030" if name == "deaths.csv" else "utf-8")
    return folder


def found(kind: DetectionKind, source: Path, how: HowToRead, tmp_path: Path) -> tuple[dict[str, list[Finding]], FilesRead]:
    findings: dict[str, list[Finding]] = {}
    told: list[FilesRead] = []

    def seen(some: object) -> None:
        for one in some:  # type: ignore[attr-defined]
            findings.setdefault(one.code, []).append(one)

    def make(asked: RunAs, _progress: object) -> object:
        return stages_over(asked, how.policy, tmp_path / "runs", lambda folder: told.append(write_files(source, folder, how)))

    look(RunAs(kind, AS_OF, "", "duckdb", "test"), make, lambda *_: None, seen)  # type: ignore[arg-type]
    assert list((tmp_path / "runs").iterdir()) == []
    return findings, told[0]


def test_rules_find_in_files_what_is_in_them(source: Path, how: HowToRead, tmp_path: Path) -> None:
    payments, read = found(DetectionKind.PAYMENTS, source, how, tmp_path)
    assert set(payments) == {"P1", "P7"}
    (paid,), (alive,) = payments["P1"], payments["P7"]
    assert (paid.months, paid.amount_fen, paid.from_month, paid.region_code) == (3, 900_000, date(2025, 6, 1), REGION)
    assert alive.facts["namesakes"] == 1
    assert read.rows == {"persons.csv": 3, "benefits-2026.csv": 2, "payments.csv": 8, "deaths.csv": 1, "traces.csv": 2, "enrolments.csv": 2}
    assert read.rejected["benefits-2026.csv"] == {"PERSON_UNKNOWN": 1}
    assert read.rejected["payments.csv"] == {"BENEFIT_UNKNOWN": 1}
    assert sum(read.rejected["persons.csv"].values()) == 1
    duplicates, _ = found(DetectionKind.DUPLICATES, source, how, tmp_path)
    assert [(code, one.facts["scheme"]) for code, some in duplicates.items() for one in some] == [("D2", "employee_medical")]


def test_no_name_and_no_number_is_written(source: Path, how: HowToRead, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_files(source, tmp_path / "out", how)
    for name, schema in SCHEMAS.items():
        rows = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert rows.schema == schema
        text = str(rows.to_pylist())
        assert not any(secret in text for secret in (ONE, TWO, THREE, "张建国", "李秀英"))


def test_a_folder_that_cannot_be_used_is_said_to_be_so(source: Path, how: HowToRead, tmp_path: Path) -> None:
    with pytest.raises(RecordFilesError, match="is no folder"):
        write_files(tmp_path / "nowhere", tmp_path, how)
    (source / "payments-2.csv").touch()
    with pytest.raises(RecordFilesError, match="both payments"):
        write_files(source, tmp_path, how)
    (source / "payments-2.csv").unlink()
    (source / "persons.csv").unlink()
    with pytest.raises(RecordFilesError, match="no file of persons"):
        write_files(source, tmp_path, how)
