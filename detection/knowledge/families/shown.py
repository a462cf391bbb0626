"""Findings that one line shows: it goes against its point, or no claim can show what the point asks for."""

from __future__ import annotations

from collections.abc import Collection

import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.knowledge.families.family import line_record, told, with_claim
from detection.knowledge.hits import BY_HAND, VIOLATED
from models.policy_claims import ClaimsPolicy


def shown_alone(hit: ir.Table, codes: Collection[str], policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and point of the rules."""
    t = hit.filter(hit.state.isin([VIOLATED, BY_HAND]) & hit.rule_code.isin(codes))
    found = t.group_by("rule_code", "claim_id", "point").aggregate(
        subject=t.point_id.max(),
        point_text=t.point_id.max(),
        item=t.point_name.max(),
        item_code=t.item_code.max(),
        person_id=t.person_id.max(),
        completed_on=t.to_date.max(),
        day=t.charged_on.min(),
        value=t.value.max(),
        limit=t.bound_text.max(),
        by_hand=t.by_hand.cast("int64").max() == 1,
        amount_fen=t.risk_fen.sum(),
        lines=t.line_id.count(),
        listed=line_record(t).collect(),
    )
    found = found.mutate(records=with_claim(found, found.listed), point=found.point_text)
    return told(found, codes, policy, window)


def with_unreadable(found: ir.Table, hit: ir.Table, codes: Collection[str], policy: ClaimsPolicy, window: Window) -> ir.Table:
    """What a family that counts found, and the uses of items whose points it cannot count by."""
    return found.union(shown_alone(hit, codes, policy, window), distinct=False)
