"""Too many purchases at pharmacies, too many stays, and stays in which nobody was treated."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.knowledge.charges import charges
from detection.knowledge.families.family import Family, told
from detection.knowledge.families.row_tests import MARK
from detection.knowledge.hits import all_codes
from detection.rules.assembling import record
from detection.rules.rule import Sentence
from models.policy_claims import ClaimsPolicy

ENGLISH = """
Purchases at pharmacies and stays are counted within so many days before each (policy). Each one with which the number is reached or passed
is named, with those that it is counted with. Stays that come again by plan do not count: chemo- and radiotherapy, dialysis, rehabilitation,
cancer, births.

A stay without need is one whose bill is mostly examinations and laboratory, with next to no treatment, surgery, drugs or material
(policy). Deaths, transfers and planned stays are left out, and stays without lines. The money at risk is what the fund paid for the
purchase or stay that reached the number, or for the stay without need.
"""

CHINESE = """
对每次药店购药和住院，统计此前政策规定天数内的次数。次数达到或超过规定的，逐次提示，并列出一并计算的就诊。计划性住院不计入：放化疗、透析、
康复、恶性肿瘤、分娩。

费用主要为检查化验、几乎没有治疗、手术、药品和耗材的住院(比例由政策规定)，视为低标准入院。死亡、转院、计划性住院及没有明细的除外。涉及金额为使次数达到规定的
一次就诊或该次住院的基金支付金额。
"""

SENTENCES = (
    Sentence(
        "{counted} within {limit} days, the last on {day} ({r_claim}).", "{limit}日内{counted}次，最近一次{day}({r_claim})。", when="limit"
    ),
    Sentence("Examinations and laboratory: {counted} of the bill ({r_claim}).", "检查化验占总费用{counted}({r_claim})。", when="value"),
    Sentence("Allowed: fewer than {allowed}.", "允许：少于{allowed}。", when="allowed"),
)

PURCHASES, STAYS, NO_NEED = "GZ10000204003000", "GZ10000204004000", "GZ10000204005000"
CODES = (PURCHASES, STAYS, NO_NEED)
_DAY_SECONDS = 86_400
_SHAPE = (
    "rule_code",
    "claim_id",
    "subject",
    "person_id",
    "completed_on",
    "first_on",
    "day",
    "counted",
    "allowed",
    "limit",
    "value",
    "amount_fen",
    "records",
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim that reaches the number, one a stay without need."""
    often = policy.national.visits
    claim = tables.claim
    bought = _reached(claim.filter(claim.setting == "pharmacy"), PURCHASES, often.purchases, often.purchase_days)
    stays = _unplanned(tables, policy)
    stayed = _reached(stays, STAYS, often.stays, often.stay_days)
    found = bought.union(stayed, distinct=False).union(_without_need(tables, stays, policy), distinct=False)
    return told(found.mutate(by_hand=ibis.literal(False)), CODES, policy, window)


def _unplanned(tables: ClaimTables, policy: ClaimsPolicy) -> ir.Table:
    stay = tables.claim.filter(tables.claim.setting == "inpatient")
    codes = all_codes(stay)
    planned = ibis.literal(False)
    for beginning in policy.national.visits.planned:
        planned = planned | codes.contains(MARK + beginning)
    return stay.filter(~planned)


def _shaped(t: ir.Table) -> ir.Table:
    kinds = {
        "claim_id": "int64",
        "person_id": "int64",
        "completed_on": "date",
        "first_on": "date",
        "day": "date",
        "counted": "float64",
        "allowed": "float64",
        "limit": "string",
        "value": "string",
        "amount_fen": "int64",
    }
    return t.mutate(**{name: (t[name] if name in t.columns else ibis.literal(None)).cast(kind) for name, kind in kinds.items()}).select(
        *_SHAPE
    )


def _reached(claim: ir.Table, code: str, number: int, days: int) -> ir.Table:
    """Claims with which a person has so many, or more, within so many days."""
    t = claim.select("person_id", "to_date", "fund_fen", claim_id="id", at=claim.to_date.epoch_seconds() // _DAY_SECONDS)
    person = ibis.window(group_by=t.person_id, order_by=[t["at"], t.claim_id])
    t = t.mutate(first_at=t["at"].lag(number - 1).over(person))
    reached = t.filter(t["at"] - t.first_at < days)
    listed = t.select(of_person="person_id", other="claim_id", other_at="at", other_on="to_date")
    both = reached.join(listed, reached.person_id == listed.of_person)
    both = both.filter(
        (both["at"] - both.other_at < days)
        & ((both.other_at < both["at"]) | ((both.other_at == both["at"]) & (both.other <= both.claim_id)))
    )
    found = both.group_by("claim_id").aggregate(
        person_id=both.person_id.max(),
        completed_on=both.to_date.max(),
        first_on=both.other_on.min(),
        day=both.to_date.max(),
        counted=both.other.count(),
        amount_fen=both.fund_fen.max(),
        records=record("claim", both.other, "claim").collect(),
    )
    return _shaped(
        found.mutate(
            rule_code=ibis.literal(code), subject=ibis.literal("often"), allowed=ibis.literal(number), limit=ibis.literal(str(days))
        )
    )


def _without_need(tables: ClaimTables, stays: ir.Table, policy: ClaimsPolicy) -> ir.Table:
    shares = policy.national.admission
    stay = stays.filter(~stays.discharge_way.fill_null("home").isin(["died", "transfer"]) & ~stays.transferred_in.fill_null(False))
    stay = stay.select("person_id", "to_date", "fund_fen", of_claim="id")
    sums = charges(tables)
    t = sums.join(stay, sums.claim_id == stay.of_claim)
    t = t.filter(t.lines_fen > 0)
    treated = t.treatment_fen + t.surgery_fen + t.western_drug_fen + t.patent_drug_fen + t.herb_fen + t.material_fen
    t = t.mutate(counted=((t.examination_fen + t.laboratory_fen) / t.lines_fen).round(3), treated=treated / t.lines_fen)
    t = t.filter((t.counted >= shares.examined_share) & (t.treated <= shares.treated_share))
    return _shaped(
        t.mutate(
            rule_code=ibis.literal(NO_NEED),
            subject=ibis.literal("stay"),
            completed_on=t.to_date,
            first_on=t.to_date,
            value=ibis.literal("examined"),
            allowed=ibis.literal(shares.examined_share),
            amount_fen=t.fund_fen,
            records=ibis.array([record("claim", t.claim_id, "claim")]),
        )
    )


FAMILY = Family("visits", CODES, ENGLISH, CHINESE, SENTENCES, find, needs=("claim.setting",))
