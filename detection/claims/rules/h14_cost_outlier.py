"""H14 Cost outlier

A stay cost far more than the stays of the same diagnosis group at institutions of the same level. The group is the category of the
principal diagnosis (three characters of ICD-10). Costs are compared as logarithms, by the median and the median absolute deviation of the
group, so that a few dear stays do not hide each other; the scaled distance is the robust z. All stays that the run reads are peers. Groups
with fewer peers than policy says are left alone, and cheap stays are no finding.

The finding is about the institution. A grave case costs more for good reasons: this tells where to look first. The money at risk is the
part that the fund paid above the bound.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.claims.assembling import claim_finding
from detection.claims.rule import ClaimRule, Scope, Window
from detection.claims.stays import claim_entry, completed, group_of, stays
from detection.claims.tables import ClaimTables
from detection.rules.assembling import key_of, records
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.detection import SubjectKind
from models.policy_claims import ClaimsPolicy

EXPLANATION_ZH = """
某次住院费用远高于同级别机构同类诊断的住院。诊断分组取主要诊断类目(ICD-10前三位)。费用取对数后，以组内中位数和绝对中位差比较，少数高额
病例不会互相掩盖；换算后的距离为稳健z值。本次运行读取的全部住院均为同类。同类数量少于政策规定的分组不检查，费用偏低不提示。

提示对象为医疗机构。重症费用高有正当原因，本规则仅指出优先核查之处。涉及金额为超出界限部分中的基金支付金额。
"""

SENTENCES = (
    Sentence(
        "The stay cost {cost} yuan; the median of {peers} stays with diagnosis group {diagnosis} at this level is {median} yuan, "
        "robust z {z} ({r_claim}).",
        "该次住院费用{cost}元；同级别机构诊断{diagnosis}的{peers}次住院中位数{median}元，稳健z值{z}({r_claim})。",
    ),
    Sentence("Paid by the fund above the bound: {amount} yuan.", "超出界限部分基金支付{amount}元。"),
)

_NORMAL = 1.4826
"""Of the median absolute deviation to the standard deviation of normal data."""
_FEN = 100


def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
    """One finding a stay."""
    rule = policy.H14
    claim = stays(tables.claim)
    claim = claim.filter((claim.total_fen > 0) & claim.principal_diagnosis.notnull())
    place = tables.institution.select("level", "code", institution="id")
    claim = claim.mutate(diagnosis=group_of(claim.principal_diagnosis), cost=claim.total_fen.cast("float64").log())
    every = claim.join(place, [claim.institution_id == place.institution])
    every = every.select("id", "from_date", "to_date", "total_fen", "fund_fen", "level", "code", "diagnosis", "cost")
    keys = ["diagnosis", "level"]
    middle = every.group_by(*keys).aggregate(middle=every.cost.median(), peers=every.count())
    middle = middle.filter(middle.peers >= rule.peers_min)
    near = every.join(middle, keys).select(*keys, "cost", "middle", "peers")
    spread = near.group_by(*keys).aggregate(
        middle=near.middle.min(), peers=near.peers.min(), spread=(near.cost - near.middle).abs().median()
    )
    spread = spread.mutate(spread=ibis.greatest(spread.spread * _NORMAL, rule.spread_min))
    found = completed(every, window).join(spread, keys)
    found = found.mutate(z=(found.cost - found.middle) / found.spread)
    found = found.filter(found.z >= rule.z_min)
    bound = (found.middle + found.spread * rule.z_min - found.cost).exp()
    return claim_finding(
        found,
        key=key_of("H14", found.id),
        subject_kind=SubjectKind.HOSPITAL,
        subject_ref=found.code,
        completed_on=found.to_date,
        first_on=found.from_date,
        confidence=rule.confidence,
        amount_fen=(found.fund_fen * (1.0 - bound) + 0.5).floor().cast("int64"),
        facts={
            "diagnosis": found.diagnosis,
            "level": found.level,
            "peers": found.peers,
            "cost": found.total_fen // _FEN,
            "median": (found.middle.exp() / _FEN + 0.5).floor().cast("int64"),
            "z": (found.z * 10 + 0.5).floor() / 10,
        },
        records=records(claim_entry(found.id)),
    )


RULE = ClaimRule(
    "H14",
    AlertSeverity.SUSPICION,
    "Cost outlier",
    "费用异常偏高",
    __doc__ or "",
    EXPLANATION_ZH,
    SENTENCES,
    find,
    scope=Scope.INSTITUTION,
    needs=("claim.principal_diagnosis",),
)
