"""H2 Phantom stay

A person is booked as an inpatient and does not lie there (挂床). Two signs are looked for. The person visited an outpatient clinic on a
day strictly inside the stay, at any institution; purchases in pharmacies and internet visits do not count, since a relative can see to
them. Or the stay has as many days as policy says, not necessarily in a row, with charges for bed, nursing and consultation alone and no
drug, examination, treatment or material; a drug that was handed out for several days covers those. A stay of so many nights that has no
other charge at all is found however its charges are dated.

The second sign is looked for only where the lines of the claim are known. The money at risk is what the fund paid for the stay, or, where
there was treatment on other days, the charges of the empty days.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import charged, claim_entry, completed, day, no_number, of_settings, stays
from detection.claims.tables import ClaimTables
from detection.rules.assembling import NO_RECORDS, key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claim_rules import PhantomStay
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
登记住院而实际不在院(挂床住院)。检查两种迹象：一是住院期间(不含入院日和出院日)在任一机构有门诊就诊；药店购药和互联网诊疗可由家属代办，
不计算在内。二是住院中有达到政策规定天数(不要求连续)的日期只有床位、护理、诊察等费用，没有任何药品、检查、治疗或耗材；一次发放多日的药
品，其覆盖日期不算。达到规定夜数的住院如果完全没有其他费用，则不论计费日期如何均提示。

第二种迹象仅在有明细时检查。涉及金额为该次住院的基金支付金额；其他日期有治疗的，为空置日期的费用。
"""

SENTENCES = (
    Sentence(
        "In bed from {admitted_on} to {discharged_on}, and {visits} outpatient visit(s) inside ({r_claim}; {r_other}).",
        "{admitted_on}至{discharged_on}住院，其间门诊就诊{visits}次({r_claim}；{r_other})。",
        when="visits",
    ),
    Sentence(
        "In bed from {admitted_on} to {discharged_on}; {idle_days} day(s) have charges for bed and nursing alone ({r_claim}).",
        "{admitted_on}至{discharged_on}住院，其中{idle_days}天仅有床位、护理等费用({r_claim})。",
        when="idle_days",
    ),
    Sentence("The whole stay has no drug, examination or treatment.", "整次住院没有任何药品、检查或治疗。", when="whole"),
    Sentence("At risk: {amount} yuan.", "涉及金额{amount}元。"),
)

_COLUMNS = ("sign", "stay_id", "person_id", "from_date", "to_date", "confidence", "amount_fen", "visits", "idle_days", "whole", "entries")


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a stay and sign."""
    rule = policy.H2
    ended = completed(stays(tables.claim), window)
    stay = ended.select("person_id", "from_date", "to_date", "fund_fen", stay_id=ended.id)
    found = _visited(tables, stay, rule).union(_idle(tables, stay, rule), distinct=False)
    return claim_finding(
        found,
        key=key_of("H2", found.sign, found.stay_id),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.from_date,
        confidence=found.confidence,
        amount_fen=found.amount_fen,
        facts={
            "admitted_on": found.from_date,
            "discharged_on": found.to_date,
            "visits": found.visits,
            "idle_days": found.idle_days,
            "whole": found.whole,
        },
        records=records(claim_entry(found.stay_id)).concat(found.entries),
    )


def _visited(tables: ClaimTables, stay: ir.Table, rule: PhantomStay) -> ir.Table:
    visit = of_settings(tables.claim, rule.visit_settings)
    visit = visit.select(visitor="person_id", visit_id="id", visit_from="from_date", visit_to="to_date")
    both = stay.join(visit, [stay.person_id == visit.visitor, stay.from_date < visit.visit_from, visit.visit_to < stay.to_date])
    found = both.group_by("stay_id", "person_id", "from_date", "to_date", "fund_fen").aggregate(
        visits=both.count(), entries=claim_entry(both.visit_id, "other").collect()
    )
    return found.select(
        "stay_id",
        "person_id",
        "from_date",
        "to_date",
        "visits",
        "entries",
        sign=ibis.literal("visits"),
        confidence=ibis.literal(rule.visit_confidence),
        amount_fen=found.fund_fen,
        idle_days=no_number(),
        whole=ibis.literal(False),
    ).select(*_COLUMNS)


def _idle(tables: ClaimTables, stay: ir.Table, rule: PhantomStay) -> ir.Table:
    nights = day(stay.to_date) - day(stay.from_date)
    long = stay.filter(nights >= rule.idle_days_min).mutate(nights=nights)
    line = tables.line
    line = line.select(
        "claim_id",
        "charged_on",
        line_id=line.id,
        active=~line.category.isin([one.value for one in rule.idle_categories]),
        # the last day that something lasts, which for most is the day itself
        covers=day(line.charged_on) + ibis.greatest(line.days.fill_null(1), 1) - 1,
        charged_fen=charged(line),
    )
    lines = long.join(line, [long.stay_id == line.claim_id])
    by_day = lines.group_by("stay_id", "charged_on").aggregate(
        active=lines.active.any(), covers=lines.covers.max(where=lines.active), charged_fen=lines.charged_fen.sum()
    )
    # few stays have so many days without; only those are gone through day by day
    sums = by_day.group_by("stay_id").aggregate(
        without=(~by_day.active).cast("int64").sum(), treated=by_day.active.cast("int64").sum(), charged_fen=by_day.charged_fen.sum()
    )
    sums = sums.filter((sums.without >= rule.idle_days_min) | (sums.treated == 0))
    whole = sums.filter(sums.treated == 0).select("stay_id", idle_days=no_number(), charged_fen=no_number())
    each = by_day.semi_join(sums.filter(sums.treated > 0), "stay_id")
    before = ibis.window(group_by="stay_id", order_by=each.charged_on, preceding=(None, 1))
    each = each.mutate(covered=each.covers.max().over(before))
    empty = each.filter(~each.active & (each.covered.isnull() | (each.covered < day(each.charged_on))))
    empty = long.select("stay_id", "from_date", "to_date").join(empty, "stay_id")
    empty = empty.filter(empty.charged_on.between(empty.from_date, empty.to_date))
    part = empty.group_by("stay_id").aggregate(idle_days=empty.count(), charged_fen=empty.charged_fen.sum().cast("int64"))
    part = part.filter(part.idle_days >= rule.idle_days_min)
    found = long.join(whole.union(part, distinct=False), "stay_id")
    return found.select(
        "stay_id",
        "person_id",
        "from_date",
        "to_date",
        sign=ibis.literal("idle"),
        confidence=ibis.ifelse(found.idle_days.isnull(), rule.whole_confidence, rule.idle_confidence),
        amount_fen=ibis.least(found.charged_fen.fill_null(found.fund_fen), found.fund_fen),
        visits=no_number(),
        idle_days=found.idle_days.fill_null(found.nights),
        whole=found.idle_days.isnull(),
        entries=ibis.literal([], type=NO_RECORDS),
    ).select(*_COLUMNS)


RULE = ClaimRule(
    "H2",
    AlertSeverity.WARNING,
    "Phantom stay",
    "挂床住院",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("claim",),
)
