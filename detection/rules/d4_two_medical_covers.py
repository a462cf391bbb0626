"""D4 Employee and resident medical cover at once

Somebody is covered as an employee and as a resident in the same month. Nobody may be covered twice, and the subsidy for residents would
be paid for nothing. Policy's table of combinations says how many months of both are allowed: the month of the change. All months of a
person with both count once.

There is no money in this finding, since the store holds neither contributions nor subsidies.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection.rules.d1_two_pension_schemes import find_combination
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一月份同时享有职工医保和居民医保。不得重复参保，否则财政对居民医保的补助落空。允许同时参保的月数见政策中的组合表(变更当月)。同一人
所有重复月份合并计算。

系统不保存缴费和补助数据，因此本线索不计金额。
"""

SENTENCES = (
    Sentence(
        "Covered by {scheme} and {other_scheme} at once for {months} month(s), {from_month} to {to_month}; {allowed_months} allowed "
        "({r_overlap}).",
        "同时享有{scheme}和{other_scheme}共{months}个月({from_month}至{to_month})，允许{allowed_months}个月({r_overlap})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person."""
    return find_combination("D4", policy.D4.confidence, tables, policy, as_of)


RULE = Rule(
    "D4",
    DetectionKind.DUPLICATES,
    AlertSeverity.WARNING,
    "Employee and resident medical cover at once",
    "职工医保与居民医保重复参保",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
