"""H7 Duplicate medication

Two drugs of one ingredient were handed out for the same days. The ingredient is what the national code of a western drug says: its ATC
class and the name within it. The drugs have different codes, so they differ in form, strength, pack or maker; a second pack of one form
on the same claim is no duplicate. Both supplies reach as many days into each other as policy says. Solutions and solvents are left out.

The rule names the later claim with those that it overlaps, one finding a claim and ingredient. Two strengths may be meant to be taken
together. The money at risk is what the later lines were charged.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import claim_entry, completed, line_entry
from detection.claims.supplies import DRUGS, drug_lines, ingredient, stem
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claim_rules import DuplicateMedication
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同一成分的两种药品供药日期重叠。成分依据西药国家医保代码中的ATC类别和名称码判断。两种药品代码不同，即剂型、规格、包装或厂家不同；同一结
算单中同一剂型的第二个包装不算。两次供药重叠的天数达到政策规定。输液和溶媒除外。

本规则列出较晚的结算单及与其重叠的结算单，每张结算单、每种成分提示一次。两种规格可能需要同时使用。涉及金额为较晚明细的费用。
"""

SENTENCES = (
    Sentence(
        "{item} and {other_item}, both of ingredient {ingredient}, for {overlap_days} of the same days ({r_claim}; {r_line}).",
        "{item}与{other_item}同属成分{ingredient}，供药重叠{overlap_days}天({r_claim}；{r_line})。",
    ),
    Sentence("Also for these days: {r_other}.", "重叠的结算：{r_other}。"),
    Sentence("Charged for the later: {amount} yuan.", "较晚明细费用{amount}元。"),
)

_KEYS = ("person_id", "ingredient")


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and ingredient."""
    rule = policy.H7
    # who has two drugs of one ingredient is found over few columns; the rest is read of their lines alone
    codes = tables.line.filter(tables.line.category.isin(DRUGS) & (tables.line.days >= rule.days_min))
    codes = codes.select("claim_id", "item_code", ingredient=ingredient(codes.item_code)).filter(_counts(rule))
    codes = codes.join(tables.claim.select("person_id", "to_date", claim_id=tables.claim.id), "claim_id")
    several = codes.group_by(*_KEYS).aggregate(least=codes.item_code.min(), most=codes.item_code.max(), last_on=codes.to_date.max())
    several = several.filter((several.least != several.most) & (several.last_on >= ibis.literal(window.from_date)))
    claim = tables.claim.select("person_id", "to_date", claim_id=tables.claim.id)
    claim = claim.semi_join(several, "person_id")
    lines = drug_lines(tables)
    lines = lines.filter(lines.days >= rule.days_min)
    lines = lines.mutate(ingredient=ingredient(lines.item_code)).filter(_counts(rule))
    lines = lines.join(claim, "claim_id").semi_join(several, list(_KEYS))
    lines = lines.mutate(stem=stem(lines.item_code))
    other = lines.rename(lambda name: f"other_{name}")
    now = completed(lines, window).view()
    pairs = now.join(
        other,
        [
            now.person_id == other.other_person_id,
            now.ingredient == other.other_ingredient,
            now.item_code != other.other_item_code,
        ],
    )
    overlap = ibis.least(pairs.on + pairs.days, pairs.other_on + pairs.other_days) - ibis.greatest(pairs.on, pairs.other_on)
    same = pairs.claim_id == pairs.other_claim_id
    # each pair once: the later claim is told, of one claim the later line
    later = (pairs.other_to_date < pairs.to_date) | (
        (pairs.other_to_date == pairs.to_date)
        & ((pairs.other_claim_id < pairs.claim_id) | (same & (pairs.other_line_id < pairs.line_id) & (pairs.other_stem != pairs.stem)))
    )
    pairs = pairs.mutate(overlap_days=overlap).filter(later & (overlap >= rule.days_min))
    # a later line may overlap several: it is charged once
    once = pairs.group_by("claim_id", "person_id", "to_date", "ingredient", "line_id").aggregate(
        charged_fen=pairs.charged_fen.min(),
        item=pairs.item_name.min(),
        other_item=pairs.other_item_name.min(),
        overlap_days=pairs.overlap_days.max(),
        first_on=pairs.other_charged_on.min(),
        others=claim_entry(pairs.other_claim_id, "other").collect(),
        other_lines=line_entry(pairs.other_line_id).collect(),
    )
    found = once.group_by("claim_id", "person_id", "to_date", "ingredient").aggregate(
        amount_fen=once.charged_fen.sum(),
        item=once.item.min(),
        other_item=once.other_item.min(),
        overlap_days=once.overlap_days.max(),
        first_on=once.first_on.min(),
        lines=line_entry(once.line_id).collect(),
        others=once.others.collect().flatten(),
        other_lines=once.other_lines.collect().flatten(),
    )
    return claim_finding(
        found,
        key=key_of("H7", found.claim_id, found.ingredient),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=ibis.least(found.first_on, found.to_date),
        confidence=rule.confidence,
        amount_fen=found.amount_fen,
        facts={
            "ingredient": found.ingredient,
            "item": found.item,
            "other_item": found.other_item,
            "overlap_days": found.overlap_days,
        },
        records=records(claim_entry(found.claim_id)).concat(found.others, found.lines, found.other_lines),
    )


def _counts(rule: DuplicateMedication) -> Callable[[ir.Table], ir.BooleanValue]:
    """Whether a line has an ingredient, and is none of the solutions and solvents."""
    return lambda t: t.ingredient.notnull() & ~ibis.or_(ibis.literal(False), *(t.item_code.startswith(one) for one in rule.exempt))


RULE = ClaimRule(
    "H7",
    AlertSeverity.WARNING,
    "Duplicate medication",
    "重复用药",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("line.days",),
)
