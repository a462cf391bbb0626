"""H3 Overlapping stays

One person was an inpatient of two institutions on the same days. The day of a transfer, on which one stay ends and the other begins, is
allowed; each further day is not. At least one of the two stays did not take place as it was settled, or somebody else used the card.

The rule names both stays. The money at risk is the smaller of the two amounts that the fund paid, since one of the stays may be right.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry, completed, day, stays
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同一人在相同日期同时在两家医疗机构住院。转院当日(一次住院结束、另一次开始)允许，其余重叠日期不允许。两次住院至少有一次不真实，或有他人
使用该参保人的凭证。

本规则列出两次住院。其中一次可能属实，因此涉及金额取两次基金支付金额中较小者。
"""

SENTENCES = (
    Sentence(
        "In two hospitals at once for {overlap_days} day(s), {overlap_from} to {overlap_to} ({r_claim}).",
        "{overlap_from}至{overlap_to}同时在两家医疗机构住院，重叠{overlap_days}天({r_claim})。",
    ),
    Sentence("The smaller of the two amounts paid by the fund: {amount} yuan.", "两次住院中较小的基金支付金额{amount}元。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a pair of stays."""
    rule = policy.H3
    columns = ("id", "person_id", "institution_id", "from_date", "to_date", "fund_fen")
    every = stays(tables.claim)
    last, other = completed(every, window).select(*columns), every.select(*columns).rename(lambda name: f"other_{name}")
    pairs = last.join(other, [last.person_id == other.other_person_id, last.institution_id != other.other_institution_id])
    # each pair once: the stay that ends later completes it
    later = (pairs.other_to_date < pairs.to_date) | ((pairs.other_to_date == pairs.to_date) & (pairs.other_id < pairs.id))
    found = pairs.filter(later).mutate(
        overlap_from=ibis.greatest(pairs.from_date, pairs.other_from_date), overlap_to=ibis.least(pairs.to_date, pairs.other_to_date)
    )
    found = found.mutate(overlap_days=day(found.overlap_to) - day(found.overlap_from))
    found = found.filter(found.overlap_days >= rule.days_min)
    return claim_finding(
        found,
        key=key_of("H3", ibis.least(found.id, found.other_id), ibis.greatest(found.id, found.other_id)),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=ibis.least(found.from_date, found.other_from_date),
        confidence=rule.confidence,
        amount_fen=ibis.least(found.fund_fen, found.other_fund_fen),
        facts={"overlap_from": found.overlap_from, "overlap_to": found.overlap_to, "overlap_days": found.overlap_days},
        records=records(claim_entry(found.id), claim_entry(found.other_id)),
    )


RULE = ClaimRule(
    "H3",
    AlertSeverity.VIOLATION,
    "Overlapping stays",
    "重叠住院",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("claim",),
)
