"""H12 More per-day units than days

An item that there can be one of a day was charged more often than the visit or stay has days: bed fees, and the nursing items of the
price list whose unit is the day. A stay has one day more than nights, so that the days of admission and discharge may both be charged.
An item by the hour, such as intensive nursing, oxygen or monitoring, was charged for more than 24 hours a day, over the whole stay or on
one day.

Each item is counted by itself within one claim. The rule names the lines of every item over its limit. The money at risk is the part of
their charges that lies above the limit.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import charged, claim_entry, completed, day, line_entry, part_of
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
按日计价的项目(床位费及以日为单位的护理项目)计费数量超过就诊或住院天数。住院天数按夜数加一计算，入院日与出院日均可计费。按小时计价的项
目(重症监护、吸氧、监测等)在整个住院期间或某一日内每天超过24小时。

每个项目在一张结算单内单独计算。本规则列出超限项目的全部明细。涉及金额为超出部分的费用。
"""

SENTENCES = (
    Sentence(
        "{quantity} of {item} charged, {most} are possible in {days} day(s) ({r_claim}; {r_line}).",
        "{item}计费{quantity}，{days}天内最多{most}({r_claim}；{r_line})。",
    ),
    Sentence("{hours} hours of {item} on {worst_on}.", "{worst_on}一日内{item}计费{hours}小时。", when="hours"),
    Sentence("{items} items are over their limits.", "共{items}个项目超限。", when="several"),
    Sentence("Above the limit: {amount} yuan.", "超出部分{amount}元。"),
)

_HOURS = 24


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim."""
    rule = policy.H12
    line = tables.line
    hourly = _code_begins(line.item_code, rule.hour_items)
    daily = line.category.isin([one.value for one in rule.day_categories]) | _code_begins(line.item_code, rule.day_items)
    line = line.filter(hourly | daily).select(
        "claim_id", "item_code", "item_name", "charged_on", "quantity", line_id="id", hourly=hourly, charged_fen=charged(line)
    )
    claim = completed(tables.claim, window)
    claim = claim.select("id", "person_id", "from_date", "to_date", days=day(claim.to_date) - day(claim.from_date) + 1)
    # sums alone leave nearly all out; more than a day's hours may also lie on one day of several
    sums = line.group_by("claim_id", "item_code").aggregate(quantity=line.quantity.sum(), hourly=line.hourly.any())
    sums = sums.filter(sums.quantity > 1).join(claim, [sums.claim_id == claim.id])
    sums = sums.filter(sums.quantity > ibis.ifelse(sums.hourly, _HOURS, sums.days)).select("claim_id", "item_code")
    lines = line.semi_join(sums, ["claim_id", "item_code"]).join(claim, [line.claim_id == claim.id])
    by_day = lines.group_by("claim_id", "item_code", "charged_on").aggregate(
        person_id=lines.person_id.min(),
        from_date=lines.from_date.min(),
        to_date=lines.to_date.min(),
        days=lines.days.min(),
        hourly=lines.hourly.any(),
        item=lines.item_name.min(),
        quantity=lines.quantity.sum(),
        charged_fen=lines.charged_fen.sum(),
    )
    item = by_day.group_by("claim_id", "item_code").aggregate(
        person_id=by_day.person_id.min(),
        from_date=by_day.from_date.min(),
        to_date=by_day.to_date.min(),
        days=by_day.days.min(),
        hourly=by_day.hourly.any(),
        item=by_day.item.min(),
        quantity=by_day.quantity.sum(),
        charged_fen=by_day.charged_fen.sum(),
        dates=by_day.count(),
        over_a_day=ibis.greatest(by_day.quantity - _HOURS, 0.0).sum(),
        hours=by_day.quantity.max(),
        worst_on=by_day.charged_on.max(where=by_day.quantity > _HOURS),
    )
    most = item.days * ibis.ifelse(item.hourly, _HOURS, 1)
    # a stay that is charged on one day in one sum is no day of more than 24 hours
    spread = item.hourly & (item.dates > 1)
    over = ibis.greatest(item.quantity - most, ibis.ifelse(spread, item.over_a_day, 0.0))
    item = item.mutate(most=most, over=over, hours=ibis.ifelse(spread & (item.hours > _HOURS), item.hours, None))
    item = item.filter(item.over > 0).mutate(excess_fen=lambda t: part_of(t.charged_fen, t.over, t.quantity))
    order = ibis.window(group_by="claim_id", order_by=[item.excess_fen.desc(), item.item_code])
    ranked = item.mutate(place=ibis.row_number().over(order))
    of_claim = ranked.group_by("claim_id").aggregate(items=ranked.count(), amount_fen=ranked.excess_fen.sum())
    worst = ranked.filter(ranked.place == 0).drop("place", "charged_fen", "excess_fen")
    named = line.semi_join(item, ["claim_id", "item_code"])
    named = named.group_by("claim_id").aggregate(entries=line_entry(named.line_id).collect())
    found = worst.join(of_claim, "claim_id").join(named, "claim_id")
    return claim_finding(
        found,
        key=key_of("H12", found.claim_id),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.from_date,
        confidence=rule.confidence,
        amount_fen=found.amount_fen,
        facts={
            "item": found.item,
            "quantity": found.quantity,
            "most": found.most,
            "days": found.days,
            "hours": found.hours,
            "worst_on": ibis.ifelse(found.hours.notnull(), found.worst_on, None),
            "items": found.items,
            "several": found.items > 1,
        },
        records=records(claim_entry(found.claim_id)).concat(found.entries),
    )


def _code_begins(item_code: ir.StringValue, beginnings: tuple[str, ...]) -> ir.BooleanValue:
    return ibis.or_(ibis.literal(False), *(item_code.startswith(one) for one in beginnings))


RULE = ClaimRule(
    "H12",
    AlertSeverity.VIOLATION,
    "More per-day units than days",
    "计费数量超过天数",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("line",),
)
