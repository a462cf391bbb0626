"""P6 Retirement age against the identity card

A pension began before the least age for its scheme, its ground (normal, special work, disability) and the sex, counted from the birth
date of the identity number. The least ages are a table in policy. For those whom the gradual rise of the legal age from January 2025
concerns, the legal age is taken from the table of the rise; the normal pension may begin some months before it by choice (policy),
never before the old age. Women under the employee pension count with the age for workers, since managers are not told apart.

If the approval went by another birth date with which the age would have been reached, the finding says so and is less sure: an earlier
entry in the personnel file goes before the identity card. The months are those from the beginning until the age was reached, or until
the month of the run while it is not; the money at risk is what was paid for them.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding, key_of, or_none, paid, record, records, sums_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RetirementAge, RulesPolicy

EXPLANATION_ZH = """
按身份证号码中的出生日期计算，养老金起领时未达到该险种、退休类型(正常、特殊工种、病退)和性别对应的最低年龄。最低年龄为政策中的表。自
2025年1月起渐进式延迟法定退休年龄所涉及的人员，法定年龄按延迟表计算；正常退休可自愿弹性提前(政策规定的月数)，但不得早于原法定年龄。
职工养老的女性按女工人年龄计，因系统不区分管理岗位。

若审批所依据的出生日期不同、且按该日期已达年龄，线索会说明并降低可信程度：档案最早记载优先于身份证。月份为起领至达到年龄之前(尚
未达到的，至运行当月)，涉及金额为这些月份实际发放的金额。
"""

SENTENCES = (
    Sentence(
        "The pension ({scheme}, {kind}) began in {began}, {early_months} month(s) before the least age of {least_age_months} months of "
        "life for {sex}, by the birth date {birth_date} of the identity number ({r_benefit}).",
        "养老金({scheme}，{kind})自{began}起领，按身份证出生日期{birth_date}，比{sex}最低年龄({least_age_months}个月)早{early_months}个月({r_benefit})。",
    ),
    Sentence(
        "The approval went by the birth date {approved_birth_date}, with which the age was reached: check the personnel file.",
        "审批依据的出生日期为{approved_birth_date}，按此日期已达年龄：请核查人事档案。",
        when="papers",
    ),
    Sentence(
        "Paid for the months {from_month} to {to_month}: {amount} yuan ({r_paid}).",
        "{from_month}至{to_month}发放共{amount}元({r_paid})。",
        when="paid",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a benefit."""
    rule = policy.P6
    person = tables.speaking().select("birth_date", "sex", born_id="person_id")
    schemes = sorted({one.scheme.value for one in rule.ages})
    benefit = tables.benefit.filter(tables.benefit.scheme.isin(schemes)).select(
        "person_id",
        "scheme",
        "from_month",
        "approved_birth_date",
        benefit_id=tables.benefit.id,
        kind=tables.benefit.retirement_kind.fill_null("normal"),
    )
    known = benefit.join(person, [("person_id", "born_id")])
    known = known.mutate(least_age_months=_least_age(known, rule))
    known = known.filter(known.least_age_months.notnull() & (known.from_month <= ibis.literal(as_of)))
    reached = months.number_of(known.birth_date) + known.least_age_months
    known = known.mutate(early_months=reached - months.number_of(known.from_month), last_early=months.day_of(reached - 1))
    early = known.filter(known.early_months > rule.tolerance_months)
    by_papers = months.between(early.approved_birth_date, early.from_month) >= early.least_age_months
    early = early.mutate(papers=(by_papers & (early.approved_birth_date != early.birth_date)).fill_null(False))
    last = ibis.least(early.last_early, ibis.literal(months.month_of(as_of)))
    early = early.mutate(last_early=last, early_until_now=months.number_of(last) - months.number_of(early.from_month) + 1)
    windows = early.select("benefit_id", "from_month", window=early.benefit_id, to_month=early.last_early)
    sums = sums_of(paid(tables, windows, as_of)).select("window", "amount_fen", "paid_records", paid_months="months")
    found = early.left_join(sums, [("benefit_id", "window")])
    return finding(
        found,
        key=key_of("P6", found.benefit_id),
        person_id=found.person_id,
        confidence=found.papers.ifelse(rule.papers_confidence, rule.confidence),
        from_month=found.from_month,
        to_month=found.last_early,
        count=found.early_until_now,
        amount_fen=found.amount_fen.fill_null(0),
        facts={
            "scheme": found.scheme,
            "kind": found.kind,
            "sex": found.sex,
            "began": found.from_month,
            "birth_date": found.birth_date,
            "approved_birth_date": found.approved_birth_date,
            "papers": found.papers,
            "early_months": found.early_months,
            "least_age_months": found.least_age_months,
            "paid": found.paid_months.fill_null(0) > 0,
        },
        records=records(record("benefit", found.benefit_id, "benefit")).concat(or_none(found.paid_records)),
    )


def _least_age(table: ir.Table, rule: RetirementAge) -> ir.IntegerValue:
    """Months of life; NULL where policy says nothing."""
    born = months.number_of(table.birth_date)
    cases = []
    for age in rule.ages:
        fits = (table.scheme == age.scheme.value) & (table.kind == age.kind.value)
        if age.sex is not None:
            fits = fits & (table.sex == age.sex.value)
        least: ir.IntegerValue = ibis.literal(age.months, type="int64")
        for delay in rule.delays:
            if age.flexible and (delay.scheme, delay.kind, delay.sex, delay.months) == (age.scheme, age.kind, age.sex, age.months):
                since = born - months.month_number(delay.born_from)
                risen = ibis.least(since // delay.born_months + 1, ibis.literal(delay.months_max, type="int64"))
                risen = (since >= 0).ifelse(risen, ibis.literal(0, type="int64")).cast("int64")
                least = ibis.greatest(least, least + risen - rule.flexible_months)
        cases.append((fits, least))
    return ibis.cases(*cases, else_=ibis.literal(None, type="int64"))


RULE = Rule(
    "P6",
    DetectionKind.PAYMENTS,
    AlertSeverity.WARNING,
    "Retirement age against the identity card",
    "退休年龄与身份证不符",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
