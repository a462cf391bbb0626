"""Items that may not go together: one contains the other, do the same, act on each other, or do not agree."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.built_in import incompatible_herbs, same_class
from detection.knowledge.families.family import Family, claim_record, line_record, told, with_claim
from detection.knowledge.families.shown import with_unreadable
from detection.knowledge.hits import GROUPED, TOGETHER_A_DAY, TOGETHER_AT_A_TIME, hits
from detection.rules.assembling import record
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A knowledge point names an item and others that may not go with it: what the item contains already, into what it may not be
split, a material that is part of it, a drug that does the same or that it must not meet, a herb that does not agree with it.
Services, materials and herbs are looked at within one claim and day; drugs of one person while their days of supply overlap,
over all claims.

Without points the rule knows the herbs that the pharmacopoeia says do not go together (十八反, 十九畏), on one prescription, and the
classes of drugs of policy of which two on one day do the same. The money at risk is that of the other item: what should not be
there besides.
"""

CHINESE = """
知识点列出某项目及不得与其同时出现的项目：项目内涵已包含的、应合并收费而拆分的、已含在项目内的耗材、药理作用相似或有不良相互作用的药品、
配伍禁忌的中药饮片。医疗服务项目、耗材和饮片按同一次就诊的同一日判断；药品按同一参保人全部就诊中用药天数的重叠判断。

没有知识点时，中药饮片按药典记载的配伍禁忌(十八反、十九畏)在同一处方内判断；重复开药按政策所列药品类别在同一次就诊同一日判断。涉及金额为
不应另行出现的项目的金额。
"""

SENTENCES = (
    Sentence("{item} ({r_line}) together with {r_other}, first on {day}.", "{item}({r_line})与{r_other}同时出现，首次日期{day}。"),
    Sentence("Knowledge point {point}.", "知识点{point}。", when="point"),
    Sentence("Together: {value}.", "同时出现：{value}。", when="value"),
    Sentence("What it asks for is not on the claim: look by hand.", "限定内容无法由就诊数据判断，请人工核查。", when="by_hand"),
)

SECONDS_A_DAY = 86_400

_SHAPE = (
    "rule_code",
    "subject",
    "point",
    "item",
    "value",
    "by_hand",
    "person_id",
    "claim_id",
    "completed_on",
    "first_on",
    "day",
    "amount_fen",
    "records",
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point."""
    t = hits(tables)
    t = t.filter((t.state == GROUPED) & (t.quantity > 0) & t.rule_code.isin((*TOGETHER_A_DAY, *TOGETHER_AT_A_TIME)))
    found = _on_a_day(t.filter(t.rule_code.isin(TOGETHER_A_DAY)))
    at_a_time = t.filter(t.rule_code.isin(TOGETHER_AT_A_TIME))
    for part in (_at_a_time(at_a_time), incompatible_herbs(tables), same_class(tables, policy)):
        found = found.union(_shaped(part), distinct=False)
    return with_unreadable(told(found, FAMILY.codes, policy, window), hits(tables), FAMILY.codes, policy, window)


def _shaped(t: ir.Table) -> ir.Table:
    kinds = {"amount_fen": "int64", "person_id": "int64", "claim_id": "int64", "completed_on": "date", "first_on": "date", "day": "date"}
    return t.mutate(**{name: t[name].cast(kind) for name, kind in kinds.items()}).select(*_SHAPE)


def _on_a_day(t: ir.Table) -> ir.Table:
    """Item and other in one claim on one day; herbs on one prescription."""
    herbs = t.rule_code == "GZ10000301012000"
    t = t.mutate(prescribed=herbs.ifelse(t.prescription.fill_null(""), ""))
    keys = ("rule_code", "point", "claim_id", "charged_on", "prescribed")
    item, other = t.filter(t.role == "item"), t.filter(t.role == "other")
    items = item.group_by(*keys).aggregate(
        point_id=item.point_id.max(),
        item=item.point_name.max(),
        by_hand=item.by_hand.cast("int64").max() == 1,
        person_id=item.person_id.max(),
        completed_on=item.to_date.max(),
        own=line_record(item).collect(),
    )
    others = other.group_by(*keys).aggregate(amount_fen=other.risk_fen.sum(), theirs=line_record(other, "other").collect())
    both = items.join(others, [*keys])
    found = both.group_by("rule_code", "point", "claim_id").aggregate(
        subject=both.point_id.max(),
        item=both.item.max(),
        by_hand=both.by_hand.cast("int64").max() == 1,
        person_id=both.person_id.max(),
        completed_on=both.completed_on.max(),
        day=both.charged_on.min(),
        amount_fen=both.amount_fen.sum(),
        listed=both.own.collect().flatten().concat(both.theirs.collect().flatten()),
    )
    found = found.mutate(
        records=with_claim(found, found.listed), point=found.subject, value=ibis.literal(None, type="string"), first_on=found.completed_on
    )
    return _shaped(found)


def _at_a_time(t: ir.Table) -> ir.Table:
    """Drugs of one person whose days of supply overlap."""
    t = t.mutate(starts=t.charged_on.epoch_seconds() // SECONDS_A_DAY)
    t = t.mutate(ends=t.starts + ibis.greatest(t.days.fill_null(1), 1) - 1)
    item = t.filter(t.role == "item")
    other = t.select(
        "rule_code",
        "person_id",
        other_point=t.point,
        other_role=t.role,
        other_group=t.group_name,
        other_line=t.line_id,
        other_claim=t.claim_id,
        other_on=t.charged_on,
        other_starts=t.starts,
        other_ends=t.ends,
        other_to=t.to_date,
        other_fen=t.risk_fen,
    )
    both = item.join(other, ["rule_code", "person_id"])
    named = (both.other_role == "other") & (both.other_point == both.point)
    # of two points of a group each is the other's other: once is enough
    grouped = ((both.other_role == "item") & (both.other_group == both.group_name) & (both.other_point > both.point)).fill_null(False)
    both = both.filter((named | grouped) & (both.starts <= both.other_ends) & (both.other_starts <= both.ends))
    both = both.mutate(
        ends_claim=ibis.greatest(both.claim_id, both.other_claim),
        last_on=ibis.greatest(both.to_date, both.other_to),
        began=ibis.least(both.to_date, both.other_to),
        met=ibis.greatest(both.charged_on, both.other_on),
    )
    rows = both.mutate(
        listed=ibis.array(
            [
                claim_record(both),
                record("claim", both.other_claim, "claim"),
                line_record(both),
                record("claim_line", both.other_line, "other"),
            ]
        )
    )
    found = rows.group_by("rule_code", "point", "ends_claim").aggregate(
        subject=rows.point_id.max(),
        item=rows.point_name.max(),
        by_hand=rows.by_hand.cast("int64").max() == 1,
        person_id=rows.person_id.max(),
        completed_on=rows.last_on.max(),
        first_on=rows.began.min(),
        day=rows.met.min(),
        amount_fen=rows.other_fen.max(),
        records=rows.listed.collect().flatten(),
    )
    return found.mutate(claim_id=found.ends_claim, point=found.subject, value=ibis.literal(None, type="string"))


FAMILY = Family("together", (*TOGETHER_A_DAY, *TOGETHER_AT_A_TIME), ENGLISH, CHINESE, SENTENCES, find, needs=("line",))
