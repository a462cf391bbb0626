"""Months in custody, as the rules that ask about them (P3, D5) see them. No rule of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import by_strength, of_strength, record
from detection.rules.tables import Tables
from models.life_evidence import Strength


def custodies(tables: Tables, confidence: Mapping[Strength, float]) -> ir.Table:
    """Stretches of months wholly in custody: custody_id (of the first record), person_id, from_month, to_month (NULL lasts), custody_from,
    confidence, custody_records. Several records of one time are one stretch, so that two sources do not count it twice.
    """
    rows = of_strength(tables.evidence.filter(tables.evidence.kind == "custody"), _names(confidence))
    whole = rows.select(
        "id",
        "person_id",
        "strength",
        "occurred_on",
        from_month=months.first_whole(rows.occurred_on),
        to_month=months.last_whole(rows.ends_on),
    )
    whole = whole.filter(whole.to_month.isnull() | (whole.from_month <= whole.to_month))
    joined = months.islands(whole, "person_id", "from_month", "to_month")
    stretch = joined.group_by("person_id", "island").aggregate(
        custody_id=joined.id.min(),
        from_month=joined.from_month.min(),
        to_month=joined.to_month.fill_null(months.OPEN_END).max(),
        custody_from=joined.occurred_on.min(),
        confidence=by_strength(joined.strength, confidence).max(),
        custody_records=record("life_evidence", joined.id, "custody").collect(),
    )
    return stretch.drop("island").mutate(to_month=stretch.to_month.nullif(months.OPEN_END))


def _names(confidence: Mapping[Strength, float]) -> Iterable[Strength]:
    return tuple(confidence)
