"""Files of institutions, claims and lines: what is written, what comes back and why, what a correction does, which months it touches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from sqlalchemy import select

from detection.intake.claim_cells import diagnosis_of, is_price_times_quantity, moment_of, price_of, procedure_of, quantity_of
from detection.intake.rules import RowRejected
from detection.intake_service import Intake, Options
from models.claim import (
    CareSetting,
    ChargeCategory,
    Claim,
    ClaimIdentityCheck,
    ClaimLine,
    ClaimMonth,
    DischargeWay,
    Institution,
    InstitutionKind,
    InstitutionLevel,
)
from models.database import Database
from models.enrolment import Scheme
from models.import_batch import ImportKind
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import import_rows
from tests.detection.files import DEFAULT, REGION, count, make_intake, number, rejected, table

HOSPITALS = ("institution_code", "institution_name", "institution_kind", "institution_level", "region_code", "beds")
CLAIMS = ("institution_code", "claim_reference", "resident_id", "setting", "scheme", "from_date", "to_date", "total_yuan", "fund_yuan")
LINES = (
    "institution_code",
    "claim_reference",
    "line_number",
    "item_code",
    "item_name",
    "category",
    "quantity",
    "unit_price_yuan",
    "amount_yuan",
    "charged_on",
)
SENT = ("H1", "A1", number(5), "住院", "职工医保", "2026-01-10", "2026-01-20", "1000", "700")
CHARGED = ("H1", "A1", "1", "XA01", "某药", "西药费", "2", "12.50", "25.00", "2026-01-11")


@pytest.fixture(autouse=True)
def _no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them takes most of the time, and what is in them is tested elsewhere."""
    monkeypatch.setattr("detection.intake_service.write_report", lambda *_: None)


@pytest.fixture
def intake(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    made = make_intake(database, keyring, records_policy, tmp_path / "imports")
    _with_people(made, tmp_path)
    return made


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    """On SQLite, for what does not depend on the store."""
    made = make_intake(sqlite_database, keyring, records_policy, tmp_path / "imports")
    _with_people(made, tmp_path)
    return made


def _with_people(intake: Intake, folder: Path) -> None:
    columns = ("resident_id", "name", "region_code", "social_security_number")
    rows = [(number(5), "王安", REGION, "420106123456"), (number(7), "王宝", REGION, "420106123457")]
    assert bring(intake, ImportKind.PERSONS, table(folder / "p.csv", rows, columns)).accepted == 2
    hospitals = [
        ("H1", "第一医院", "医院", "三级甲等", REGION, "800"),
        ("H2", "第二医院", "hospital", "secondary", "420502", ""),
    ]
    assert bring(intake, ImportKind.INSTITUTIONS, table(folder / "h.csv", hospitals, HOSPITALS)).accepted == 2


def bring(intake: Intake, kind: ImportKind, path: Path, options: Options = DEFAULT) -> Any:
    result = intake.import_file(kind, path, options, actor="test")
    assert result.accepted + result.unchanged + result.rejected == result.rows
    assert len(rejected(result.rejected_file)) == result.rejected
    return result


def put(row: Sequence[str], columns: Sequence[str], **other: str) -> tuple[str, ...]:
    """The row with other values in some columns."""
    return tuple(other.get(column, value) for column, value in zip(columns, row, strict=True))


def months(intake: Intake) -> dict[str, int]:
    with intake.database.read_scope() as session:
        return {f"{one.month:%Y-%m}": one.revision for one in session.scalars(select(ClaimMonth).order_by(ClaimMonth.month))}


def test_institutions_come_in_and_take_over_what_changed(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "i.csv"
    rows = [
        ("H1", "第一医院", "医院", "三级", REGION, "900"),
        ("H3", "幸福药店", "定点零售药店", "", REGION, ""),
        ("H 4", "某医院", "医院", "三级", REGION, ""),
        ("H5", "某医院", "宾馆", "三级", REGION, ""),
        ("H6", "某医院", "医院", "五级", REGION, ""),
        ("H7", "某医院", "医院", "三级", "429899", ""),
        ("H8", "某医院", "医院", "三级", REGION, "-1"),
        ("H9", "", "医院", "三级", REGION, ""),
    ]
    result = bring(intake, ImportKind.INSTITUTIONS, table(path, rows, HOSPITALS))
    assert [line.rule for line in rejected(result.rejected_file)] == [
        "CODE_INVALID",
        "INSTITUTION_KIND_UNKNOWN",
        "LEVEL_UNKNOWN",
        "REGION_UNKNOWN",
        "COUNT_INVALID",
        "VALUE_MISSING",
    ]
    assert bring(intake, ImportKind.INSTITUTIONS, path).unchanged == 2
    with intake.database.read_scope() as session:
        first, _, shop = session.scalars(select(Institution).order_by(Institution.code)).all()
        assert (first.beds, first.level, first.kind) == (900, InstitutionLevel.TERTIARY, InstitutionKind.HOSPITAL)
        assert (shop.level, shop.kind, shop.beds) == (InstitutionLevel.UNGRADED, InstitutionKind.PHARMACY, None)
    elsewhere = Options(region="420500")
    assert dict(bring(intake, ImportKind.INSTITUTIONS, path, elsewhere).by_rule)["REGION_NOT_YOURS"] == 2


def test_a_settlement_list_with_chinese_headings_comes_in_whole(intake: Intake, tmp_path: Path) -> None:
    columns = (
        "定点医药机构编号|结算ID|证件号码|姓名|医疗类别|险种类型|入院时间|出院时间|结算时间|清单上传时间|出院科别|主诊医师代码|主要诊断编码|"
        "其他诊断编码1|其他诊断编码2|手术及操作编码1|手术及操作编码2|院内获得性疾病|DRG编码|入院途径|离院方式|身份核验结果|医疗费总额|"
        "基金支付总额|个人负担总金额"
    )
    row = (
        f"H1|A1|{number(5)}|王安|21|310|2026-01-10 08:00:00|20260120|2026-01-20 16:05:09|2026-01-25|心内科|D001|i10.x00x002|K29.500|"
        "E11.9；J18.9|38.9301|45.1600x001|J18.9|FU11|3|医嘱离院|未通过|1000.5|700|300.5"
    ).split("|")
    path = table(tmp_path / "c.csv", [row], columns.split("|"), between="\t", encoding="gb18030")
    assert bring(intake, ImportKind.CLAIMS, path).accepted == 1
    assert bring(intake, ImportKind.CLAIMS, path).unchanged == 1
    with intake.database.read_scope() as session:
        claim = session.scalars(select(Claim)).one()
    assert (claim.reference, claim.setting, claim.scheme) == ("A1", CareSetting.INPATIENT, Scheme.EMPLOYEE_MEDICAL)
    assert (claim.from_date, claim.to_date) == (date(2026, 1, 10), date(2026, 1, 20))
    assert claim.settled_at == datetime(2026, 1, 20, 8, 5, 9, tzinfo=UTC)
    assert claim.uploaded_at == datetime(2026, 1, 25, 4, tzinfo=UTC)  # a day without a time: noon
    assert (claim.department, claim.doctor, claim.drg) == ("心内科", "D001", "FU11")
    assert (claim.principal_diagnosis, claim.diagnoses) == ("I10.X00X002", ["K29.500", "E11.9", "J18.9"])
    assert (claim.procedures, claim.hospital_acquired) == (["38.9301", "45.1600X001"], ["J18.9"])
    assert (claim.transferred_in, claim.discharge_way, claim.identity_check) == (True, DischargeWay.HOME, ClaimIdentityCheck.FAILED)
    assert (claim.total_fen, claim.fund_fen, claim.own_fen) == (100_050, 70_000, 30_050)
    assert months(intake) == {"2026-01": 1}


CLAIM_FAULTS = [
    ({"resident_id": number(9)}, "PERSON_UNKNOWN", "resident_id"),
    ({"institution_code": "H9"}, "INSTITUTION_UNKNOWN", "institution_code"),
    ({"claim_reference": ""}, "VALUE_MISSING", "claim_reference"),
    ({"claim_reference": "1.2E+20"}, "EXCEL_PRECISION_LOST", "claim_reference"),
    ({"setting": "住店"}, "SETTING_UNKNOWN", "setting"),
    ({"scheme": "意外险"}, "SCHEME_UNKNOWN", "scheme"),
    ({"scheme": "职工养老"}, "SCHEME_NOT_OF_CARE", "scheme"),
    ({"to_date": "2026-01-09"}, "END_BEFORE_START", "to_date"),
    ({"to_date": ""}, "VALUE_MISSING", "to_date"),
    ({"to_date": "2026-04-01"}, "DATE_IN_FUTURE", "to_date"),
    ({"from_date": "2026-02-30"}, "DATE_INVALID", "from_date"),
    ({"settled_at": "2026-01-18 23:00:00"}, "SETTLED_BEFORE_END", "settled_at"),
    ({"settled_at": "2026-01-18 25:00:00"}, "MOMENT_INVALID", "settled_at"),
    ({"fund_yuan": "1000.01"}, "FUND_OVER_TOTAL", "fund_fen"),
    ({"total_yuan": "-1"}, "AMOUNT_INVALID", "total_yuan"),
    ({"principal_diagnosis": "高血压"}, "DIAGNOSIS_INVALID", "principal_diagnosis"),
    ({"procedures": "ABC"}, "PROCEDURE_INVALID", "procedures"),
    ({"identity_check": "也许"}, "IDENTITY_CHECK_UNKNOWN", "identity_check"),
    ({"discharge_way": "飞走"}, "DISCHARGE_WAY_UNKNOWN", "discharge_way"),
    ({"transferred_in": "也许"}, "YES_NO_UNKNOWN", "transferred_in"),
]


def test_each_fault_of_a_claim_is_named_and_what_rules_find_is_no_fault(small: Intake, tmp_path: Path) -> None:
    columns = (*CLAIMS, "settled_at", "principal_diagnosis", "procedures", "identity_check", "discharge_way", "transferred_in")
    whole = (*SENT, "", "", "", "", "", "")
    rows = [put(whole, columns, **{"claim_reference": f"F{place}", **fault}) for place, (fault, _, _) in enumerate(CLAIM_FAULTS)]
    rows += [
        put(whole, columns, claim_reference="OK", from_date="1949-01-01", to_date="1949-02-01"),  # before the birth
        put(whole, columns, claim_reference="OK2", settled_at="2026-01-19"),
        put(whole, columns, claim_reference="OK3", setting="门诊", to_date=""),
    ]
    result = bring(small, ImportKind.CLAIMS, table(tmp_path / "c.csv", rows, columns))
    found = [(line.row, line.rule, line.field) for line in rejected(result.rejected_file)]
    assert found == [(place, rule, field) for place, (_, rule, field) in enumerate(CLAIM_FAULTS, start=2)]
    assert result.accepted == 3
    shown = (small.folder / result.batch / "rejected.csv").read_text(encoding="utf-8-sig")
    assert number(9) not in shown


def test_a_corrected_claim_changes_its_row_says_so_and_touches_both_months(intake: Intake, tmp_path: Path) -> None:
    path, columns = tmp_path / "c.csv", (*CLAIMS, "diagnoses", "doctor")
    whole = (*SENT, "K29.500", "D1")
    bring(intake, ImportKind.CLAIMS, table(path, [whole, put(whole, columns, claim_reference="A2")], columns))
    moved = put(whole, columns, to_date="2026-02-02", total_yuan="1200", diagnoses="", doctor="")
    result = bring(intake, ImportKind.CLAIMS, table(path, [moved], columns))
    assert (result.accepted, dict(result.by_warning)) == (1, {"CLAIM_CORRECTED": 1})
    assert "to_date, total_fen" in result.warnings_file.read_text(encoding="utf-8-sig")
    assert months(intake) == {"2026-01": 2, "2026-02": 1}
    filled = put(moved, columns, diagnoses="K29.500;E11.9")
    assert dict(bring(intake, ImportKind.CLAIMS, table(path, [filled], columns)).by_warning) == {"CLAIM_CORRECTED": 1}
    other = put(filled, columns, resident_id=number(7))
    assert dict(bring(intake, ImportKind.CLAIMS, table(path, [other], columns)).by_warning) == {"CLAIM_CORRECTED": 1}
    with intake.database.read_scope() as session:
        claim = session.scalars(select(Claim).where(Claim.reference == "A1")).one()
        assert (claim.to_date, claim.total_fen, claim.diagnoses, claim.doctor) == (date(2026, 2, 2), 120_000, ["K29.500", "E11.9"], "D1")
        assert claim.person_id != session.scalars(select(Claim.person_id).where(Claim.reference == "A2")).one()
    assert months(intake) == {"2026-01": 2, "2026-02": 3}


def test_what_was_empty_is_filled_without_a_warning(small: Intake, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    bring(small, ImportKind.CLAIMS, table(path, [SENT], CLAIMS))
    columns = (*CLAIMS, "social_security_number", "department")
    by_card = (*put(SENT, CLAIMS, resident_id=""), "420106123456", "心内科")
    result = bring(small, ImportKind.CLAIMS, table(path, [by_card], columns))
    assert (result.accepted, dict(result.by_warning)) == (1, {})
    assert count(small.database, Claim) == 1


def test_a_claim_twice_in_a_file_and_one_reference_of_two_institutions(small: Intake, tmp_path: Path) -> None:
    rows = [SENT, SENT, put(SENT, CLAIMS, total_yuan="900"), put(SENT, CLAIMS, institution_code="H2")]
    result = bring(small, ImportKind.CLAIMS, table(tmp_path / "c.csv", rows, CLAIMS))
    assert [line.rule for line in rejected(result.rejected_file)] == ["DUPLICATE_IN_FILE", "DUPLICATE_CONTRADICTS"]
    assert result.accepted == 2


def test_a_sender_sends_claims_of_its_institutions_or_of_its_persons(small: Intake, tmp_path: Path) -> None:
    rows = [put(SENT, CLAIMS, institution_code="H2"), SENT]
    path = table(tmp_path / "c.csv", rows, CLAIMS)
    assert dict(bring(small, ImportKind.CLAIMS, path, Options(region="420500")).by_rule) == {"REGION_NOT_YOURS": 1}
    assert bring(small, ImportKind.CLAIMS, path, Options(region="420100")).accepted == 1  # of H1; that of H2 is there already
    lines = [CHARGED, put(CHARGED, LINES, institution_code="H2")]
    path = table(tmp_path / "l.csv", lines, LINES)
    assert dict(bring(small, ImportKind.CLAIM_LINES, path, Options(region="420500")).by_rule) == {"REGION_NOT_YOURS": 1}


LINE_FAULTS = [
    ({"institution_code": "H9"}, "INSTITUTION_UNKNOWN", "institution_code"),
    ({"claim_reference": "X9"}, "CLAIM_UNKNOWN", "claim_reference"),
    ({"line_number": "0"}, "COUNT_INVALID", "line_number"),
    ({"line_number": "1.5"}, "COUNT_INVALID", "line_number"),
    ({"item_code": ""}, "VALUE_MISSING", "item_code"),
    ({"category": "小费"}, "CATEGORY_UNKNOWN", "category"),
    ({"quantity": "0"}, "QUANTITY_INVALID", "quantity"),
    ({"quantity": "两"}, "QUANTITY_INVALID", "quantity"),
    ({"amount_yuan": "26.00"}, "AMOUNT_NOT_PRICE", "amount_fen"),
    ({"unit_price_yuan": "x"}, "AMOUNT_INVALID", "unit_price_yuan"),
    ({"charged_on": "45000"}, "EXCEL_DATE_NUMBER", "charged_on"),
    ({"days": "-1"}, "COUNT_INVALID", "days"),
    ({"fund_yuan": "25.01"}, "FUND_OVER_TOTAL", "fund_fen"),
    ({"executed_at": "昨天"}, "DATE_INVALID", "executed_at"),
]


def test_each_fault_of_a_line_is_named_and_a_day_outside_the_stay_is_no_fault(small: Intake, tmp_path: Path) -> None:
    bring(small, ImportKind.CLAIMS, table(tmp_path / "c.csv", [SENT], CLAIMS))
    columns = (*LINES, "days", "fund_yuan", "executed_at")
    whole = (*CHARGED, "", "", "")
    rows = [put(whole, columns, **{"line_number": str(place), **fault}) for place, (fault, _, _) in enumerate(LINE_FAULTS, start=50)]
    rows.append(put(whole, columns, charged_on="2025-12-31"))
    result = bring(small, ImportKind.CLAIM_LINES, table(tmp_path / "l.csv", rows, columns))
    found = [(line.row, line.rule, line.field) for line in rejected(result.rejected_file)]
    assert found == [(place, rule, field) for place, (_, rule, field) in enumerate(LINE_FAULTS, start=2)]
    assert result.accepted == 1


def test_lines_come_in_once_are_corrected_and_warn_when_they_come_to_more_than_the_claim(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    bring(intake, ImportKind.CLAIMS, table(tmp_path / "c.csv", [SENT, put(SENT, CLAIMS, claim_reference="A2")], CLAIMS))
    columns = (*LINES, "days", "executed_at", "executed_quantity", "prescription", "doctor")
    rows = [
        (*CHARGED, "7", "2026-01-11 09:30", "0", "R1", "D1"),
        (*put(CHARGED, LINES, line_number="2", quantity="10", unit_price_yuan="90", amount_yuan="900"), "", "", "", "", ""),
        (*put(CHARGED, LINES, claim_reference="A2", category="14", item_name=""), "", "", "", "", ""),
    ]
    assert bring(intake, ImportKind.CLAIM_LINES, table(path, rows, columns)).accepted == 3
    assert bring(intake, ImportKind.CLAIM_LINES, path).unchanged == 3
    assert months(intake) == {"2026-01": 2}
    with intake.database.read_scope() as session:
        line, _, other = session.scalars(select(ClaimLine).order_by(ClaimLine.claim_id, ClaimLine.number)).all()
    assert (line.category, line.quantity, line.days, line.unit_price_fen, line.amount_fen) == (
        ChargeCategory.WESTERN_DRUG,
        2.0,
        7,
        1250,
        2500,
    )
    assert (line.executed_at, line.executed_quantity) == (datetime(2026, 1, 11, 1, 30, tzinfo=UTC), 0.0)
    assert (line.prescription, line.doctor, line.charged_on) == ("R1", "D1", date(2026, 1, 11))
    assert (other.category, other.item_name) == (ChargeCategory.OTHER, "XA01")
    third = put(CHARGED, LINES, line_number="3", quantity="1", unit_price_yuan="90", amount_yuan="90")
    corrected = put(CHARGED, LINES, quantity="3", amount_yuan="37.50")
    result = bring(intake, ImportKind.CLAIM_LINES, table(path, [third, corrected], LINES))
    assert (result.accepted, dict(result.by_warning)) == (2, {"LINES_OVER_TOTAL": 2})
    result = bring(intake, ImportKind.CLAIM_LINES, table(path, [CHARGED], LINES))
    assert dict(result.by_warning) == {"LINE_CORRECTED": 1}
    assert months(intake) == {"2026-01": 4}


def test_lines_name_their_claim_by_the_visit_where_there_is_no_settlement_number(small: Intake, tmp_path: Path) -> None:
    columns = tuple("就诊ID" if one == "claim_reference" else one for one in CLAIMS)
    assert bring(small, ImportKind.CLAIMS, table(tmp_path / "c.csv", [SENT], columns)).accepted == 1
    columns = tuple("就诊流水号" if one == "claim_reference" else one for one in LINES)
    assert bring(small, ImportKind.CLAIM_LINES, table(tmp_path / "l.csv", [CHARGED], columns)).accepted == 1


def test_excel_and_parquet_files_hold_the_same_claims(small: Intake, tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page, moment = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        page.write_row(0, 0, (*CLAIMS, "settled_at"))
        page.write_row(1, 0, SENT[:7])
        page.write_row(1, 7, (1000, 700.5))
        page.write_datetime(1, 9, datetime(2026, 1, 20, 16, 30), moment)  # noqa: DTZ001 - Excel knows no zones
    assert bring(small, ImportKind.CLAIMS, path).accepted == 1
    values: dict[str, list[Any]] = {name: [value] for name, value in zip(CLAIMS, SENT, strict=True)}
    values |= {"from_date": [date(2026, 1, 10)], "to_date": [date(2026, 1, 20)], "total_yuan": [1000.0], "fund_yuan": [700.5]}
    values["settled_at"] = [datetime(2026, 1, 20, 8, 30, tzinfo=UTC)]
    pq.write_table(pa.table(values), tmp_path / "c.parquet")
    assert bring(small, ImportKind.CLAIMS, tmp_path / "c.parquet").unchanged == 1


def test_a_killed_import_goes_on_where_it_stopped_with_every_line_once(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.intake_service.CHUNK_ROWS", 10)
    rows = [put(SENT, CLAIMS, claim_reference=f"A{one}") for one in range(35)]
    bring(intake, ImportKind.CLAIMS, table(tmp_path / "c.csv", rows, CLAIMS))
    lines = [put(CHARGED, LINES, claim_reference=f"A{one % 35}", line_number=str(1 + one // 35)) for one in range(70)]
    path, asked = table(tmp_path / "l.csv", lines, LINES), 0
    add_rows = import_rows.add_rows

    def killed(*given: Any) -> None:
        nonlocal asked
        asked += 1
        add_rows(*given)
        if asked == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(import_rows, "add_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            intake.import_file(ImportKind.CLAIM_LINES, path, DEFAULT, actor="test")
    assert count(intake.database, ClaimLine) == 30
    result = bring(intake, ImportKind.CLAIM_LINES, path)
    assert (result.accepted, result.unchanged, count(intake.database, ClaimLine)) == (70, 0, 70)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("k29.500", "K29.500"),
        ("K29500", "K29.500"),
        ("I10.x00x002", "I10.X00X002"),
        ("A17.0+", "A17.0"),
        ("Ｊ18.9", "J18.9"),
        ("Z51", "Z51"),
    ],
)
def test_diagnoses_have_one_form(text: str, code: str) -> None:
    assert diagnosis_of("diagnoses", text) == code


@pytest.mark.parametrize("text", ["高血压", "K2", "29.5", "K29.", "K29.5.1", "K29-5", "401.9", ""])
def test_what_is_no_code_of_icd_10_is_refused(text: str) -> None:
    with pytest.raises(RowRejected):
        diagnosis_of("diagnoses", text)


@pytest.mark.parametrize(
    ("text", "code"), [("38.9301", "38.9301"), ("389301", "38.9301"), ("45.1600x001", "45.1600X001"), ("47.0", "47.0")]
)
def test_procedures_have_one_form(text: str, code: str) -> None:
    assert procedure_of("procedures", text) == code


@pytest.mark.parametrize(
    ("amount", "price", "quantity", "fits"),
    [
        (2_500, "12.50", "2", True),
        (2_501, "12.50", "2", True),  # a fen of rounding
        (2_600, "12.50", "2", False),
        (1_234, "0.1234", "100", True),  # the price has parts of a fen
        (1_240, "0.1234", "100", False),
        (1_234, "0.12", "100", True),  # the price was rounded to fen
        (1_000, "30", "0.3333", True),  # the quantity was rounded
        (1_100, "30", "0.3333", False),
    ],
)
def test_an_amount_is_price_times_quantity_but_for_rounding(amount: int, price: str, quantity: str, *, fits: bool) -> None:
    assert is_price_times_quantity(amount, price_of("unit_price_yuan", price), quantity_of("quantity", quantity)) is fits


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("2026-01-20 16:05", 8, 5),
        ("2026/1/20 16:05:00", 8, 5),
        ("20260120160500", 8, 5),
        ("2026-01-20T16:05:00+08:00", 8, 5),
        ("2026-01-20T08:05:00Z", 8, 5),
        ("2026-01-20", 4, 0),
        ("2026-01-20 00:00:00", 4, 0),
        ("2026年1月20日", 4, 0),
    ],
)
def test_moments_are_read_in_the_zone_of_the_policy(intake_zone: Any, text: str, hour: int, minute: int) -> None:
    assert moment_of("settled_at", text, intake_zone) == datetime(2026, 1, 20, hour, minute, tzinfo=UTC)


@pytest.fixture
def intake_zone(records_policy: RecordsPolicy) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(records_policy.certification.time_zone)
