"""Knowledge points of a made-up province: one for each rule of the national rule base that goes by points, with a claim that breaks it and
one that keeps it. In the shape of the published points, with ``parameters`` besides, so that they are imported like those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

import pyarrow as pa

from detection.claims.tables import SCHEMAS
from detection.knowledge.rule_base import national_rules
from sample_data.claims import items, places
from sample_data.claims.items import Item

YEAR = 365
CHILD, NEWBORN, OLD, WORKING = (4 * YEAR, 10 * YEAR), (21, 25), (72 * YEAR, 80 * YEAR), (25 * YEAR, 50 * YEAR)
CHILD_DAYS = 18 * 365 + 4
EFFECTIVE_FROM = "2025-01-01"
CLASSES = {
    "western_drug": "西药",
    "patent_drug": "中成药",
    "herb": "饮片",
    "treatment": "项目",
    "laboratory": "检验",
    "surgery": "手术",
    "material": "耗材",
}


@dataclass(frozen=True)
class Use:
    """How a claim uses the item. role: of the institution. also: further items on the claim, "other" of the point or any of these.

    on: days of the month, one claim each; nights: of a stay. every_day: the item is billed on each day of the stay.
    """

    sex: str | None = None
    days_old: tuple[int, int] = WORKING
    role: int = places.SECONDARY
    setting: str = "outpatient"
    scheme: str = "resident_medical"
    diagnosis: str = "K29.5"
    others: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    department: int = places.INTERNAL
    nights: int = 0
    quantity: float = 1
    days: int | None = None
    fen: int | None = None
    fund: int | None = None
    also: tuple[str, ...] = ()
    apart: bool = False
    on: tuple[int, ...] = (12,)
    every_day: bool = False


@dataclass(frozen=True)
class Point:
    """One point. sequence: of the rule. kind: category of the item. also: codes of rules that what breaks this one breaks as well."""

    sequence: int
    kind: str
    limit: str
    parameters: Mapping[str, Any]
    wrong: Use
    right: Use | None
    allowed: tuple[str, ...] = ()
    name: str = ""

    @property
    def code(self) -> str:
        """Code of the rule."""
        return by_sequence()[self.sequence].code

    @property
    def item(self) -> Item:
        """What the point is about."""
        return _item(self.kind, self.sequence, 0)

    @property
    def other(self) -> Item:
        """The second item of a point about two."""
        return _item(self.parameters.get("other_kind", self.kind), self.sequence, 1)


@lru_cache(maxsize=1)
def by_sequence() -> dict[int, Any]:
    """The national rules by sequence."""
    return {rule.sequence: rule for rule in national_rules()}


def _item(kind: str, sequence: int, number: int) -> Item:
    name = f"省定{CLASSES[kind]}{sequence:02d}{'甲乙'[number]}"
    mark = 2 * sequence + number
    if kind == "western_drug":
        return Item(f"XA01QQQ{700 + mark}A001010198{mark:03d}"[:23], name, kind, 2_000)
    if kind == "patent_drug":
        return Item(f"ZA01QQQ8{mark:03d}010198{mark:03d}", name, kind, 2_000)
    if kind == "herb":
        return Item(f"T9980{mark:05d}", name, kind, 80)
    if kind == "material":
        return Item(f"C8{mark:019d}", name, kind, 6_000)
    return Item(f"0098{mark:07d}0000", name, kind, 5_000)


W, P, H, T, L, M = "western_drug", "patent_drug", "herb", "treatment", "laboratory", "material"
_GRADED = ["secondary", "tertiary"]
_STAYS = ["inpatient"]
_OFFLINE = ["outpatient", "emergency", "chronic", "inpatient", "day_case", "home", "pharmacy"]
_OF_NEWBORN, _OF_CHILD = Use(days_old=NEWBORN, department=places.CHILDREN), Use(days_old=CHILD, department=places.CHILDREN)
_ALONE = Use(quantity=70, days=7)
_TOGETHER = replace(_ALONE, also=("herb",) * 8)
_CHRONIC, _WEEK = Use(setting="chronic"), Use(days=7)
_PRESSURE = {"diagnoses": ["I10"], "settings": ["chronic"]}
_NEWBORNS, _CHILDREN, _GROWN = {"age_max_days": 28}, {"age_max_days": CHILD_DAYS}, {"age_min_days": CHILD_DAYS}


def _stay(nights: int) -> Use:
    """On each day of a stay."""
    return Use(setting="inpatient", nights=nights, every_day=True, on=(2,))


POINTS: tuple[Point, ...] = (
    Point(1, W, "限工伤保险", {"schemes": ["work_injury"]}, Use(), Use(scheme="work_injury")),
    Point(2, W, "限生育保险", {"schemes": ["maternity"]}, Use(), Use(scheme="maternity", sex="female")),
    Point(3, H, "不得纳入基金支付范围的中药饮片", {}, _TOGETHER, replace(_TOGETHER, fund=0)),
    Point(4, H, "单独使用时不予支付", {}, _ALONE, _TOGETHER),
    Point(5, W, "限二线用药", {"by_hand": True}, Use(), None),
    Point(6, W, "限新生儿", _NEWBORNS, Use(), _OF_NEWBORN),
    Point(7, W, "限儿童", _CHILDREN, Use(), _OF_CHILD),
    Point(8, W, "限肺癌", {"diagnoses": ["C34"]}, Use(), Use(diagnosis="C34.1")),
    Point(9, W, "每次不超过7日用量", {"days_max": 7}, Use(days=30), Use(days=7)),
    Point(10, W, "支付不超过14天", {"days_max": 14}, _stay(20), _stay(12)),
    Point(11, W, "限门诊高血压", _PRESSURE, replace(_CHRONIC, diagnosis="E11.9"), replace(_CHRONIC, diagnosis="I10")),
    Point(12, W, "限二级及以上医疗机构", {"levels": _GRADED}, Use(role=places.COMMUNITY), Use()),
    Point(13, W, "限住院", {"settings": _STAYS}, Use(), Use(setting="inpatient", nights=5)),
    Point(14, T, "单价不超过50元", {"unit_price_max_fen": 5_000}, Use(fen=7_500), Use(fen=5_000)),
    Point(16, T, "限工伤保险", {"schemes": ["work_injury"]}, Use(), Use(scheme="work_injury")),
    Point(17, T, "限生育保险", {"schemes": ["maternity"]}, Use(), Use(scheme="maternity", sex="female")),
    Point(18, T, "限新生儿", _NEWBORNS, Use(), _OF_NEWBORN),
    Point(19, T, "限儿童", _CHILDREN, Use(), _OF_CHILD),
    Point(20, T, "限脑卒中", {"diagnoses": ["I63", "I61"]}, Use(), Use(diagnosis="I63.9")),
    Point(21, T, "限肿瘤科", {"departments": ["肿瘤"]}, Use(), Use(department=places.TUMOURS)),
    Point(22, T, "限住院", {"settings": _STAYS}, Use(), Use(setting="inpatient", nights=5)),
    Point(23, T, "支付不超过10天", {"days_max": 10}, _stay(18), _stay(8)),
    Point(24, T, "限三级医疗机构", {"levels": ["tertiary"]}, Use(role=places.COMMUNITY), Use(role=places.TERTIARY)),
    Point(25, T, "含项目乙", {"other_codes": True}, Use(also=("other",)), Use()),
    Point(26, T, "含项目乙的步骤", {"other_codes": True}, Use(also=("other",)), Use()),
    Point(27, T, "每日一次", {"quantity_max": 1, "period": "day"}, Use(quantity=4), Use(quantity=1)),
    Point(28, T, "每次报销总额不超过100元", {"amount_max_fen": 10_000, "period": "claim"}, Use(quantity=6), Use(quantity=1)),
    Point(29, T, "限16至60岁", {"age_min_days": 16 * 365, "age_max_days": 60 * 365 + 15}, Use(days_old=OLD), Use()),
    Point(30, T, "含耗材乙", {"other_codes": True, "other_kind": M}, Use(also=("other",)), Use()),
    Point(31, L, "90天内一次", {"quantity_max": 1, "period": "days", "period_days": 90}, Use(on=(2, 14)), Use(on=(-100, 14))),
    Point(32, M, "限新生儿", _NEWBORNS, Use(), _OF_NEWBORN),
    Point(33, M, "限儿童", _CHILDREN, Use(), _OF_CHILD),
    Point(34, M, "每次报销总额不超过120元", {"amount_max_fen": 12_000, "period": "claim"}, Use(quantity=8), Use(quantity=1)),
    Point(45, W, "特殊使用级抗菌药物，限三级医疗机构", {"levels": ["tertiary"]}, Use(role=places.COMMUNITY), Use(role=places.TERTIARY)),
    Point(47, W, "互联网诊疗不得开具", {"settings": _OFFLINE}, Use(setting="internet", role=places.INTERNET), Use()),
    Point(64, W, "与增强检查同用", {"other_codes": True, "other_kind": T}, Use(), Use(also=("other",))),
    Point(65, P, "儿童专用", _CHILDREN, Use(), _OF_CHILD),
    Point(66, W, "儿童禁用", _GROWN, _OF_CHILD, Use()),
    Point(67, W, "用于前列腺增生", {"sex": "male"}, Use(sex="female"), Use(sex="male")),
    Point(68, W, "每日不超过4片", {"quantity_max": 4, "period": "day"}, replace(_WEEK, quantity=100), replace(_WEEK, quantity=21), ("H5",)),
    Point(70, W, "用于类风湿关节炎", {"diagnoses": ["M05", "M06"]}, Use(), Use(diagnosis="M06.9")),
    Point(71, W, "重症肌无力禁用", {"diagnoses_not": ["G700"]}, Use(others=("G70.0",)), Use()),
    Point(72, W, "65岁以上不宜", {"age_max_days": 65 * 365 + 16}, Use(days_old=OLD), Use()),
    Point(73, W, "妊娠期禁用", {"diagnoses_not": ["O", "Z33", "Z34"]}, Use(sex="female", others=("Z34.0",)), Use(sex="female")),
    Point(74, W, "不得与药品乙同用", {"other_codes": True}, Use(also=("other",)), Use()),
    Point(75, H, "不得与饮片乙同用", {"other_codes": True}, replace(_ALONE, also=("other", *("herb",) * 7)), _TOGETHER),
    Point(78, L, "限甲状腺疾病", {"diagnoses": ["E0"]}, Use(), Use(diagnosis="E05.0")),
    Point(79, T, "限面瘫", {"diagnoses": ["G51"]}, Use(), Use(diagnosis="G51.0")),
    Point(80, T, "儿童专用项目", _CHILDREN, Use(), _OF_CHILD),
    Point(81, T, "女性相关项目", {"sex": "female"}, Use(sex="male"), Use(sex="female")),
    Point(82, T, "装有心脏起搏器者禁用", {"diagnoses_not": ["Z950"]}, Use(others=("Z95.0",)), Use()),
    Point(83, T, "用于尿失禁", {"diagnoses": ["N39", "R32"]}, Use(), Use(diagnosis="N39.4")),
    Point(84, M, "与支架置入同用", {"other_codes": True, "other_kind": T}, Use(), Use(also=("other",))),
    Point(85, M, "限眼科", {"departments": ["眼"]}, Use(), Use(department=places.EYES, diagnosis="H25.9")),
    Point(86, M, "每次不超过3个", {"quantity_max": 3, "period": "claim"}, Use(quantity=9), Use(quantity=3)),
    Point(87, M, "女性专用", {"sex": "female"}, Use(sex="male"), Use(sex="female")),
    Point(88, M, "限糖尿病", {"diagnoses": ["E10", "E11"]}, Use(), Use(diagnosis="E11.9")),
)  # fmt: skip
"""One for a rule each."""


@dataclass(frozen=True)
class Plain:
    """A point without cases of its own."""

    sequence: int
    item: Item
    limit: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


USED = (
    Plain(67, items.MEN_DRUG, "用于男性", {"sex": "male"}),
    Plain(67, items.WOMEN_DRUG, "用于女性", {"sex": "female"}),
    Plain(65, items.CHILD_DRUG, "儿童专用", {"age_max_days": CHILD_DAYS}),
    Plain(66, items.ADULT_DRUG, "儿童禁用", {"age_min_days": CHILD_DAYS}),
    Plain(13, items.WARD_DRUG, "限住院", {"settings": _STAYS}),
    Plain(12, items.GRADED_DRUG, "限二级及以上医疗机构", {"levels": _GRADED}),
    Plain(27, items.ROUND, "每日一次", {"quantity_max": 1, "period": "day"}),
    Plain(27, items.NURSING, "每日一次", {"quantity_max": 1, "period": "day"}),
    Plain(27, items.DIALYSIS, "每日一次", {"quantity_max": 1, "period": "day"}),
)
"""Of what the background bills; it keeps them all."""

OPERATIONS = (items.OPERATION_LIST[14], items.OPERATION_LIST[15])
"""Of one group (rule 15): through one cut the second at half the price."""

SAME_INGREDIENT = (_item(W, 69, 0), _item(W, 69, 1))
"""Drugs of one group (rule 69)."""

ANTIBIOTIC = _item(W, 44, 0)
"""Given before an operation and two days after it at most (rule 44)."""

PROCEDURES = (
    (39, "前列腺手术限男性", {"procedures": ["60"], "sex": "male"}),
    (40, "阑尾手术", {"procedures": ["470"], "diagnoses": ["K35", "K36", "K37"]}),
)
"""About a procedure, without an item."""


def records() -> list[dict[str, Any]]:
    """Every point in the shape of the published ones."""
    made: list[dict[str, Any]] = []

    def add(sequence: int, name: str, codes: Sequence[str], limit: str, parameters: Mapping[str, Any]) -> None:
        rule = by_sequence()[sequence]
        number = len(made) + 1
        made.append(
            {
                "kp_id": f"KP-DEMO-{number:04d}",
                "rule_class": rule.name_zh,
                "gz_code": rule.code if not rule.code.startswith("NB") else None,
                "level1": rule.tier1,
                "level2": rule.tier2,
                "med_code": codes[0] if codes else None,
                "med_codes": list(codes),
                "med_code_count": len(codes),
                "item_name": name,
                "constraint": limit,
                "detect_logic": rule.name_zh,
                "batch": None,
                "batch_tag": "province",
                "published_at": EFFECTIVE_FROM,
                "supersedes": None,
                "source": {"announcement_url": None, "attachment_file": "省定知识点", "row": number, "pdf_page": None},
                "parameters": dict(parameters),
            }
        )

    for point in POINTS:
        parameters = {name: value for name, value in point.parameters.items() if name != "other_kind"}
        if parameters.get("other_codes") is True:
            parameters["other_codes"] = [point.other.code]
        add(point.sequence, point.item.name, [point.item.code], point.limit, parameters)
    for plain in USED:
        add(plain.sequence, plain.item.name, [plain.item.code], plain.limit, plain.parameters)
    for item in OPERATIONS:
        add(15, item.name, [item.code], "试制手术组", {"group_name": "试制手术组", "share_max": 0.5, "unit_price_max_fen": item.fen})
    add(44, ANTIBIOTIC.name, [ANTIBIOTIC.code], "术后不超过2天", {"days_max": 2, "procedures": ["79", "80"]})
    for item in SAME_INGREDIENT:
        add(69, item.name, [item.code], "同类药品", {"group_name": "省定同类药品"})
    for sequence, limit, parameters in PROCEDURES:
        add(sequence, limit, [], limit, parameters)
    return made


def table() -> pa.Table:
    """The same as rules read them."""
    rules = {rule.name_zh: rule.code for rule in national_rules()}
    rows = []
    for number, record in enumerate(records(), 1):
        for code in record["med_codes"] or [""]:
            rows.append(
                {
                    "id": number,
                    "point_id": record["kp_id"],
                    "rule_code": rules[record["rule_class"]],
                    "item_code": code,
                    "item_name": record["item_name"],
                    "by_hand": False,
                    "effective_from": date.fromisoformat(EFFECTIVE_FROM),
                }
                | record["parameters"]
            )
    return pa.Table.from_pylist(rows, schema=SCHEMAS["point"])
