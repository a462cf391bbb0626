"""Limits of quantity, days and money: in a line, a claim, a day, or some days."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families.family import Family, claim_record, line_record, told
from detection.knowledge.families.shown import with_unreadable
from detection.knowledge.families.supply import too_much_at_once
from detection.knowledge.hits import AMOUNT, COURSE, GROUPED, QUANTITY, hits
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
A knowledge point limits how much of an item there may be: a quantity in a line, a claim, a day or some days, the days of a course, the
days between two uses, or the money that is paid for it; policy limits the days of any supply and the quantity of any herb. The rule sums
the lines of one person and item and names those above the limit.

A quantity for a day is looked at by day, over all claims of the day at one institution. What is billed once for a whole stay is spread over
its days, and what is supplied for some days over those. Days of a course are different days of charge, or the days that the item was
supplied for where that is on the line. The money at risk is the part above the limit; for two uses too near to each other it is the second.
"""

CHINESE = """
知识点对项目的数量作了限制：每条明细、每次就诊、每日或若干日内的数量，疗程天数，两次使用的间隔，或支付总额。按同一参保人同一项目汇总，
超出限制的逐条提示。

按日限制的，合并当日在同一机构的全部就诊计算；一次住院一次性计费的，按住院天数分摊；有用药天数的，按用药天数分摊。疗程天数按不同的计费日期计算，有用药
天数的按用药天数计算。涉及金额为超出部分；间隔过短的为后一次的金额。
"""

SENTENCES = (
    Sentence("{item} ({r_line}): knowledge point {point}.", "{item}({r_line})：知识点{point}。"),
    Sentence("Allowed: {allowed}; counted: {counted}.", "限定：{allowed}；实际：{counted}。", when="allowed"),
    Sentence("First on {day}.", "首次超出日期：{day}。", when="day"),
    Sentence("What it asks for is not on the claim: look by hand.", "限定内容无法由就诊数据判断，请人工核查。", when="by_hand"),
)

_LITTLE = 1e-6
_IN_CLAIM = ("line", "claim", "stay")
_SHAPE = (
    "rule_code",
    "point",
    "point_id",
    "point_name",
    "by_hand",
    "person_id",
    "claim_id",
    "completed_on",
    "first_on",
    "day",
    "counted",
    "allowed",
    "amount_fen",
    "listed",
    "claims",
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point: the claim that completes what is too much."""
    t = hits(tables)
    t = t.filter((t.state == GROUPED) & (t.role == "item") & t.rule_code.isin((*QUANTITY, *AMOUNT, *COURSE)) & (t.quantity > 0))
    usual = ibis.cases(
        (t.rule_code.isin((*AMOUNT, *COURSE, "GZ10000303003000")), "claim"), (t.rule_code == "NB2025-31", "days"), else_="day"
    )
    t = t.mutate(period=t.period.fill_null(usual), supplied=ibis.greatest(t.days.fill_null(1), 1))
    found = _in_claims(t)
    for part in (_in_days(t), _in_periods(t), _too_soon(t), _shaped(too_much_at_once(tables, policy))):
        found = found.union(part, distinct=False)
    of_claim = found.group_by("rule_code", "point", "claim_id").aggregate(
        point_text=found.point_id.max(),
        item=found.point_name.max(),
        by_hand=found.by_hand.cast("int64").max() == 1,
        person_id=found.person_id.max(),
        completed_on=found.completed_on.max(),
        first_on=found.first_on.min(),
        day=found.day.min(),
        counted=found.counted.max(),
        allowed=found.allowed.min(),
        amount_fen=found.amount_fen.sum(),
        records=found.claims.collect().flatten().concat(found.listed.collect().flatten()),
    )
    of_claim = of_claim.mutate(point=of_claim.point_text, subject=of_claim.point_text.fill_null("policy"))
    return with_unreadable(told(of_claim, FAMILY.codes, policy, window), hits(tables), FAMILY.codes, policy, window)


def _excess(amount: ir.IntegerValue, counted: ir.NumericValue, allowed: ir.NumericValue) -> ir.IntegerValue:
    """The part of an amount that is above what is allowed."""
    return (amount * (1 - allowed / counted)).round().cast("int64")


def _shaped(t: ir.Table) -> ir.Table:
    return t.mutate(
        counted=t.counted.cast("float64"),
        allowed=t.allowed.cast("float64"),
        amount_fen=t.amount_fen.cast("int64"),
        point=t.point.cast("int64"),
        person_id=t.person_id.cast("int64"),
        claim_id=t.claim_id.cast("int64"),
        completed_on=t.completed_on.cast("date"),
        first_on=t.first_on.cast("date"),
        day=t.day.cast("date"),
    ).select(*_SHAPE)


def _in_claims(t: ir.Table) -> ir.Table:
    """Limits of a line or a claim: quantity, money, days."""
    t = t.filter(t.period.isin(_IN_CLAIM)).mutate(unit=(t.period == "line").ifelse(t.line_id, 0))
    keys = ("rule_code", "point", "claim_id", "unit")
    days = t.group_by(*keys, "charged_on").aggregate(supplied=t.supplied.max())
    days = days.group_by(*keys).aggregate(used=days.supplied.sum())
    sums = t.group_by(*keys).aggregate(
        **_of_point_and_person(t),
        completed_on=t.to_date.max(),
        first_on=t.to_date.max(),
        day=t.charged_on.min(),
        quantity=t.quantity.sum(),
        spent=t.risk_fen.sum(),
        longest=t.supplied.max(),
        listed=line_record(t).collect(),
    )
    sums = sums.join(days, [*keys])
    quantity, money = sums.rule_code.isin((*QUANTITY, "NB2025-09")) & sums.quantity_max.notnull(), sums.rule_code.isin(AMOUNT)
    # what is prescribed at once is the longest supply; a course is the sum
    used = (sums.rule_code == "NB2025-09").ifelse(sums.longest, sums.used)
    sums = sums.mutate(
        counted=ibis.cases((quantity, sums.quantity), (money, sums.spent.cast("float64")), else_=used.cast("float64")),
        allowed=ibis.cases(
            (quantity, sums.quantity_max), (money, sums.amount_max_fen.cast("float64")), else_=sums.days_max.cast("float64")
        ),
    )
    over = sums.filter(sums.counted > sums.allowed + _LITTLE)
    over = over.mutate(amount_fen=_excess(over.spent, over.counted, over.allowed), claims=ibis.array([claim_record(over)]))
    return _shaped(over)


def _of_point(t: ir.Table) -> dict[str, ir.Value]:
    """What the lines beside one point have in common."""
    return {"point_id": t.point_id.max(), "point_name": t.point_name.max(), "by_hand": t.by_hand.cast("int64").max() == 1}


def _of_point_and_person(t: ir.Table) -> dict[str, ir.Value]:
    return {
        **_of_point(t),
        "person_id": t.person_id.max(),
        "quantity_max": t.quantity_max.max(),
        "amount_max_fen": t.amount_max_fen.max(),
        "days_max": t.days_max.max(),
    }


def _in_days(t: ir.Table) -> ir.Table:
    """A quantity for a day, over all claims of the day at one institution."""
    t = t.filter((t.period == "day") & t.quantity_max.notnull())
    claim = ibis.window(group_by=["rule_code", "point", "claim_id"])
    at_once = t.charged_on.min().over(claim) == t.charged_on.max().over(claim)
    stay = t.to_date.delta(t.from_date, unit="day") + 1
    spread = ibis.cases((t.days.fill_null(0) > 0, t.days), (at_once, stay), else_=1)
    t = t.mutate(a_day=t.quantity / ibis.greatest(spread, 1))
    # on the day of a transfer both institutions may bill it
    days = t.group_by("rule_code", "point", "person_id", "institution_id", "charged_on").aggregate(
        **_of_point(t),
        allowed=t.quantity_max.max(),
        counted=t.a_day.sum(),
        spent=t.risk_fen.sum(),
        claim_id=t.claim_id.max(),
        completed_on=t.to_date.max(),
        first_on=t.to_date.min(),
        listed=line_record(t).collect(),
        claims=claim_record(t).collect(distinct=True),
    )
    over = days.filter(days.counted > days.allowed + _LITTLE)
    return _shaped(over.mutate(day=over.charged_on, amount_fen=_excess(over.spent, over.counted, over.allowed)))


def _in_periods(t: ir.Table) -> ir.Table:
    """A quantity, days or money within so many days before each use."""
    t = t.filter((t.period == "days") & t.period_days.notnull())
    quantity, money = t.rule_code.isin((*QUANTITY, "NB2025-09")) & t.quantity_max.notnull(), t.rule_code.isin(AMOUNT)
    t = t.mutate(
        measure=ibis.cases((quantity, t.quantity), (money, t.risk_fen.cast("float64")), else_=t.supplied.cast("float64")),
        allowed=ibis.cases((quantity, t.quantity_max), (money, t.amount_max_fen.cast("float64")), else_=t.days_max.cast("float64")),
    )
    # days are counted once, however many lines a day has
    days = t.group_by("rule_code", "point", "person_id", "charged_on").aggregate(
        **_of_point(t),
        allowed=t.allowed.max(),
        period_days=t.period_days.max(),
        most=t.measure.max(),
        total=t.measure.sum(),
        spent=t.risk_fen.sum(),
        claim_id=t.claim_id.max(),
        completed_on=t.to_date.max(),
        first_on=t.to_date.min(),
        listed=line_record(t).collect(),
        claims=claim_record(t).collect(distinct=True),
    )
    days = days.mutate(measure=days.rule_code.isin(COURSE).ifelse(days.most, days.total))
    person = ibis.window(group_by=["rule_code", "point", "person_id"])
    # most never come near to it
    days = days.mutate(ever=days.measure.sum().over(person))
    days = days.filter(days.ever > days.allowed + _LITTLE)
    ends = days.select("rule_code", "point", "person_id", last="charged_on", reach="period_days", bound="allowed", at_claim="claim_id")
    both = ends.join(days, ["rule_code", "point", "person_id"])
    gap = both["last"].delta(both.charged_on, unit="day")
    both = both.filter((gap >= 0) & (gap < both.reach))
    sums = both.group_by("rule_code", "point", "person_id", "last").aggregate(
        **_of_point(both),
        allowed=both.bound.max(),
        counted=both.measure.sum(),
        spent=both.spent.sum(),
        claim_id=both.claim_id.max(),
        completed_on=both.completed_on.max(),
        first_on=both.first_on.min(),
        listed=both.listed.collect().flatten(),
        claims=both.claims.collect().flatten(),
    )
    over = sums.filter(sums.counted > sums.allowed + _LITTLE)
    over = over.mutate(day=over["last"], amount_fen=_excess(over.spent, over.counted, over.allowed))
    # of several days of one claim the worst tells the rest
    worst = over.mutate(
        place=ibis.row_number().over(
            ibis.window(group_by=["rule_code", "point", "claim_id"], order_by=[over.counted.desc(), over.day.desc()])
        )
    )
    return _shaped(worst.filter(worst.place == 0))


def _too_soon(t: ir.Table) -> ir.Table:
    """Two uses on different days nearer to each other than allowed."""
    t = t.filter((t.rule_code == "NB2025-31") & t.interval_days_min.notnull())
    days = t.group_by("rule_code", "point", "person_id", "charged_on").aggregate(
        **_of_point(t),
        interval=t.interval_days_min.max(),
        amount_fen=t.risk_fen.sum(),
        claim_id=t.claim_id.max(),
        completed_on=t.to_date.max(),
        began=t.to_date.min(),
        own_lines=line_record(t).collect(),
        own_claims=claim_record(t).collect(distinct=True),
    )
    order = ibis.window(group_by=["rule_code", "point", "person_id"], order_by=days.charged_on)
    days = days.mutate(
        before=days.charged_on.lag().over(order),
        began_before=days.began.lag().over(order),
        claim_before=days.claim_id.lag().over(order),
        ended_before=days.completed_on.lag().over(order),
        lines_before=days.own_lines.lag().over(order),
        claims_before=days.own_claims.lag().over(order),
    )
    days = days.mutate(apart=days.charged_on.delta(days.before, unit="day"))
    near = days.filter(days.before.notnull() & (days.apart < days.interval))
    near = near.mutate(
        claim_id=ibis.greatest(near.claim_id, near.claim_before),
        completed_on=ibis.greatest(near.completed_on, near.ended_before),
        first_on=near.began_before,
        day=near.charged_on,
        counted=near.apart,
        allowed=near.interval,
        listed=near.lines_before.concat(near.own_lines),
        claims=near.claims_before.concat(near.own_claims),
    )
    return _shaped(near)


FAMILY = Family("quantities", (*QUANTITY, *AMOUNT, *COURSE), ENGLISH, CHINESE, SENTENCES, find, needs=("line",))
