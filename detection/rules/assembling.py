"""How a rule puts a finding together: the one shape of findings as an expression, records, confidences, and what was paid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.tables import Tables
from models.life_evidence import Strength

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
)
"""What ``find`` of every rule returns, one row a finding. facts: struct; records: array of structs kind, id, role.
region_code: NULL for the person's own.
"""

NO_RECORDS = "array<struct<kind: string, id: int64, role: string>>"
"""Type of ``records``."""


def record(kind: str | ir.Value, id: ir.Value, role: str) -> ir.StructValue:
    """One record as an element of ``records``. kind: the table's name in the store."""
    named = ibis.literal(kind) if isinstance(kind, str) else kind
    return ibis.struct({"kind": named, "id": id.cast("int64"), "role": ibis.literal(role)})


def records(*single: ir.StructValue) -> ir.ArrayValue:
    """Some single records as the array that a finding has."""
    return ibis.array(list(single))


def or_none(listed: ir.ArrayValue) -> ir.ArrayValue:
    """Records that may be NULL after an outer join, as an array."""
    return ibis.coalesce(listed, ibis.literal([], type=NO_RECORDS))


def no_month() -> ir.DateValue:
    """NULL where a finding has no months."""
    return ibis.literal(None, type="date")


def finding(
    table: ir.Table,
    *,
    key: ir.StringValue,
    confidence: ir.FloatingValue | float,
    facts: Mapping[str, ir.Value | str | int],
    records: ir.ArrayValue,
    person_id: ir.IntegerValue | None = None,
    subject_ref: ir.StringValue | None = None,
    region_code: ir.StringValue | None = None,
    from_month: ir.DateValue | None = None,
    to_month: ir.DateValue | None = None,
    count: ir.IntegerValue | int = 0,
    amount_fen: ir.IntegerValue | int = 0,
    more: Mapping[str, ir.Value] | None = None,
) -> ir.Table:
    """The rows of a table as findings. count: months. more: further columns. Facts that are NULL are left out of the finding."""
    sure = ibis.literal(confidence) if isinstance(confidence, float) else confidence
    return table.select(
        key=key,
        person_id=(ibis.literal(None) if person_id is None else person_id).cast("int64"),
        subject_ref=(ibis.literal(None) if subject_ref is None else subject_ref).cast("string"),
        region_code=(ibis.literal(None) if region_code is None else region_code).cast("string"),
        confidence=sure.cast("float64"),
        from_month=(no_month() if from_month is None else from_month).cast("date"),
        to_month=(no_month() if to_month is None else to_month).cast("date"),
        months=(ibis.literal(count) if isinstance(count, int) else count).cast("int64"),
        amount_fen=(ibis.literal(amount_fen) if isinstance(amount_fen, int) else amount_fen).cast("int64"),
        facts=ibis.struct({name: ibis.literal(value) if isinstance(value, str | int) else value for name, value in facts.items()}),
        records=records,
        **(more or {}),
    )


def key_of(code: str, *parts: ir.Value | str) -> ir.StringValue:
    """The key of a finding: code and ids, with colons between."""
    key: ir.StringValue = ibis.literal(code)
    for part in parts:
        key = key + ":" + (ibis.literal(part) if isinstance(part, str) else part.cast("string"))
    return key


def by_strength(strength: ir.StringValue, confidence: Mapping[Strength, float]) -> ir.FloatingValue:
    """The confidence that a record's strength gives."""
    return ibis.cases(*((strength == name.value, ibis.literal(value)) for name, value in confidence.items()), else_=ibis.literal(0.0))


def of_strength(table: ir.Table, strengths: Iterable[Strength]) -> ir.Table:
    """The rows that are of one of the strengths."""
    return table.filter(table.strength.isin([one.value for one in strengths]))


def deaths(tables: Tables, strengths: Iterable[Strength]) -> ir.Table:
    """Death records of the strengths."""
    return of_strength(tables.evidence.filter(tables.evidence.kind == "death_record"), strengths)


def rank_of_strength(strength: ir.StringValue) -> ir.IntegerValue:
    """0 for the strongest."""
    return ibis.cases((strength == "conclusive", 0), (strength == "supporting", 1), else_=2)


def first_of_each(table: ir.Table, by: str, order: list[ir.Value]) -> ir.Table:
    """The first row of each ``by``."""
    ranked = table.mutate(rank_=ibis.row_number().over(ibis.window(group_by=table[by], order_by=order)))
    return ranked.filter(ranked.rank_ == 0).drop("rank_")


def earliest_deaths(tables: Tables, strengths: Iterable[Strength]) -> ir.Table:
    """The earliest death record of each person: evidence_id, person_id, died_on, strength, source. Of one day the strongest."""
    rows = deaths(tables, strengths)
    first = first_of_each(rows, "person_id", [rows.occurred_on, rank_of_strength(rows.strength), rows.id])
    return first.select("person_id", "strength", "source", evidence_id=first.id, died_on=first.occurred_on)


def paid(tables: Tables, windows: ir.Table, as_of: date) -> ir.Table:
    """What was paid of benefits in windows of months: window, benefit_id, payment_id, month, amount_fen, record; one row a payment.

    windows: window, benefit_id, from_month, to_month (inclusive, NULL lasts); those of one window and benefit must not overlap. Of a
    benefit of which the tables have no payment at all, its monthly amount counts for each month that it was drawn and not paused;
    payment_id is NULL then, and the record is the benefit.
    """
    last = ibis.literal(months.month_of(as_of))
    bounded = windows.select("window", "benefit_id", "from_month", to_month=ibis.least(windows.to_month.fill_null(last), last))
    bounded = bounded.filter(bounded.from_month <= bounded.to_month)
    payment = tables.payment
    rows = bounded.join(payment, "benefit_id").filter(lambda t: (t.month >= t.from_month) & (t.month <= t.to_month) & (t.amount_fen > 0))
    known = rows.select(
        "window", "benefit_id", payment_id=rows.id, month=rows.month, amount_fen=rows.amount_fen, record=record("payment", rows.id, "paid")
    )
    asked = bounded.select("benefit_id").distinct()
    told = payment.semi_join(asked, "benefit_id").select("benefit_id").distinct()
    untold = bounded.anti_join(told, "benefit_id")
    return known.union(_drawn(tables, untold, last), distinct=False)


def _drawn(tables: Tables, windows: ir.Table, last: ir.DateValue) -> ir.Table:
    benefit = tables.benefit.select(
        "monthly_fen",
        "status",
        benefit_id=tables.benefit.id,
        drawn_from=tables.benefit.from_month,
        drawn_to=tables.benefit.to_month,
    )
    # of an ended benefit without its last month nobody knows how long it was drawn
    benefit = benefit.filter((benefit.monthly_fen > 0) & ((benefit.status != "ended") | benefit.drawn_to.notnull()))
    both = windows.join(benefit, "benefit_id").mutate(
        first=lambda t: ibis.greatest(t.from_month, t.drawn_from),
        last=lambda t: ibis.least(t.to_month, t.drawn_to.fill_null(last)),
    )
    both = both.filter(both.first <= both.last)
    each = both.select("window", "benefit_id", "monthly_fen", number=months.each_month(both.first, both.last))
    each = each.mutate(month=months.day_of(each.number))
    pause = tables.pause.select("paused_on", "resumed_on", paused_benefit=tables.pause.benefit_id)
    drawn = each.anti_join(
        pause,
        [
            each.benefit_id == pause.paused_benefit,
            each.month >= pause.paused_on,
            each.month < pause.resumed_on.fill_null(months.OPEN_END),
        ],
    )
    return drawn.select(
        "window",
        "benefit_id",
        payment_id=ibis.literal(None, type="int64"),
        month=drawn.month,
        amount_fen=drawn.monthly_fen,
        record=record("benefit", drawn.benefit_id, "paid"),
    )


def sums_of(paid_rows: ir.Table) -> ir.Table:
    """One row a window: window, from_month, to_month, months (different ones), amount_fen, paid_records."""
    return paid_rows.group_by("window").aggregate(
        from_month=paid_rows.month.min(),
        to_month=paid_rows.month.max(),
        months=paid_rows.month.nunique(),
        amount_fen=paid_rows.amount_fen.sum(),
        paid_records=paid_rows.record.collect(),
    )
