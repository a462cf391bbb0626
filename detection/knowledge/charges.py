"""The lines of each claim in one row: how many, from when to when, what they cost by category, and how many were carried out. Made once for
all rules and features.
"""

from __future__ import annotations

import ibis.expr.types as ir

from detection import months
from detection.claims.rule import Window
from detection.claims.supplies import DRUGS
from detection.claims.tables import ClaimTables
from models.claim import ChargeCategory

CATEGORIES = (
    ChargeCategory.EXAMINATION,
    ChargeCategory.LABORATORY,
    ChargeCategory.TREATMENT,
    ChargeCategory.SURGERY,
    ChargeCategory.MATERIAL,
    ChargeCategory.WESTERN_DRUG,
    ChargeCategory.HERB,
    ChargeCategory.PATENT_DRUG,
)
"""Those that a rule asks for: each costs a sum over all lines."""


def charges(tables: ClaimTables, window: Window | None = None) -> ir.Table:
    """The sums: those made already, or the expression. window: as of ``charge_expression``; what was made is of the window of the run."""
    return charge_expression(tables, window) if tables.charge is None else tables.charge


def charge_expression(tables: ClaimTables, window: Window | None = None) -> ir.Table:
    """One row a claim that has lines: claim_id, lines, drug_lines, first_charged_on, last_charged_on, lines_fen, <category>_fen of each of
    ``CATEGORIES``, told_lines (that tell what was carried out) and unexecuted_lines (less than was billed). window: only of claims that
    end in its months.
    """
    line = tables.line
    if window is not None:
        claim = tables.claim
        ended = claim.filter(claim.to_date.between(months.month_of(window.from_date), window.to_date))
        line = line.semi_join(ended, line.claim_id == ended.id)
    sums = {f"{one.value}_fen": line.amount_fen.sum(where=line.category == one.value).fill_null(0).cast("int64") for one in CATEGORIES}
    return line.group_by("claim_id").aggregate(
        lines=line.count().cast("int64"),
        drug_lines=line.count(where=line.category.isin(DRUGS)).cast("int64"),
        first_charged_on=line.charged_on.min(),
        last_charged_on=line.charged_on.max(),
        lines_fen=line.amount_fen.sum().cast("int64"),
        told_lines=line.executed_quantity.count().cast("int64"),
        unexecuted_lines=line.count(where=line.executed_quantity < line.quantity).cast("int64"),
        **sums,
    )
