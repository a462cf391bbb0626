"""B3 Unemployment benefit and work or pension

Somebody is paid unemployment benefit for a month in which contributions of a job continue, or in which a pension is paid too. The
benefit ends with work and with a basic pension. Contributions of a month count if policy lists their scheme: work injury and
unemployment insurance take an employer; contributions to the employee pension may be somebody's own, so they make a less sure finding;
medical ones are paid by the fund and do not count. Policy allows so many months (one), since the month in which work begins is often
still paid.

The money at risk is what was paid as unemployment benefit for those months; a month counts once, whatever the number of enrolments.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection.rules.assembling import finding, key_of
from detection.rules.contributions import enrolments
from detection.rules.pensions import of_schemes, paid_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy, UnemploymentAndMore

EXPLANATION_ZH = """
发放失业保险金的月份中，仍有就业缴费，或同时发放养老金。重新就业或享受基本养老保险待遇的，失业保险金应停发。缴费按政策列出的险种计：
工伤、失业保险须有用人单位；职工养老缴费可能是个人灵活就业缴费，可信程度较低；医保由失业保险基金代缴，不计。政策允许若干个月(一个月)，
因就业当月往往已发放。

涉及金额为这些月份发放的失业保险金；同一月份不论参保关系多少只计一次。
"""

SENTENCES = (
    Sentence(
        "Unemployment benefit was paid for {months} month(s), {from_month} to {to_month}, with work or a pension at the same time: "
        "{amount} yuan ({r_paid}).",
        "{from_month}至{to_month}的{months}个月在就业缴费或领取养老金的同时发放失业保险金共{amount}元({r_paid})。",
    ),
    Sentence(
        "Contributions in {work_months} of these months ({r_work}).", "其中{work_months}个月有就业缴费({r_work})。", when="work_months"
    ),
    Sentence(
        "A pension in {pension_months} of these months ({r_pension}).",
        "其中{pension_months}个月发放养老金({r_pension})。",
        when="pension_months",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding an unemployment benefit."""
    rule = policy.B3
    benefit = of_schemes(tables, ("unemployment",))
    rows = paid_of(tables, benefit, as_of).select("person_id", "benefit_id", "month", "amount_fen", "record")
    reasons = _work(tables, rows, rule, as_of).union(_pensions(tables, rows, rule, as_of), distinct=False)
    each = reasons.group_by("benefit_id", "month").aggregate(
        confidence=reasons.confidence.max(),
        work=(reasons.role == "work").cast("int64").max(),
        pension=(reasons.role == "pension").cast("int64").max(),
    )
    counted = rows.join(each, ["benefit_id", "month"])
    sums = counted.group_by("benefit_id", "person_id").aggregate(
        from_month=counted.month.min(),
        to_month=counted.month.max(),
        months=counted.month.nunique(),
        work_months=counted.month.nunique(where=counted.work == 1),
        pension_months=counted.month.nunique(where=counted.pension == 1),
        amount_fen=counted.amount_fen.sum(),
        confidence=counted.confidence.max(),
        paid_records=counted.record.collect(),
    )
    sums = sums.filter(sums.months > rule.allowed_months)
    once = reasons.select("benefit_id", "kind", "id", "role").distinct()
    entry = ibis.struct({"kind": once.kind, "id": once.id, "role": once.role})
    listed = once.mutate(entry=entry).group_by("benefit_id").aggregate(entries=lambda t: t.entry.collect())
    found = sums.join(listed, "benefit_id")
    return finding(
        found,
        key=key_of("B3", found.benefit_id),
        person_id=found.person_id,
        confidence=found.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={"work_months": found.work_months, "pension_months": found.pension_months, "allowed_months": rule.allowed_months},
        records=found.paid_records.concat(found.entries),
    )


def _work(tables: Tables, rows: ir.Table, rule: UnemploymentAndMore, as_of: date) -> ir.Table:
    """benefit_id, month, confidence, kind, id, role: months with contributions of a listed scheme."""
    listed = {scheme.value: share for scheme, share in rule.contributions.items()}
    enrolled = enrolments(tables, as_of)
    enrolled = enrolled.filter(enrolled.scheme.isin(sorted(listed)))
    enrolled = enrolled.select(
        "person_id",
        "from_month",
        "to_month",
        "id",
        confidence=ibis.cases(*((enrolled.scheme == name, ibis.literal(share)) for name, share in listed.items()), else_=ibis.literal(0.0)),
    )
    met = rows.select("person_id", "benefit_id", "month").join(enrolled, "person_id")
    met = met.filter((met.month >= met.from_month) & (met.month <= met.to_month))
    return met.select(
        "benefit_id",
        "month",
        confidence=met.confidence.cast("float64"),
        kind=ibis.literal("enrolment"),
        id=met.id.cast("int64"),
        role=ibis.literal("work"),
    )


def _pensions(tables: Tables, rows: ir.Table, rule: UnemploymentAndMore, as_of: date) -> ir.Table:
    """The same of months for which a pension was paid."""
    asked = rows.select("person_id").distinct()
    pensions = of_schemes(tables, [scheme.value for scheme in rule.pensions]).semi_join(asked, "person_id")
    drawn = paid_of(tables, pensions, as_of).select("person_id", "month", entry="record")
    met = rows.select("person_id", "benefit_id", "month").join(drawn, ["person_id", "month"])
    return met.select(
        "benefit_id",
        "month",
        confidence=ibis.literal(rule.pension_confidence).cast("float64"),
        kind=met.entry["kind"],
        id=met.entry["id"].cast("int64"),
        role=ibis.literal("pension"),
    )


RULE = Rule(
    "B3",
    DetectionKind.BENEFITS,
    AlertSeverity.VIOLATION,
    "Unemployment benefit and work or pension",
    "领取失业金期间就业或领取养老金",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
