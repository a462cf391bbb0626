"""The card of a model: what it is for, what it was trained on, what it is worth, what it cannot do (Mitchell et al. 2019)."""

from __future__ import annotations

from typing import Any

from detection.anomaly.feature import EntityFeatures
from detection.anomaly.training import Trained
from models.anomaly_model import EntityKind, ModelKind

PURPOSE = {
    ModelKind.UNSUPERVISED: "ranks by how unusual the claims of a month are beside those of peers; people look at the first ones",
    ModelKind.SUPERVISED: "ranks by how probably people will confirm a finding, learned from decisions; people look at the first ones",
}
NOT_FOR = (
    "deciding: no payment, record or contract changes by a score",
    "comparing entities of different peers with each other by their values: only the percentile is comparable",
)
LIMITS = {
    ModelKind.UNSUPERVISED: (
        "unusual is not wrong: a specialised department or a patient in the last months of life is unusual too",
        "fraud that all peers commit looks usual",
        "what changes slowly for everybody moves the peers along; the drift report shows it",
    ),
    ModelKind.SUPERVISED: (
        "it learns what was looked at and confirmed, so it repeats what people looked at before",
        "its figures are of decided entities, which are not a sample of all",
        "the probability is of being confirmed by people, not of being fraud",
    ),
}
ENTITY_LIMITS = {
    EntityKind.PERSON: "age band and sex are used only to choose peers; no other trait of the person is used",
    EntityKind.DOCTOR: "doctors are those that claims name, by the institution's own codes: one at two institutions is two",
    EntityKind.DEPARTMENT: "departments are those that claims name, by the institution's own names: peers need the same name",
    EntityKind.HOSPITAL: "small institutions are judged by few claims; those below claims_min are not looked at",
}


def card_of(trained: Trained, about: EntityFeatures, *, policy_hash: str, seed: int) -> dict[str, Any]:
    """The card as JSON values."""
    model = trained.model
    return {
        "purpose": PURPOSE[model.kind],
        "not_for": list(NOT_FOR),
        "method": _method(trained),
        "data": {**trained.data, "sha256": trained.data_sha256, "source": "claims of the store, by month of their last day"},
        "features": [
            {"name": one.name, "group": one.group.value, "unit": one.unit.value, "direction": int(one.direction)} for one in about.features
        ],
        "figures": {name: figure.plain() for name, figure in trained.figures.items()},
        "limits": [*LIMITS[model.kind], ENTITY_LIMITS[model.entity]],
        "policy": policy_hash,
        "seed": seed,
    }


def _method(trained: Trained) -> str:
    trees = len(trained.model.trees.roots)
    if trained.model.kind is ModelKind.SUPERVISED:
        return (
            f"gradient boosting, {trees} trees over deviations from peers; cross-validated on other institutions or persons "
            "and later months; probability calibrated"
        )
    return (
        f"isolation forest, {trees} trees of {trained.model.tree_rows} rows, and signed robust deviations from peers, fused "
        f"(forest {trained.model.forest_weight:g}) and calibrated to a percentile of the training"
    )
