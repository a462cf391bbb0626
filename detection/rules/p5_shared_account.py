"""P5 One account for several persons

The benefits of two or more insured persons are paid into one bank account. That is allowed between spouses, guardian and ward, parent
and child, when the relation is on record: an account is explained if one of its persons has such a relation to each of the others, and
there are no more persons than policy allows. Every other person of an account is named, with all benefits that are paid into it. An
account that very many persons share (policy) is looked at as such, in one finding about the account: a village's treasurer, a home for
the elderly, an agent.

Only benefits that were paid in the last months (policy) count; records that were merged into one person count as one. The money at risk
is what the person was paid into the account in those months; of an account shared by very many, what all were paid, and its region is
the first of theirs by code.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection import months
from detection.rules.assembling import finding, key_of, paid, record
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
两名及以上参保人的待遇发入同一银行账户。有登记关系的配偶、监护人与被监护人、父母子女之间允许：若账户中有一人与其余每个人都有此类关系，
且人数不超过政策规定，则视为已说明。否则账户中的每个人各提示一次，并列出发入该账户的全部待遇。人数达到政策规定的共用账户(如村代办、
养老机构、代理人)，作为账户本身提示一次。

只计算政策规定的最近若干个月内有发放的待遇；已合并为一人的多条记录按一人计。涉及金额为本人在这些月份发入该账户的金额；多人共用账户为
全部人员的金额。
"""

SENTENCES = (
    Sentence(
        "One account is paid for {persons} persons, {related} of whom have a relation on record with this one ({r_own}; {r_shared}).",
        "同一账户发放{persons}人的待遇，其中{related}人与本人有登记关系({r_own}；{r_shared})。",
        when="few",
    ),
    Sentence(
        "One account is paid for {persons} persons ({r_shared}).",
        "同一账户发放{persons}人的待遇({r_shared})。",
        when="many",
    ),
    Sentence(
        "Paid into it, {from_month} to {to_month}, in {months} month(s): {amount} yuan.",
        "{from_month}至{to_month}的{months}个月中发入该账户共{amount}元。",
    ),
)

_ALLOWED = ("spouse", "guardian", "parent")
_HANDLE = 16


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person and account; one an account of very many."""
    rule = policy.P5
    own = _paid_into(tables, rule.months, as_of)
    accounts = own.group_by("account").aggregate(persons=own.person_id.nunique())
    shared = own.join(accounts.filter(accounts.persons >= 2), "account")
    few, many = shared.filter(shared.persons < rule.many), shared.filter(shared.persons >= rule.many)
    return _few(tables, few, rule.family_max, rule.few_confidence, as_of).union(_many(many, rule.many_confidence), distinct=False)


def _paid_into(tables: Tables, back: int, as_of: date) -> ir.Table:
    """One row a benefit with an account that somebody else may share, and was paid lately: account, person_id, benefit_id and its sums."""
    benefit = tables.benefit.filter(tables.benefit.account.notnull() & (tables.benefit.account != ""))
    persons = benefit.group_by("account").aggregate(anybody=benefit.person_id.nunique())
    benefit = benefit.semi_join(persons.filter(persons.anybody >= 2), "account")
    first = months.first_day(months.month_number(as_of) - back + 1)
    windows = benefit.select(
        window=benefit.id, benefit_id=benefit.id, from_month=ibis.literal(first), to_month=ibis.literal(months.OPEN_END)
    )
    rows = paid(tables, windows, as_of)
    of = benefit.select("account", "person_id", "region_code", owned=benefit.id)
    columns = ("account", "person_id", "region_code", "benefit_id", "month", "amount_fen")
    return rows.join(of, [("benefit_id", "owned")]).select(*columns)


def _few(tables: Tables, own: ir.Table, family_max: int, confidence: float, as_of: date) -> ir.Table:
    members = own.select("account", "person_id", "persons").distinct()
    degrees = _related(tables, members, as_of)
    explained = degrees.group_by("account").aggregate(most=degrees.related.max(), persons=degrees.persons.max())
    explained = explained.filter((explained.most == explained.persons - 1) & (explained.persons <= family_max))
    left = degrees.anti_join(explained, "account")
    sums = own.group_by("account", "person_id").aggregate(
        from_month=own.month.min(), to_month=own.month.max(), months=own.month.nunique(), amount_fen=own.amount_fen.sum()
    )
    benefits = own.select("account", "person_id", "benefit_id").distinct()
    others = benefits.view()
    pairs = (
        benefits.select("account", "person_id")
        .distinct()
        .join(others, "account")
        .select("account", "person_id", owner=others.person_id, benefit_id=others.benefit_id)
    )
    listed = pairs.mutate(
        entry=(pairs.owner == pairs.person_id).ifelse(
            record("benefit", pairs.benefit_id, "own"), record("benefit", pairs.benefit_id, "shared")
        )
    )
    listed = listed.group_by("account", "person_id").aggregate(entries=listed.entry.collect())
    found = left.join(sums, ["account", "person_id"]).join(listed, ["account", "person_id"])
    return finding(
        found,
        key=key_of("P5", found.person_id, found.account.substr(0, _HANDLE)),
        person_id=found.person_id,
        confidence=confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={"persons": found.persons, "related": found.related, "few": ibis.literal(True), "many": ibis.literal(False)},
        records=found.entries,
    )


def _related(tables: Tables, members: ir.Table, as_of: date) -> ir.Table:
    """The members with ``related``: to how many others of the account each has an allowed relation on the day."""
    rows = tables.relation
    today = ibis.literal(as_of)
    rows = rows.filter(rows.kind.isin(_ALLOWED) & (rows.since.fill_null(today) <= today) & (rows.until.fill_null(today) >= today))
    both = rows.select("person_id", "other_id").union(rows.select(person_id=rows.other_id, other_id=rows.person_id), distinct=True)
    others = members.view()
    pairs = members.join(both, "person_id").join(others, [("account", "account"), ("other_id", "person_id")], rname="{name}_of_other")
    known = pairs.group_by("account", "person_id").aggregate(related=pairs.other_id.nunique())
    degrees = members.left_join(known, ["account", "person_id"], rname="{name}_known")
    return degrees.select("account", "person_id", "persons", related=degrees.related.fill_null(0))


def _many(own: ir.Table, confidence: float) -> ir.Table:
    once = own.select("account", "benefit_id").distinct()
    listed = once.group_by("account").aggregate(entries=record("benefit", once.benefit_id, "shared").collect())
    sums = own.group_by("account").aggregate(
        persons=own.persons.max(),
        region_code=own.region_code.min(),
        from_month=own.month.min(),
        to_month=own.month.max(),
        months=own.month.nunique(),
        amount_fen=own.amount_fen.sum(),
    )
    found = sums.join(listed, "account")
    handle = found.account.substr(0, _HANDLE)
    return finding(
        found,
        key=key_of("P5", "account", handle),
        subject_ref=ibis.literal("account:") + handle,
        region_code=found.region_code,
        confidence=confidence,
        from_month=found.from_month,
        to_month=found.to_month,
        count=found.months,
        amount_fen=found.amount_fen,
        facts={
            "persons": found.persons,
            "related": ibis.literal(0, type="int64"),
            "few": ibis.literal(False),
            "many": ibis.literal(True),
        },
        records=found.entries,
    )


RULE = Rule(
    "P5",
    DetectionKind.PAYMENTS,
    AlertSeverity.SUSPICION,
    "One account for several persons",
    "一户多人",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
