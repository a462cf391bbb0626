"""Files of what detection needs: relations, grants, bank accounts, approved birth dates, kinds of retirement, addresses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from detection.intake.cells import bank_account_of
from detection.intake.rules import RowRejected
from detection.intake_service import ImportResult, Intake, Options
from models.bank_account import check_digit_holds, mask_bank_account
from models.benefit import Benefit, RetirementKind
from models.database import Database
from models.import_batch import ImportKind
from models.keys import FileKeyRing
from models.person import Person
from models.policy import RecordsPolicy
from models.relation import GrantKind, GrantPayment, PersonRelation, RelationKind
from models.repositories import imports, persons
from models.repositories.persons import BlindIndex
from tests.detection.files import DEFAULT, HEADINGS, REGION, make_intake, number, rejected, table

CARD, WRONG_CARD = "6217000010001234569", "6217000010001234561"
PASSBOOK = "80100123456789"


@pytest.fixture
def intake(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    found = make_intake(database, keyring, records_policy, tmp_path / "imports")
    people = [(number(sequence), "王安", REGION) for sequence in (1, 2, 3)] + [(number(4), "李宝", "420102")]
    bring(found, ImportKind.PERSONS, table(tmp_path / "people.csv", people))
    return found


def bring(intake: Intake, kind: ImportKind, path: Path, options: Options = DEFAULT) -> ImportResult:
    return intake.import_file(kind, path, options, actor="test")


def ids(intake: Intake) -> dict[str, int]:
    """Resident ID -> id of the row."""
    index = BlindIndex(intake.keyring)
    with intake.database.read_scope() as session:
        by_digest = {bytes(row.resident_id_index): row.id for row in session.scalars(select(Person))}
    return {one: by_digest[index.resident_id(one)] for one in (number(sequence) for sequence in (1, 2, 3, 4))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CARD, CARD),
        ("6217 0000 1000 1234 569", CARD),
        ("6217-0000-1000-1234-569", CARD),
        ("80100123456789", PASSBOOK),
        ("12345678.0", "12345678"),
        ("1234567", "ACCOUNT_INVALID"),
        ("1" * 31, "ACCOUNT_INVALID"),
        ("0000000000", "ACCOUNT_INVALID"),
        ("62170000100O1234562", "ACCOUNT_INVALID"),
        ("6.217E+18", "EXCEL_PRECISION_LOST"),
        ("6217000010001230000", "EXCEL_PRECISION_LOST"),
        ("8010012345678900000", "8010012345678900000"),  # no card: its last digits may well be noughts
    ],
)
def test_accounts_are_read_and_what_excel_broke_is_told_apart(text: str, expected: str) -> None:
    assert outcome(text) == expected


def outcome(text: str) -> str:
    """The account, or the rule that the text breaks."""
    try:
        return bank_account_of("bank_account", text)
    except RowRejected as rejection:
        return rejection.rule.code


def test_the_check_digit_is_that_of_cards() -> None:
    assert check_digit_holds("4111111111111111")  # the usual example of ISO/IEC 7812-1
    assert not check_digit_holds("4111111111111112")
    assert check_digit_holds(CARD)
    assert not check_digit_holds(WRONG_CARD)
    assert mask_bank_account(CARD) == "6217***********4569"
    assert mask_bank_account("12345678") == "******78"


BENEFIT_HEADINGS = ("身份证号", "险种", "待遇开始年月", "月待遇", "发放账号", "审批出生日期", "退休类别")


def test_a_benefit_takes_account_approved_birth_date_and_kind_of_retirement(intake: Intake, tmp_path: Path) -> None:
    rows = [
        (number(1), "职工养老", "201006", "3000", CARD, "1950-05-01", "特殊工种"),
        (number(2), "职工养老", "201006", "3000", WRONG_CARD, "", ""),
        (number(3), "职工养老", "201006", "3000", PASSBOOK, "", "到龄"),
        (number(4), "职工养老", "201006", "3000", "62-x", "", ""),
    ]
    path = table(tmp_path / "b.csv", rows, BENEFIT_HEADINGS)
    result = bring(intake, ImportKind.BENEFITS, path)
    assert (result.accepted, result.by_rule) == (2, {"RETIREMENT_KIND_UNKNOWN": 1, "ACCOUNT_INVALID": 1})
    assert result.by_warning == {"ACCOUNT_CHECK_DIGIT": 1}
    warned = rejected(result.warnings_file)
    assert [(line.row, line.field, line.rule) for line in warned] == [(3, "bank_account", "ACCOUNT_CHECK_DIGIT")]
    assert WRONG_CARD not in (result.warnings_file or tmp_path).read_text(encoding="utf-8-sig")
    assert "ACCOUNT_CHECK_DIGIT" in result.report.read_text(encoding="utf-8")
    with intake.database.read_scope() as session:
        found = {row.person_id: row for row in session.scalars(select(Benefit))}
        first = found[ids(intake)[number(1)]]
        person = session.get(Person, first.person_id)
        assert person is not None
        assert persons.open_bank_account(first, person, intake.keyring) == CARD
        assert first.account_index == BlindIndex(intake.keyring).bank_account(CARD)
        assert (first.approved_birth_date, first.retirement_kind) == (date(1950, 5, 1), RetirementKind.SPECIAL_WORK)
        assert imports.get(session, result.batch).by_warning == {"ACCOUNT_CHECK_DIGIT": 1}
    again = bring(intake, ImportKind.BENEFITS, path)
    assert (again.accepted, again.unchanged, again.warnings_file) == (0, 2, None)
    assert not (again.report.parent / "warnings.csv").exists()


def test_an_account_changes_by_a_later_file_and_no_empty_cell_takes_it_away(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    for account, birth, kind, accepted in (
        (CARD, "1950-05-01", "", 1),
        ("", "", "", 0),
        (PASSBOOK, "1950-06-01", "病退", 1),
        (PASSBOOK, "", "病退", 0),
    ):
        table(path, [(number(1), "职工养老", "201006", "3000", account, birth, kind)], BENEFIT_HEADINGS)
        assert bring(intake, ImportKind.BENEFITS, path).accepted == accepted
    with intake.database.read_scope() as session:
        benefit = session.scalars(select(Benefit)).one()
        person = session.get(Person, benefit.person_id)
        assert person is not None
        assert persons.open_bank_account(benefit, person, intake.keyring) == PASSBOOK
        assert benefit.account_masked == "8010******6789"
        assert (benefit.approved_birth_date, benefit.retirement_kind) == (date(1950, 6, 1), RetirementKind.DISABILITY)


@pytest.mark.parametrize(
    ("born", "rule"), [("2010-07-01", "DATE_BEFORE_BIRTH"), ("1850-01-01", "AGE_IMPLAUSIBLE"), ("1950-13-01", "DATE_INVALID")]
)
def test_an_approved_birth_date_that_cannot_be_is_refused(intake: Intake, tmp_path: Path, born: str, rule: str) -> None:
    path = table(tmp_path / "b.csv", [(number(1), "职工养老", "201006", "3000", CARD, born, "")], BENEFIT_HEADINGS)
    result = bring(intake, ImportKind.BENEFITS, path)
    assert result.by_rule == {rule: 1}
    assert born[5:] not in rejected(result.rejected_file)[0].value


def test_an_address_is_sealed_taken_over_and_masked_in_what_goes_back(intake: Intake, tmp_path: Path) -> None:
    path, columns = tmp_path / "p.csv", (*HEADINGS, "家庭住址")
    assert bring(intake, ImportKind.PERSONS, table(path, [(number(1), "王安", REGION, "云泽市  青溪县和平路12号")], columns)).accepted == 1
    assert bring(intake, ImportKind.PERSONS, path).unchanged == 1
    assert bring(intake, ImportKind.PERSONS, table(path, [(number(1), "王安", REGION, "")], columns)).unchanged == 1
    long = bring(intake, ImportKind.PERSONS, table(path, [(number(2), "王安", REGION, "青溪县和平路" * 40)], columns))
    assert long.by_rule == {"TEXT_TOO_LONG": 1}
    assert rejected(long.rejected_file)[0].value == "青溪县***"
    with intake.database.read_scope() as session:
        person = session.get(Person, ids(intake)[number(1)])
        assert person is not None
        assert persons.open_address(person, intake.keyring) == "云泽市 青溪县和平路12号"


RELATION_HEADINGS = ("身份证号", "对方身份证号", "关系", "登记日期", "解除日期", "来源")


def test_a_relation_is_there_once_whoever_is_named_first(intake: Intake, tmp_path: Path) -> None:
    rows = [
        (number(1), number(2), "夫妻", "1975-05-01", "", "民政部门"),
        (number(3), number(1), "监护人", "", "", "民政部门"),
        (number(2), number(4), "双胞胎", "", "", ""),
        (number(3), number(3), "配偶", "", "", ""),
        (number(3), number(9), "配偶", "", "", ""),
        (number(3), number(2), "同学", "", "", ""),
        (number(3), number(2), "配偶", "1990-01-01", "1980-01-01", ""),
        (number(2), number(1), "spouse", "1975-05-01", "", "民政部门"),
    ]
    path = table(tmp_path / "r.csv", rows, RELATION_HEADINGS)
    result = bring(intake, ImportKind.RELATIONS, path)
    found = [(line.row, line.rule, line.field) for line in rejected(result.rejected_file)]
    assert found == [
        (5, "RELATION_WITH_ONESELF", "other_resident_id"),
        (6, "PERSON_UNKNOWN", "other_resident_id"),
        (7, "RELATION_UNKNOWN", "relation"),
        (8, "END_BEFORE_START", "to_on"),
        (9, "DUPLICATE_CONTRADICTS", "resident_id"),  # the same marriage, told the other way round
    ]
    again = bring(intake, ImportKind.RELATIONS, path)
    assert (again.accepted, again.unchanged) == (0, 3)
    ended = bring(
        intake, ImportKind.RELATIONS, table(path, [(number(2), number(1), "配偶", "", "2001-02-03", "民政部门")], RELATION_HEADINGS)
    )
    assert ended.accepted == 1
    one, two, three, four = (ids(intake)[number(sequence)] for sequence in (1, 2, 3, 4))
    with intake.database.read_scope() as session:
        stored = {(row.person_id, row.other_id, row.kind, row.since, row.until) for row in session.scalars(select(PersonRelation))}
    assert stored == {
        (one, two, RelationKind.SPOUSE, date(1975, 5, 1), date(2001, 2, 3)),
        (three, one, RelationKind.GUARDIAN, None, None),
        (two, four, RelationKind.TWIN, None, None),
    }


def test_a_ward_is_a_guardian_the_other_way_round(intake: Intake, tmp_path: Path) -> None:
    rows = [(number(1), number(3), "被监护人", "", "", "")]
    assert bring(intake, ImportKind.RELATIONS, table(tmp_path / "r.csv", rows, RELATION_HEADINGS)).accepted == 1
    with intake.database.read_scope() as session:
        row = session.scalars(select(PersonRelation)).one()
    assert (row.person_id, row.other_id) == (ids(intake)[number(3)], ids(intake)[number(1)])


def test_one_of_two_related_persons_lives_in_the_region_of_the_sender(intake: Intake, tmp_path: Path) -> None:
    path = table(tmp_path / "r.csv", [(number(1), number(4), "配偶", "", "", "")], RELATION_HEADINGS)
    assert bring(intake, ImportKind.RELATIONS, path, Options(region="420200")).by_rule == {"REGION_NOT_YOURS": 1}
    assert bring(intake, ImportKind.RELATIONS, path, Options(region="420102")).accepted == 1


GRANT_HEADINGS = ("死者身份证号", "一次性待遇类别", "发放日期", "发放金额(元)", "文号", "领取人身份证号", "银行账号")


def test_grants_come_once_by_their_reference_and_contradicting_ones_are_refused(intake: Intake, tmp_path: Path) -> None:
    rows = [
        (number(1), "丧葬补助金", "2025-11-03", "9000.50", "G1", number(4), CARD),
        (number(1), "抚恤金", "2025-11-03", "20000", "G2", number(9), ""),
        (number(1), "意外", "2025-11-03", "20000", "G3", "", ""),
        (number(1), "抚恤金", "2025-11-03", "20000", "", "", ""),
        (number(8), "抚恤金", "2025-11-03", "20000", "G4", "", ""),
        (number(1), "抚恤金", "2027-11-03", "20000", "G5", "", ""),
        (number(1), "抚恤金", "2025-11-03", "20000", "G6", number(1), ""),
        (number(2), "丧葬补助金", "2025-11-03", "9000.50", "G7", "", WRONG_CARD),
    ]
    path = table(tmp_path / "g.csv", rows, GRANT_HEADINGS)
    result = bring(intake, ImportKind.GRANTS, path)
    assert [(line.row, line.rule) for line in rejected(result.rejected_file)] == [
        (4, "GRANT_UNKNOWN"),
        (5, "VALUE_MISSING"),
        (6, "PERSON_UNKNOWN"),
        (7, "DATE_IN_FUTURE"),
        (8, "RELATION_WITH_ONESELF"),
    ]
    assert result.by_warning == {"ACCOUNT_CHECK_DIGIT": 1}
    assert bring(intake, ImportKind.GRANTS, path).unchanged == 3
    other = table(tmp_path / "h.csv", [(number(1), "丧葬补助金", "2025-11-03", "1.00", "G1", "", "")], GRANT_HEADINGS)
    assert bring(intake, ImportKind.GRANTS, other).by_rule == {"DUPLICATE_CONTRADICTS": 1}
    with intake.database.read_scope() as session:
        stored = {row.reference: row for row in session.scalars(select(GrantPayment))}
    assert set(stored) == {"G1", "G2", "G7"}
    first = stored["G1"]
    assert (first.deceased_id, first.recipient_id) == (ids(intake)[number(1)], ids(intake)[number(4)])
    assert (first.kind, first.amount_fen, first.region_code, first.paid_on) == (GrantKind.FUNERAL, 900_050, REGION, date(2025, 11, 3))
    assert (first.account_index, first.account_masked) == (BlindIndex(intake.keyring).bank_account(CARD), "6217***********4569")
    assert stored["G2"].recipient_id is None  # nobody who is insured here
