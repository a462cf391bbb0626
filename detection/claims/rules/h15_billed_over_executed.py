"""H15 Billed over executed

A line was billed for a greater quantity than the order was carried out: what the ward recorded as given, done or used is less than what
the claim charges. Lines of which the institution does not send what was carried out are not looked at. A difference within the rounding
that policy allows is none.

The rule names the claim and all such lines. The money at risk is the part of each line above what was carried out.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import charged, claim_entry, completed, line_entry, part_of
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
明细计费数量大于医嘱实际执行数量，即病区记录的发放、实施或使用数量少于结算数量。机构未上传执行数量的明细不检查。政策允许的舍入差异不
算。

本规则列出结算单及全部此类明细。涉及金额为各明细超出实际执行的部分。
"""

SENTENCES = (
    Sentence(
        "{lines} line(s) charge more than was carried out; the worst, {item}: {quantity} charged, {executed} carried out "
        "({r_claim}; {r_line}).",
        "{lines}条明细计费多于执行；最多的{item}：计费{quantity}，执行{executed}({r_claim}；{r_line})。",
    ),
    Sentence("Above what was carried out: {amount} yuan.", "超出执行部分{amount}元。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim."""
    rule = policy.H15
    line = tables.line
    line = line.filter(line.quantity > line.executed_quantity + rule.tolerance)
    line = line.select(
        "claim_id",
        "item_name",
        "quantity",
        "executed_quantity",
        line_id=line.id,
        excess_fen=part_of(charged(line), line.quantity - ibis.greatest(line.executed_quantity, 0.0), line.quantity),
    )
    claim = completed(tables.claim, window).select("id", "person_id", "from_date", "to_date")
    lines = line.join(claim, [line.claim_id == claim.id])
    order = ibis.window(group_by="claim_id", order_by=[lines.excess_fen.desc(), lines.line_id])
    lines = lines.mutate(worst=ibis.row_number().over(order) == 0)
    found = lines.group_by("claim_id", "person_id", "from_date", "to_date").aggregate(
        lines=lines.count(),
        amount_fen=lines.excess_fen.sum(),
        item=lines.item_name.max(where=lines.worst),
        quantity=lines.quantity.max(where=lines.worst),
        executed=lines.executed_quantity.max(where=lines.worst),
        entries=line_entry(lines.line_id).collect(),
    )
    return claim_finding(
        found,
        key=key_of("H15", found.claim_id),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.from_date,
        confidence=rule.confidence,
        amount_fen=found.amount_fen,
        facts={"lines": found.lines, "item": found.item, "quantity": found.quantity, "executed": found.executed},
        records=records(claim_entry(found.claim_id)).concat(found.entries),
    )


RULE = ClaimRule(
    "H15",
    AlertSeverity.VIOLATION,
    "Billed over executed",
    "计费多于执行",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("line.executed_quantity",),
)
