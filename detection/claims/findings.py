"""What rules over claims found, as findings: from the rows of their expressions, each placed in a region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from detection.claims.rule import ClaimRule, Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.findings import Finding, Record
from models.alert import AlertSeverity
from models.detection import SubjectKind

CLAIM, LINE = "claim", "claim_line"
"""Kinds of the records that findings over claims name."""


def within(found: ir.Table, window: Window) -> ir.Table:
    """The findings that the window is for: those whose last claim ended in it."""
    return found.filter(found.completed_on.between(ibis.literal(window.from_date), ibis.literal(window.to_date)))


def placed(found: ir.Table, tables: ClaimTables, region: str = "") -> ir.Table:
    """The findings with the region of their person, or of their institution, where the rule named none.

    region: first digits of the code of a region; only what lies in it then.
    """
    person = tables.patient.select(person_region="region_code", placed_person="person_id")
    place = tables.institution.select(institution_region="region_code", placed_code="code")
    named = found.mutate(institution_code=found.subject_ref.split("/")[0])
    joined = named.left_join(person, [named.person_id == person.placed_person])
    joined = joined.left_join(place, [joined.institution_code == place.placed_code])
    code = ibis.coalesce(joined.region_code, joined.person_region, joined.institution_region)
    rows = joined.mutate(region_code=code).drop("institution_code", "person_region", "placed_person", "institution_region", "placed_code")
    return rows.filter(rows.region_code.startswith(region)) if region else rows


def findings_of(rule: ClaimRule, rows: ir.Table, compute: Compute) -> Iterator[list[Finding]]:
    """Rows of one rule in batches of findings. Raises RunFailedError."""
    for batch in compute.batches(rows):
        yield from_batch(rule, batch)


def from_batch(rule: ClaimRule, batch: pa.RecordBatch | pa.Table) -> list[Finding]:
    """Rows of one rule as findings."""
    return [from_row(rule, row) for row in batch.to_pylist()]


def from_row(rule: ClaimRule, row: Mapping[str, Any]) -> Finding:
    """One row with the columns of ``assembling.FIELDS`` as a finding. severity: a column in which a rule may say another than its own."""
    named = dict.fromkeys(Record(one["kind"], one["id"], one["role"]) for one in row["records"])
    return Finding(
        code=rule.code,
        key=row["key"],
        region_code=row["region_code"] or "",
        severity=AlertSeverity(row["severity"]) if row.get("severity") else rule.severity,
        confidence=round(row["confidence"], 4),
        person_id=row["person_id"],
        subject_kind=SubjectKind(row["subject_kind"]),
        subject_ref=row["subject_ref"],
        from_month=row["from_month"],
        to_month=row["to_month"],
        months=row["months"],
        amount_fen=row["amount_fen"],
        facts={name: _plain(value) for name, value in row["facts"].items() if value is not None},
        records=tuple(sorted(named, key=lambda one: (one.kind, one.role, one.id))),
        completed_on=row["completed_on"],
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
