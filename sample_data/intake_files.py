"""Small files to try the intake with: every kind of record, in the encodings and forms that cities send, with the usual faults.

The people are made up and not those of the county, so that the files go into the demo, in the order of ``ORDER``. ``faults.csv`` says which
rows are wrong on purpose, and by which rule the intake should refuse them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import xlsxwriter

from models.certification import add_months
from sample_data.people import MadeUpPerson, draw_people, integer

# file -> kind, in the order in which they build on each other
ORDER = {
    "persons.csv": "persons",
    "persons_from_excel.xlsx": "persons",
    "enrolments.csv": "enrolments",
    "benefits.csv": "benefits",
    "payments.csv": "payments",
    "deaths.csv": "deaths",
    "custody.xlsx": "custody",
    "traces.csv": "traces",
    "blacklist.csv": "blacklist",
}
FAULTS = "faults.csv"
IN_CSV, IN_EXCEL = 40, 10
SCHEME = "企业职工基本养老保险"
NOBODY = "429802195001010012"  # check digit right, given to nobody here

Cell = str | float


@dataclass
class Sheet:
    """One file: headings and rows, with the rule that each row breaks, empty for a good one."""

    headings: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def add(self, *cells: Cell, rule: str = "") -> None:
        """Add one row."""
        self.rows.append(cells)
        self.rules.append(rule)


def write_files(folder: Path, *, seed: int, as_of: date) -> list[str]:
    """Write the files and the list of faults into the folder, which is made when it is not there; names in the order to import them."""
    random = Random(f"{seed} files")
    people = [
        replace(person, social_security_number=f"{person.region_code}9{index:05d}")
        for index, person in enumerate(p for p in draw_people(random, 600, as_of) if 63 <= _age(p, as_of) <= 85)
    ][: IN_CSV + IN_EXCEL]
    sheets = {
        "persons.csv": _persons(people[:IN_CSV]),
        "persons_from_excel.xlsx": _persons_from_excel(people[IN_CSV:]),
        "enrolments.csv": _enrolments(people),
        "benefits.csv": _benefits(random, people[:IN_CSV]),
        "payments.csv": _payments(people, as_of),
        "deaths.csv": _deaths(random, people, as_of),
        "custody.xlsx": _custody(people, as_of),
        "traces.csv": _traces(random, people[:IN_CSV], as_of),
        "blacklist.csv": _blacklist(people, as_of),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        encoding = "gb18030" if name in {"enrolments.csv", "traces.csv"} else "utf-8-sig"
        (folder / name).write_bytes(_excel(sheet) if name.endswith(".xlsx") else _csv(sheet, encoding))
    faults = Sheet(("file", "row", "rule"))
    for name, sheet in sheets.items():
        for row, rule in enumerate(sheet.rules, start=2):  # the headings are row 1
            if rule:
                faults.add(name, str(row), rule)
    (folder / FAULTS).write_bytes(_csv(faults, "utf-8"))
    return list(ORDER)


def _age(person: MadeUpPerson, as_of: date) -> int:
    return (as_of - person.birth_date).days // 366


def _retired_from(person: MadeUpPerson) -> date:
    return add_months(person.birth_date.replace(day=1), 60 * 12 + 1)


def _sex(person: MadeUpPerson) -> str:
    return "男" if person.sex == "male" else "女"


def _persons(people: Sequence[MadeUpPerson]) -> Sheet:
    sheet = Sheet(("姓名", "身份证号", "性别", "出生日期", "行政区划代码", "社会保障号", "手机号"))

    def row(person: MadeUpPerson, **changes: str) -> tuple[str, ...]:
        values = {
            "name": person.name,
            "resident_id": person.resident_id,
            "sex": _sex(person),
            "born": person.birth_date.isoformat(),
            "region": person.region_code,
            "number": person.social_security_number,
            "phone": person.phone,
        } | changes
        return tuple(values.values())

    for person in people[:20]:
        sheet.add(*row(person))
    first = people[0]
    wrong_last = "1" if first.resident_id[-1] != "1" else "2"
    sheet.add(*row(first, resident_id=first.resident_id[:-1] + wrong_last), rule="ID_CHECK_DIGIT")
    sheet.add(*row(first, resident_id=first.resident_id[:-1]), rule="ID_LENGTH")
    sheet.add(*row(people[20], born=(people[20].birth_date + timedelta(days=31)).isoformat()), rule="BIRTH_DATE_MISMATCH")
    sheet.add(*row(people[21], sex="女" if people[21].sex == "male" else "男"), rule="SEX_MISMATCH")
    sheet.add(*row(people[22], name=""), rule="VALUE_MISSING")
    sheet.add(*row(people[23], region="429899"), rule="REGION_UNKNOWN")
    sheet.add(*row(first), rule="DUPLICATE_IN_FILE")
    for person in people[20:]:  # those with a fault come again, mended
        sheet.add(*row(person))
    return sheet


def _persons_from_excel(people: Sequence[MadeUpPerson]) -> Sheet:
    sheet = Sheet(("Name", "ID number", "Region", "Social security number", "Phone"))
    for index, person in enumerate(people):
        damaged = index in {3, 7}  # typed into a column that was not formatted as text
        number: Cell = float(person.resident_id[:17] + "0") if damaged else person.resident_id
        rule = "EXCEL_PRECISION_LOST" if damaged else ""
        sheet.add(person.name, number, person.region_code, person.social_security_number, person.phone, rule=rule)
    return sheet


def _enrolments(people: Sequence[MadeUpPerson]) -> Sheet:
    sheet = Sheet(("身份证号", "险种", "统筹区", "参保开始年月", "参保终止年月"))
    for person in people[:IN_CSV]:
        sheet.add(person.resident_id, SCHEME, person.region_code, "199601", f"{add_months(_retired_from(person), -1):%Y%m}")
    first = people[0]
    sheet.add(NOBODY, SCHEME, first.region_code, "199601", "", rule="PERSON_UNKNOWN")
    sheet.add(first.resident_id, "意外险", first.region_code, "199601", "", rule="SCHEME_UNKNOWN")
    sheet.add(people[1].resident_id, "失业保险", people[1].region_code, "200101", "199901", rule="END_BEFORE_START")
    return sheet


def _benefits(random: Random, people: Sequence[MadeUpPerson]) -> Sheet:
    sheet = Sheet(("resident_id", "scheme", "region_code", "from_month", "monthly_yuan"))
    for person in people:
        yuan = f"{integer(random, 1800, 5200)}.{integer(random, 0, 9)}0"
        sheet.add(person.resident_id, "employee_pension", person.region_code, f"{_retired_from(person):%Y-%m}", yuan)
    first = people[0]
    sheet.add(first.resident_id, "resident_pension", first.region_code, "2015-13", "120.00", rule="MONTH_INVALID")
    sheet.add(first.resident_id, "resident_pension", first.region_code, "2015-12", "one hundred", rule="AMOUNT_INVALID")
    return sheet


def _payments(people: Sequence[MadeUpPerson], as_of: date) -> Sheet:
    sheet = Sheet(("身份证号", "险种", "发放年月", "发放金额(元)"))
    months = [add_months(as_of.replace(day=1), -back) for back in (3, 2, 1)]
    for person in people[:IN_CSV]:
        for month in months:
            sheet.add(person.resident_id, SCHEME, f"{month:%Y年}{month.month}月", "3120.50")
    first, without = people[0], people[IN_CSV]
    sheet.add(first.resident_id, SCHEME, f"{add_months(_retired_from(first), -2):%Y-%m}", "3120.50", rule="PAID_BEFORE_BENEFIT")
    sheet.add(without.resident_id, SCHEME, f"{months[0]:%Y-%m}", "3120.50", rule="BENEFIT_UNKNOWN")
    return sheet


def _deaths(random: Random, people: Sequence[MadeUpPerson], as_of: date) -> Sheet:
    sheet = Sheet(("身份证号", "死亡日期", "数据来源", "证明编号"))
    for number, person in enumerate(people[2:5], start=1):
        day = as_of - timedelta(days=integer(random, 5, 60))
        sheet.add(person.resident_id, f"{day:%Y%m%d}", "民政部门", f"M{number:04d}")
    sheet.add(people[6].resident_id, "19300101", "民政部门", "M0101", rule="DEATH_BEFORE_BIRTH")
    sheet.add(people[7].resident_id, f"{as_of + timedelta(days=40):%Y%m%d}", "民政部门", "M0102", rule="DATE_IN_FUTURE")
    sheet.add(people[8].resident_id, "", "民政部门", "M0103", rule="VALUE_MISSING")
    return sheet


def _custody(people: Sequence[MadeUpPerson], as_of: date) -> Sheet:
    sheet = Sheet(("身份证号", "羁押开始日期", "羁押结束日期", "数据来源", "文书号"))
    began_on = as_of - timedelta(days=200)
    sheet.add(people[9].resident_id, began_on.isoformat(), "", "监狱管理部门", "X0001")
    sheet.add(people[10].resident_id, began_on.isoformat(), (began_on + timedelta(days=90)).isoformat(), "监狱管理部门", "X0002")
    earlier = (began_on - timedelta(days=90)).isoformat()
    sheet.add(people[11].resident_id, began_on.isoformat(), earlier, "监狱管理部门", "X0003", rule="END_BEFORE_START")
    return sheet


def _traces(random: Random, people: Sequence[MadeUpPerson], as_of: date) -> Sheet:
    sheet = Sheet(("身份证号", "线索类型", "发生日期", "来源", "就诊流水号"))
    number = 0

    def trace(person: MadeUpPerson, kind: str, day: str, source: str, rule: str = "") -> None:
        nonlocal number
        number += 1
        sheet.add(person.resident_id, kind, day, source, f"T{number:05d}", rule=rule)

    for index, person in enumerate(people[3:30]):  # two whose death and one whose custody is recorded are among them
        day = as_of - timedelta(days=integer(random, 1, 4 if index < 2 else 60))
        kind, source = (("就医", "市第一医院"), ("接种", "疾控中心"), ("出行", "铁路"))[index % 3]
        trace(person, kind, day.isoformat(), source)
    trace(people[31], "钓鱼", (as_of - timedelta(days=3)).isoformat(), "社区", rule="TRACE_UNKNOWN")
    trace(people[32], "就医", (as_of + timedelta(days=30)).isoformat(), "市第一医院", rule="DATE_IN_FUTURE")
    trace(people[33], "就医", "2月30日", "市第一医院", rule="DATE_INVALID")
    return sheet


def _blacklist(people: Sequence[MadeUpPerson], as_of: date) -> Sheet:
    sheet = Sheet(("社保卡号", "列入原因", "列入日期", "解除日期", "来源"))
    since = (as_of - timedelta(days=20)).isoformat()
    sheet.add(people[2].social_security_number, "死亡", since, "", "制卡中心")
    sheet.add(people[12].social_security_number, "挂失", since, "", "制卡中心")
    sheet.add(people[13].social_security_number, "挂失", since, (as_of - timedelta(days=10)).isoformat(), "制卡中心")
    sheet.add(people[14].social_security_number, "不喜欢", since, "", "制卡中心", rule="REASON_UNKNOWN")
    sheet.add("12-34", "挂失", since, "", "制卡中心", rule="SSN_INVALID")
    return sheet


def _csv(sheet: Sheet, encoding: str) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n" if encoding != "utf-8" else "\n")
    writer.writerow(sheet.headings)
    writer.writerows(sheet.rows)
    return stream.getvalue().encode(encoding)


def _excel(sheet: Sheet) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - the same bytes whenever they are made
        page = book.add_worksheet()
        for place, row in enumerate((sheet.headings, *sheet.rows)):
            for column, cell in enumerate(row):
                if isinstance(cell, float):
                    page.write_number(place, column, cell)
                elif cell:
                    page.write_string(place, column, cell)
    return stream.getvalue()
