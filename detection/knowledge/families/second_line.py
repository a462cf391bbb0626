"""Drugs of the second line, without anything of the first."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.knowledge.hits import GROUPED, SECOND_LINE, hits
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A drug of the second line is paid after one of the first did not help or was not borne. A claim does not show that, but it shows what was
used before. The rule names the drug where the diagnoses are not those of the point; else where the person had, up to that day, neither one
of the drugs that the point names nor another drug of the same anatomical and therapeutic group (ATC level 2), and then only as a suspicion.

Lines of which the fund paid nothing are left out. The money at risk is what the fund paid for the drug.
"""

CHINESE = """
二线用药在一线药品使用无效或不能耐受后方予支付。就诊数据不能直接显示疗效，但能显示此前的用药。诊断不符合知识点所列诊断的，予以提示；诊断相符
的，如截至该日既没有使用过知识点所列药品，也没有使用过同一治疗类别(ATC第二级)的其他药品，作为可疑提示。

基金未支付的明细不计。涉及金额为基金支付该药品的金额。
"""

SENTENCES = (
    Sentence("{item} ({r_line}, {day}): knowledge point {point}.", "{item}({r_line}，{day})：知识点{point}。"),
    Sentence("No drug of the first line before it.", "此前没有使用一线药品的记录。", when="by_hand"),
    Sentence("The diagnoses are not those of the point.", "诊断不符合知识点所列诊断。", when="value"),
)

_GROUP_CHARACTERS, _INGREDIENT_CHARACTERS = 4, 10
"""Of a national drug code: X and ATC level 2; with the ingredient."""


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point."""
    t = hits(tables)
    t = t.filter((t.rule_code == SECOND_LINE) & (t.state == GROUPED))
    item = t.filter(t.role == "item").mutate(wrong=(t.diagnosed == False).fill_null(False))  # noqa: E712 - an expression
    known = t.filter(t.role == "other").select("point", "person_id", used_on="charged_on")
    item = item.mutate(drugs=item.item_code.substr(0, _GROUP_CHARACTERS), ingredient=item.item_code.substr(0, _INGREDIENT_CHARACTERS))
    before = _group_used(tables, item)
    named = item.semi_join(known, [item.point == known.point, item.person_id == known.person_id, item.charged_on >= known.used_on])
    similar = item.semi_join(
        before,
        [
            item.person_id == before.user,
            item.drugs == before.used_group,
            item.ingredient != before.used_ingredient,
            item.charged_on > before.used_on,
        ],
    )
    tried = named.select("line_id", "point").union(similar.select("line_id", "point"), distinct=True).mutate(tried=ibis.literal(True))
    rows = item.left_join(tried, ["line_id", "point"], rname="{name}_tried")
    rows = rows.filter(rows.wrong | rows.tried.isnull())
    found = rows.group_by("rule_code", "claim_id", "point").aggregate(
        subject=rows.point_id.max(),
        item=rows.point_name.max(),
        wrong=rows.wrong.cast("int64").max() == 1,
        person_id=rows.person_id.max(),
        completed_on=rows.to_date.max(),
        day=rows.charged_on.min(),
        amount_fen=rows.risk_fen.sum(),
        listed=line_record(rows).collect(),
    )
    found = found.mutate(
        point=found.subject,
        by_hand=~found.wrong,
        value=found.wrong.ifelse("diagnosis", ibis.literal(None, type="string")),
        records=with_claim(found, found.listed),
    )
    return told(found, FAMILY.codes, policy, window)


def _group_used(tables: ClaimTables, item: ir.Table) -> ir.Table:
    """Drugs of the same groups that these persons used."""
    drugs = tables.line.select("claim_id", used_on="charged_on", code="item_code", category="category")
    drugs = drugs.filter(drugs.category == "western_drug").mutate(
        used_group=lambda d: d.code.substr(0, _GROUP_CHARACTERS), used_ingredient=lambda d: d.code.substr(0, _INGREDIENT_CHARACTERS)
    )
    drugs = drugs.semi_join(item.select(used_group="drugs").distinct(), "used_group")
    claim = tables.claim.select(user="person_id", of_claim="id").semi_join(item.select(user="person_id").distinct(), "user")
    both = drugs.join(claim, drugs.claim_id == claim.of_claim)
    return both.select("user", "used_on", "used_group", "used_ingredient").distinct()


FAMILY = Family("second_line", (SECOND_LINE,), ENGLISH, CHINESE, SENTENCES, find, needs=("line", "point"))
