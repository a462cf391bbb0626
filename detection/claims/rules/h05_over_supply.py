"""H5 Over-supply of a drug

More of a drug was handed out than the person can take. Two signs are looked for. The quantity of a line is greater than the daily limit
that a knowledge point states for the drug, times the days of the line. Or the same drug in the same form, whatever its strength, pack and
maker, was handed out again while more than the share of the last supply that policy allows was still left. The days of a supply are
those of its line; of several lines of one claim the longest counts. Supplies in hospital do not count, nor do short ones, nor lines that
do not tell their days.

The money at risk is the part of the line above the limit, or the whole of the early supply.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry, completed, line_entry, no_day, no_number, part_of, text
from detection.claims.supplies import drug_lines, handed_out, stem
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claim_rules import OverSupply
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
发放的药品超过本人可服用的数量。检查两种迹象：一是明细数量超过知识点规定的每日限量乘以该行天数；二是同一药品同一剂型(不论规格、包装和
厂家)在上一次供药剩余比例高于政策允许比例时再次发放。供药天数取明细所列天数，同一结算单有多行的取最长。住院用药、天数较短的供药以及未
列天数的明细不计算在内。

涉及金额为超出限量的部分，或提前发放的全部费用。
"""

SENTENCES = (
    Sentence(
        "{quantity} of {item} for {days} day(s); {limit} a day are the limit (knowledge point {point}; {r_line}).",
        "{item}{days}天发放{quantity}，每日限量{limit}(知识点{point}；{r_line})。",
        when="limit",
    ),
    Sentence(
        "{item} for {last_days} days on {last_on}, and again on {supplied_on} with {left_days} days left ({r_claim}; {r_other}; {r_line}).",
        "{last_on}发放{item}{last_days}天，{supplied_on}尚余{left_days}天时再次发放({r_claim}；{r_other}；{r_line})。",
        when="left_days",
    ),
    Sentence("At risk: {amount} yuan.", "涉及金额{amount}元。"),
)

_FACTS = ("item", "quantity", "days", "limit", "point", "last_on", "supplied_on", "last_days", "left_days")
_COLUMNS = ("sign", "about", "person_id", "to_date", "first_on", "confidence", "amount_fen", "entries", *(f"f_{name}" for name in _FACTS))


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a line over the limit; one a claim and drug supplied early."""
    found = _over(tables, policy.H5, window).union(_early(tables, policy.H5, window), distinct=False)
    return claim_finding(
        found,
        key=key_of("H5", found.sign, found.about),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.first_on,
        confidence=found.confidence,
        amount_fen=found.amount_fen,
        facts={name: found[f"f_{name}"] for name in _FACTS},
        records=found.entries,
    )


def _over(tables: ClaimTables, rule: OverSupply, window: Window) -> ir.Table:
    point = tables.point
    point = point.filter((point.period == "day") & (point.quantity_max > 0) & ~point.by_hand & (point.item_code != ""))
    point = point.select("point_id", "item_code", "effective_from", "effective_until", "quantity_max")
    lines = drug_lines(tables)
    both = lines.filter(lines.days > 0).join(point, "item_code")
    both = both.filter(
        (both.effective_from <= both.charged_on)
        & (both.effective_until.isnull() | (both.charged_on <= both.effective_until))
        & (both.quantity > both.quantity_max * both.days)
    )
    # of several points about a drug the strictest speaks
    order = ibis.window(group_by="line_id", order_by=[both.quantity_max, both.point_id])
    both = both.mutate(place=ibis.row_number().over(order))
    both = both.filter(both.place == 0)
    claim = completed(tables.claim, window)
    found = both.join(claim.select("person_id", "to_date", "from_date", id="id"), [("claim_id", "id")])
    return found.select(
        "person_id",
        "to_date",
        sign=ibis.literal("limit"),
        about=found.line_id.cast("string"),
        first_on=found.from_date,
        confidence=ibis.literal(rule.limit_confidence),
        amount_fen=part_of(found.charged_fen, found.quantity - found.quantity_max * found.days, found.quantity),
        entries=records(claim_entry(found.claim_id), line_entry(found.line_id)),
        f_item=found.item_name,
        f_quantity=found.quantity,
        f_days=found.days,
        f_limit=found.quantity_max,
        f_point=found.point_id,
        f_last_on=no_day(),
        f_supplied_on=no_day(),
        f_last_days=no_number(),
        f_left_days=no_number(),
    ).select(*_COLUMNS)


def _early(tables: ClaimTables, rule: OverSupply, window: Window) -> ir.Table:
    claim = handed_out(tables)
    # who had one claim has no earlier supply
    again = claim.group_by("person_id").aggregate(claims=claim.count(), last_on=claim.to_date.max())
    again = again.filter((again.claims > 1) & (again.last_on >= ibis.literal(window.from_date)))
    lines = drug_lines(tables)
    lines = lines.filter(lines.days >= rule.days_min)
    lines = lines.mutate(stem=stem(lines.item_code)).join(claim.semi_join(again, "person_id"), "claim_id")
    supply = lines.group_by("person_id", "stem", "claim_id").aggregate(
        on=lines.on.min(), days=lines.days.max(), supplied_on=lines.charged_on.min(), to_date=lines.to_date.max()
    )
    order = ibis.window(group_by=["person_id", "stem"], order_by=[supply.on, supply.claim_id])
    supply = supply.mutate(
        last_at=supply.on.lag().over(order),
        last_days=supply.days.lag().over(order),
        last_on=supply.supplied_on.lag().over(order),
        last_id=supply.claim_id.lag().over(order),
    )
    supply = supply.mutate(left_days=supply.last_at + supply.last_days - supply.on)
    early = supply.filter(
        (supply.left_days > supply.last_days * rule.left_share_max)
        & supply.to_date.between(ibis.literal(window.from_date), ibis.literal(window.to_date))
    ).rename(early_claim="claim_id", early_stem="stem", early_person="person_id", early_to="to_date", early_on="supplied_on")
    early = early.drop("on", "days")
    named = lines.join(early, [lines.claim_id == early.early_claim, lines.stem == early.early_stem])
    found = named.group_by(
        "early_claim", "early_stem", "early_person", "early_to", "early_on", "last_days", "last_on", "last_id", "left_days"
    )
    found = found.aggregate(
        amount_fen=named.charged_fen.sum().cast("int64"), item=named.item_name.min(), lines=line_entry(named.line_id).collect()
    )
    return found.select(
        "amount_fen",
        sign=ibis.literal("early"),
        about=found.early_claim.cast("string") + ":" + found.early_stem,
        person_id=found.early_person,
        to_date=found.early_to,
        first_on=found.last_on,
        confidence=ibis.literal(rule.early_confidence),
        entries=records(claim_entry(found.early_claim), claim_entry(found.last_id, "other")).concat(found.lines),
        f_item=found.item,
        f_quantity=ibis.literal(None, type="float64"),
        f_days=no_number(),
        f_limit=ibis.literal(None, type="float64"),
        f_point=text(),
        f_last_on=found.last_on,
        f_supplied_on=found.early_on,
        f_last_days=found.last_days,
        f_left_days=found.left_days,
    ).select(*_COLUMNS)


RULE = ClaimRule(
    "H5",
    AlertSeverity.WARNING,
    "Over-supply of a drug",
    "超量开药",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("line.days",),
)
