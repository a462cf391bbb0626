"""P4 Overdue and still paid

A person whose certification is overdue, or who never certified though the first one was due, is still paid after the month from which a
pause could have counted: the due day, the days of grace (for outreach and a second person's signature, policy), and the months ahead
that a pause takes to count. Nothing is stopped by this: it says where outreach and the decision on a pause are late. Who certifies
meanwhile is paid on, with arrears, and the finding goes away.

The money at risk is what was paid from that month on.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding, key_of, paid, sums_of
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
资格认证已逾期(或首次认证到期后从未认证)的人员，在暂停本可生效的月份之后仍在发放：认证到期日，加政策规定的宽限天数(用于催办和复核签
字)，再加暂停生效所需的月数。本规则不停发任何待遇，只指出催办和暂停决定滞后之处。人员完成认证后待遇照发并补发，本线索随之消失。

涉及金额为自该月起实际发放的金额。
"""

SENTENCES = (
    Sentence(
        "Certification was due on {due_on}; the person is {state}. A pause could have counted from {pause_month}.",
        "认证到期日{due_on}，目前{state}。暂停最早可自{pause_month}生效。",
    ),
    Sentence(
        "{attempts} outreach attempt(s), the last on {last_attempt_on}.", "已催办{attempts}次，最近一次{last_attempt_on}。", when="attempts"
    ),
    Sentence("No outreach attempt is on record.", "没有催办记录。", when="unreached"),
    Sentence(
        "Paid since for {months} month(s), {from_month} to {to_month}: {amount} yuan ({r_paid}).",
        "此后发放{months}个月({from_month}至{to_month})，共{amount}元({r_paid})。",
    ),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person and due day."""
    rule = policy.P4
    status = tables.status.filter(tables.status.state.isin(["overdue", "never_certified"]) & tables.status.due_on.notnull())
    signed = months.plus_days(status.due_on, rule.grace_days)
    late = status.select("person_id", "state", "due_on", pause_month=months.day_of(months.number_of(signed) + rule.months_ahead))
    late = late.filter(late.pause_month <= ibis.literal(as_of))
    benefit = tables.benefit.select("person_id", benefit_id=tables.benefit.id)
    windows = late.join(benefit, "person_id").select(
        "benefit_id", window=late.person_id, from_month=late.pause_month, to_month=months.OPEN_END
    )
    tried = tables.outreach.select("attempts", "last_attempt_on", reached=tables.outreach.person_id)
    found = sums_of(paid(tables, windows, as_of)).join(late, [("window", "person_id")]).left_join(tried, [("person_id", "reached")])
    attempts = found.attempts.fill_null(0)
    return finding(
        found,
        key=key_of("P4", found.person_id, found.due_on.strftime("%Y-%m-%d")),
        person_id=found.person_id,
        confidence=rule.confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={
            "state": found.state,
            "due_on": found.due_on,
            "pause_month": found.pause_month,
            "attempts": attempts,
            "last_attempt_on": found.last_attempt_on,
            "unreached": attempts == 0,
        },
        records=found.paid_records,
    )


RULE = Rule(
    "P4",
    DetectionKind.PAYMENTS,
    AlertSeverity.WARNING,
    "Overdue and still paid",
    "逾期未认证仍发放",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
