"""Limits that one line shows: scheme, age, sex, diagnosis, level, setting, department, price, and what is not covered at all."""

from __future__ import annotations

import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family
from detection.knowledge.families.row_tests import ALL_CODES
from detection.knowledge.families.shown import shown_alone
from detection.knowledge.hits import hits
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A knowledge point limits an item: to an age, a sex, diagnoses, levels of institutions, settings, departments, schemes, a price, or it takes
it out of what the fund pays. The rule names each line with the item where claim, person or institution are outside the limit. A bound that
the claim does not tell (no diagnosis, no department) finds nothing.

Where the limit is about payment, lines of which the fund paid nothing are left out. Limits that no claim can show give a suspicion for
each claim with the item, so that a person looks. The money at risk is what the fund paid for the lines (their amount where that is not
known); above a price it is what is above it.
"""

CHINESE = """
知识点对项目规定了限制：年龄、性别、诊断、医疗机构级别、就医方式、科室、险种、单价，或规定不予支付。费用明细中使用了该项目，而就诊、
参保人或医疗机构不符合限制的，逐条提示。就诊数据没有填写相应内容(如无诊断、无科室)的，不提示。

限制针对基金支付的，基金未支付的明细不计。就诊数据无法判断的限制，每次使用作为可疑提示，由人工核查。涉及金额为基金支付的金额(不明时为明细
金额)；超限定单价的为超出部分。
"""

SENTENCES = (
    Sentence("{item} ({r_line}, {day}): knowledge point {point}.", "{item}({r_line}，{day})：知识点{point}。"),
    Sentence("Allowed: {limit}; on the claim: {value}.", "限定：{limit}；实际：{value}。", when="limit"),
    Sentence("What it asks for is not on the claim: look by hand.", "限定内容无法由就诊数据判断，请人工核查。", when="by_hand"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point."""
    return shown_alone(hits(tables), FAMILY.codes, policy, window)


FAMILY = Family("limits", ALL_CODES, ENGLISH, CHINESE, SENTENCES, find, needs=("line", "point"))
