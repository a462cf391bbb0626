"""The published points themselves: each is loaded or reported, and read as its rule needs it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from detection.knowledge.parameters import Checkable
from detection.knowledge.points import HeldPoint, held_points, point_table
from detection.knowledge.published import KnowledgeContent, read_knowledge
from models.policy import RecordsPolicy

POINTS = 3_899
UPDATE = date(2026, 1, 28)
SEX = ("GZ10000301004000", "GZ10000302004000")
INDICATION, SECOND_LINE = "GZ10000101008000", "GZ10000101005000"
PAIRS = "GZ10000102012000"


def file(data_folder: Path, name: str) -> Path:
    path = data_folder / "claims" / name
    if not path.exists():
        pytest.skip(f"the published points are not here (claims/{name})")
    return path


@pytest.fixture(scope="module")
def content(data_folder: Path) -> KnowledgeContent:
    return read_knowledge(file(data_folder, "all_records.json"))


@pytest.fixture(scope="module")
def held(content: KnowledgeContent, records_policy: RecordsPolicy) -> list[HeldPoint]:
    return held_points(content.points, records_policy.knowledge)


def of_rule(held: list[HeldPoint], *codes: str) -> list[HeldPoint]:
    return [point for point in held if point.rule_code in codes]


def test_every_record_is_loaded_or_reported(content: KnowledgeContent) -> None:
    assert content.rows == POINTS
    assert [(one.row, one.field) for one in content.rejected] == [(872, "med_codes")]
    assert "a note beside the points" in content.rejected[0].reason


def test_the_catalogues_name_all_88_rules(data_folder: Path) -> None:
    edition = read_knowledge(file(data_folder, "rule_catalog_2025_88.json"))
    framework = read_knowledge(file(data_folder, "official_rules_catalog.json"))
    assert (len(edition.rules), edition.rejected) == (88, ())
    assert (len(framework.rules), framework.rejected) == (79, ())
    assert all(rule.definition and "规则编码" not in rule.definition and rule.definition[0] == "对" for rule in framework.rules)


def test_what_is_superseded_ends_the_day_before_its_successor(content: KnowledgeContent, held: list[HeldPoint]) -> None:
    by_id = {point.point_id: point for point in held}
    successors = [point for point in content.points if point.supersedes]
    assert len(successors) == 397
    for successor in successors:
        old, new = by_id[successor.supersedes[0]], by_id[successor.point_id]
        assert old.effective_until == new.effective_from - timedelta(days=1)
        assert old.rule_code == new.rule_code
    today = point_table(held, UPDATE, UPDATE)
    assert not {old for one in successors for old in one.supersedes} & set(today["point_id"].to_pylist())


def test_every_point_for_one_sex_has_it(held: list[HeldPoint]) -> None:
    points = of_rule(held, *SEX)
    assert len(points) == 1_030
    assert Counter(point.parameters.sex for point in points) == {"female": 849, "male": 181}
    for point in points:
        if "男" in point.item_name or "前列腺" in point.item_name:
            assert point.parameters.sex == "male", point.item_name
        if "子宫" in point.item_name or "妇" in point.item_name:
            assert point.parameters.sex == "female", point.item_name


def test_every_pair_names_its_two_items_in_their_order(held: list[HeldPoint]) -> None:
    points = of_rule(held, PAIRS)
    assert len(points) == 900
    code_of: dict[str, set[str]] = defaultdict(set)
    for point in points:
        first, other = point.parameters.first_codes, point.parameters.other_codes
        assert first is not None
        assert other is not None
        assert len(first) == len(other) == 1
        assert first != other
        for name, code in zip(point.item_name.split("×"), (*first, *other), strict=True):
            code_of[name.strip()].add(code)
    assert all(len(codes) == 1 for codes in code_of.values())  # a name has one code wherever it stands: the order is that of the names
    table = point_table(points)
    assert table.num_rows == 900


def test_every_bound_that_a_number_or_a_fixed_word_states_is_there(content: KnowledgeContent, held: list[HeldPoint]) -> None:
    limits = {point.point_id: point.limit_text for point in content.points}
    only_text = (*SEX, PAIRS, "GZ10000301002000", "GZ10000102002000")  # there the text tells the indication or what an item contains
    for point in held:
        if point.rule_code in only_text:
            continue
        limit, found = limits[point.point_id], point.parameters
        untested = "".join(found.untested)
        if re.search("[二三]级及以上医疗机构", limit):
            assert found.levels, limit
        if re.search(r"支付[^,，。]{0,5}不?超过\d+", limit):
            assert found.days_max is not None, limit
        if "岁" in limit and point.rule_code == INDICATION:
            assert found.age_min_days is not None or found.age_max_days is not None or "岁" in untested or limit.count("；"), limit
        if "住院" in limit and "单次住院" not in limit:
            assert found.settings, limit


def test_how_much_of_the_points_a_claim_shows(held: list[HeldPoint]) -> None:
    found = {code: Counter(point.parameters.checkable for point in of_rule(held, code)) for code in {point.rule_code for point in held}}
    for code, counted in found.items():
        if code not in {INDICATION, SECOND_LINE}:
            assert counted[Checkable.BY_HAND] == 0, code
    assert found[INDICATION][Checkable.FULL] >= 105
    assert found[INDICATION][Checkable.BY_HAND] <= 6
    assert found[SECOND_LINE][Checkable.PART] >= 90
    for point in of_rule(held, INDICATION, SECOND_LINE):
        assert (point.parameters.diagnoses is None) is (point.parameters.checkable is Checkable.BY_HAND), point.item_name


def test_the_table_has_a_row_for_each_code_of_an_item(content: KnowledgeContent, held: list[HeldPoint]) -> None:
    table = point_table(held)
    rows = sum(1 if point.rule_code == PAIRS else len(point.item_codes) for point in content.points)
    assert table.num_rows == rows
    assert "" not in set(table["item_code"].to_pylist())
