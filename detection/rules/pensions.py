"""What was paid of pensions month by month, as the rules over two benefits ask (B1, B2, B3). No rule of its own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import paid
from detection.rules.tables import Tables

BEGINNING = date(1900, 1, 1)


def paid_of(tables: Tables, benefits: ir.Table, as_of: date) -> ir.Table:
    """Payments of benefits: person_id, scheme, region_code, benefit_id, month, amount_fen, record."""
    windows = benefits.select(
        window=benefits.id, benefit_id=benefits.id, from_month=ibis.literal(BEGINNING), to_month=ibis.literal(months.OPEN_END)
    )
    of = benefits.select("person_id", "scheme", "region_code", owned=benefits.id)
    rows = paid(tables, windows, as_of).join(of, [("benefit_id", "owned")])
    return rows.select("person_id", "scheme", "region_code", "benefit_id", "month", "amount_fen", "record")


def of_schemes(tables: Tables, schemes: Collection[str]) -> ir.Table:
    """Benefits of some schemes."""
    return tables.benefit.filter(tables.benefit.scheme.isin(sorted(schemes)))
