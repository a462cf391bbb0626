"""What made-up institutions bill: drugs, services, materials and herbs, with codes of the national shapes that are given to nothing.

Drugs: X, four characters of class, an ingredient (Q and three digits), the form, package and maker; patent drugs begin with Z, herbs with
T999. Services have 15 digits and begin with 0099, but for the few that rules know by the national code: computed tomography (002103) and
magnetic resonance imaging (002102). Materials: C and 20 digits.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUGS, PATENT_DRUGS, HERBS = 200, 40, 120
LABORATORY, EXAMINATIONS, TREATMENTS, MATERIALS, OPERATIONS = 40, 20, 24, 20, 16


@dataclass(frozen=True)
class Item:
    """One thing that is billed. fen: price of one."""

    code: str
    name: str
    category: str
    fen: int


def _drug(number: int) -> Item:
    fen = 300 + number * 7919 % 9_000
    return Item(f"XV09QQQ{number:03d}A001010199{number:03d}", f"试制西药{number:03d}片", "western_drug", fen)


def _patent_drug(number: int) -> Item:
    return Item(f"ZA09QQQ9{number:03d}010199{number:03d}", f"试制中成药{number:03d}颗粒", "patent_drug", 800 + number * 6007 % 4_000)


def _herb(number: int) -> Item:
    return Item(f"T9990{number:05d}", f"试制饮片{number:03d}", "herb", 20 + number * 13 % 90)


def _service(group: int, number: int, name: str, category: str, fen: int) -> Item:
    return Item(f"0099{group:02d}{number:05d}0000", name, category, fen)


def _material(number: int) -> Item:
    return Item(f"C9{number:019d}", f"试制耗材{number:03d}", "material", 1_500 + number * 3571 % 30_000)


BED = _service(1, 1, "普通床位费", "bed", 4_000)
NURSING = _service(1, 2, "二级护理", "nursing", 1_800)
ROUND = _service(1, 3, "住院诊查费", "consultation", 2_500)
CONSULTATION = _service(1, 4, "门诊诊查费", "consultation", 1_500)
EMERGENCY_CONSULTATION = _service(1, 5, "急诊诊查费", "consultation", 2_000)
ONLINE_CONSULTATION = _service(1, 6, "互联网复诊", "consultation", 1_000)
DIALYSIS = _service(1, 7, "血液透析", "treatment", 38_000)
INFUSION = _service(1, 8, "静脉输液", "treatment", 900)
REHABILITATION = _service(1, 9, "康复训练", "treatment", 4_500)
CT = Item("002103000010000", "X线计算机体层平扫", "examination", 22_000)
MRI = Item("002102000010000", "磁共振平扫", "examination", 45_000)

DRUG_LIST = tuple(_drug(number) for number in range(DRUGS))
PATENT_LIST = tuple(_patent_drug(number) for number in range(PATENT_DRUGS))
HERB_LIST = tuple(_herb(number) for number in range(HERBS))
LABORATORY_LIST = tuple(
    _service(2, number, f"试制化验{number:03d}", "laboratory", 600 + number * 2713 % 5_000) for number in range(LABORATORY)
)
EXAMINATION_LIST = (
    *(_service(3, number, f"试制检查{number:03d}", "examination", 5_000 + number * 1709 % 12_000) for number in range(EXAMINATIONS)),
    CT,
    MRI,
)
TREATMENT_LIST = tuple(
    _service(4, number, f"试制治疗{number:03d}", "treatment", 1_500 + number * 977 % 6_000) for number in range(TREATMENTS)
)
OPERATION_LIST = tuple(
    _service(5, number, f"试制手术{number:03d}", "surgery", 80_000 + number * 30_011 % 200_000) for number in range(OPERATIONS)
)
MATERIAL_LIST = tuple(_material(number) for number in range(MATERIALS))

# --- items that the province's own points bound (``points``); the background uses them as they may be used

MEN_DRUG = Item("XG04QQQ901A001010199901", "试制男用片", "western_drug", 4_200)
WOMEN_DRUG = Item("XG02QQQ902A001010199902", "试制女用片", "western_drug", 3_600)
CHILD_DRUG = Item("ZR05QQQ9903010199903", "小儿试制颗粒", "patent_drug", 2_400)
ADULT_DRUG = Item("XJ01QQQ904A001010199904", "试制成人片", "western_drug", 3_100)
WARD_DRUG = Item("XB05QQQ905B002010199905", "试制营养注射液", "western_drug", 12_000)
GRADED_DRUG = Item("ZC01QQQ9906010199906", "试制注射液", "patent_drug", 5_800)
POINTED = (MEN_DRUG, WOMEN_DRUG, CHILD_DRUG, ADULT_DRUG, WARD_DRUG, GRADED_DRUG)

ITEMS: tuple[Item, ...] = (
    BED,
    NURSING,
    ROUND,
    CONSULTATION,
    EMERGENCY_CONSULTATION,
    ONLINE_CONSULTATION,
    DIALYSIS,
    INFUSION,
    REHABILITATION,
    *DRUG_LIST,
    *PATENT_LIST,
    *HERB_LIST,
    *LABORATORY_LIST,
    *EXAMINATION_LIST,
    *TREATMENT_LIST,
    *OPERATION_LIST,
    *MATERIAL_LIST,
    *POINTED,
)
"""Everything that the background bills."""

PLACE = {item.code: place for place, item in enumerate(ITEMS)}
"""Code -> place in ``ITEMS``."""


def first(listed: tuple[Item, ...]) -> int:
    """Place of the first of a list whose items stand together in ``ITEMS``."""
    return PLACE[listed[0].code]
