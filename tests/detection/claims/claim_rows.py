"""Small tables for the tests of rules over claims: rows by short functions, as Parquet files that either engine reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.findings import from_batch, within
from detection.claims.rule import ClaimRule, Window
from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute
from detection.findings import Finding
from models.policy_claims import ClaimsPolicy

ALWAYS = Window(date(1900, 1, 1), date(9999, 12, 31))
REGION, OTHER_REGION = "429801", "429802"
IDS = frozenset({"id", "person_id", "institution_id", "claim_id"})

Row = tuple[str, dict[str, Any]]


def _row(table: str, **values: Any) -> Row:
    made: dict[str, Any] = {}
    for name, value in values.items():
        kind = SCHEMAS[table].field(name).type
        if isinstance(value, str) and pa.types.is_date(kind):
            value = date.fromisoformat(value)
        elif isinstance(value, str) and pa.types.is_timestamp(kind):
            value = datetime.fromisoformat(value).replace(tzinfo=UTC)
        made[name] = value
    return table, made


def patient(id: int = 1, *, region: str = REGION, born: str = "1955-05-05", sex: str = "male") -> Row:
    return _row("patient", person_id=id, birth_date=born, sex=sex, region_code=region)


def institution(id: int, *, level: str | None = "secondary", kind: str = "hospital", region: str = REGION) -> Row:
    """Its code is I and its id."""
    return _row("institution", id=id, level=level, kind=kind, region_code=region)


def claim(id: int, since: str, until: str | None = None, *, of: int = 1, at: int = 1, setting: str = "outpatient", **more: Any) -> Row:
    """A claim of 100 yuan, 80 of which the fund paid."""
    values: dict[str, Any] = {
        "scheme": "employee_medical",
        "diagnoses": [],
        "procedures": [],
        "hospital_acquired": [],
        "total_fen": 10_000,
        "fund_fen": 8_000,
        "own_fen": 2_000,
        "reference": f"R{id}",
        **more,
    }
    return _row("claim", id=id, person_id=of, institution_id=at, setting=setting, from_date=since, to_date=until or since, **values)


def stay(id: int, since: str, until: str, diagnosis: str | None = "J18.900", **more: Any) -> Row:
    return claim(id, since, until, setting="inpatient", principal_diagnosis=diagnosis, **more)


def line(id: int, claim_id: int, item: str, on: str, *, category: str = "western_drug", quantity: float = 1.0, **more: Any) -> Row:
    """A line of 10 yuan, all of which the fund paid."""
    values: dict[str, Any] = {"number": id, "item_name": item, "unit_price_fen": 1_000, "amount_fen": 1_000, "fund_fen": 1_000, **more}
    return _row("line", id=id, claim_id=claim_id, item_code=item, category=category, quantity=quantity, charged_on=on, **values)


def evidence(id: int, kind: str, on: str, strength: str = "conclusive", *, of: int = 1, **more: Any) -> Row:
    return _row("evidence", id=id, person_id=of, kind=kind, occurred_on=on, strength=strength, source="民政", **more)


def identity_check(id: int, at: str, level: str, *, institution: int = 1, of: int = 1) -> Row:
    return _row("identity_check", id=id, person_id=of, institution=institution, checked_at=at, level=level)


def point(id: int, item: str, **more: Any) -> Row:
    values: dict[str, Any] = {"effective_from": "2020-01-01", "by_hand": False, **more}
    return _row("point", id=id, point_id=f"KP{id}", rule_code="GZ10000301005000", item_code=item, item_name=item, **values)


@dataclass(frozen=True)
class Case:
    """Rows, and what a rule finds in them. expected: for each finding the fields that matter; of facts and roles those that are named."""

    name: str
    rows: tuple[Row, ...]
    expected: tuple[Mapping[str, Any], ...] = field(default=())


def case(name: str, *rows: Row | list[Row], finds: Mapping[str, Any] | list[Mapping[str, Any]] | None = None) -> Case:
    """A case with its rows put flat. finds: nothing, one finding, or a list of them, by key."""
    flat = tuple(row for part in rows for row in (part if isinstance(part, list) else [part]))
    expected = () if finds is None else tuple(finds) if isinstance(finds, list) else (finds,)
    return Case(name, flat, expected)


def shifted(rows: Iterable[Row], by: int) -> list[Row]:
    """The rows with ids of their own, so that cases can stand in one table. The points of a case are of its own items too."""
    moved = []
    for table, values in rows:
        changed = {name: value + by if name in IDS and value is not None else value for name, value in values.items()}
        if table == "identity_check":
            changed["institution"] = values["institution"] + by
        moved.append((table, changed))
    return moved


def unshifted(finding: Finding, by: int) -> Finding:
    """The finding with the ids that its case names."""

    def back(text: str) -> str:
        return re.sub(r"(?<=:)(I?)([0-9]{5,})(?=[:/]|$)", lambda number: f"{number[1]}{int(number[2]) - by}", text)

    return replace(
        finding,
        key=back(finding.key),
        subject_ref=finding.subject_ref and back(f":{finding.subject_ref}")[1:],
        person_id=None if finding.person_id is None else finding.person_id - by,
        records=tuple(replace(record, id=record.id - by) for record in finding.records),
    )


def arrow(rows: Iterable[Row]) -> dict[str, pa.Table]:
    """The rows by table. Every institution and person that a claim names is there."""
    by_table: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for table, values in rows:
        by_table[table].append(dict(values))
    known = {one["id"] for one in by_table["institution"]}
    named = {one["institution_id"] for one in by_table["claim"]} - known
    by_table["institution"] += [institution(id)[1] for id in sorted(named)]
    for one in by_table["institution"]:
        one["code"] = f"I{one['id']}"
    for one in by_table["identity_check"]:
        one["institution"] = f"I{one['institution']}"
    people = {one["person_id"] for one in by_table["patient"]}
    by_table["patient"] += [patient(id)[1] for id in sorted({one["person_id"] for one in by_table["claim"]} - people)]
    return {name: pa.Table.from_pylist(listed, schema=SCHEMAS[name]) for name, listed in by_table.items()}


def tables(compute: Compute, rows: Iterable[Row], folder: Path) -> ClaimTables:
    """The rows as tables of an engine."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, table in arrow(rows).items():
        file = folder / f"{name}.parquet"
        pq.write_table(table, file)
        made[name] = compute.table(file)
    return ClaimTables(**made)


def find(rule: ClaimRule, compute: Compute, read: ClaimTables, policy: ClaimsPolicy, window: Window = ALWAYS) -> list[Finding]:
    """Everything that one rule finds in a window, by key."""
    rows = within(rule.find(read, policy, window), window)
    return sorted((one for batch in compute.batches(rows) for one in from_batch(rule, batch)), key=lambda one: one.key)


def seen(finding: Finding, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of a finding what a case names: its fields, roles (role -> ids), else a fact."""
    shown: dict[str, Any] = {
        "key": finding.key,
        "months": finding.months,
        "amount": finding.amount_fen,
        "first": finding.from_month and f"{finding.from_month:%Y-%m}",
        "last": finding.to_month and f"{finding.to_month:%Y-%m}",
        "confidence": finding.confidence,
        "severity": finding.severity.value,
        "person": finding.person_id,
        "subject": finding.subject_ref,
        "completed": finding.completed_on and finding.completed_on.isoformat(),
        **{role: [record.id for record in finding.records if record.role == role] for role in {one.role for one in finding.records}},
    }
    assert type(finding.amount_fen) is type(finding.months) is int
    return {name: shown[name] if name in shown else finding.facts.get(name) for name in wanted}
