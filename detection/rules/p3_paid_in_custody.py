"""P3 Paid during custody

While a sentence is served, no basic pension is paid, and there are no arrears for that time. This rule names every payment for a month
that lies wholly in a recorded time in custody. A month that was spent in custody in part is left out, because its payment may have been
made before. Records of several sources about the same time count once. A custody without an end lasts until the day of the run.

The money at risk is what was paid for those months. How sure the finding is follows from the strongest record of the custody. Custody
before a judgment is looked at in the same way: whether the payment was wrong is for people to say.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection.rules.assembling import finding, key_of, paid, sums_of
from detection.rules.custody import custodies
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
服刑期间不发放基本养老金，且不补发。本规则列出完整处于羁押(服刑)期间的月份中的每一笔发放。只有部分时间处于羁押的月份不计，因为该月待
遇可能在此之前已发。多个来源记录的同一段时间只计一次；没有结束日期的，计至运行日。

涉及金额为这些月份实际发放的金额。可信程度取决于羁押记录中强度最高的一条。判决前的羁押同样提示，是否违规由人员认定。
"""

SENTENCES = (
    Sentence(
        "In custody from {custody_from} to {custody_to} ({r_custody}).",
        "羁押(服刑)自{custody_from}至{custody_to}({r_custody})。",
        "custody_to",
    ),
    Sentence(
        "In custody from {custody_from}, without a recorded end ({r_custody}).",
        "羁押(服刑)自{custody_from}起，无结束日期({r_custody})。",
        "lasts",
    ),
    Sentence(
        "Paid for {months} month(s) wholly in custody, {from_month} to {to_month}: {amount} yuan ({r_paid}).",
        "完整处于羁押期间的{months}个月({from_month}至{to_month})仍发放，共{amount}元({r_paid})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a stretch of custody."""
    custody = custodies(tables, policy.P3.confidence)
    ends = tables.evidence.filter(tables.evidence.kind == "custody").select("ends_on", ended=tables.evidence.id)
    benefit = tables.benefit.select("person_id", benefit_id=tables.benefit.id)
    windows = custody.join(benefit, "person_id").select("benefit_id", "from_month", "to_month", window=custody.custody_id)
    sums = sums_of(paid(tables, windows, as_of))
    about = custody.select(
        "custody_id", "person_id", "custody_from", "confidence", "custody_records", lasts=custody.to_month.isnull()
    ).left_join(ends, [("custody_id", "ended")])
    found = sums.join(about, [("window", "custody_id")])
    return finding(
        found,
        key=key_of("P3", found.window),
        person_id=found.person_id,
        confidence=found.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={"custody_from": found.custody_from, "custody_to": found.ends_on, "lasts": found.lasts},
        records=found.custody_records.concat(found.paid_records),
    )


RULE = Rule(
    "P3",
    DetectionKind.PAYMENTS,
    AlertSeverity.VIOLATION,
    "Paid during custody",
    "羁押(服刑)期间发放",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
