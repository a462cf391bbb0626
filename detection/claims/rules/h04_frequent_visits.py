"""H4 Frequent visits

One person visited outpatient clinics more often than policy allows: in a day, in a calendar month, or in a calendar year. Each
settlement of an outpatient, emergency, chronic-disease or internet visit counts as one visit, wherever it was; purchases in pharmacies
have a rule of their own in the national rule base. Visits with a diagnosis that brings people often, such as dialysis or a series of
radiotherapy, do not count.

The rule names all visits of the day, month or year. The money at risk is what the fund paid for the visit that reached the limit and
those after it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry, diagnosed, of_settings
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同一人在一日、一个自然月或一个自然年内的门诊次数达到政策规定的上限。门诊、急诊、门诊慢特病、互联网诊疗的每一次结算计为一次就诊，不论在哪
家机构；药店购药由国家规则库中的专门规则监管。透析、放疗等需要频繁就诊的诊断不计算在内。

本规则列出该日、该月或该年的全部就诊。涉及金额为达到上限的那一次及以后各次的基金支付金额。
"""

SENTENCES = (
    Sentence(
        "{visits} visits on {first_on} at {institutions} institution(s); {limit} are looked at ({r_claim}).",
        "{first_on}一日内在{institutions}家机构就诊{visits}次，达到{limit}次即提示({r_claim})。",
        when="of_day",
    ),
    Sentence(
        "{visits} visits in the month of {first_on} to {last_on} at {institutions} institution(s); {limit} are looked at ({r_claim}).",
        "{first_on}至{last_on}一个月内在{institutions}家机构就诊{visits}次，达到{limit}次即提示({r_claim})。",
        when="of_month",
    ),
    Sentence(
        "{visits} visits in the year, {first_on} to {last_on}, at {institutions} institution(s); {limit} are looked at ({r_claim}).",
        "{first_on}至{last_on}一年内在{institutions}家机构就诊{visits}次，达到{limit}次即提示({r_claim})。",
        when="of_year",
    ),
    Sentence("Paid by the fund from the visit that reached the limit: {amount} yuan.", "自达到上限的那一次起基金支付{amount}元。"),
)

_COLUMNS = ("id", "person_id", "institution_id", "from_date", "to_date", "fund_fen", "principal_diagnosis", "diagnoses")


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a person and day, month or year."""
    rule = policy.H4
    every = of_settings(tables.claim, rule.settings)
    # most people are left out by counting, before anything else is asked
    ever = every.group_by("person_id").aggregate(counted=every.count(), last_on=every.to_date.max())
    ever = ever.filter((ever.counted >= min(rule.day, rule.month, rule.year)) & (ever.last_on >= ibis.literal(window.from_date)))
    every = every.semi_join(ever, "person_id").select(*_COLUMNS)
    parts = []
    for period, limit in (("day", rule.day), ("month", rule.month), ("year", rule.year)):
        visits = every.mutate(began=_first(every.from_date, period))
        often = visits.group_by("person_id", "began").aggregate(counted=visits.count(), last_on=visits.to_date.max())
        often = often.filter((often.counted >= limit) & (often.last_on >= ibis.literal(window.from_date)))
        visits = visits.semi_join(often, ["person_id", "began"])
        parts.append(visits.mutate(period=ibis.literal(period), least=ibis.literal(limit, type="int64")))
    visits = parts[0].union(parts[1], distinct=False).union(parts[2], distinct=False)
    # a column and no filter, so that the diagnoses are read of the few that are left
    visits = visits.mutate(counts=(~diagnosed(visits, rule.exempt_diagnoses)).cast("int64")).drop("principal_diagnosis", "diagnoses")
    so_far = ibis.window(group_by=["person_id", "period", "began"], order_by=[visits.from_date, visits.id], preceding=None, following=0)
    ranked = visits.mutate(place=visits.counts.sum().over(so_far))
    counts = ranked.counts == 1
    found = ranked.group_by("person_id", "period", "began", "least").aggregate(
        visits=ranked.counts.sum().cast("int64"),
        institutions=ranked.institution_id.nunique(where=counts),
        first_on=ranked.from_date.min(where=counts),
        last_on=ranked.from_date.max(where=counts),
        completed_on=ranked.to_date.max(where=counts),
        amount_fen=ranked.fund_fen.sum(where=counts & (ranked.place >= ranked.least)),
        entries=claim_entry(ranked.id).collect(where=counts),
    )
    found = found.filter(found.visits >= found.least)
    return claim_finding(
        found,
        key=key_of("H4", found.period, found.person_id) + ":" + found.began.cast("date").strftime("%Y-%m-%d"),
        person_id=found.person_id,
        completed_on=found.completed_on,
        first_on=found.first_on,
        confidence=rule.confidence,
        amount_fen=found.amount_fen,
        facts={
            "visits": found.visits,
            "limit": found.least,
            "institutions": found.institutions,
            "first_on": found.first_on,
            "last_on": found.last_on,
            "of_day": found.period == "day",
            "of_month": found.period == "month",
            "of_year": found.period == "year",
        },
        records=found.entries,
    )


def _first(on: ir.DateValue, period: str) -> ir.DateValue:
    if period == "day":
        return on
    return months.first_of(on) if period == "month" else on.truncate("Y").cast("date")


RULE = ClaimRule(
    "H4",
    AlertSeverity.WARNING,
    "Frequent visits",
    "频繁门诊",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    official=("GZ10000204002000",),
    needs=("claim",),
)
