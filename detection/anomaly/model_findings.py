"""What a live model finds in a month, as findings: above the policy's percentile, each with its reasons and the claims behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np

from detection import months
from detection.anomaly.entities import Entities
from detection.anomaly.explanation import Reason, reasons_of, with_claims
from detection.anomaly.feature import EntityFeatures
from detection.anomaly.peers import Compared
from detection.anomaly.scoring import Scored
from detection.claims.findings import CLAIM
from detection.compute import Compute
from detection.findings import Finding, Record
from models.alert import AlertSeverity
from models.anomaly_model import EntityKind, ModelKind
from models.detection import SubjectKind
from models.policy_anomaly_store import AnomalyStorePolicy

CODES: Mapping[EntityKind, str] = {
    EntityKind.HOSPITAL: "M-HOSPITAL",
    EntityKind.DEPARTMENT: "M-DEPARTMENT",
    EntityKind.DOCTOR: "M-DOCTOR",
    EntityKind.PERSON: "M-PERSON",
}
"""Codes of the findings of models."""
BEHIND = "behind"
MEASURED = frozenset({"confidence", "percentile", "probability", "peers", "reasons", "model", "version"})
"""A late claim, or the next version of a model, moves these a little; only other claims behind make another finding."""
KEY_MOST, REF_MOST = 120, 100
_SUBJECTS = {
    EntityKind.HOSPITAL: SubjectKind.HOSPITAL,
    EntityKind.DEPARTMENT: SubjectKind.HOSPITAL,
    EntityKind.DOCTOR: SubjectKind.DOCTOR,
    EntityKind.PERSON: SubjectKind.PERSON,
}


@dataclass(frozen=True)
class OfModel:
    """Which model speaks. id: its public id."""

    id: str
    kind: ModelKind
    version: int


@dataclass(frozen=True)
class Month:
    """The entities of one kind in one month, beside their peers. measures: the claims of the month."""

    month: date
    about: EntityFeatures
    entities: Entities
    compared: Compared
    measures: ir.Table


def findings(model: OfModel, of: Month, scored: Scored, compute: Compute, policy: AnomalyStorePolicy) -> list[Finding]:
    """The findings of a model in a month, the greatest first."""
    above = scored.percentile >= getattr(policy.alert_percentile, of.about.kind.value)
    order = [int(place) for place in np.argsort(-scored.score, kind="stable") if above[place]][: policy.findings_most]
    plain = {of.entities.ref[place]: reasons_of(place, of.entities, of.compared, of.about.features, policy) for place in order}
    told, named = with_claims(plain, of.about, of.measures, compute, policy)
    found = []
    for place in order:
        ref = of.entities.ref[place]
        claims = named.get(ref, {})
        amount = sum(claim.fund_fen for claim in claims.values())
        found.append(_finding(model, of, scored, place, told[ref], sorted(claims), amount, policy))
    return found


def _finding(
    model: OfModel,
    of: Month,
    scored: Scored,
    place: int,
    reasons: Sequence[Reason],
    claims: Sequence[int],
    amount_fen: int,
    policy: AnomalyStorePolicy,
) -> Finding:
    kind, entities = of.about.kind, of.entities
    person = kind is EntityKind.PERSON
    facts = {
        "model": model.id,
        "version": model.version,
        "kind": model.kind.value,
        "percentile": round(float(scored.percentile[place]), 4),
        "peer_group": str(of.compared.group[place]),
        "peers": int(of.compared.peers[place]),
        "reasons": [reason.plain() for reason in reasons],
    }
    confidence = policy.confidence
    if scored.probability is not None:
        confidence = round(float(scored.probability[place]), 4)
        facts["probability"] = confidence
    if kind is EntityKind.DEPARTMENT:
        facts["department"] = str(entities.department[place])
    subject = None if person else (entities.institution[place] if kind is EntityKind.DEPARTMENT else entities.ref[place])[:REF_MOST]
    return Finding(
        code=CODES[kind],
        key=_key(kind, model.kind, of.month, entities.ref[place]),
        region_code=str(entities.region_code[place]),
        severity=AlertSeverity.SUSPICION,
        confidence=confidence,
        person_id=int(entities.person_id[place]) if person else None,
        subject_kind=_SUBJECTS[kind],
        subject_ref=subject,
        from_month=of.month,
        to_month=of.month,
        months=1,
        amount_fen=amount_fen,
        facts=facts,
        records=tuple(Record(CLAIM, claim, BEHIND) for claim in claims),
        measured=MEASURED,
        completed_on=months.month_after(of.month) - timedelta(days=1),
    )


def _key(kind: EntityKind, model: ModelKind, month: date, ref: str) -> str:
    """The same entity, month and kind of model are the same finding, whichever version says it."""
    key = f"{CODES[kind]}:{model.value[0]}:{month:%Y-%m}:{ref}"
    return key if len(key) <= KEY_MOST else f"{key[:80]}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
