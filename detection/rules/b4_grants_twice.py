"""B4 Funeral or survivors' grant twice

A funeral grant or a survivors' grant was paid more than once for one death: by two regions or schemes, or twice to one recipient. A
survivors' grant may be divided: several payments of one region to different recipients are one grant, as long as there are no more
recipients than policy allows. Recipients are told apart by the insured person or by the bank account; payments of which neither is
known count as one recipient's, and make a less sure finding. Records that were merged into one person are one death.

The money at risk is what goes beyond the largest grant: of a funeral grant all but the largest payment; of a survivors' grant all but
the payments of the region that paid most, each recipient there counting once with the largest payment.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from detection.rules.assembling import finding, key_of, record
from detection.rules.rule import Rule, Sentence
from detection.rules.tables import Tables
from models.alert import AlertSeverity
from models.detection import DetectionKind
from models.policy_rules import RulesPolicy

EXPLANATION_ZH = """
同一人死亡，丧葬补助金或抚恤金发放两次以上：由两个统筹区或险种分别发放，或同一领取人领取两次。抚恤金可以分给多人：同一统筹区向不同领
取人的多笔发放视为一份，但领取人数不得超过政策规定。领取人按参保人或银行账户区分；两者都不清楚的视为同一领取人，可信程度较低。已合并
为一人的多条记录视为同一死亡。

涉及金额为超出最大一份的部分：丧葬补助金为除最大一笔外的全部；抚恤金为发放最多的统筹区(每个领取人按其最大一笔计一次)以外的全部。
"""

SENTENCES = (
    Sentence(
        "{kind}: {grants} payments for one death, by {regions} region(s) to {recipients} recipient(s), {first_paid_on} to {last_paid_on} "
        "({r_grant}).",
        "{kind}：同一人死亡发放{grants}笔，涉及{regions}个统筹区、{recipients}个领取人，{first_paid_on}至{last_paid_on}({r_grant})。",
    ),
    Sentence("Beyond one grant: {amount} yuan.", "超出一份的金额：{amount}元。"),
    Sentence("Who received some of them is not known.", "其中部分发放的领取人不明。", when="unknown"),
)


def find(tables: Tables, policy: RulesPolicy, as_of: date) -> ir.Table:
    """One finding a person who died and kind of grant."""
    rule = policy.B4
    rows = tables.grant.filter(tables.grant.paid_on <= ibis.literal(as_of))
    several = rows.group_by("person_id", "kind").aggregate(grants=rows.id.count())
    rows = rows.semi_join(several.filter(several.grants >= 2), ["person_id", "kind"])
    known = rows.recipient_id.notnull() | (rows.account.fill_null("") != "")
    by_person = ibis.literal("person ") + rows.recipient_id.cast("string")
    recipient = rows.recipient_id.notnull().ifelse(by_person, rows.account.fill_null(""))
    rows = rows.mutate(recipient=recipient, known=known)
    whole = rows.group_by("person_id", "kind").aggregate(
        grants=rows.id.count(),
        regions=rows.region_code.nunique(),
        recipients=rows.recipient.nunique(),
        unknown=(~rows.known).cast("int64").sum(),
        total=rows.amount_fen.sum(),
        largest=rows.amount_fen.max(),
        first_paid_on=rows.paid_on.min(),
        last_paid_on=rows.paid_on.max(),
        entries=record("grant_payment", rows.id, "grant").collect(),
    )
    shares = rows.group_by("person_id", "kind", "region_code", "recipient").aggregate(share=rows.amount_fen.max())
    regions = shares.group_by("person_id", "kind", "region_code").aggregate(rightful=shares.share.sum())
    best = regions.group_by("person_id", "kind").aggregate(rightful=regions.rightful.max())
    found = whole.join(best, ["person_id", "kind"])
    survivors = found.kind == "survivor"
    # a grant that was divided among more than policy allows is looked at with nothing taken as rightful but the largest share
    divided = survivors & (found.recipients <= rule.survivor_recipients_max)
    found = found.mutate(beyond=found.total - divided.ifelse(found.rightful, found.largest))
    payments_of_one = (found.regions == 1) & (found.grants == found.recipients)
    found = found.filter(~(divided & payments_of_one))
    return finding(
        found,
        key=key_of("B4", found.person_id, found.kind),
        person_id=found.person_id,
        confidence=(found.unknown > 0).ifelse(rule.unknown_confidence, rule.confidence),
        amount_fen=found.beyond,
        facts={
            "kind": found.kind,
            "grants": found.grants,
            "regions": found.regions,
            "recipients": found.recipients,
            "unknown": found.unknown,
            "first_paid_on": found.first_paid_on,
            "last_paid_on": found.last_paid_on,
        },
        records=found.entries,
    )


RULE = Rule(
    "B4",
    DetectionKind.BENEFITS,
    AlertSeverity.VIOLATION,
    "Funeral or survivors' grant twice",
    "重复发放丧葬补助金或抚恤金",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
)
