"""Files of every kind against a store: what is written, what comes back and why, and that the same file twice changes nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from detection.intake.errors import FileUnusableError
from detection.intake_service import Intake, Options
from models.benefit import Benefit, BenefitStatus, Payment
from models.database import Database
from models.enrolment import Enrolment
from models.errors import Conflict, ConflictError
from models.identity_check import BlacklistedCard
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person import Person
from models.policy import RecordsPolicy
from models.region import Region
from models.repositories import imports, life_evidence, persons
from tests.detection.files import DEFAULT, HEADINGS, REGION, count, make_intake, number, people, rejected, table


@pytest.fixture
def intake(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    return make_intake(database, keyring, records_policy, tmp_path / "imports")


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    """On SQLite, for what does not depend on the store."""
    return make_intake(sqlite_database, keyring, records_policy, tmp_path / "imports")


def bring(intake: Intake, kind: ImportKind, path: Path, options: Options = DEFAULT) -> Any:
    result = intake.import_file(kind, path, options, actor="test")
    assert result.accepted + result.unchanged + result.rejected == result.rows
    assert sum(result.by_rule.values()) == result.rejected
    assert len(rejected(result.rejected_file)) == result.rejected
    assert result.report.is_file()
    return result


def bring_people(intake: Intake, path: Path, *sequences: int) -> None:
    table(path, [(number(sequence), "王安", REGION) for sequence in sequences])
    assert bring(intake, ImportKind.PERSONS, path).accepted == len(sequences)


PERSON_ROWS = [
    (("4201061950060101240"[:17], "王安", REGION), "ID_LENGTH", "resident_id"),
    ((number(11)[:-1] + ("0" if number(11)[-1] != "0" else "1"), "王安", REGION), "ID_CHECK_DIGIT", "resident_id"),
    (("4.20106E+17", "王安", REGION), "EXCEL_PRECISION_LOST", "resident_id"),
    (("420106195006010000", "王安", REGION), "EXCEL_PRECISION_LOST", "resident_id"),
    (("#N/A", "王安", REGION), "EXCEL_ERROR_VALUE", "resident_id"),
    (("########", "王安", REGION), "EXCEL_COLUMN_TOO_NARROW", "resident_id"),
    (("", "王安", REGION), "VALUE_MISSING", "resident_id"),
    ((number(11), "", REGION), "VALUE_MISSING", "name"),
    ((number(11), "12345", REGION), "NAME_INVALID", "name"),
    ((number(11), "王安", "429899"), "REGION_UNKNOWN", "region_code"),
    ((number(11), "王安", "140202"), "REGION_RETIRED", "region_code"),
    ((number(11), "王安", "42010"), "EXCEL_LEADING_ZERO_LOST", "region_code"),
    ((number(11), "王安", REGION, "女"), "SEX_MISMATCH", "sex"),
    ((number(11), "王安", REGION, "x"), "SEX_UNKNOWN", "sex"),
    ((number(11), "王安", REGION, "男", "1950-06-02"), "BIRTH_DATE_MISMATCH", "birth_date"),
    ((number(11), "王安", REGION, "男", "18415"), "EXCEL_DATE_NUMBER", "birth_date"),
    ((number(11), "王安", REGION, "男", "1950-13-01"), "DATE_INVALID", "birth_date"),
    ((number(11), "王安", REGION, "男", "", "12"), "PHONE_INVALID", "phone"),
    ((number(11), "王安", REGION, "男", "", "", "1234567"), "EXCEL_LEADING_ZERO_LOST", "social_security_number"),
    ((number(11, born=date(1885, 1, 1)), "王安", REGION), "AGE_IMPLAUSIBLE", "resident_id"),
]
ALL_COLUMNS = (*HEADINGS, "sex", "birth_date", "phone", "social_security_number")


def wide(row: tuple[str, ...]) -> tuple[str, ...]:
    return row + ("",) * (len(ALL_COLUMNS) - len(row))


def test_each_fault_of_a_person_is_named_with_its_row_and_field_and_the_good_rows_come_in(small: Intake, tmp_path: Path) -> None:
    good = wide((number(901), "王安", REGION, "1", "1950年6月1日", "13812345678", "420106123456"))
    path = table(tmp_path / "p.csv", [*(wide(row) for row, _, _ in PERSON_ROWS), good], ALL_COLUMNS)
    result = bring(small, ImportKind.PERSONS, path)
    found = [(line.row, line.rule, line.field) for line in rejected(result.rejected_file)]
    assert found == [(place, rule, field) for place, (_, rule, field) in enumerate(PERSON_ROWS, start=2)]
    assert result.accepted == 1
    shown = (small.folder / result.batch / "rejected.csv").read_text(encoding="utf-8-sig")
    assert number(11) not in shown
    assert "王安" not in shown
    with small.database.read_scope() as session:
        person = session.scalars(select(Person)).one()
        assert persons.open_phone(person, small.keyring) == "13812345678"
        assert {region.code: region.parent_code for region in session.scalars(select(Region))} == {
            "420000": None,
            "420100": "420000",
            REGION: "420100",
        }


def test_the_same_file_twice_changes_nothing(intake: Intake, tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", people(6_000))
    first = bring(intake, ImportKind.PERSONS, path)
    assert (first.rows, first.accepted) == (6_000, 6_000)
    second = bring(intake, ImportKind.PERSONS, path)
    assert (second.rows, second.accepted, second.unchanged, second.rejected_file) == (6_000, 0, 6_000, None)
    assert count(intake.database, Person) == 6_000
    with intake.database.read_scope() as session:
        assert [batch.state for batch in imports.listing(session)] == [ImportState.DONE] * 2
        assert imports.get(session, first.batch).by_region == {
            "420100": {"rows": 6_000, "accepted": 6_000, "unchanged": 0, "rejected": 0, "by_rule": {}}
        }
        found = persons.find_by_resident_id(session, people(1)[0][0], keyring=intake.keyring)
        assert found is not None
        assert persons.open_resident_id(found, intake.keyring) == people(1)[0][0]


def test_repeated_and_contradicting_rows_of_a_file_come_back(small: Intake, tmp_path: Path) -> None:
    legacy = number(5)[:6] + number(5)[8:17]
    rows = [(number(5), "王安", REGION), (number(5), "王安", REGION), (legacy, "王安", REGION), (number(5), "王宝", REGION)]
    result = bring(small, ImportKind.PERSONS, table(tmp_path / "p.csv", rows))
    assert [line.rule for line in rejected(result.rejected_file)] == [
        "DUPLICATE_IN_FILE",
        "DUPLICATE_IN_FILE",
        "DUPLICATE_CONTRADICTS",
    ]


def test_a_known_person_takes_over_phone_and_region_but_another_name_only_with_a_second_number(intake: Intake, tmp_path: Path) -> None:
    columns = (*HEADINGS, "phone", "social_security_number")
    path = tmp_path / "p.csv"
    bring(intake, ImportKind.PERSONS, table(path, [(number(5), "王安", REGION, "13800000001", "420106123456")], columns))
    moved = bring(intake, ImportKind.PERSONS, table(path, [(number(5), "王安", "420102", "13800000002", "")], columns))
    assert moved.accepted == 1
    other = bring(intake, ImportKind.PERSONS, table(path, [(number(5), "李宝", "420102", "", "")], columns))
    assert dict(other.by_rule) == {"DUPLICATE_CONTRADICTS": 1}
    taken = bring(intake, ImportKind.PERSONS, table(path, [(number(7), "赵成", "420102", "", "420106123456")], columns))
    assert dict(taken.by_rule) == {"SSN_TAKEN": 1}
    renamed = bring(intake, ImportKind.PERSONS, table(path, [(number(5), "王安安", "420102", "", "420106123456")], columns))
    assert renamed.accepted == 1
    with intake.database.read_scope() as session:
        person = session.scalars(select(Person)).one()
        assert (person.name, person.region_code) == ("王安安", "420102")
        assert persons.open_phone(person, intake.keyring) == "13800000002"


def test_a_retired_county_code_goes_to_the_one_that_took_over(small: Intake, tmp_path: Path) -> None:
    bring(small, ImportKind.PERSONS, table(tmp_path / "p.csv", [(number(5), "王安", "422103")]))
    with small.database.read_scope() as session:
        assert session.scalars(select(Person.region_code)).one() == "421102"


def test_enrolments_benefits_and_payments_build_on_each_other(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    bring_people(intake, path, 5, 7)
    columns = ("身份证号", "险种", "参保开始年月", "参保终止年月")
    rows = [
        (number(5), "职工养老", "199001", ""),
        (number(7), "110", "1990/1", "2010年5月"),
        (number(5), "失业保险", "200101", "199901"),
        (number(5), "意外险", "200101", ""),
        (number(9), "职工养老", "200101", ""),
    ]
    result = bring(intake, ImportKind.ENROLMENTS, table(path, rows, columns, encoding="gb18030"))
    assert [line.rule for line in rejected(result.rejected_file)] == ["END_BEFORE_START", "SCHEME_UNKNOWN", "PERSON_UNKNOWN"]
    assert bring(intake, ImportKind.ENROLMENTS, path).unchanged == 2

    columns = ("身份证号", "险种", "待遇开始年月", "月待遇(元)", "待遇状态", "暂停日期")
    rows = [
        (number(5), "职工养老", "2010-07", "3120.50", "", ""),
        (number(7), "职工养老", "2010-07", "2000", "暂停", "2026-01-01"),
        (number(7), "居民养老", "2010-07", "1.005", "", ""),
        (number(5), "职工养老", "198901", "3120.50", "", ""),
    ]
    result = bring(intake, ImportKind.BENEFITS, table(path, rows, columns))
    assert [line.rule for line in rejected(result.rejected_file)] == ["AMOUNT_INVALID", "BENEFIT_BEFORE_ENROLLED"]
    rows = [(number(5), "职工养老", "2010-07", "3200.00", "正常", ""), (number(7), "职工养老", "2010-07", "2000", "正常", "")]
    result = bring(intake, ImportKind.BENEFITS, table(path, rows, columns))
    assert (result.accepted, dict(result.by_rule)) == (1, {"PAUSE_NOT_SIGNED": 1})
    with intake.database.read_scope() as session:
        benefits = session.scalars(select(Benefit).order_by(Benefit.person_id)).all()
        assert [(b.monthly_fen, b.status, b.paused_on) for b in benefits] == [
            (320_000, BenefitStatus.ACTIVE, None),
            (200_000, BenefitStatus.PAUSED, date(2026, 1, 1)),
        ]
        assert session.scalars(select(Enrolment.to_month).order_by(Enrolment.person_id)).all() == [None, date(2010, 5, 1)]

    columns = ("身份证号", "发放年月", "发放金额(分)")
    rows = [
        (number(5), "2026-01", "320000"),
        (number(5), "2026-02", "320000"),
        (number(5), "1989-01", "320000"),
        (number(5), "2010-06", "320000"),
        (number(5), "2026-09", "320000"),
        (number(9), "2026-01", "1"),
    ]
    result = bring(intake, ImportKind.PAYMENTS, table(path, rows, columns))
    rules = [line.rule for line in rejected(result.rejected_file)]
    assert rules == ["PAID_BEFORE_ENROLLED", "PAID_BEFORE_BENEFIT", "DATE_IN_FUTURE", "PERSON_UNKNOWN"]
    result = bring(intake, ImportKind.PAYMENTS, table(path, [(number(5), "2026-01", "320000"), (number(5), "2026-02", "1")], columns))
    assert (result.unchanged, dict(result.by_rule)) == (1, {"DUPLICATE_CONTRADICTS": 1})
    assert count(intake.database, Payment) == 2


def test_deaths_are_corrected_by_their_own_source_and_stay_corrected(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    bring_people(intake, path, 5, 7)
    columns = ("resident_id", "name", "death_date", "source")
    rows = [
        (number(5), "王安", "2026-01-05", "民政"),
        (number(5), "王安", "2026-01-07", "家属"),
        (number(7), "李宝", "2026-01-05", "民政"),
        (number(7), "王安", "1950-05-31", "民政"),
    ]
    first = table(path, rows, columns)
    result = bring(intake, ImportKind.DEATHS, first)
    assert [line.rule for line in rejected(result.rejected_file)] == ["NAME_MISMATCH", "DEATH_BEFORE_BIRTH"]
    assert bring(intake, ImportKind.DEATHS, first).unchanged == 2
    second = table(tmp_path / "g.csv", [(number(5), "王安", "2026-01-06", "民政")], columns)
    assert bring(intake, ImportKind.DEATHS, second).accepted == 1
    assert dict(bring(intake, ImportKind.DEATHS, first).by_rule)["RECORD_CORRECTED"] == 1
    with intake.database.read_scope() as session:
        person_id = session.scalar(select(LifeEvidence.person_id).limit(1))
        assert person_id is not None
        standing = life_evidence.effective(session, person_id)
        assert {(row.source, row.occurred_on, row.strength) for row in standing} == {
            ("民政", date(2026, 1, 6), Strength.CONCLUSIVE),
            ("家属", date(2026, 1, 7), Strength.INDICATIVE),
        }


def test_custody_gets_its_end_by_a_correction_and_traces_come_once(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    bring_people(intake, path, 5)
    columns = ("resident_id", "羁押开始", "羁押结束", "来源")
    assert bring(intake, ImportKind.CUSTODY, table(path, [(number(5), "2025-01-01", "", "监狱")], columns)).accepted == 1
    ended = table(path, [(number(5), "2025-01-01", "2025-03-01", "监狱")], columns)
    assert bring(intake, ImportKind.CUSTODY, ended).accepted == 1
    assert bring(intake, ImportKind.CUSTODY, ended).unchanged == 1
    backwards = table(path, [(number(5), "2025-01-01", "2024-03-01", "监狱")], columns)
    assert dict(bring(intake, ImportKind.CUSTODY, backwards).by_rule) == {"END_BEFORE_START": 1}

    columns = ("身份证号", "线索类型", "发生日期", "医院", "流水号")
    rows = [(number(5), "就医", "2026-02-01", "市第一医院", "A1"), (number(5), "接种", "20260202", "疾控中心", "")]
    traces = table(path, rows, columns)
    assert bring(intake, ImportKind.TRACES, traces).accepted == 2
    assert bring(intake, ImportKind.TRACES, traces).unchanged == 2
    with intake.database.read_scope() as session:
        found = session.scalars(select(LifeEvidence).order_by(LifeEvidence.id)).all()
        assert [(row.kind, row.trace, row.ends_on, row.strength) for row in found] == [
            (EvidenceKind.CUSTODY, None, None, Strength.CONCLUSIVE),
            (EvidenceKind.CUSTODY, None, date(2025, 3, 1), Strength.CONCLUSIVE),
            (EvidenceKind.DATA_MATCH, Trace.MEDICAL_VISIT, None, Strength.SUPPORTING),
            (EvidenceKind.DATA_MATCH, Trace.VACCINATION, None, Strength.SUPPORTING),
        ]
        assert (found[1].corrects_id, found[2].reference, found[2].source) == (found[0].id, "A1", "市第一医院")


def test_the_blacklist_takes_an_end_over(intake: Intake, tmp_path: Path) -> None:
    columns = ("社保卡号", "原因", "列入日期", "解除日期", "来源")
    path = tmp_path / "f.csv"
    assert bring(intake, ImportKind.BLACKLIST, table(path, [("420106123456", "挂失", "2026-01-01", "", "银行")], columns)).accepted == 1
    ended = table(path, [("420106123456", "挂失", "2026-01-01", "2026-02-01", "银行")], columns)
    assert bring(intake, ImportKind.BLACKLIST, ended).accepted == 1
    assert bring(intake, ImportKind.BLACKLIST, ended).unchanged == 1
    with intake.database.read_scope() as session:
        assert session.scalars(select(BlacklistedCard.until_on)).all() == [date(2026, 2, 1)]


def test_a_sender_writes_about_its_own_region_only(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    bring_people(intake, path, 5)
    elsewhere = Options(region="420500")
    table(path, [(number(7), "王安", REGION), (number(5), "王安", "420502"), (number(9), "王安", "420502")])
    result = bring(intake, ImportKind.PERSONS, path, elsewhere)
    assert (result.accepted, dict(result.by_rule)) == (1, {"REGION_NOT_YOURS": 2})
    result = bring(intake, ImportKind.DEATHS, table(path, [(number(5), "2026-01-01")], ("resident_id", "death_date")), elsewhere)
    assert dict(result.by_rule) == {"REGION_NOT_YOURS": 1}
    assert count(intake.database, LifeEvidence) == 0


def test_what_excel_did_is_named(small: Intake, tmp_path: Path) -> None:
    path = tmp_path / "p.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for place, row in enumerate([("某市参保人员名单",), ("姓名", "身份证号", "统筹区", "出生日期")]):
            page.write_row(place, 0, row)
        page.write_row(2, 0, ["王安", "'" + number(5), 420106])
        page.write_datetime(2, 3, date(1950, 6, 1), day)
        page.write_row(3, 0, ["王宝", float(number(7)[:17] + "0"), 420106, ""])
        page.write_row(4, 0, ["王成", number(9), "420106", 18415])
        page.write_row(6, 0, ["王德", number(11), "420106.0", "1950.6.1"])
    result = bring(small, ImportKind.PERSONS, path)
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [(4, "EXCEL_PRECISION_LOST"), (5, "EXCEL_DATE_NUMBER")]
    assert (result.rows, result.accepted) == (4, 2)


def test_parquet_comes_in_with_typed_columns(small: Intake, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    columns = {
        "id_number": [number(5), number(7)],
        "full_name": ["王安", None],
        "region": [420106, 420106],
        "birth_date": [date(1950, 6, 1), date(1950, 6, 1)],
        "remark": ["x", "y"],
    }
    pq.write_table(pa.table(columns), path)
    result = bring(small, ImportKind.PERSONS, path)
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [(3, "VALUE_MISSING")]


def test_a_broken_row_is_rejected_and_the_rows_around_it_come_in(small: Intake, tmp_path: Path) -> None:
    good = [",".join(row) for row in people(6)]
    lines = [
        ",".join(HEADINGS),
        good[0],
        good[1] + ",more",
        f'{number(950)},"王安,{REGION}',
        good[2],
        f'{number(951)},"王\n安",{REGION}',
        "",
        f"{number(952)},王\x00安,{REGION}",
        good[3],
    ]
    path = tmp_path / "p.csv"
    path.write_bytes("\n".join(lines).encode() + b"\n" + f"{number(953)},王".encode() + b"\xe5\xae," + REGION.encode() + b"\n")
    result = bring(small, ImportKind.PERSONS, path)
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [
        (3, "FIELD_COUNT"),
        (4, "QUOTES_UNBALANCED"),
        (8, "NUL_BYTE"),
        (10, "ENCODING_DAMAGED"),
    ]
    assert result.accepted == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_encodings_and_delimiters_are_told_apart(small: Intake, tmp_path: Path, encoding: str, between: str) -> None:
    path = table(tmp_path / "p.csv", people(3), ("公民身份号码", "姓 名", "行政区划代码"), encoding=encoding, between=between)
    assert bring(small, ImportKind.PERSONS, path).accepted == 3
    with small.database.read_scope() as session:
        assert session.scalars(select(Person.name).order_by(Person.id)).all() == ["王安", "王宝", "王成"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"resident_id,name,region_code\n", "no rows below"),
        ("a.csv", b"resident_id,name\n1,2\n", "column region_code missing"),
        ("a.csv", "身份证号,姓名\n".encode("utf-16-le"), "utf-16-le"),
        ("a.csv", "resident_id,name,region_code\n1,臺灣鐵路,2\n1,國語辭典,2\n".encode("big5"), "neither UTF-8 nor GB18030"),
        ("a.xlsx", b"PK\x03\x04broken", "cannot be read"),
        ("a.xlsx", b"resident_id,name,region_code\n1,2,3\n", "not what its ending says"),
        ("a.parquet", b"PAR1broken", "cannot be read"),
        ("a.xls", b"<html><table></table></html>", "web page"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words_and_leaves_nothing(
    small: Intake, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileUnusableError, match=says) as caught:
        small.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")
    assert name in str(caught.value)
    assert count(small.database, ImportBatch) == 0


def test_two_imports_of_a_kind_do_not_run_at_once(intake: Intake, tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", people(3))
    with imports.one_at_a_time(intake.database, ImportKind.PERSONS), pytest.raises(ConflictError) as caught:
        intake.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test")
    assert caught.value.conflict is Conflict.RUN_IN_PROGRESS
    assert bring(intake, ImportKind.PERSONS, path).accepted == 3


CELL = st.one_of(
    st.sampled_from([number(5), number(7), "王安", REGION, "4.2E+17", "", "#N/A", '"', "1950-06-01", "18415", "'x", "张\u0000"]),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
)


@settings(max_examples=25)
@given(st.lists(st.lists(CELL, min_size=1, max_size=5), min_size=1, max_size=15))
def test_every_row_is_accepted_unchanged_or_rejected_whatever_it_holds(small: Intake, tmp_path: Path, rows: list[list[str]]) -> None:
    path = table(tmp_path / "p.csv", [(number(3), "王安", REGION), *rows])
    result = bring(small, ImportKind.PERSONS, path)
    assert result.rows >= 1
