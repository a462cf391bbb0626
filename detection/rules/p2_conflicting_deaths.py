"""P2 Conflicting dates of death

Several sources report the death of one person on different days: a hospital, an undertaker or the police earlier than the family or the
office that stopped the payment. The later date may have been given to draw the pension longer. Dates that lie less than a few days
apart (policy) agree. All death records that count are compared, whatever their strength.

The money at risk is what was paid for months after the earliest date's month, up to the month of the latest date. Later months are
those of rule P1. How sure the finding is follows from the strength of the record with the earliest date.
"""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import by_strength, deaths, earliest_deaths, finding, key_of, or_none, paid, record, sums_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
多个来源报告的同一人死亡日期不一致：医疗、殡葬或公安的日期早于家属或停发时登记的日期。较晚的日期可能是为多领待遇而报。相差不超过政策
规定天数的视为一致。凡有效的死亡记录都参与比较，不论强度。

涉及金额为最早死亡日期所在月之后、至最晚死亡日期所在月为止实际发放的金额；更晚的月份归规则P1。可信程度取决于最早日期那条记录的强度。
"""

SENTENCES = (
    Sentence(
        "{reports} records of the death name different days: the earliest {earliest_on} (source: {earliest_source}, {strength}), "
        "the latest {latest_on} (source: {latest_source}), {days_apart} days apart ({r_death}).",
        "{reports}条死亡记录日期不一致：最早{earliest_on}(来源：{earliest_source}，{strength})，最晚{latest_on}(来源：{latest_source})，"
        "相差{days_apart}天({r_death})。",
    ),
    Sentence(
        "Paid in between for {months} month(s), {from_month} to {to_month}: {amount} yuan ({r_paid}).",
        "其间发放{months}个月({from_month}至{to_month})，共{amount}元({r_paid})。",
        when="paid",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person."""
    rule = policy.P2
    rows = deaths(tables, rule.confidence)
    spread = rows.group_by("person_id").aggregate(
        reports=rows.id.count(),
        earliest_on=rows.occurred_on.min(),
        latest_on=rows.occurred_on.max(),
        death_records=record("life_evidence", rows.id, "death").collect(),
    )
    spread = spread.mutate(days_apart=spread.latest_on.delta(spread.earliest_on, unit="day"))
    spread = spread.filter(spread.days_apart >= rule.days_apart_min)
    earliest = earliest_deaths(tables, rule.confidence).select("person_id", "strength", earliest_source="source")
    # of several sources of the latest day the one that names itself first, so that every run says the same
    latest = rows.join(spread.select("person_id", "latest_on"), "person_id").filter(lambda t: t.occurred_on == t.latest_on)
    latest = latest.group_by("person_id").aggregate(latest_source=latest.source.min())
    benefit = tables.benefit.select("person_id", benefit_id=tables.benefit.id)
    windows = spread.join(benefit, "person_id").select(
        "benefit_id", window=spread.person_id, from_month=months.after(spread.earliest_on), to_month=months.first_of(spread.latest_on)
    )
    between = sums_of(paid(tables, windows, as_of))
    found = spread.join(earliest, "person_id").join(latest, "person_id").left_join(between, [("person_id", "window")])
    return finding(
        found,
        key=key_of("P2", found.person_id),
        person_id=found.person_id,
        confidence=by_strength(found.strength, rule.confidence),
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months.fill_null(0),
        amount_fen=found.amount_fen.fill_null(0),
        facts={
            "reports": found.reports,
            "earliest_on": found.earliest_on,
            "latest_on": found.latest_on,
            "days_apart": found.days_apart,
            "earliest_source": found.earliest_source,
            "latest_source": found.latest_source,
            "strength": found.strength,
            "paid": found.months.fill_null(0) > 0,
        },
        records=found.death_records.concat(or_none(found.paid_records)),
    )


RULE = Rule(
    "P2",
    DetectionKind.PAYMENTS,
    AlertSeverity.WARNING,
    "Conflicting dates of death",
    "死亡日期不一致",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
