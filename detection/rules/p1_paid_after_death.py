"""P1 Paid after death

A pension or other benefit ends with the month of death. This rule looks at the earliest death record of each person that is strong
enough under policy, whoever reported it, and names every payment for a later month. The month of death itself may be paid.

The money at risk is what was paid for those months. Where the store has no payment of a benefit at all, its monthly amount counts for
each month in which it was drawn and not paused. How sure the finding is follows from the strength of the death record. If the person
left traces of life after that day, rule P7 asks whether the death record is wrong; look at that first.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import by_strength, earliest_deaths, finding, key_of, paid, record, records, sums_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
养老金等待遇发放到死亡当月为止。本规则取每个人强度达到政策要求的死亡记录中日期最早的一条(不论来源)，列出死亡次月及以后的每一笔发放。
死亡当月可以发放。

涉及金额为这些月份实际发放的金额；系统中某项待遇没有任何发放记录时，按其月标准乘以应发且未暂停的月数计算。可信程度取决于死亡记录的强
度。若死亡日期之后还有生存线索，规则P7会提示死亡记录可能有误，请先核查死亡记录。
"""

SENTENCES = (
    Sentence(
        "Death on {died_on} (source: {source}, {strength}; {r_death}).",
        "死亡日期{died_on}(来源：{source}，{strength}；{r_death})。",
    ),
    Sentence(
        "Paid for {months} later month(s), {from_month} to {to_month}: {amount} yuan ({r_paid}).",
        "此后仍发放{months}个月({from_month}至{to_month})，共{amount}元({r_paid})。",
    ),
    Sentence(
        "{other_reports} further record(s) of the death are on file.",
        "另有{other_reports}条死亡记录。",
        when="other_reports",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person."""
    rule = policy.P1
    death = earliest_deaths(tables, rule.confidence)
    benefit = tables.benefit.select("person_id", benefit_id=tables.benefit.id)
    windows = death.join(benefit, "person_id").select(
        "benefit_id", window=death.person_id, from_month=months.after(death.died_on), to_month=months.OPEN_END
    )
    every = tables.evidence.filter(tables.evidence.kind == "death_record")
    reports = every.group_by("person_id").aggregate(reports=every.id.count())
    found = (
        sums_of(paid(tables, windows, as_of))
        .join(death, [("window", "person_id")])
        .join(reports, "person_id")
        .select(
            "person_id",
            "died_on",
            "strength",
            "source",
            "evidence_id",
            "reports",
            "from_month",
            "to_month",
            "months",
            "amount_fen",
            "paid_records",
        )
    )
    return finding(
        found,
        key=key_of("P1", found.person_id),
        person_id=found.person_id,
        confidence=by_strength(found.strength, rule.confidence),
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={"died_on": found.died_on, "strength": found.strength, "source": found.source, "other_reports": found.reports - 1},
        records=records(record("life_evidence", found.evidence_id, "death")).concat(found.paid_records),
    )


RULE = Rule(
    "P1",
    DetectionKind.PAYMENTS,
    AlertSeverity.VIOLATION,
    "Paid after death",
    "死亡后发放",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
