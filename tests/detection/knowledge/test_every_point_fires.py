"""Every published point is used: a claim made to go against it is found, a claim that keeps to it is not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import EngineName, Limits, open_compute
from detection.knowledge import hits
from detection.knowledge.national import FAMILIES
from detection.knowledge.parameters import Checkable
from detection.knowledge.points import HeldPoint, held_points, point_table
from detection.knowledge.published import read_knowledge
from models.policy import RecordsPolicy
from tests.detection.claims.claim_rows import ALWAYS
from tests.detection.knowledge.test_published_points import file

DAY = date(2026, 7, 1)
COURSES = ("GZ10000101010000", "GZ10000102010000")
NEVER_KEPT = ("GZ10000101003000",)  # the item itself is against it
PAIRS, OPERATIONS, SECOND_LINE, ALONE = "GZ10000102012000", "GZ10000102002000", "GZ10000101005000", "GZ10000101004000"
FAMILY_NAMES = {"limits", "quantities", "together", "discount", "second_line", "alone"}


@dataclass
class Made:
    """The tables that are being filled: person, institution and claim have the same id."""

    rows: dict[str, list[dict[str, Any]]]
    number: int = 0

    def claim(
        self, *, sex: str, born: date, level: str, setting: str, scheme: str, diagnosis: str, on: date, person: int | None = None
    ) -> int:
        self.number += 1
        id_ = self.number
        who = person or id_
        if person is None:
            self.rows["patient"].append({"person_id": who, "birth_date": born, "sex": sex, "region_code": "429801"})
        self.rows["institution"].append({"id": id_, "code": f"I{id_}", "level": level, "kind": "hospital", "region_code": "429801"})
        self.rows["claim"].append(
            {
                "id": id_,
                "person_id": who,
                "institution_id": id_,
                "reference": f"R{id_}",
                "setting": setting,
                "scheme": scheme,
                "from_date": on,
                "to_date": on,
                "principal_diagnosis": diagnosis,
                "diagnoses": [],
                "procedures": [],
                "hospital_acquired": [],
                "total_fen": 10_000,
                "fund_fen": 8_000,
            }
        )
        return id_

    def line(self, claim: int, code: str, on: date, *, quantity: float = 1.0, days: int | None = None) -> None:
        number = len(self.rows["line"]) + 1
        category = "herb" if code.startswith("T") else "western_drug" if code[0] in "XZ" else "surgery"
        self.rows["line"].append(
            {
                "id": number,
                "claim_id": claim,
                "number": number,
                "item_code": code,
                "item_name": code,
                "category": category,
                "quantity": quantity,
                "days": days,
                "unit_price_fen": 1_000,
                "amount_fen": 1_000,
                "fund_fen": 1_000,
                "charged_on": on,
                "prescription": f"P{claim}",
            }
        )


def keeping(point: HeldPoint) -> dict[str, Any]:
    """Person, institution and claim that are inside every bound of the point."""
    bounds = point.parameters
    oldest = bounds.age_max_days if bounds.age_max_days is not None else 40 * 365
    age = max(bounds.age_min_days or 0, min(40 * 365, oldest))
    return {
        "sex": bounds.sex or "female",
        "born": DAY - timedelta(days=age),
        "level": bounds.levels[-1] if bounds.levels else "tertiary",
        "setting": bounds.settings[0] if bounds.settings else "inpatient",
        "scheme": bounds.schemes[0] if bounds.schemes else "employee_medical",
        "diagnosis": f"{bounds.diagnoses[0]}.900" if bounds.diagnoses else "Z99.900",
        "on": DAY,
    }


def against(point: HeldPoint) -> dict[str, Any]:
    """The same, outside the bound that the rule is about."""
    bounds, changed = point.parameters, keeping(point)
    if point.rule_code in {"GZ10000301004000", "GZ10000302004000"}:
        changed["sex"] = "male" if bounds.sex == "female" else "female"
    elif point.rule_code in {"GZ10000301002000", "GZ10000302003000", "GZ10000101007000", "NB2025-29"}:
        assert bounds.age_max_days is not None
        changed["born"] = DAY - timedelta(days=bounds.age_max_days + 1)
    elif point.rule_code == "GZ10000101012000":
        changed["level"] = "primary"
    elif point.rule_code in {"NB2025-13", "NB2025-47"}:
        changed["setting"] = "internet"
    elif point.rule_code in {"GZ10000101001000", "GZ10000101002000"}:
        changed["scheme"] = "employee_medical"
    elif point.rule_code in {"GZ10000101008000", SECOND_LINE}:
        changed["diagnosis"] = "Y99.900"
    return changed


def charge(made: Made, point: HeldPoint, who: dict[str, Any], partner: str, *, wrong: bool) -> int:
    """Lines of the item of a point on a claim; wrong: so many, so near, or with what they may not go with. partner: of an operation."""
    bounds = point.parameters
    claim, code = made.claim(**who), (bounds.first_codes or point.item_codes)[0]
    if point.rule_code in COURSES:
        assert bounds.days_max is not None
        made.line(claim, code, DAY, days=bounds.days_max + (1 if wrong else 0))
        return claim
    a_day = bounds.quantity_max if bounds.period == "day" else None
    made.line(claim, code, DAY, quantity=1.0 if a_day is None else a_day + (1 if wrong else 0))
    near = bounds.interval_days_min or (bounds.period_days if bounds.quantity_max is not None else None)
    if near is not None:
        later = DAY + timedelta(days=near - 1 if wrong else near)
        again = made.claim(**{**who, "on": later}, person=claim)
        made.line(again, code, later)
    if point.rule_code == PAIRS:
        assert bounds.other_codes is not None
        made.line(claim, bounds.other_codes[0], DAY if wrong else DAY + timedelta(days=1))
    if point.rule_code == OPERATIONS:
        made.line(claim, partner, DAY if wrong else DAY + timedelta(days=1))
    if point.rule_code == ALONE and not wrong:
        made.line(claim, "T000000000", DAY)
    return claim


@pytest.fixture(scope="module")
def points(data_folder: Path, records_policy: RecordsPolicy) -> list[HeldPoint]:
    content = read_knowledge(file(data_folder, "all_records.json"))
    held = held_points(content.points, records_policy.knowledge)
    return [point for point in held if point.effective_until is None or point.effective_until >= DAY]


def partners(points: list[HeldPoint]) -> dict[str, str]:
    """Id of an operation -> code of another one of its group."""
    groups: dict[str, list[HeldPoint]] = defaultdict(list)
    for point in points:
        if point.rule_code == OPERATIONS:
            groups[point.parameters.group_name or ""].append(point)
    return {
        point.point_id: next(other.item_codes[0] for other in group if not set(other.item_codes) & set(point.item_codes))
        for group in groups.values()
        for point in group
    }


@dataclass(frozen=True)
class Run:
    """broken, kept: point -> the claim that goes against it, that keeps to it. found: (rule, point, claim) of every finding."""

    broken: dict[str, int]
    kept: dict[str, int]
    found: set[tuple[str, str, int]]


@pytest.fixture(scope="module")
def run(points: list[HeldPoint], records_policy: RecordsPolicy, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What the families find over two claims for each point, each of its own person, all at once."""
    folder = tmp_path_factory.mktemp("points")
    made, other = Made({name: [] for name in SCHEMAS}), partners(points)
    broken = {one.point_id: charge(made, one, against(one), other.get(one.point_id, ""), wrong=True) for one in points}
    kept = {one.point_id: charge(made, one, keeping(one), other.get(one.point_id, ""), wrong=False) for one in points}
    with open_compute(EngineName.DUCKDB, Limits(1_000, 2), folder) as compute:
        tables = {}
        for name, rows in made.rows.items():
            content = point_table(points) if name == "point" else pa.Table.from_pylist(rows, schema=SCHEMAS[name])
            pq.write_table(content, folder / f"{name}.parquet")
            tables[name] = compute.table(folder / f"{name}.parquet")
        prepared = hits.prepare(ClaimTables(**tables), compute.keep)
        found = {
            (row["rule_code"], row["facts"].get("point") or "", record["id"])
            for family in FAMILIES
            if family.name in FAMILY_NAMES
            for batch in compute.batches(family.find(prepared, records_policy.claims, ALWAYS))
            for row in batch.to_pylist()
            for record in row["records"]
            if record["kind"] == "claim"
        }
    return Run(broken, kept, found)


def test_a_claim_against_any_point_is_found(points: list[HeldPoint], run: Run) -> None:
    by_claim = {(rule, claim) for rule, _, claim in run.found}
    tested = [point for point in points if point.parameters.checkable is not Checkable.BY_HAND]
    assert len(tested) > 3_400
    silent = [point for point in tested if (point.rule_code, run.broken[point.point_id]) not in by_claim]
    assert [(point.rule_code, point.item_name, point.parameters.bounds) for point in silent] == []


def test_a_claim_that_keeps_to_a_point_is_not_found_by_it(points: list[HeldPoint], run: Run) -> None:
    whole = [point for point in points if point.parameters.checkable is Checkable.FULL and point.rule_code not in NEVER_KEPT]
    assert len(whole) > 2_900
    wrongly = [point for point in whole if (point.rule_code, point.point_id, run.kept[point.point_id]) in run.found]
    assert [(point.rule_code, point.item_name, point.parameters.bounds) for point in wrongly] == []
