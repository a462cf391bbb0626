"""H13 Card misuse

Somebody was treated, or claims to have treated, who cannot have been this person. Each sign of it is a finding of its own:

Two institutions settled for the person within the minutes that policy allows. A settlement of which only the day is known is left out;
if one of the two is a pharmacy, it may be the one beside the hospital, and if the two lie in different counties, it is surer. The
institution's own identity check failed or was skipped. This service's identity check at that institution, on a day of the visit or stay,
saw another face.

The visit or stay began after the day of death, by the earliest death record that is strong enough; or a stay that began in life has
charges after the death, beyond the days that booking may take. That a stay is settled after the death is no sign. The visit or stay lies
strictly inside a custody. A journey or a visit to a counter lies strictly inside a stay.

The money at risk is what the fund paid for the claim; for charges after death, these charges. If a person left traces of life after a
recorded death, rule P7 asks whether the death record is wrong; look at that first.
"""

from __future__ import annotations

import functools

import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Window
from detection.claims.rules.h13_signs import FACTS, SIGNS
from detection.claims.stays import claim_entry
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
就诊者不可能是参保人本人，或就诊并未发生。每一种迹象单独提示：

两家机构在政策规定的分钟数内先后为同一人结算。只知日期、不知时刻的结算不检查；其中一家为药店的，可能是医院旁的药店；两家位于不同县区
的，可信程度更高。医疗机构上报的身份核验未通过或被跳过。本系统在该机构、就诊或住院当日的身份核验结果为他人面孔。

就诊或住院始于死亡日期之后(取强度足够的最早死亡记录)；或生前开始的住院在死亡之后仍有计费，超出允许的补记天数。住院费用在死亡之后结算不
属迹象。就诊或住院完全处于羁押期间。住院期间(不含首尾日)有出行或到窗口办事的记录。

涉及金额为该次基金支付金额；死亡后计费的，为这些费用。若死亡登记之后另有生存线索，规则P7会提示死亡记录可能有误，请先核查死亡记录。
"""

SENTENCES = (
    Sentence(
        "Settled at another institution {minutes} minute(s) after an earlier settlement ({r_claim}; {r_other}).",
        "在另一机构结算后{minutes}分钟又在本机构结算({r_claim}；{r_other})。",
    ),
    Sentence("The two lie in different counties.", "两家机构位于不同县区。", when="far"),
    Sentence("The identity check of the institution: {check} ({r_claim}).", "医疗机构身份核验：{check}({r_claim})。", when="check"),
    Sentence(
        "On {checked_on} the identity check there saw another face ({r_claim}; {r_check}).",
        "{checked_on}在该机构身份核验为他人面孔({r_claim}；{r_check})。",
        when="checked_on",
    ),
    Sentence("Death on {died_on} (source: {source}; {r_death}); {r_claim}.", "死亡日期{died_on}(来源：{source}；{r_death})；{r_claim}。"),
    Sentence(
        "{charges_after} charge(s) later than the death ({r_line}).", "死亡之后计费{charges_after}条({r_line})。", when="charges_after"
    ),
    Sentence("In custody since {custody_from} ({r_custody}); {r_claim}.", "自{custody_from}起羁押({r_custody})；{r_claim}。"),
    Sentence(
        "{traces} trace(s) elsewhere during the stay, the first on {trace_on} ({r_trace}); {r_claim}.",
        "住院期间有{traces}条在他处的线索，最早{trace_on}({r_trace})；{r_claim}。",
        when="traces",
    ),
    Sentence("At risk: {amount} yuan.", "涉及金额{amount}元。"),
)


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a claim and sign."""
    parts = [sign(tables, policy.H13, window) for sign in SIGNS]
    found = functools.reduce(lambda one, other: one.union(other, distinct=False), parts)
    return claim_finding(
        found,
        key=key_of("H13", found.sign, found.claim_id),
        person_id=found.person_id,
        completed_on=found.to_date,
        first_on=found.from_date,
        confidence=found.confidence,
        amount_fen=found.amount_fen,
        facts={name: found[name] for name in FACTS},
        records=records(claim_entry(found.claim_id)).concat(found.entries),
        severity=found.severity,
    )


RULE = ClaimRule(
    "H13",
    AlertSeverity.WARNING,
    "Card misuse",
    "冒用或盗刷医保凭证",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    needs=("claim",),
)
