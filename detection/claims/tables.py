"""The tables that rules and features over claims read: one schema, whether the rows come from the store, from files or are one claim that
is being screened. No names and no numbers of persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import pyarrow as pa

_ID, _DAY, _TEXT, _FEN, _FLAG = pa.int64(), pa.date32(), pa.string(), pa.int64(), pa.bool_()
_AT, _TEXTS, _NUMBER = pa.timestamp("us", tz="UTC"), pa.list_(pa.string()), pa.float64()

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(list(columns.items()))
    for name, columns in {
        "patient": {"person_id": _ID, "birth_date": _DAY, "sex": _TEXT, "region_code": _TEXT},
        "institution": {"id": _ID, "code": _TEXT, "level": _TEXT, "kind": _TEXT, "region_code": _TEXT, "beds": _ID},
        "claim": {
            "id": _ID,
            "person_id": _ID,
            "institution_id": _ID,
            "reference": _TEXT,
            "setting": _TEXT,
            "scheme": _TEXT,
            "department": _TEXT,
            "doctor": _TEXT,
            "from_date": _DAY,
            "to_date": _DAY,
            "settled_at": _AT,
            "uploaded_at": _AT,
            "principal_diagnosis": _TEXT,
            "diagnoses": _TEXTS,
            "procedures": _TEXTS,
            "hospital_acquired": _TEXTS,
            "drg": _TEXT,
            "transferred_in": _FLAG,
            "discharge_way": _TEXT,
            "identity_check": _TEXT,
            "total_fen": _FEN,
            "fund_fen": _FEN,
            "own_fen": _FEN,
        },
        "line": {
            "id": _ID,
            "claim_id": _ID,
            "number": _ID,
            "item_code": _TEXT,
            "item_name": _TEXT,
            "category": _TEXT,
            "quantity": _NUMBER,
            "days": _ID,
            "unit_price_fen": _FEN,
            "amount_fen": _FEN,
            "fund_fen": _FEN,
            "charged_on": _DAY,
            "executed_at": _AT,
            "executed_quantity": _NUMBER,
            "doctor": _TEXT,
            "department": _TEXT,
            "prescription": _TEXT,
        },
        "evidence": {
            "id": _ID,
            "person_id": _ID,
            "kind": _TEXT,
            "trace": _TEXT,
            "occurred_on": _DAY,
            "ends_on": _DAY,
            "strength": _TEXT,
            "source": _TEXT,
        },
        "identity_check": {"id": _ID, "person_id": _ID, "institution": _TEXT, "checked_at": _AT, "level": _TEXT},
        "point": {
            "id": _ID,
            "point_id": _TEXT,
            "rule_code": _TEXT,
            "item_code": _TEXT,
            "item_name": _TEXT,
            "effective_from": _DAY,
            "effective_until": _DAY,
            "sex": _TEXT,
            "age_min_days": _ID,
            "age_max_days": _ID,
            "diagnoses": _TEXTS,
            "diagnoses_not": _TEXTS,
            "procedures": _TEXTS,
            "levels": _TEXTS,
            "settings": _TEXTS,
            "departments": _TEXTS,
            "schemes": _TEXTS,
            "other_codes": _TEXTS,
            "group_name": _TEXT,
            "days_max": _ID,
            "interval_days_min": _ID,
            "quantity_max": _NUMBER,
            "period": _TEXT,
            "period_days": _ID,
            "unit_price_max_fen": _FEN,
            "amount_max_fen": _FEN,
            "share_max": _NUMBER,
            "by_hand": _FLAG,
        },
    }.items()
}
"""Columns are those of ``models.claim`` and ``models.knowledge``. Rows of records that were merged carry the id of the record that speaks.

point: one row for each code of an item that a knowledge point is about; what the point does not bound is NULL. item_code: "" where a
point is about no item (a diagnosis, a procedure, the whole claim). diagnoses, diagnoses_not, procedures: beginnings of codes, without
dots. other_codes: the items that it may not, or must, go with, as its rule says. period: line, claim, day, stay, days (then period_days).
share_max: of a price. by_hand: the claim does not tell whether the limit is kept, so that a person has to look.
"""


@dataclass(frozen=True)
class ClaimTables:
    """The tables as Ibis tables. What a source does not have is empty, what it does not tell is NULL.

    hit: lines beside the knowledge points about them; charge: sums of the lines of each claim. ``detection.knowledge.hits.prepare`` makes
    both once for all rules; a rule that needs them makes its own where they are None. present: tables that have rows and columns that hold
    anything, as rules say what they need; None where that is not known.
    """

    patient: ir.Table
    institution: ir.Table
    claim: ir.Table
    line: ir.Table
    evidence: ir.Table
    identity_check: ir.Table
    point: ir.Table
    hit: ir.Table | None = None
    charge: ir.Table | None = None
    present: frozenset[str] | None = None


def present_in(tables: Mapping[str, pa.Table]) -> frozenset[str]:
    """Tables that have rows, and columns that hold anything, as rules say what they need."""
    found = set[str]()
    for name, table in tables.items():
        if table.num_rows:
            found.add(name)
            found.update(f"{name}.{column}" for column in table.column_names if table[column].null_count < table.num_rows)
    return frozenset(found)
