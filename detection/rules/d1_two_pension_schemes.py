"""D1 Employee and resident pension at once

Somebody is enrolled in the employee pension and in the resident pension in the same month. One may belong to one of them only; what was
paid for the resident pension in such months is refunded. How many months of both are allowed stands in policy's table of combinations
(none). All months of a person with both count once, whatever the number of enrolments and regions.

There is no money in this finding, since the store holds no contributions; what was paid as a pension is looked at by B1.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection.rules.assembling import finding, key_of
from detection.rules.contributions import two_schemes
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一月份同时参加职工养老保险和居民养老保险。一人只能参加其中一种，重复月份的居民养老缴费应予退还。允许同时参保的月数见政策中的组合表
(零个月)。同一人所有重复月份合并计算，不论参保关系和统筹区多少。

系统不保存缴费数据，因此本线索不计金额；养老金重复领取见B1。
"""

SENTENCES = (
    Sentence(
        "Enrolled in {scheme} and {other_scheme} at once for {months} month(s), {from_month} to {to_month} ({r_overlap}).",
        "同时参加{scheme}和{other_scheme}共{months}个月({from_month}至{to_month})({r_overlap})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person."""
    return find_combination("D1", policy.D1.confidence, tables, policy, as_of)


def find_combination(code: str, confidence: float, tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """Findings of the combinations that policy lists for the code; one a person and combination."""
    parts = []
    for listed in policy.combinations:
        if listed.code != code:
            continue
        schemes = (listed.schemes[0].value, listed.schemes[1].value)
        found = two_schemes(tables, schemes, listed.allowed_months, as_of)
        parts.append(
            finding(
                found,
                key=key_of(code, found.person_id, *schemes),
                person_id=found.person_id,
                confidence=confidence,
                from_month=found.from_month,
                to_month=found.to_month,
                count=found.months,
                facts={"scheme": schemes[0], "other_scheme": schemes[1], "allowed_months": listed.allowed_months},
                records=found.entries,
            )
        )
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part, distinct=False)
    return whole


RULE = Rule(
    "D1",
    DetectionKind.DUPLICATES,
    AlertSeverity.VIOLATION,
    "Employee and resident pension at once",
    "职工养老与居民养老重复参保",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
