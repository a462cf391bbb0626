"""Limits in words -> parameters: what is bounded, what stays untested, and that nothing is lost in between."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from detection.knowledge.diagnosis_words import diagnosis_words, prefixes, shortest
from detection.knowledge.parameters import Checkable, Parameters, from_json
from detection.knowledge.parse_people import first_day_of_month, first_day_of_year, last_day_before_year
from detection.knowledge.reading import READERS, PointText, read_point
from detection.knowledge.rule_base import by_code, national_rules
from models.policy import RecordsPolicy
from models.policy_knowledge import KnowledgePolicy

INDICATION, LEVEL, COURSE, SETTING = "GZ10000101008000", "GZ10000101012000", "GZ10000101010000", "NB2025-13"
SEX, CHILD, SECOND_LINE, OFTEN = "GZ10000301004000", "GZ10000301002000", "GZ10000101005000", "NB2025-31"
PAIR, OPERATION, SERVICE_COURSE, A_DAY = "GZ10000102012000", "GZ10000102002000", "GZ10000102010000", "GZ10000102014000"


@pytest.fixture(scope="session")
def policy(records_policy: RecordsPolicy) -> KnowledgePolicy:
    return records_policy.knowledge


def read(policy: KnowledgePolicy, rule: str, limit: str, item: str = "某药片", *codes: str, check: str = "") -> Parameters:
    return read_point(PointText(rule, item, codes or ("X1",), limit, check), policy)


@pytest.mark.parametrize(
    ("rule", "limit", "bounds"),
    [
        (LEVEL, "限二级及以上医院", {"levels": ("secondary", "tertiary")}),
        (LEVEL, "限三级医院使用。", {"levels": ("tertiary",)}),
        (SETTING, "限住院患者。", {"settings": ("inpatient", "day_case")}),
        (SETTING, "限急诊或住院患者", {"settings": ("emergency", "inpatient", "day_case")}),
        (COURSE, "支付不超过7天。", {"days_max": 7}),
        (COURSE, "单次住院最多支付5天", {"days_max": 5, "period": "stay"}),
        (COURSE, "支付不超过两年", {"days_max": 732}),
        (SERVICE_COURSE, "一个疾病过程支付不超过60天", {"days_max": 60, "period": "days", "period_days": 366}),
        (
            SERVICE_COURSE,
            "总时间不超过30天,评定间隔时间不短于7天",
            {"days_max": 30, "interval_days_min": 7, "period": "days", "period_days": 366},
        ),
        (OFTEN, "每周最多支付两次。", {"quantity_max": 2.0, "period": "days", "period_days": 7}),
        (OFTEN, "两次评定间隔时间不短于21天。", {"interval_days_min": 21}),
        (A_DAY, "小时", {"quantity_max": 24.0, "period": "day"}),
        (A_DAY, "日", {"quantity_max": 1.0, "period": "day"}),
        ("GZ10000101001000", "限工伤保险", {"schemes": ("work_injury",)}),
        ("GZ10000101002000", "限生育保险", {"schemes": ("maternity",)}),
        ("NB2025-29", "限20岁及以上患者", {"age_min_days": first_day_of_year(20)}),
        (CHILD, "用于小儿腹泻。", {"age_max_days": last_day_before_year(18)}),
        ("GZ10000302003000", "新生儿专用项目", {"age_max_days": 28}),
        ("GZ10000302003000", "婴幼儿专用项目", {"age_max_days": last_day_before_year(3)}),
        ("GZ10000101007000", "限4至9岁儿童便秘", {"age_min_days": first_day_of_year(4), "age_max_days": last_day_before_year(10)}),
        ("GZ10000101007000", "限4岁及以上儿童", {"age_min_days": first_day_of_year(4), "age_max_days": last_day_before_year(18)}),
        (INDICATION, "限前列腺增生", {"diagnoses": ("N40",)}),
        (INDICATION, "限高磷血症或痛风患者。", {"diagnoses": ("E83", "M10", "M14", "N18", "N25")}),
        (INDICATION, "限：1.脊髓性肌萎缩症；2.烟酸缺乏症。", {"diagnoses": ("E52", "G12")}),
        (INDICATION, "限6岁及以上川崎病患者", {"diagnoses": ("M30",), "age_min_days": first_day_of_year(6)}),
    ],
)
def test_a_limit_that_a_claim_shows_is_read_whole(policy: KnowledgePolicy, rule: str, limit: str, bounds: dict[str, Any]) -> None:
    found = read(policy, rule, limit)
    assert found.bounds == bounds
    assert found.checkable is Checkable.FULL, found.untested


@pytest.mark.parametrize(
    ("limit", "diagnoses", "untested"),
    [
        ("限HER2阳性的晚期乳腺癌患者", ("C50", "D05"), "晚期"),  # a stage is not coded
        ("限川崎病，且对激素无效的患者", ("M30",), "激素无效"),
        ("限川崎病和某某未知病", None, "未知病"),  # an illness that the table does not know: none is tested
        ("限：1.川崎病；2.某某未知炎。", None, "未知炎"),
        ("限川崎病(某某综合征除外)", ("M30",), "除外"),
        ("限二线用药", None, "二线用药"),
    ],
)
def test_what_a_claim_does_not_show_stays_with_the_point(
    policy: KnowledgePolicy, limit: str, diagnoses: tuple[str, ...] | None, untested: str
) -> None:
    found = read(policy, INDICATION, limit)
    assert found.diagnoses == diagnoses
    assert any(untested in piece for piece in found.untested)
    assert found.by_hand
    assert found.checkable is (Checkable.PART if diagnoses else Checkable.BY_HAND)


@pytest.mark.parametrize(
    "limit",
    [
        "限不适合干细胞移植的多发性骨髓瘤",
        "限抗肿瘤治疗失败的多发性骨髓瘤",
        "限间变性淋巴瘤激酶阳性的多发性骨髓瘤",
        "限肿瘤坏死因子抑制剂无效的多发性骨髓瘤",
    ],
)
def test_illnesses_of_the_past_and_names_of_genes_are_not_allowed_illnesses(policy: KnowledgePolicy, limit: str) -> None:
    assert read(policy, INDICATION, limit).diagnoses == ("C90",)


def test_second_line_always_needs_a_person(policy: KnowledgePolicy) -> None:
    found = read(policy, SECOND_LINE, "限川崎病患者的二线治疗", check="没有一线药品无效的证据")
    assert found.diagnoses == ("M30",)
    assert "没有一线药品无效的证据" in found.untested


def test_a_rule_is_held_only_to_what_its_own_test_is_about(policy: KnowledgePolicy) -> None:
    found = read(policy, LEVEL, "限二级及以上医疗机构某某罕见病患者")
    assert (found.levels, found.checkable) == (("secondary", "tertiary"), Checkable.FULL)
    first = read(policy, LEVEL, "首次处方时需由二级及以上医疗机构专科医师开具处方。")
    assert (first.levels, first.checkable) == (("secondary", "tertiary"), Checkable.PART)
    assert read(policy, LEVEL, "限专科医院").checkable is Checkable.BY_HAND


@pytest.mark.parametrize(
    ("item", "limit", "sex"),
    [
        ("益母颗粒", "用于月经不调", "female"),
        ("某胶囊", "用于男性更年期综合征", "male"),
        ("前列片", "用于尿频", None),
        ("睾酮凝胶", "", "male"),
        ("某洗液", "用于男性和女性生殖道感染", None),
    ],
)
def test_a_sex_is_read_from_item_and_indication(policy: KnowledgePolicy, item: str, limit: str, sex: str | None) -> None:
    found = read(policy, SEX, limit, item)
    assert found.sex == sex
    assert found.by_hand is (sex is None)


def test_of_a_pair_the_first_item_is_held_against_the_second(policy: KnowledgePolicy) -> None:
    found = read(policy, PAIR, "含乙", "甲×乙", "A", "B")
    assert (found.first_codes, found.other_codes) == (("A",), ("B",))
    assert read(policy, PAIR, "含乙", "甲×乙", "A").checkable is Checkable.BY_HAND
    stated = read_point(PointText("NB2025-30", "甲×乙", ("A", "B"), "", ""), policy, {"other_codes": ("B",)})
    assert (stated.first_codes, stated.other_codes, stated.checkable) == (("A",), ("B",), Checkable.FULL)


def test_operations_have_their_group_and_the_share_of_the_policy(policy: KnowledgePolicy) -> None:
    found = read(policy, OPERATION, "某手术组", "某手术")
    assert (found.group_name, found.share_max) == ("某手术组", policy.surgery_share_max)


def test_persons_whose_sex_is_not_clear_are_outside_the_rule_on_services(policy: KnowledgePolicy) -> None:
    assert "Q56" in (read(policy, "GZ10000302004000", "女性生殖系统检查").diagnoses_not or ())
    assert read(policy, SEX, "用于痛经").diagnoses_not is None


@pytest.mark.parametrize("years", [1, 3, 14, 18, 63])
def test_a_birthday_that_may_have_come_has_come(years: int) -> None:
    spans = {
        (date(year + years, month, day) - date(year, month, day)).days for year in range(1990, 1998) for month, day in ((2, 28), (3, 1))
    }
    assert first_day_of_year(years) <= min(spans)
    assert last_day_before_year(years) >= max(spans) - 1
    assert last_day_before_year(years) - first_day_of_year(years) <= 0


def test_months_of_age_are_the_shortest() -> None:
    assert [first_day_of_month(months) for months in (1, 2, 3, 6, 12)] == [30, 59, 90, 181, 363]


def test_words_and_ranges_of_codes() -> None:
    assert prefixes(["I63", "B20-B22"]) == ("I63", "B20", "B21", "B22")
    assert shortest({"C", "C50", "D05", "D056"}) == ("C", "D05")
    with pytest.raises(ValueError, match="b20 is neither"):
        prefixes(["b20"])
    words = diagnosis_words()
    assert len(words.codes) > 250
    assert all(codes for codes in words.codes.values())
    assert words.exempt.keys() <= by_code().keys()


def test_parameters_come_back_from_the_store_as_they_were(policy: KnowledgePolicy) -> None:
    for rule, limit in ((INDICATION, "限晚期乳腺癌"), (PAIR, "含乙"), ("GZ10000101003000", "不予支付"), (OPERATION, "某组")):
        found = read(policy, rule, limit, "甲×乙", "A", "B")
        assert from_json(found.as_json()) == found


def test_readers_are_of_rules_that_exist() -> None:
    assert READERS.keys() <= by_code().keys()
    assert [rule.sequence for rule in national_rules()] == list(range(1, 89))
    assert all(rule.name_en for rule in national_rules())
