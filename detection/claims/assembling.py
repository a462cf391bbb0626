"""How a rule over claims puts a finding together: the one shape of findings as an expression."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding
from models.detection import SubjectKind

FIELDS = (
    "key",
    "person_id",
    "subject_ref",
    "region_code",
    "confidence",
    "from_month",
    "to_month",
    "months",
    "amount_fen",
    "facts",
    "records",
    "subject_kind",
    "completed_on",
)
"""What ``find`` of every rule over claims returns, one row a finding. records: every claim that led to it (kind "claim"), and the lines
that it names (kind "claim_line"). region_code: NULL for the person's own. completed_on: ``to_date`` of the last of its claims.
"""


def claim_finding(
    table: ir.Table,
    *,
    key: ir.StringValue,
    completed_on: ir.DateValue,
    confidence: ir.FloatingValue | float,
    facts: Mapping[str, ir.Value | str | int],
    records: ir.ArrayValue,
    amount_fen: ir.IntegerValue | int,
    person_id: ir.IntegerValue | None = None,
    subject_kind: SubjectKind = SubjectKind.PERSON,
    subject_ref: ir.StringValue | None = None,
    region_code: ir.StringValue | None = None,
    first_on: ir.DateValue | None = None,
    severity: ir.StringValue | None = None,
) -> ir.Table:
    """The rows of a table as findings. first_on: day of the first claim, where there are several. severity: of each finding, where it is
    not always the rule's.
    """
    began = completed_on if first_on is None else first_on
    return finding(
        table,
        key=key,
        confidence=confidence,
        facts=facts,
        records=records,
        person_id=person_id,
        subject_ref=subject_ref,
        region_code=region_code,
        from_month=months.first_of(began),
        to_month=months.first_of(completed_on),
        count=months.number_of(completed_on) - months.number_of(began) + 1,
        amount_fen=amount_fen,
        more={
            "subject_kind": ibis.literal(subject_kind.value),
            "completed_on": completed_on.cast("date"),
            **({} if severity is None else {"severity": severity}),
        },
    )
