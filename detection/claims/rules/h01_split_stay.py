"""H1 Split stay

One illness was settled as two stays: the person was discharged and admitted again within the days that policy allows, with a principal
diagnosis of the same category (the first three characters of ICD-10). The rule names each readmission with the stays before it. The same
institution is what the national rule 分解住院 is about; another institution is found too, less surely.

Planned cycles are left out: chemotherapy, radiotherapy, dialysis and palliative care, by any diagnosis or procedure of the readmission;
diseases of a list that bring people back; a stay that ended with a transfer, and one that began with it. Stays on the same boundary day
are looked at; stays that overlap belong to H3. The money at risk is what the fund paid for the readmission. A long stay that is settled
in parts, as at the end of a year, looks the same: the claim does not tell.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.stays import any_begins, begins, claim_entry, completed, day, diagnosed, group_of, stays
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
同一疾病被分解为两次住院结算：出院后在政策规定的天数内再次入院，且主要诊断属同一类目(ICD-10前三位)。本规则对每一次再入院提示一次，并列
出此前的住院。国家规则“分解住院”针对同一医疗机构；不同机构之间也会提示，但可信程度较低。

下列情形除外：再入院的任一诊断或手术操作为化疗、放疗、透析、安宁疗护等计划性周期治疗；政策清单中的慢性病；前一次以转院、转社区结束，或
本次为转入。出院当日再入院也计算；住院期间重叠的归规则H3。涉及金额为再入院的基金支付金额。跨年度等中途结算的长期住院表现相同，结算单上
无法区分。
"""

SENTENCES = (
    Sentence(
        "Admitted on {admitted_on}, {gap_days} day(s) after the discharge on {discharged_on}, with the same diagnosis group {diagnosis} "
        "({r_claim}; {r_other}).",
        "{discharged_on}出院后{gap_days}天，于{admitted_on}以同类诊断{diagnosis}再次入院({r_claim}；{r_other})。",
    ),
    Sentence("It is the same institution.", "为同一医疗机构。", when="same_institution"),
    Sentence("Paid by the fund for the readmission: {amount} yuan.", "再入院基金支付{amount}元。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a readmission."""
    rule = policy.H1
    every = stays(tables.claim)
    every = every.filter(every.principal_diagnosis.notnull() & ~begins(every.principal_diagnosis, rule.chronic))
    again = completed(every, window)
    again = again.filter(~again.transferred_in.fill_null(False)).mutate(diagnosis=group_of(again.principal_diagnosis))
    before = every.filter(~every.discharge_way.fill_null("").isin([way.value for way in rule.moved]))
    before = before.select(
        "person_id",
        diagnosis=group_of(before.principal_diagnosis),
        other_id=before.id,
        other_institution=before.institution_id,
        other_from=before.from_date,
        other_to=before.to_date,
    )
    pairs = again.join(before, ["person_id", "diagnosis"])
    gap = day(pairs.from_date) - day(pairs.other_to)
    # of two stays of one same day the one that was known first is the earlier
    earlier = (pairs.other_from < pairs.from_date) | ((pairs.other_from == pairs.from_date) & (pairs.other_id < pairs.id))
    pairs = pairs.filter((pairs.other_id != pairs.id) & gap.between(0, rule.days_max) & earlier)
    planned = diagnosed(pairs, rule.exempt_diagnoses) | any_begins(pairs.procedures, rule.exempt_procedures)
    found = pairs.group_by("id", "person_id", "from_date", "to_date", "fund_fen", "diagnosis").aggregate(
        discharged_on=pairs.other_to.max(),
        first_on=pairs.other_from.min(),
        same_institution=(pairs.institution_id == pairs.other_institution).any(),
        # as an aggregate, so that the lists are read of the few that are left
        planned=planned.any(),
        others=claim_entry(pairs.other_id, "other").collect(),
    )
    found = found.filter(~found.planned)
    return claim_finding(
        found,
        key=key_of("H1", found.id),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.first_on,
        confidence=ibis.ifelse(found.same_institution, rule.same_confidence, rule.confidence),
        amount_fen=found.fund_fen,
        facts={
            "diagnosis": found.diagnosis,
            "admitted_on": found.from_date,
            "discharged_on": found.discharged_on,
            "gap_days": day(found.from_date) - day(found.discharged_on),
            "same_institution": found.same_institution,
        },
        records=records(claim_entry(found.id)).concat(found.others),
    )


RULE = ClaimRule(
    "H1",
    AlertSeverity.WARNING,
    "Split stay",
    "分解住院",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    official=("GZ10000204001000",),
    needs=("claim.principal_diagnosis",),
)
