"""Small tables for the tests of rules: rows by short functions, as Parquet files that either engine reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detection import months
from detection.compute import Compute
from detection.findings import Finding
from detection.rules.catalogue import BY_CODE, findings_of
from detection.rules.tables import SCHEMAS, Tables
from models.policy_rules import RulesPolicy

AS_OF = date(2026, 3, 15)
REGION, OTHER_REGION = "429801", "429802"
IDS = frozenset({"id", "record_id", "person_id", "benefit_id", "other_id", "recipient_id", "based_on_id"})

Row = tuple[str, dict[str, Any]]


def month(text: str | None) -> date | None:
    """2025-04 -> its first day; 2025-04-09 -> the day."""
    if text is None:
        return None
    return date.fromisoformat(text if len(text) > 7 else f"{text}-01")


def _row(table: str, **values: Any) -> Row:
    return table, {name: month(value) if _is_day(table, name) and isinstance(value, str) else value for name, value in values.items()}


def _is_day(table: str, name: str) -> bool:
    return bool(pa.types.is_date(SCHEMAS[table].field(name).type))


def person(id: int = 1, *, born: str = "1950-06-01", sex: str = "male", region: str = REGION) -> Row:
    return _row("person", record_id=id, person_id=id, birth_date=born, sex=sex, region_code=region)


def enrolment(id: int, scheme: str, since: str, until: str | None = None, *, of: int = 1, region: str = REGION) -> Row:
    return _row("enrolment", id=id, person_id=of, scheme=scheme, region_code=region, from_month=since, to_month=until)


def benefit(
    id: int,
    scheme: str = "employee_pension",
    since: str = "2012-07",
    until: str | None = None,
    *,
    of: int = 1,
    region: str = REGION,
    monthly: int = 1000,
    status: str = "active",
    **more: Any,
) -> Row:
    return _row(
        "benefit",
        id=id,
        person_id=of,
        scheme=scheme,
        region_code=region,
        monthly_fen=monthly,
        status=status,
        from_month=since,
        to_month=until,
        **more,
    )


def paid(first_id: int, benefit_id: int, *spans: str, amount: int = 1000) -> list[Row]:
    """Payments of months: "2025-01..2025-06", or single months."""
    found: list[Row] = []
    for span in spans:
        first, _, last = span.partition("..")
        start, end = month(first), month(last or first)
        assert start is not None
        assert end is not None
        for number in range(months.month_number(start), months.month_number(end) + 1):
            found.append(("payment", {"id": first_id, "benefit_id": benefit_id, "month": months.first_day(number), "amount_fen": amount}))
            first_id += 1
    return found


def evidence(id: int, kind: str, on: str, strength: str = "conclusive", *, of: int = 1, source: str = "民政", **more: Any) -> Row:
    return _row("evidence", id=id, person_id=of, kind=kind, occurred_on=on, strength=strength, source=source, **more)


def death(id: int, on: str, strength: str = "conclusive", **more: Any) -> Row:
    return evidence(id, "death_record", on, strength, **more)


def custody(id: int, since: str, until: str | None, strength: str = "conclusive", **more: Any) -> Row:
    return evidence(id, "custody", since, strength, ends_on=until, **more)


def pause(benefit_id: int, paused_on: str, resumed_on: str | None = None) -> Row:
    return _row("pause", benefit_id=benefit_id, paused_on=paused_on, resumed_on=resumed_on)


def grant(id: int, kind: str, on: str, amount: int, *, of: int = 1, region: str = REGION, **more: Any) -> Row:
    return _row("grant", id=id, person_id=of, kind=kind, paid_on=on, amount_fen=amount, region_code=region, **more)


def relation(id: int, one: int, other: int, kind: str, **more: Any) -> Row:
    return _row("relation", id=id, person_id=one, other_id=other, kind=kind, **more)


def status(state: str, due: str, *, of: int = 1) -> Row:
    return _row("status", person_id=of, state=state, due_on=due)


@dataclass(frozen=True)
class Case:
    """Rows, and what a rule finds in them. expected: for each finding the fields that matter; of facts and roles those that are named."""

    name: str
    rows: tuple[Row, ...]
    expected: tuple[Mapping[str, Any], ...] = field(default=())


def case(name: str, *rows: Row | list[Row], finds: Mapping[str, Any] | list[Mapping[str, Any]] | None = None) -> Case:
    """A case with its rows put flat. finds: nothing, one finding, or a list of them."""
    flat = tuple(row for part in rows for row in (part if isinstance(part, list) else [part]))
    expected = () if finds is None else tuple(finds) if isinstance(finds, list) else (finds,)
    return Case(name, flat, expected)


def shifted(rows: Iterable[Row], by: int) -> list[Row]:
    """The rows with ids and accounts of their own, so that cases can stand in one table."""
    moved = []
    for table, values in rows:
        changed = {name: value + by if name in IDS and value is not None else value for name, value in values.items()}
        if changed.get("account"):
            changed["account"] = f"h{by:07x}{changed['account']}"
        moved.append((table, changed))
    return moved


def unshifted(finding: Finding, by: int) -> Finding:
    """The finding with the ids that its case names."""
    return replace(
        finding,
        key=re.sub(r"(?<=:)[0-9]+(?=:|$)", lambda number: str(int(number[0]) - by), finding.key),
        person_id=None if finding.person_id is None else finding.person_id - by,
        records=tuple(replace(record, id=record.id - by) for record in finding.records),
    )


def tables(compute: Compute, rows: Iterable[Row], folder: Path) -> Tables:
    """The rows as tables of an engine."""
    folder.mkdir(parents=True, exist_ok=True)
    by_table: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for table, values in rows:
        by_table[table].append(values)
    made = {}
    for name, listed in by_table.items():
        file = folder / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(listed, schema=SCHEMAS[name]), file)
        made[name] = compute.table(file)
    return Tables(**made)


def find(code: str, compute: Compute, read: Tables, policy: RulesPolicy, as_of: date = AS_OF) -> list[Finding]:
    """Everything that one rule finds, by key."""
    found = [one for batch in findings_of(BY_CODE[code], compute, read, policy, as_of) for one in batch]
    return sorted(found, key=lambda one: one.key)


def seen(finding: Finding, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of a finding what a case names: key, months, amount, first, last, confidence, person, subject, roles (role -> ids), else a fact."""
    shown: dict[str, Any] = {
        "key": finding.key,
        "months": finding.months,
        "amount": finding.amount_fen,
        "first": finding.from_month and f"{finding.from_month:%Y-%m}",
        "last": finding.to_month and f"{finding.to_month:%Y-%m}",
        "confidence": finding.confidence,
        "person": finding.person_id,
        "subject": finding.subject_ref,
        "region": finding.region_code,
        **{role: [record.id for record in finding.records if record.role == role] for role in {one.role for one in finding.records}},
    }
    assert type(finding.amount_fen) is type(finding.months) is int
    return {name: shown[name] if name in shown else finding.facts.get(name) for name in wanted}
