"""Prescriptions with too many kinds of drugs, and prescriptions of herbs that are too large."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.stays import completed
from detection.claims.supplies import DRUGS
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charges
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A prescription may have so many kinds of drugs, western and patent drugs together. A prescription of herbs may have so many herbs, and
cost so much for a day (policy). Prescriptions are told apart by their number; lines without one are not looked at for drugs, and stay
together by day for herbs. Stays are left out for drugs: their orders are not prescriptions.

The money at risk is what the fund paid for the prescription, beyond the allowed part of it.
"""

CHINESE = """
每张处方的药品种类(西药和中成药合计)不得超过规定；中药饮片处方的味数和每日金额不得超过规定(由政策规定)。按处方号区分处方；没有处方号的，药品不判断，饮片按日合并。
住院医嘱不按处方判断药品种类。

涉及金额为基金支付该处方的金额中超出规定的部分。
"""

SENTENCES = (
    Sentence(
        "One prescription of {day} ({r_line}): {counted}; allowed {allowed}.", "{day}的一张处方({r_line})：{counted}；限定{allowed}。"
    ),
    Sentence("Counted are yuan a day.", "按每日金额(元)计算。", when="value"),
)

KINDS, HERBS = "GZ10000202004000", "NB2025-76"
CODES = (KINDS, HERBS)
_STAYS = ("inpatient", "day_case")
_KIND_CHARACTERS = 14
"""Of a drug code: what it is and its form, without strength, pack and maker."""


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a prescription."""
    found = _kinds(tables, policy, window).union(_herbs(tables, policy), distinct=False)
    claim = tables.claim.select("person_id", "to_date", "setting", of_claim="id")
    t = found.join(claim, found.claim_id == claim.of_claim)
    t = t.filter((t.rule_code == HERBS) | ~t.setting.isin(_STAYS))
    t = t.mutate(completed_on=t.to_date, by_hand=ibis.literal(False), records=with_claim(t, t.listed))
    return told(t, CODES, policy, window)


def _kinds(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    most = policy.national.prescriptions.drugs_max
    line = tables.line.filter(tables.line.category.isin(DRUGS) & tables.line.prescription.notnull() & (tables.line.prescription != ""))
    # few visits have so many lines of drugs: only theirs are told apart by prescription and kind
    sums, claim = charges(tables, window), completed(tables.claim, window)
    visit = claim.filter(~claim.setting.isin(_STAYS)).select(visit="id")
    long = sums.filter(sums.drug_lines > most).semi_join(visit, [("claim_id", "visit")])
    line = line.semi_join(long, "claim_id")
    rows = line.mutate(line_id=line.id, kind=line.item_code.substr(0, _KIND_CHARACTERS), paid=ibis.coalesce(line.fund_fen, line.amount_fen))
    sums = rows.group_by("claim_id", "prescription").aggregate(
        counted=rows.kind.nunique(), day=rows.charged_on.min(), paid=rows.paid.sum(), listed=line_record(rows).collect()
    )
    sums = sums.filter(sums.counted > most)
    return _shaped(sums.mutate(subject=sums.prescription, allowed=ibis.literal(most), value=ibis.literal(None, type="string")), KINDS)


def _herbs(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    most = policy.national.prescriptions
    line = tables.line.filter((tables.line.category == "herb") & (tables.line.quantity > 0))
    line = line.mutate(a_day=line.amount_fen / ibis.greatest(line.days.fill_null(1), 1))
    # few claims have so many lines of herbs, or so dear ones: only theirs are told apart by prescription and day
    sums = line.group_by("claim_id").aggregate(rows=line.count(), a_day=ibis.greatest(line.a_day, 0.0).sum())
    line = line.semi_join(sums.filter((sums.rows > most.herbs_max) | (sums.a_day >= most.herb_fen_max)), "claim_id")
    rows = line.mutate(
        line_id=line.id,
        prescribed=line.prescription.fill_null(""),
        paid=ibis.coalesce(line.fund_fen, line.amount_fen),
    )
    sums = rows.group_by("claim_id", "prescribed", "charged_on").aggregate(
        herbs=rows.item_code.nunique(),
        a_day=rows.a_day.sum(),
        supplied=rows.days.max(),
        paid=rows.paid.sum(),
        listed=line_record(rows).collect(),
    )
    # without days of supply nothing is known about a day
    dear = (sums.supplied.notnull() & (sums.a_day > most.herb_fen_max)).fill_null(False)
    sums = sums.mutate(dear=dear, many=sums.herbs > most.herbs_max)
    sums = sums.filter(sums.dear | sums.many)
    none = ibis.literal(None, type="string")
    return _shaped(
        sums.mutate(
            subject=sums.prescribed + "@" + sums.charged_on.cast("string"),
            day=sums.charged_on,
            counted=sums.many.ifelse(sums.herbs.cast("float64"), (sums.a_day / 100).round(2)),
            allowed=sums.many.ifelse(float(most.herbs_max), most.herb_fen_max / 100),
            value=sums.many.ifelse(none, ibis.literal("yuan")),
        ),
        HERBS,
    )


def _shaped(t: ir.Table, code: str) -> ir.Table:
    counted, allowed = t.counted.cast("float64"), t.allowed.cast("float64")
    return t.select(
        "claim_id",
        "subject",
        "value",
        "listed",
        rule_code=ibis.literal(code),
        day=t.day.cast("date"),
        counted=counted,
        allowed=allowed,
        amount_fen=(t.paid * (1 - allowed / counted)).round().cast("int64"),
    )


FAMILY = Family("prescriptions", CODES, ENGLISH, CHINESE, SENTENCES, find, needs=("line",))
