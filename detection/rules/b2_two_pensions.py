"""B2 Two pensions at once

Two pensions of the same scheme, in one region or two, are paid to one person side by side: each of them was paid between the first and
the last payment of the other, and no more than some months (policy: three) from a payment of the other, so that pensions paid by the
quarter or in turn are seen too. A pension that ended before the other one began is none of this: that is how a move looks. Two schemes
at once are looked at by B1.

The months are those for which the lesser of the two was paid in that time; the money at risk is what was paid of it.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding, key_of
from detection.rules.pensions import of_schemes, paid_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一人同一险种的两份养老金(同一或不同统筹区)并行发放：每一份都在另一份的首次与末次发放之间有发放，且与另一份的某次发放相距不超过政策
规定的月数(三个月)，因此按季或交替发放的也能发现。前一份结束后另一份才开始的不计，那是正常转移。两个险种同时发放见B1。

月份为其间金额较少的一份所发放的月份，涉及金额为该份的发放额。
"""

SENTENCES = (
    Sentence(
        "Two pensions ({scheme}) were paid side by side, in {region} and {other_region}, for {months} month(s), {from_month} to {to_month} "
        "({r_benefit}).",
        "两份养老金({scheme}，{region}和{other_region})并行发放{months}个月({from_month}至{to_month})({r_benefit})。",
    ),
    Sentence("The lesser of them: {amount} yuan ({r_paid}).", "其中较少的一份共{amount}元({r_paid})。"),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a pair of benefits."""
    rule = policy.B2
    benefit = of_schemes(tables, [scheme.value for scheme in rule.schemes])
    several = benefit.group_by("person_id", "scheme").aggregate(benefits=benefit.id.count())
    benefit = benefit.semi_join(several.filter(several.benefits >= 2), ["person_id", "scheme"])
    rows = paid_of(tables, benefit, as_of)
    span = rows.group_by("person_id", "scheme", "region_code", "benefit_id").aggregate(begun=rows.month.min(), done=rows.month.max())
    other = span.view()
    pairs = span.join(other, ["person_id", "scheme"], rname="{name}_other").filter(lambda t: t.benefit_id < t.benefit_id_other)
    pairs = pairs.mutate(
        first=ibis.greatest(pairs.begun, pairs.begun_other),
        last=ibis.least(pairs.done, pairs.done_other),
    )
    pairs = pairs.filter(pairs.first <= pairs.last)
    one = _beside(pairs, rows, "benefit_id", "benefit_id_other", rule.within_months)
    two = _beside(pairs, rows, "benefit_id_other", "benefit_id", rule.within_months)
    sums = pairs.join(one, ["benefit_id", "benefit_id_other"]).join(two, ["benefit_id", "benefit_id_other"], rname="{name}_two")
    lesser = sums.amount_fen < sums.amount_fen_two

    def of_lesser(name: str) -> ir.Value:
        return lesser.ifelse(sums[name], sums[f"{name}_two"])

    found = sums.mutate(**{f"lesser_{name}": of_lesser(name) for name in ("amount_fen", "months", "from_month", "to_month", "entries")})
    both = ibis.array(
        [
            ibis.struct({"kind": ibis.literal("benefit"), "id": found.benefit_id, "role": ibis.literal("benefit")}),
            ibis.struct({"kind": ibis.literal("benefit"), "id": found.benefit_id_other, "role": ibis.literal("benefit")}),
        ]
    )
    return finding(
        found,
        key=key_of("B2", found.benefit_id, found.benefit_id_other),
        person_id=found.person_id,
        confidence=rule.confidence,
        from_month=found.lesser_from_month,
        to_month=found.lesser_to_month,
        count=found.lesser_months,
        amount_fen=found.lesser_amount_fen,
        facts={"scheme": found.scheme, "region": found.region_code, "other_region": found.region_code_other},
        records=both.concat(found.lesser_entries),
    )


def _beside(pairs: ir.Table, rows: ir.Table, side: str, opposite: str, within: int) -> ir.Table:
    """Of each pair what was paid of one side in the time of both, within so many months of a payment of the opposite."""
    payments = rows.select("month", "amount_fen", "record", payee=rows.benefit_id)
    asked = pairs.select("benefit_id", "benefit_id_other", "first", "last", near=pairs[side], far=pairs[opposite])
    near = asked.join(payments, [("near", "payee")]).filter(lambda t: (t.month >= t.first) & (t.month <= t.last))
    far = payments.view().select(far_month="month", far_payee="payee")
    met = near.semi_join(
        far,
        [
            near.far == far.far_payee,
            months.between(far.far_month, near.month) <= within,
            months.between(near.month, far.far_month) <= within,
        ],
    )
    return met.group_by("benefit_id", "benefit_id_other").aggregate(
        from_month=met.month.min(),
        to_month=met.month.max(),
        months=met.month.nunique(),
        amount_fen=met.amount_fen.sum(),
        entries=met.record.collect(),
    )


RULE = Rule(
    "B2",
    DetectionKind.BENEFITS,
    AlertSeverity.VIOLATION,
    "Two pensions at once",
    "重复领取养老金",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
