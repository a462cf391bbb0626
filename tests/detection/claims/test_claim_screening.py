"""One by one is the same as the batch: whatever claims a person has, screening one of them finds what the nightly rules find about it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from api.claim_words import MODELS, RULES
from detection.anomaly.model_texts import TITLES
from detection.claims import snapshot
from detection.claims.catalogue import CLAIM_RULES, of_scope, statements
from detection.claims.chances import Facts, may_find, points_named
from detection.claims.findings import CLAIM, findings_of
from detection.claims.page import page
from detection.claims.rule import Scope
from detection.claims.rules.all import H_RULES
from detection.claims.screening import ALWAYS, LOADED, ScreeningEngine, plan_of_process
from detection.claims.stages import kept_as_declared
from detection.claims.tables import SCHEMAS
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from detection.knowledge import hits
from models.policy import RecordsPolicy
from sample_data.claims import points as provincial
from tests.conftest import ROOT

PEOPLE, CLAIMS = 12, 14
FIRST = date(2026, 1, 1)
ITEMS = ("XA01AAA001A001010100001", "XA01AAA002A001010100001", "ZA01AAA001A001010100001", "001102000010000", "003106030010000")
SETTINGS = ("outpatient", "emergency", "inpatient", "inpatient", "chronic", "pharmacy")
DIAGNOSES = ("I50.900", "I50.100", "N18.500", "J18.900", "O80.000", "C50.900", None)


def made(seed: int, items: tuple[str, ...]) -> dict[str, pa.Table]:
    """Claims of some people at a few institutions, close together and much alike, so that rules find things."""
    rng = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in LOADED}
    rows["institution"] = [
        {"id": number, "code": f"H{number}", "level": level, "kind": "hospital", "region_code": "429801", "beds": 100}
        for number, level in enumerate(("primary", "secondary", "tertiary"), start=1)
    ]
    claim_id = 0
    for person in range(1, PEOPLE + 1):
        born = date(1940 + 7 * person, 5, 5) if person < 11 else date(2025, 12, 1)
        rows["patient"].append({"person_id": person, "birth_date": born, "sex": rng.choice(("male", "female")), "region_code": "429801"})
        if person % 5 == 0:
            rows["evidence"].append(
                {
                    "id": person,
                    "person_id": person,
                    "kind": "death_record",
                    "occurred_on": FIRST + timedelta(50),
                    "strength": "conclusive",
                    "source": "民政",
                }
            )
        for _ in range(CLAIMS):
            claim_id += 1
            setting = rng.choice(SETTINGS)
            first = FIRST + timedelta(rng.randrange(60))
            last = first + timedelta(rng.randrange(6) if setting == "inpatient" else 0)
            at = datetime(last.year, last.month, last.day, 1, rng.randrange(60), tzinfo=UTC)
            lines = [_line(rng, claim_id, number, first, items) for number in range(1, rng.randrange(1, 6))]
            total = sum(line["amount_fen"] for line in lines)
            rows["claim"].append(
                {
                    "id": claim_id,
                    "person_id": person,
                    "institution_id": rng.randrange(1, 4),
                    "reference": f"R{claim_id}",
                    "setting": setting,
                    "scheme": "employee_medical",
                    "from_date": first,
                    "to_date": last,
                    "settled_at": at,
                    "uploaded_at": at + timedelta(rng.randrange(90)),
                    "principal_diagnosis": rng.choice(DIAGNOSES),
                    "diagnoses": rng.choice(([], ["Z51.100"], ["E11.900"])),
                    "procedures": [],
                    "hospital_acquired": [],
                    "identity_check": rng.choice(("passed", "passed", "failed", None)),
                    "total_fen": total,
                    "fund_fen": total * 7 // 10,
                }
            )
            rows["line"] += lines
    return {name: pa.Table.from_pylist(rows[name], schema=SCHEMAS[name]) for name in LOADED}


def _line(rng: random.Random, claim_id: int, number: int, first: date, items: tuple[str, ...]) -> dict[str, Any]:
    quantity, price = float(rng.randrange(1, 12)), rng.choice((500, 4_000, 120_000))
    code = rng.choice(items)
    return {
        "id": claim_id * 10 + number,
        "claim_id": claim_id,
        "number": number,
        "item_code": code,
        "item_name": code,
        "category": rng.choice(("western_drug", "bed", "treatment", "examination", "herb", "nursing")),
        "quantity": quantity,
        "days": rng.choice((None, 7, 30)),
        "unit_price_fen": price,
        "amount_fen": int(quantity * price),
        "fund_fen": rng.choice((None, int(quantity * price) // 2)),
        "charged_on": first + timedelta(rng.randrange(3)),
        "executed_quantity": rng.choice((None, quantity, quantity - 1)),
        "prescription": rng.choice((None, "P1")),
    }


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 2), tmp_path_factory.mktemp("screening")) as opened:
        yield opened


def in_batch(compute: Compute, tables: dict[str, pa.Table], points: pa.Table, policy: RecordsPolicy) -> list[Finding]:
    """Everything that the rules over one person's claims find about everybody."""
    given = {**tables, "point": points}
    snapshot.write(lambda name, _schema: given[name].to_batches(), compute.folder, tuple(SCHEMAS))
    prepared = hits.prepare(snapshot.tables_of(compute, compute.folder, {}), compute.keep)
    found = list[Finding]()
    for statement in statements(of_scope(CLAIM_RULES, Scope.PERSON)):
        rows = kept_as_declared(compute, f"batch_{statement.name}", statement.find(prepared, policy.claims, ALWAYS))
        for rule in statement.rules:
            own = rows.filter(rows.rule_code == rule.code) if statement.family else rows
            found += [one for batch in findings_of(rule, own, compute) for one in batch]
    return found


def of_person(tables: dict[str, pa.Table], person: int) -> dict[str, pa.Table]:
    mine = dict(tables)
    for name in ("patient", "claim", "evidence", "identity_check"):
        mine[name] = mine[name].filter(pc.equal(mine[name]["person_id"], person))
    mine["line"] = mine["line"].filter(pc.is_in(mine["line"]["claim_id"], value_set=mine["claim"]["id"].combine_chunks()))
    return mine


@dataclass(frozen=True)
class Month:
    """Claims, knowledge points, and what the batch finds."""

    tables: dict[str, pa.Table]
    points: pa.Table
    found: list[Finding]


def said(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Everything that findings say, in one order."""
    return sorted(({**vars(one), "digest": one.digest().hex()} for one in findings), key=lambda one: (one["code"], one["key"]))


@pytest.fixture(scope="module")
def month(compute: Compute, records_policy: RecordsPolicy) -> Month:
    points = provincial.table()
    codes = sorted({code for code in points["item_code"].to_pylist() if code})
    tables = made(20_260_315, (*ITEMS, *codes[:40]))
    return Month(tables, points, in_batch(compute, tables, points, records_policy))


def test_screening_each_claim_finds_what_the_batch_finds_about_it(month: Month, records_policy: RecordsPolicy) -> None:
    engine = ScreeningEngine(plan_of_process(CLAIM_RULES, records_policy.claims), month.points, memory_mb=256, threads=2)
    looked_at = 0
    for person in range(1, PEOPLE + 1):
        mine = of_person(month.tables, person)
        for claim_id in mine["claim"]["id"].to_pylist()[::4]:
            about = [one for one in month.found if any(record.kind == CLAIM and record.id == claim_id for record in one.records)]
            assert said(engine.screen(mine, claim_id).findings) == said(about), claim_id
            looked_at += len(about)
    engine.close()
    assert looked_at > 60
    assert len({one.code for one in month.found}) > 15


def test_no_statement_is_left_out_that_finds_something_about_the_claim(month: Month, records_policy: RecordsPolicy) -> None:
    named = points_named(month.points)
    of_claim = dict(zip(month.tables["claim"]["id"].to_pylist(), month.tables["claim"]["person_id"].to_pylist(), strict=True))
    persons = {person: of_person(month.tables, person) for person in set(of_claim.values())}
    facts = {claim: Facts(persons[person], claim, named) for claim, person in of_claim.items()}
    of_code = {code: one for one in statements(of_scope(CLAIM_RULES, Scope.PERSON)) for code in one.codes}
    wrong, looked_at = set[str](), 0
    for one in month.found:
        for known in (facts[record.id] for record in one.records if record.kind == CLAIM):
            looked_at += 1
            # what goes by points is known by its hits, which take a line that a point names
            if not may_find(of_code[one.code], known, records_policy.claims) and not (known.named and one.facts.get("point")):
                wrong.add(one.code)
    assert wrong == set()
    assert looked_at > 300
    left_out = sum(not may_find(one, known, records_policy.claims) for known in facts.values() for one in set(of_code.values()))
    assert left_out > len(facts)


def test_a_plain_visit_asks_next_to_nothing(records_policy: RecordsPolicy) -> None:
    points, tables = provincial.table(), made(1, ITEMS)
    row = tables["claim"].slice(0, 1).to_pylist()[0]
    row |= {"setting": "outpatient", "principal_diagnosis": "I50.900", "diagnoses": [], "identity_check": "passed"}
    row |= {"to_date": row["from_date"], "settled_at": None, "uploaded_at": None}
    mine = of_person(tables, row["person_id"])
    mine["claim"] = pa.Table.from_pylist([row], schema=tables["claim"].schema)
    mine["line"] = mine["line"].filter(pc.equal(mine["line"]["claim_id"], -1))
    facts = Facts(mine, row["id"], points_named(points))
    asked = [one.name for one in statements(of_scope(CLAIM_RULES, Scope.PERSON)) if may_find(one, facts, records_policy.claims)]
    assert asked == []


def test_titles_on_pages_are_those_of_the_rules() -> None:
    assert {rule.code: (rule.title_en, rule.title_zh) for rule in H_RULES} == dict(RULES)
    assert dict(MODELS) == TITLES


def test_the_page_of_the_rules_is_made_from_them() -> None:
    published = Path(ROOT / "docs" / "claim-rules.md").read_text(encoding="utf-8")
    assert published == page(), "make it anew: python -m detection.claims.page > docs/claim-rules.md"
