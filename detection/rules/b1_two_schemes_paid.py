"""B1 Employee and resident pension paid at once

Somebody is paid an employee pension and a resident pension for the same month. Whoever draws the employee pension has no resident
relation any more: the relation ends, the balance of the personal account is refunded, and the basic pension that was paid meanwhile is
reclaimed or set off. The first months of both (policy: one) are left out, because they are set off when the employee pension begins.

The money at risk is what was paid as resident pension for the other months with both. A month counts once, whatever the number of
benefits.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection.rules.assembling import finding, key_of
from detection.rules.pensions import of_schemes, paid_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一月份既发放职工养老金又发放居民养老金。已领取职工养老金的，应终止居民养老保险关系，退还个人账户余额，其间领取的居民基础养老金应退
还或抵扣。最初若干个重复月份(政策规定：一个月)不计，因为职工养老金起领时予以抵扣。

涉及金额为其余重复月份发放的居民养老金。同一月份不论待遇项数只计一次。
"""

SENTENCES = (
    Sentence(
        "{scheme} and {other_scheme} were both paid for {months} month(s), {from_month} to {to_month}, not counting "
        "{offset_months} that may be set off ({r_paid}; {r_other_paid}).",
        "{from_month}至{to_month}的{months}个月同时发放{scheme}和{other_scheme}待遇，不含可抵扣的{offset_months}个月({r_paid}；{r_other_paid})。",
    ),
    Sentence("The resident pension of these months: {amount} yuan.", "其间发放的居民养老金共{amount}元。"),
)

_EMPLOYEE, _RESIDENT = "employee_pension", "resident_pension"


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person."""
    rule = policy.B1
    benefit = of_schemes(tables, (_EMPLOYEE, _RESIDENT))
    schemes = benefit.group_by("person_id").aggregate(schemes=benefit.scheme.nunique())
    rows = paid_of(tables, benefit.semi_join(schemes.filter(schemes.schemes == 2), "person_id"), as_of)
    resident = rows.scheme == _RESIDENT
    each = rows.group_by("person_id", "month").aggregate(
        schemes=rows.scheme.nunique(), resident_fen=rows.amount_fen.sum(where=resident).fill_null(0)
    )
    both = each.filter(each.schemes == 2)
    place = ibis.row_number().over(ibis.window(group_by=both.person_id, order_by=both.month))
    both = both.mutate(place=place)
    both = both.filter(both.place >= rule.offset_months)
    sums = both.group_by("person_id").aggregate(
        from_month=both.month.min(), to_month=both.month.max(), months=both.month.nunique(), amount_fen=both.resident_fen.sum()
    )
    listed = rows.join(both.select("person_id", "month"), ["person_id", "month"])
    entry = ibis.struct(
        {
            "kind": listed.record["kind"],
            "id": listed.record["id"],
            "role": (listed.scheme == _RESIDENT).ifelse(ibis.literal("paid"), ibis.literal("other_paid")),
        }
    )
    entries = listed.mutate(entry=entry).group_by("person_id").aggregate(entries=lambda t: t.entry.collect())
    found = sums.join(entries, "person_id")
    return finding(
        found,
        key=key_of("B1", found.person_id),
        person_id=found.person_id,
        confidence=rule.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={"scheme": _EMPLOYEE, "other_scheme": _RESIDENT, "offset_months": rule.offset_months},
        records=found.entries,
    )


RULE = Rule(
    "B1",
    DetectionKind.BENEFITS,
    AlertSeverity.VIOLATION,
    "Employee and resident pension paid at once",
    "重复领取职工养老金与居民养老金",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
