"""How high anomaly models without labels rank the hospitals and doctors that a generated province has inflate their claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.claims_run import tables_of, window_of
from benchmarks.claims_score import Labels
from detection import months
from detection.anomaly import features as measured
from detection.anomaly.claim_measures import Span
from detection.anomaly.entities import compare_by_month, read_entities
from detection.anomaly.scoring import score
from detection.anomaly.training import train_unsupervised
from detection.compute import Compute
from models.anomaly_model import EntityKind
from models.policy import RecordsPolicy

CODES = {EntityKind.HOSPITAL: "M-HOSPITAL", EntityKind.DOCTOR: "M-DOCTOR"}


def ranked(compute: Compute, folder: Path, policy: RecordsPolicy, labels: Labels) -> dict[str, Any]:
    """For each kind: entities, bad ones among them, area under the curve, average precision, and bad ones among the first so many.

    Hospitals of a case of statistics (rules 56 to 63) are bad as well: they are made to stand out.
    """
    window, store = window_of(folder), policy.anomaly.store
    span = Span(months.month_of(window.from_date), months.month_of(window.to_date))
    measures = measured.prepare(compute, tables_of(compute, folder), span, store)
    planted = {owner for code, owner in labels.wanted if isinstance(owner, str) and code.startswith("ZB")}
    results: dict[str, Any] = {}
    for kind, code in CODES.items():
        entities = read_entities(kind, compute, measures, store)
        about = measured.features_of(kind, store)
        model = train_unsupervised(entities, about, store, seed=policy.anomaly.random_seed).model
        found = score(model, compare_by_month(entities, about.features, store)).percentile
        bad = {owner for one, owner in labels.bad if one == code} | (planted if kind is EntityKind.HOSPITAL else set())
        truth = np.array([str(ref) in bad for ref in entities.ref])
        first = np.argsort(-found, kind="stable")[: int(truth.sum())]
        results[kind.value] = {
            "entities": len(entities),
            "bad": int(truth.sum()),
            "auc": round(float(roc_auc_score(truth, found)), 3) if 0 < truth.sum() < len(truth) else None,
            "average_precision": round(float(average_precision_score(truth, found)), 3) if truth.any() else None,
            "bad_among_the_first_so_many": int(truth[first].sum()),
        }
    return results
