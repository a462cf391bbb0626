"""Antibiotics to prevent infection around an operation, for longer than that takes."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family, line_record, told, with_claim
from detection.knowledge.families.shown import with_unreadable
from detection.knowledge.hits import GROUPED, PERIOPERATIVE, hits
from detection.rules.assembling import record
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
After a clean operation antibiotics are given for a day, or two. A knowledge point names an antibiotic, the operations, and the days. The
rule names the lines of the antibiotic that are charged later than that after the last charge for an operation of the stay.

Infections that made it needed are exempt: diagnoses that the point names. The money at risk is what the fund paid for these lines.
"""

CHINESE = """
清洁手术后预防性使用抗菌药物一般为一至两日。知识点列出抗菌药物、手术操作及天数。住院期间最后一次手术计费日之后超过该天数仍计费的抗菌药物，
予以提示。

知识点所列的感染诊断除外。涉及金额为基金支付这些明细的金额。
"""

SENTENCES = (
    Sentence(
        "{item} ({r_line}) until {counted} days after the operation ({r_operation}).",
        "{item}({r_line})用至术后{counted}日({r_operation})。",
    ),
    Sentence("Allowed: {allowed} day(s). Knowledge point {point}.", "限定：{allowed}日。知识点{point}。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point."""
    t = hits(tables)
    t = t.filter((t.rule_code == PERIOPERATIVE) & (t.state == GROUPED) & t.operated.fill_null(True) & ~t.diagnosed.fill_null(False))
    surgery = tables.line.filter(tables.line.category == "surgery").semi_join(t.select("claim_id").distinct(), "claim_id")
    operated = surgery.group_by(of_claim=surgery.claim_id).aggregate(operated_on=surgery.charged_on.max(), operation=surgery.id.max())
    rows = t.join(operated, t.claim_id == operated.of_claim)
    rows = rows.mutate(after=rows.charged_on.delta(rows.operated_on, unit="day"))
    rows = rows.filter(rows.after > rows.days_max)
    found = rows.group_by("rule_code", "claim_id", "point").aggregate(
        subject=rows.point_id.max(),
        item=rows.point_name.max(),
        by_hand=rows.by_hand.cast("int64").max() == 1,
        person_id=rows.person_id.max(),
        completed_on=rows.to_date.max(),
        day=rows.charged_on.min(),
        counted=rows.after.max(),
        allowed=rows.days_max.max(),
        amount_fen=rows.risk_fen.sum(),
        operation=rows.operation.max(),
        listed=line_record(rows).collect(),
    )
    found = found.mutate(
        point=found.subject,
        records=with_claim(found, found.listed.concat(ibis.array([record("claim_line", found.operation, "operation")]))),
    )
    return with_unreadable(told(found, FAMILY.codes, policy, window), hits(tables), FAMILY.codes, policy, window)


FAMILY = Family("perioperative", (PERIOPERATIVE,), ENGLISH, CHINESE, SENTENCES, find, needs=("line", "point"))
