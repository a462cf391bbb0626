"""Enrolments that overlap others or a time, month by month, as D1, D2, D4 and D5 ask. No rule of its own."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import record
from detection.rules.tables import Tables


def enrolments(tables: Tables, as_of: date) -> ir.Table:
    """Enrolments up to the month of the day: id, person_id, scheme, region_code, from_month, to_month; what lasts ends with that month."""
    last = ibis.literal(months.month_of(as_of))
    rows = tables.enrolment.mutate(to_month=ibis.least(tables.enrolment.to_month.fill_null(last), last))
    return rows.filter(rows.from_month <= rows.to_month)


def both(one: ir.Table, other: ir.Table) -> ir.Table:
    """Pairs of enrolments of one person with months in common: columns of the one, of the other with ``_other``, and first, last."""
    pairs = one.join(other.view(), "person_id", rname="{name}_other")
    pairs = pairs.mutate(
        first=ibis.greatest(pairs.from_month, pairs.from_month_other), last=ibis.least(pairs.to_month, pairs.to_month_other)
    )
    return pairs.filter(pairs.first <= pairs.last)


def months_of(pairs: ir.Table, *by: str) -> ir.Table:
    """One row a ``by``: from_month, to_month, months (different ones, so that three enrolments at once count once), entries."""
    each = pairs.select(*by, number=months.each_month(pairs.first, pairs.last))
    counted = each.group_by(*by).aggregate(first_=each.number.min(), last_=each.number.max(), months=each.number.nunique())
    sides = pairs.select(*by, enrolment_id=pairs.id).union(pairs.select(*by, enrolment_id=pairs.id_other), distinct=True)
    listed = sides.group_by(*by).aggregate(entries=record("enrolment", sides.enrolment_id, "overlap").collect())
    found = counted.join(listed, list(by))
    return found.mutate(from_month=months.day_of(found.first_), to_month=months.day_of(found.last_)).drop("first_", "last_")


def two_schemes(tables: Tables, schemes: tuple[str, str], allowed_months: int, as_of: date) -> ir.Table:
    """Persons enrolled in two schemes at once for more months than allowed, as ``months_of`` by person_id."""
    rows = enrolments(tables, as_of)
    pairs = both(rows.filter(rows.scheme == schemes[0]), rows.filter(rows.scheme == schemes[1]))
    found = months_of(pairs, "person_id")
    return found.filter(found.months > allowed_months)
