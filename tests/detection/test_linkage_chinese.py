"""Forms of names, numbers, dates, addresses: what must meet, and what must not."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lunar_python import Lunar, LunarYear
from pypinyin import lazy_pinyin

from detection.linkage.chinese.addresses import address_forms
from detection.linkage.chinese.characters import loose_syllable, normal_character, syllable, tables
from detection.linkage.chinese.dates import LUNAR_YEARS, date_forms, read_day, solar_day
from detection.linkage.chinese.names import name_forms, pinyin_syllables
from detection.linkage.chinese.numbers import account_number, phone_number, regions_in_force
from detection.linkage.chinese.resident_ids import resident_id_forms
from models.identifiers import check_character

CORE = "42980219500301123"
NUMBER = CORE + check_character(CORE)


def one_name(text: str) -> dict[str, str | None]:
    forms = name_forms(pa.array([text]))
    return {key: value[0].as_py() for key, value in vars(forms).items()}


def one_number(text: str) -> dict[str, object]:
    forms = resident_id_forms(pa.array([text]))
    return {key: value[0].as_py() for key, value in vars(forms).items()}


# (form in which the two meet, one, other)
NAMES_THAT_MEET = (
    ("normal", "張偉", "张伟"),
    ("normal", "张 伟", "张伟"),
    ("normal", "李　喆", "李哲"),
    ("normal", "石磊", "⽯磊"),
    ("normal", "吴昊", "吳昊"),
    ("normal", "王\ue81e", "王龴"),
    ("normal", "李吉吉", "李喆"),
    ("normal", "龔龙", "龚龙"),
    ("normal", "䶮明", "龑明"),
    ("normal", "阿卜杜拉·买买提", "阿卜杜拉•买买提"),
    ("normal", "阿卜杜拉．买买提", "阿卜杜拉买买提"),
    ("normal", "阿卜杜拉.买买提", "阿卜杜拉・买买提"),
    ("shape", "李赟", "李斌"),
    ("shape", "候明", "候明"),
    ("loose", "李赟", "李斌"),
    ("sound", "李哲", "李zhe"),
    ("sound", "李哲", "李 ZHE"),
    ("sound", "张伟强", "zhang wei qiang"),
    ("sound", "张伟强", "ZHANGWEIQIANG"),
    ("sound", "王伟", "王薇"),
    ("sound", "单国", "单国"),
    ("sound", "曾明", "增明"),
    ("sound", "张伟", "章伟"),
    ("loose", "张真", "臧怎"),
    ("loose", "刘宁", "牛林"),
    ("loose", "陈英", "岑因"),
    ("loose", "石胜", "斯森"),
    ("parts", "阿卜杜拉·买买提", "买买提·阿卜杜拉"),
    ("parts", "阿卜杜拉 买买提", "买买提.阿卜杜拉"),
    ("start", "阿卜杜热合曼·阿卜杜热西提", "阿卜杜热合曼·阿"),
)
NAMES_THAT_DO_NOT = (
    ("normal", "张伟", "张玮"),
    ("normal", "李赟", "李斌"),
    ("sound", "张真", "臧怎"),
    ("sound", "李赟", "李斌"),
    ("loose", "张伟", "张强"),
    ("loose", "王芳", "黄芳"),
    ("parts", "阿卜杜拉·买买提", "阿卜杜拉·艾山"),
    ("start", "阿卜杜拉·买买提", "艾合买提·买买提"),
    ("sound", "单国", "丹国"),
)


@pytest.mark.parametrize(("form", "one", "other"), NAMES_THAT_MEET)
def test_names_that_mean_one_person_meet(form: str, one: str, other: str) -> None:
    left, right = one_name(one)[form], one_name(other)[form]
    assert left is not None
    assert left == right


@pytest.mark.parametrize(("form", "one", "other"), NAMES_THAT_DO_NOT)
def test_names_that_differ_stay_apart(form: str, one: str, other: str) -> None:
    assert one_name(one)[form] != one_name(other)[form]


@pytest.mark.parametrize("written", ["李?", "李？", "李□", "李■", "李*", "李\ufffd", "李\uf123", "李zhe"])
def test_what_could_not_be_written_leaves_a_pattern(written: str) -> None:
    assert one_name(written)["pattern"] == "李_"


def test_a_whole_name_has_no_pattern_parts_or_start() -> None:
    forms = one_name("李建国")
    assert (forms["pattern"], forms["parts"], forms["start"]) == (None, None, None)
    assert forms["surname"] == "li"


@pytest.mark.parametrize("written", ["", "·", "　"])
def test_a_name_of_nothing_is_null(written: str) -> None:
    assert set(one_name(written).values()) == {None}


def test_null_names_stay_null_and_no_names_are_no_error() -> None:
    assert name_forms(pa.array([None, "李"], pa.string())).normal.to_pylist() == [None, "李"]
    assert name_forms(pa.array([], pa.string())).sound.to_pylist() == []


@given(st.text(max_size=12))
@settings(max_examples=100, deadline=None)
def test_forms_of_a_name_are_forms_of_themselves(text: str) -> None:
    forms = one_name(text)
    if forms["normal"] is not None:
        again = one_name(forms["normal"])
        assert again["normal"] == forms["normal"]
    if forms["shape"] is not None:
        assert one_name(forms["shape"])["shape"] == forms["shape"]


def test_readings_are_those_of_the_dictionary_but_for_names() -> None:
    differ = {chr(code) for code in range(0x4E00, 0x9FA6) if syllable(chr(code)) != lazy_pinyin(chr(code))[0]}
    assert differ <= set(tables().readings)


def test_the_tables_of_characters_lead_nowhere_twice() -> None:
    table = tables()
    for pairs in (table.variants, table.lookalikes):
        assert not set(pairs) & set(pairs.values())
    assert all(normal_character(target) == target for target in table.variants.values())
    assert all(normal_character(target) == target for target in table.components.values())


def test_loose_syllables_stay_loose() -> None:
    sounds = {syllable(chr(code)) for code in range(0x4E00, 0x9FA6)}
    assert all(loose_syllable(loose_syllable(sound)) == loose_syllable(sound) for sound in sounds)


@pytest.mark.parametrize(
    ("letters", "found"),
    [("zhangwei", ["zhang", "wei"]), ("xian", ["xian"]), ("smith", []), ("liu", ["liu"]), ("zhangweiqiang", ["zhang", "wei", "qiang"])],
)
def test_a_run_of_letters_is_read_as_the_fewest_syllables(letters: str, found: list[str]) -> None:
    assert pinyin_syllables(letters) == found


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        NUMBER.lower(),
        f" {NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]} ",
        NUMBER.replace("0", "O"),
        "".join(chr(ord(each) + 0xFEE0) for each in NUMBER),
        f"'{NUMBER}",
        NUMBER[:6] + NUMBER[8:17],
        NUMBER[:17],
    ],
)
def test_ways_to_write_a_number_have_one_core(written: str) -> None:
    assert one_number(written)["core"] == CORE


def test_only_a_number_whose_check_character_fits_proves_itself() -> None:
    assert one_number(NUMBER)["checked"] == CORE
    mistyped = NUMBER[:16] + str((int(NUMBER[16]) + 1) % 10) + NUMBER[17]
    assert one_number(mistyped)["checked"] is None
    assert one_number(NUMBER[:6] + NUMBER[8:17]) | {"checked": None} == one_number(NUMBER[:6] + NUMBER[8:17])
    impossible = "42980219501301123"
    assert one_number(impossible + check_character(impossible))["checked"] is None


def test_two_transposed_digits_leave_the_ordered_digits() -> None:
    swapped = NUMBER[:14] + NUMBER[15] + NUMBER[14] + NUMBER[16:]
    assert swapped != NUMBER
    assert one_number(swapped)["ordered"] == one_number(NUMBER)["ordered"]
    assert one_number(NUMBER[:16] + "9" + NUMBER[17])["ordered"] != one_number(NUMBER)["ordered"]


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("110105" + NUMBER[6:], "birth_and_sequence"),
        (NUMBER[:10] + "1231" + NUMBER[14:], "without_day"),
        (NUMBER[:6] + "1960" + NUMBER[10:], "without_year"),
        (NUMBER[:14] + "999" + NUMBER[17], "without_sequence"),
    ],
)
def test_each_key_of_a_number_survives_its_error_and_no_other(wrong: str, key: str) -> None:
    right, mistaken = resident_id_forms(pa.array([NUMBER])), resident_id_forms(pa.array([wrong]))
    for each in ("birth_and_sequence", "without_day", "without_year", "without_sequence"):
        assert (getattr(right, each)[0].as_py() == getattr(mistaken, each)[0].as_py()) is (each == key)


@pytest.mark.parametrize("written", ["4.2980219500301E+17", "12", "无", "123456789"])
def test_what_is_no_number_is_null(written: str) -> None:
    assert one_number(written)["core"] is None


@pytest.mark.parametrize(
    ("written", "birth", "birth_date"),
    [
        ("420106194902280012", "19490228", "1949-02-28"),
        ("420106194902290019", "19490229", None),
        ("420106194802290011", "19480229", "1948-02-29"),
        ("420106190002290015", "19000229", None),
        ("420106200002290017", "20000229", "2000-02-29"),
        ("420106194913010017", "19491301", None),
        ("42010619490228", "19490228", "1949-02-28"),
        ("42010621490228", None, None),
        ("420106490228001", "19490228", "1949-02-28"),
    ],
)
def test_the_day_of_a_number_is_one_that_the_calendar_has(written: str, birth: str | None, birth_date: str | None) -> None:
    forms = resident_id_forms(pa.array([None, written, "420106195001010012"], pa.string()))
    assert (forms.birth[1].as_py(), forms.birth_date[1].as_py()) == (birth, birth_date)
    assert forms.birth_date.to_pylist()[::2] == [None, "1950-01-01"]


def test_a_number_that_was_rounded_keeps_what_is_sure() -> None:
    rounded = NUMBER[:15] + "000"
    if check_character(rounded[:17]) == "0":
        rounded = NUMBER[:14] + "9000"
    forms = one_number(rounded)
    assert (forms["region"], forms["birth"], forms["sequence"], forms["checked"]) == ("429802", "19500301", None, None)


@given(st.text(alphabet="0123456789Xx ０１９Oo", min_size=0, max_size=22))
@settings(max_examples=100, deadline=None)
def test_a_core_is_its_own_core(text: str) -> None:
    core = one_number(text)["core"]
    if isinstance(core, str) and len(core) == 17:
        assert one_number(core)["core"] == core


@pytest.mark.parametrize(
    "written", ["1950-03-01", "1950/3/1", "1950.3.1", "19500301", "1950年3月1日", "01/03/1950", "18323", "1950-03-01 00:00:00"]
)
def test_ways_to_write_a_day_meet(written: str) -> None:
    assert date_forms(pa.array([written])).day.to_pylist() == ["1950-03-01"]


@pytest.mark.parametrize("written", ["1950-13-01", "1950-02-30", "unknown", "0", "1950"])
def test_what_is_no_day_is_null(written: str) -> None:
    assert date_forms(pa.array([written])).day.to_pylist() == [None]


def test_a_lunar_date_that_no_solar_calendar_has_is_still_read() -> None:
    assert date_forms(pa.array(["1950-02-30"])).from_lunar.to_pylist() == ["1950-04-16"]


@given(st.dates(date(1900, 1, 31), date(2059, 12, 31)))
@settings(max_examples=100, deadline=None)
def test_a_day_written_as_its_lunar_date_leads_back(day: date) -> None:
    lunar = _lunar_of(day)
    assert lunar is None or solar_day(*lunar) == day


def _lunar_of(day: date) -> tuple[int, int, int] | None:
    from lunar_python import Solar

    lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    return None if lunar.getMonth() < 0 else (lunar.getYear(), lunar.getMonth(), lunar.getDay())


def test_the_lunar_table_is_that_of_the_calendar() -> None:
    for year in (LUNAR_YEARS[0], 1944, 1950, 1984, 2023, LUNAR_YEARS[-1]):
        months = [month for month in LunarYear.fromYear(year).getMonths() if month.getYear() == year and not month.isLeap()]
        assert len(months) == 12
        for month in months:
            solar = Lunar.fromYmd(year, month.getMonth(), month.getDayCount()).getSolar()
            assert solar_day(year, month.getMonth(), month.getDayCount()) == date(solar.getYear(), solar.getMonth(), solar.getDay())


def test_day_and_month_swap_both_ways() -> None:
    forms = date_forms(pa.array(["1950-03-11", "1950-11-03", "1950-03-20", "1950-05-05"]))
    assert forms.swapped.to_pylist() == ["1950-11-03", "1950-03-11", None, None]


@given(st.dates(date(1881, 1, 1), date(2059, 12, 31)))
@settings(max_examples=100, deadline=None)
def test_a_written_day_is_read_as_itself(day: date) -> None:
    assert read_day(day.isoformat()) == (day.year, day.month, day.day)
    assert read_day(f"{day:%Y%m%d}") == (day.year, day.month, day.day)
    assert read_day(str((day - date(1899, 12, 30)).days)) == (day.year, day.month, day.day) or day < date(
        1927, 5, 18
    )  # fewer digits are a year


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+86 138 0000 1111", "13800001111"),
        ("0086-13800001111", "13800001111"),
        ("017-88881234转12", "01788881234"),
        ("(027)8888-1234", "02788881234"),
        ("027-88881234/13800001111", "13800001111"),
        ("１３８００００１１１１", "13800001111"),
        ("013800001111", "13800001111"),
    ],
)
def test_ways_to_write_a_phone_meet(one: str, other: str) -> None:
    assert phone_number(one) == phone_number(other) == other


@pytest.mark.parametrize("written", ["无", "110", "0000000", ""])
def test_what_is_no_phone_is_null(written: str) -> None:
    assert phone_number(written) is None


@pytest.mark.parametrize(
    ("written", "number"), [("6222 0212 3456 7890", "6222021234567890"), ("'6222-0212", "62220212"), ("6.22E+18", None), ("", None)]
)
def test_accounts_are_their_digits(written: str, number: str | None) -> None:
    assert account_number(written) == number


def test_retired_region_codes_become_those_in_force() -> None:
    # Wuchang county is a district of Wuhan today; the made-up code stays
    codes = regions_in_force(pa.array(["420124", "420117", "429802", "420106001001", None]))
    assert codes.to_pylist() == ["420117", "420117", "429802", "420106", None]


ADDRESSES_THAT_MEET = (
    ("湖北省云泽市东湖区幸福路12号3栋501室", "幸福路十二号3幢501"),
    ("云泽市东湖区幸福路１２号３栋５０１", "幸福路12-3-501"),
    ("青溪县白石镇大湾村三组15号", "白石镇大湾村3组15"),
    ("东湖区幸福小区二十三号楼2单元1502室", "幸福小区23-2-1502"),
    ("東湖區幸福路一百零五號", "幸福路105号"),
    ("内蒙古自治区呼和浩特市新城区海拉尔大街8号", "海拉尔大街8"),
)
ADDRESSES_THAT_DO_NOT = (
    ("幸福路12号3栋501室", "幸福路12号3栋502室"),
    ("幸福路12号", "幸福路1号2栋"),
    ("东湖区幸福路12号", "东湖区光明路12号"),
    ("大湾村3组", "大湾村13组"),
)


@pytest.mark.parametrize(("one", "other"), ADDRESSES_THAT_MEET)
def test_ways_to_write_an_address_meet(one: str, other: str) -> None:
    left, right = address_forms(pa.array([one, other])).normal.to_pylist()
    assert left is not None
    assert left == right


@pytest.mark.parametrize(("one", "other"), ADDRESSES_THAT_DO_NOT)
def test_other_addresses_stay_apart(one: str, other: str) -> None:
    forms = address_forms(pa.array([one, other]))
    assert len(set(forms.normal.to_pylist())) == 2
    assert len({tuple(tokens) for tokens in forms.tokens.to_pylist()}) == 2


def test_an_address_of_divisions_alone_is_kept_whole() -> None:
    assert address_forms(pa.array(["湖北省武汉市江夏区"])).normal.to_pylist() == ["湖北省武汉市江夏区"]


@given(st.text(alphabet="湖北省云泽市东湖区幸福路十二三百号栋室12 -、", max_size=20))
@settings(max_examples=100, deadline=None)
def test_an_address_in_its_form_is_in_its_form(text: str) -> None:
    form = address_forms(pa.array([text or None], pa.string())).normal[0].as_py()
    if form is not None and not any(each in text for each in "省市区县"):
        assert address_forms(pa.array([form])).normal[0].as_py() == form


IN_A_BATCH = st.lists(st.text(alphabet="云泽市东湖区小社区幸福路十二百号单元栋1㎡A ,·?李zh單３", max_size=9), min_size=1, max_size=12)


@given(IN_A_BATCH)
@settings(max_examples=200, deadline=None)
def test_what_stands_beside_a_value_changes_none_of_its_forms(texts: list[str]) -> None:
    values = pa.array([text.strip() or None for text in texts], pa.string())
    for forms in (address_forms, name_forms):
        together = forms(values)
        for row in range(len(values)):
            alone = forms(values.slice(row, 1))
            for field in fields(together):
                assert getattr(together, field.name)[row].as_py() == getattr(alone, field.name)[0].as_py(), field.name


def test_units_and_districts_end_with_their_value() -> None:
    # 单 at the end of one address and 元 at the beginning of the next are no 单元; 小 and 区 no 小区
    forms = address_forms(pa.array(["幸福路12号单", "元和街5号", "幸福小", "区府路3号"]))
    assert forms.normal.to_pylist() == ["幸福路 12 单", "和街 5", "幸福小", "府路 3"]
    assert forms.numbers.to_pylist() == ["12", "5", None, "3"]


def test_batches_of_distinct_values_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from detection.linkage.chinese import distinct

    days = [(date(1950, 1, 1) + timedelta(days=step % 700)).isoformat() for step in range(1_500)]
    whole = date_forms(pa.array(days)).from_lunar.to_pylist()
    monkeypatch.setattr(distinct, "BATCH", 64)
    assert date_forms(pa.array(days)).from_lunar.to_pylist() == whole
