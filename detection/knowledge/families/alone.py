"""Items that may not stand alone: a drug or material without the service that it is for, a herb without others."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.knowledge.families.shown import with_unreadable
from detection.knowledge.hits import ALONE, GROUPED, SINGLE_HERB, hits
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A knowledge point names an item and the services or operations that it is for: a contrast medium and its examination, an implant and its
operation. The rule names the item where the same claim has none of them. Herbs that the fund does not pay alone are named where a
prescription has only such herbs: one or several.

The money at risk is what the fund paid for the item (its amount where that is not known). Herbs of which the fund paid nothing are left
out.
"""

CHINESE = """
知识点列出某项目及其所对应的医疗服务项目或手术操作，如造影剂与检查、植入材料与手术。同一次就诊中有该项目而没有任何对应项目的，予以提示。
单独使用不予支付的中药饮片，处方全部由这些饮片组成(一味或多味)的，予以提示。

涉及金额为基金支付该项目的金额(不明时为明细金额)；基金未支付的饮片不计。
"""

SENTENCES = (
    Sentence("{item} ({r_line}, {day}): knowledge point {point}.", "{item}({r_line}，{day})：知识点{point}。"),
    Sentence("{counted} herb(s) on the prescription, all of this kind.", "处方共{counted}味，均为此类饮片。", when="counted"),
    Sentence("What it asks for is not on the claim: look by hand.", "限定内容无法由就诊数据判断，请人工核查。", when="by_hand"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point; of herbs one a prescription."""
    t = hits(tables)
    t = t.filter((t.state == GROUPED) & (t.quantity > 0))
    return with_unreadable(
        told(_without(t).union(_single(tables, t), distinct=False), FAMILY.codes, policy, window),
        hits(tables),
        FAMILY.codes,
        policy,
        window,
    )


def _without(t: ir.Table) -> ir.Table:
    t = t.filter(t.rule_code.isin(ALONE))
    other = t.filter(t.role == "other").select("rule_code", "point", "claim_id").distinct()
    item = t.filter((t.role == "item") & ~t.operated.fill_null(False)).anti_join(other, ["rule_code", "point", "claim_id"])
    found = item.group_by("rule_code", "claim_id", "point").aggregate(
        point_text=item.point_id.max(),
        item=item.point_name.max(),
        by_hand=item.by_hand.cast("int64").max() == 1,
        person_id=item.person_id.max(),
        completed_on=item.to_date.max(),
        day=item.charged_on.min(),
        amount_fen=item.risk_fen.sum(),
        listed=line_record(item).collect(),
    )
    found = found.mutate(subject=found.point_text, counted=ibis.literal(None, type="int64"))
    return _shaped(found)


def _single(tables: ClaimTables, t: ir.Table) -> ir.Table:
    t = t.filter(t.rule_code == SINGLE_HERB)
    t = t.mutate(prescribed=t.prescription.fill_null(""))
    # a herb may have several points: its line counts once
    keys = ("claim_id", "charged_on", "prescribed")
    named = t.group_by(*keys, "line_id").aggregate(
        point_text=t.point_id.min(),
        item=t.point_name.min(),
        person_id=t.person_id.max(),
        completed_on=t.to_date.max(),
        risk_fen=t.risk_fen.max(),
    )
    such = named.group_by(*keys).aggregate(
        counted=named.line_id.count(),
        point_text=named.point_text.min(),
        item=named.item.min(),
        person_id=named.person_id.max(),
        completed_on=named.completed_on.max(),
        amount_fen=named.risk_fen.sum(),
        listed=line_record(named).collect(),
    )
    herb = tables.line.filter((tables.line.category == "herb") & (tables.line.quantity > 0))
    herb = herb.semi_join(t.select("claim_id").distinct(), "claim_id")
    every = herb.group_by(all_claim=herb.claim_id, all_day=herb.charged_on, all_prescribed=herb.prescription.fill_null("")).aggregate(
        herbs=herb.id.count()
    )
    found = such.join(every, [such.claim_id == every.all_claim, such.charged_on == every.all_day, such.prescribed == every.all_prescribed])
    found = found.filter(found.herbs <= found.counted)
    # one prescription of one claim: the day stands in the key only where there is no number of a prescription
    place = (found.prescribed == "").ifelse(found.charged_on.cast("string"), found.prescribed)
    found = found.mutate(rule_code=ibis.literal(SINGLE_HERB), subject=place, by_hand=ibis.literal(False), day=found.charged_on)
    return _shaped(found)


def _shaped(t: ir.Table) -> ir.Table:
    return t.select(
        "rule_code",
        "claim_id",
        "subject",
        "item",
        "by_hand",
        "day",
        person_id=t.person_id.cast("int64"),
        completed_on=t.completed_on.cast("date"),
        point=t.point_text,
        counted=t.counted.cast("float64"),
        amount_fen=t.amount_fen.cast("int64"),
        records=with_claim(t, t.listed),
    )


FAMILY = Family("alone", (*ALONE, SINGLE_HERB), ENGLISH, CHINESE, SENTENCES, find, needs=("line", "point"))
