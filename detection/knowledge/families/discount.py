"""Several operations through one cut: the second and those after it at part of their price."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.knowledge.families.shown import with_unreadable
from detection.knowledge.hits import DISCOUNT, GROUPED, hits
from detection.rules.assembling import record
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
Different operations of one group on one day of a claim are taken to be done through one cut. The dearest is billed in full, each other one
at part of its price (the point's share). The rule names the others that were billed in full.

Where the point knows the full price, billed in full means above the share of it. Where it does not, a line with a quantity of one or more
counts as billed in full, and the finding is a suspicion: the price may have been lowered already. The money at risk is what is above the
share.
"""

CHINESE = """
同一次就诊同一日、同一手术组的不同手术，视为经同一切口进行。金额最高的一项全额计收，其余各项应按规定比例(知识点所列)折价。其余手术未折价的，
予以提示。

知识点有全价的，高于全价的规定比例即为未折价；没有全价的，数量为一及以上视为未折价，并作为可疑提示(单价可能已经折减)。涉及金额为高于规定比例
的部分。
"""

SENTENCES = (
    Sentence("{value}, on {day}: the dearest is {r_dearest}.", "{value}，{day}：金额最高的一项为{r_dearest}。"),
    Sentence("Billed in full besides: {item} ({r_line}).", "另有全额计收：{item}({r_line})。"),
    Sentence("Allowed is a share of {allowed}. Knowledge point {point}.", "应按{allowed}的比例计收。知识点{point}。", when="allowed"),
)

_ROUNDING = 1.001


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point of an operation that is not the dearest."""
    t = hits(tables)
    t = t.filter((t.rule_code == DISCOUNT) & (t.state == GROUPED) & (t.quantity > 0) & t.share_max.notnull())
    # an operation of several points of one group counts once
    once = ibis.row_number().over(ibis.window(group_by=[t.claim_id, t.line_id, t.group_name], order_by=[t.point_id]))
    t = t.mutate(once=once)
    t = t.filter(t.once == 0)
    cut = ["claim_id", "charged_on", "group_name"]
    ranked = t.mutate(
        place=ibis.row_number().over(ibis.window(group_by=cut, order_by=[t.amount_fen.desc(), t.line_id])),
        dearest=t.line_id.first().over(ibis.window(group_by=cut, order_by=[t.amount_fen.desc(), t.line_id])),
        first_code=t.item_code.first().over(ibis.window(group_by=cut, order_by=[t.amount_fen.desc(), t.line_id])),
    )
    ranked = ranked.filter((ranked.place > 0) & (ranked.item_code != ranked.first_code))
    priced = ranked.unit_price_max_fen.notnull()
    full = priced.ifelse(
        ranked.unit_price_max_fen.cast("float64") * ibis.greatest(ranked.quantity.ceil(), 1), ranked.amount_fen.cast("float64")
    )
    ranked = ranked.mutate(full=full, priced=priced)
    in_full = ranked.priced.ifelse(ranked.amount_fen > ranked.full * ranked.share_max * _ROUNDING, ranked.quantity >= 1)
    rows = ranked.filter(in_full)
    rows = rows.mutate(over=ibis.greatest((rows.amount_fen - rows.full * rows.share_max).round().cast("int64"), 0))
    found = rows.group_by("rule_code", "claim_id", "point").aggregate(
        subject=rows.point_id.max(),
        item=rows.point_name.max(),
        by_hand=rows.by_hand.cast("int64").max() == 1,
        doubtful=rows.priced.cast("int64").min() == 0,
        person_id=rows.person_id.max(),
        completed_on=rows.to_date.max(),
        day=rows.charged_on.min(),
        value=rows.group_name.max(),
        allowed=rows.share_max.max(),
        amount_fen=rows.over.sum(),
        first_line=rows.dearest.max(),
        listed=line_record(rows).collect(),
    )
    found = found.mutate(
        point=found.subject,
        records=with_claim(found, found.listed.concat(ibis.array([record("claim_line", found.first_line, "dearest")]))),
    )
    return with_unreadable(told(found, FAMILY.codes, policy, window), hits(tables), FAMILY.codes, policy, window)


FAMILY = Family("discount", (DISCOUNT,), ENGLISH, CHINESE, SENTENCES, find, needs=("line", "point"))
