"""H16 Annual cap run-up

What the fund paid for a person in a calendar year reached the share of the annual cap that policy says. The cap is that of the scheme in
the region where the person is insured. The finding belongs to the claim with which the sum crossed the line; claims count in the order in
which they ended. A serious illness does the same, so this is a reason to look, not a violation: somebody may be using up another person's
cover.

The rule names all claims of the year up to the crossing. The money at risk is what the fund paid up to then.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claim_rules import CapRunUp
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
参保人一个自然年内的基金支付累计达到年度封顶线的政策比例。封顶线按参保地和险种确定。提示归于使累计达到该比例的那一次结算，各次结算按结
束日期排列。重大疾病也会如此，因此仅作为核查线索，不是违规：可能有人在耗用他人的待遇。

本规则列出当年截至该次的全部结算。涉及金额为截至该次的基金支付累计金额。
"""

SENTENCES = (
    Sentence(
        "{claims} claims of {year} came to {spent} yuan on {crossed_on}, of a cap of {cap} yuan ({r_claim}).",
        "{year}年{claims}次结算至{crossed_on}累计{spent}元，封顶线{cap}元({r_claim})。",
    ),
    Sentence("Before it: {r_other}.", "此前：{r_other}。"),
)

_KEYS = ("person_id", "scheme", "year")
_FEN = 100


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a person, scheme and year."""
    rule = policy.H16
    claim = tables.claim.filter(tables.claim.scheme.isin(sorted({cap.scheme.value for cap in rule.caps})))
    claim = claim.select("id", "person_id", "scheme", "from_date", "to_date", "fund_fen", year=claim.to_date.year().cast("int64"))
    spent = claim.group_by(*_KEYS).aggregate(spent_fen=claim.fund_fen.sum(), last_on=claim.to_date.max())
    least = min(cap.cap_fen for cap in rule.caps) * rule.share
    spent = spent.filter((spent.spent_fen >= least) & (spent.last_on >= ibis.literal(window.from_date)))
    patient = tables.patient.select("person_id", "region_code")
    spent = spent.left_join(patient, "person_id", rname="{name}_insured")
    spent = spent.mutate(cap_fen=_cap(spent, rule)).select(*_KEYS, "cap_fen")
    claims = claim.join(spent, list(_KEYS))
    so_far = ibis.window(group_by=list(_KEYS), order_by=[claims.to_date, claims.id], preceding=None, following=0)
    claims = claims.mutate(sum_fen=claims.fund_fen.sum().over(so_far))
    line = claims.cap_fen * rule.share
    up_to = claims.filter(claims.sum_fen - claims.fund_fen < line)
    crossing = up_to.sum_fen >= up_to.cap_fen * rule.share
    found = up_to.mutate(entry=ibis.ifelse(crossing, claim_entry(up_to.id), claim_entry(up_to.id, "other")))
    found = found.group_by(*_KEYS, "cap_fen").aggregate(
        spent_fen=found.fund_fen.sum().cast("int64"),
        claims=found.count(),
        first_on=found.from_date.min(),
        crossed_on=found.to_date.max(),
        entries=found.entry.collect(),
    )
    found = found.filter(found.spent_fen >= found.cap_fen * rule.share)
    return claim_finding(
        found,
        key=key_of("H16", found.person_id, found.scheme, found.year),
        person_id=found.person_id,
        completed_on=found.crossed_on,
        first_on=ibis.least(found.first_on, found.crossed_on),
        confidence=rule.confidence,
        amount_fen=found.spent_fen,
        facts={
            "scheme": found.scheme,
            "year": found.year,
            "claims": found.claims,
            "crossed_on": found.crossed_on,
            "spent": found.spent_fen // _FEN,
            "cap": found.cap_fen // _FEN,
        },
        records=found.entries,
    )


def _cap(spent: ir.Table, rule: CapRunUp) -> ir.IntegerValue:
    """The cap of the scheme where the person is insured: that of the region's longest beginning. NULL where there is none."""
    region = spent.region_code.fill_null("")
    ordered = sorted(rule.caps, key=lambda cap: len(cap.region), reverse=True)
    branches = (((spent.scheme == cap.scheme.value) & region.startswith(cap.region), cap.cap_fen) for cap in ordered)
    return ibis.cases(*branches).cast("int64")


RULE = ClaimRule(
    "H16",
    AlertSeverity.SUSPICION,
    "Annual cap run-up",
    "年度封顶线耗用",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("claim",),
)
