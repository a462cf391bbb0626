"""The tables that rules read: one schema, whether the rows come from the store or from files. No names and no numbers of persons."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import pyarrow as pa

from models.detection import DetectionKind

_ID, _DAY, _TEXT, _FEN = pa.int64(), pa.date32(), pa.string(), pa.int64()

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(list(columns.items()))
    for name, columns in {
        "person": {"record_id": _ID, "person_id": _ID, "birth_date": _DAY, "sex": _TEXT, "region_code": _TEXT},
        "enrolment": {"id": _ID, "person_id": _ID, "scheme": _TEXT, "region_code": _TEXT, "from_month": _DAY, "to_month": _DAY},
        "benefit": {
            "id": _ID,
            "person_id": _ID,
            "scheme": _TEXT,
            "region_code": _TEXT,
            "monthly_fen": _FEN,
            "status": _TEXT,
            "from_month": _DAY,
            "to_month": _DAY,
            "account": _TEXT,
            "approved_birth_date": _DAY,
            "retirement_kind": _TEXT,
        },
        "pause": {"benefit_id": _ID, "paused_on": _DAY, "resumed_on": _DAY},
        "payment": {"id": _ID, "benefit_id": _ID, "month": _DAY, "amount_fen": _FEN},
        "evidence": {
            "id": _ID,
            "person_id": _ID,
            "kind": _TEXT,
            "trace": _TEXT,
            "occurred_on": _DAY,
            "ends_on": _DAY,
            "strength": _TEXT,
            "source": _TEXT,
            "based_on_id": _ID,
        },
        "grant": {
            "id": _ID,
            "person_id": _ID,
            "recipient_id": _ID,
            "kind": _TEXT,
            "region_code": _TEXT,
            "account": _TEXT,
            "paid_on": _DAY,
            "amount_fen": _FEN,
        },
        "relation": {"id": _ID, "person_id": _ID, "other_id": _ID, "kind": _TEXT, "since": _DAY, "until": _DAY},
        "status": {"person_id": _ID, "state": _TEXT, "due_on": _DAY},
        "outreach": {"person_id": _ID, "attempts": _ID, "last_attempt_on": _DAY},
        "namesake": {"person_id": _ID, "same_region": _ID, "same_birth_year": _ID},
    }.items()
}
"""person_id: of the record that speaks for the person. account: an opaque handle, the same for the same account. grant: person_id is the
deceased's. evidence: only rows that count. status: only of persons past their day. namesake: only of persons with life after a death
record. Months are first days; what lasts ends NULL.
"""

NEEDED: dict[DetectionKind, tuple[str, ...]] = {
    DetectionKind.DUPLICATES: ("person", "enrolment", "evidence"),
    DetectionKind.BENEFITS: ("person", "enrolment", "benefit", "pause", "payment", "grant"),
    DetectionKind.PAYMENTS: (
        "person",
        "benefit",
        "pause",
        "payment",
        "evidence",
        "relation",
        "status",
        "outreach",
        "namesake",
    ),
}


@dataclass(frozen=True)
class Tables:
    """The tables as Ibis tables. Those that a kind of run does not need are empty."""

    person: ir.Table
    enrolment: ir.Table
    benefit: ir.Table
    pause: ir.Table
    payment: ir.Table
    evidence: ir.Table
    grant: ir.Table
    relation: ir.Table
    status: ir.Table
    outreach: ir.Table
    namesake: ir.Table

    def speaking(self) -> ir.Table:
        """One row a person: person_id, birth_date, sex, region_code of the record that speaks."""
        return self.person.filter(self.person.record_id == self.person.person_id).drop("record_id")
