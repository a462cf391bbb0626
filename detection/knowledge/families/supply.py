"""What is too much of any drug or herb, without a point: days of supply, and one herb for a day."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import claim_record, line_record
from models.policy_claims import ClaimsPolicy

DAYS, HERB = "NB2025-09", "NB2025-77"
_NONE = ibis.literal(None, type="string")


def too_much_at_once(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    """Lines above policy's days of supply, and herbs above its quantity for a day: one row a line."""
    most = policy.national.prescriptions
    line = tables.line
    drug = line.category.isin(["western_drug", "patent_drug"]) & (line.days > most.supply_days_max)
    a_day = line.quantity / ibis.greatest(line.days.fill_null(1), 1)
    herb = (line.category == "herb") & line.days.notnull() & (a_day > most.herb_day_quantity_max)
    rows = line.filter((drug | herb).fill_null(False)).select(
        "claim_id",
        line_id="id",
        point_name="item_name",
        day="charged_on",
        spent=ibis.coalesce(line.fund_fen, line.amount_fen),
        rule_code=(line.category == "herb").ifelse(HERB, DAYS),
        counted=(line.category == "herb").ifelse(a_day, line.days.cast("float64")),
        allowed=(line.category == "herb").ifelse(most.herb_day_quantity_max, float(most.supply_days_max)),
    )
    claim = tables.claim.select("person_id", "to_date", "setting", of_claim="id")
    rows = rows.join(claim, rows.claim_id == claim.of_claim)
    # of a stay the days are those of the stay, and herbs are counted as they were sent
    rows = rows.filter(~rows.setting.isin(["inpatient", "day_case"]))
    return rows.mutate(
        point=ibis.literal(None, type="int64"),
        point_id=_NONE,
        by_hand=ibis.literal(False),
        completed_on=rows.to_date,
        first_on=rows.to_date,
        amount_fen=(rows.spent * (1 - rows.allowed / rows.counted)).round().cast("int64"),
        listed=ibis.array([line_record(rows)]),
        claims=ibis.array([claim_record(rows)]),
    )
