"""Words of anomaly models on the staff's pages."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from models.anomaly_model import EntityKind, ModelKind, ModelState

ENTITIES: dict[EntityKind, LazyString] = {
    EntityKind.HOSPITAL: lazy_gettext("Hospitals"),
    EntityKind.DEPARTMENT: lazy_gettext("Departments"),
    EntityKind.DOCTOR: lazy_gettext("Doctors"),
    EntityKind.PERSON: lazy_gettext("Insured persons"),
}
KINDS: dict[ModelKind, LazyString] = {
    ModelKind.UNSUPERVISED: lazy_gettext("by what is unusual"),
    ModelKind.SUPERVISED: lazy_gettext("by what people decided"),
}
STATES: dict[ModelState, LazyString] = {
    ModelState.SHADOW: lazy_gettext("in the shadow: scores, opens nothing"),
    ModelState.LIVE: lazy_gettext("live: opens findings"),
    ModelState.RETIRED: lazy_gettext("retired"),
}
PURPOSES: dict[ModelKind, LazyString] = {
    ModelKind.UNSUPERVISED: lazy_gettext(
        "Ranks by how unusual the claims of a month are beside those of peers. People look at the first ones."
    ),
    ModelKind.SUPERVISED: lazy_gettext(
        "Ranks by how probably people will confirm a finding, learned from decisions. People look at the first ones."
    ),
}
METHODS: dict[ModelKind, LazyString] = {
    ModelKind.UNSUPERVISED: lazy_gettext(
        "Isolation forest and robust deviations from peers, fused and calibrated to a percentile of the training."
    ),
    ModelKind.SUPERVISED: lazy_gettext(
        "Gradient boosting over deviations from peers; cross-validated on other institutions or persons and later months; probability"
        " calibrated."
    ),
}
LIMITS: dict[ModelKind, tuple[LazyString, ...]] = {
    ModelKind.UNSUPERVISED: (
        lazy_gettext("Unusual is not wrong: a specialised department or a very ill person is unusual too."),
        lazy_gettext("What all peers do looks usual."),
    ),
    ModelKind.SUPERVISED: (
        lazy_gettext("It repeats what people looked at before."),
        lazy_gettext("Its figures are of decided entities, which are not a sample of all."),
    ),
}
NOT_FOR = lazy_gettext("Not for deciding: no payment, record or contract changes by a score.")
FIGURES: dict[str, LazyString] = {
    "auc": lazy_gettext("AUC against decisions"),
    "average_precision": lazy_gettext("Average precision against decisions"),
    "brier": lazy_gettext("Brier score"),
    "calibration_error": lazy_gettext("Calibration error"),
    "rank_correlation_of_seeds": lazy_gettext("Rank correlation with other random seeds"),
    "top_overlap_of_seeds": lazy_gettext("First ones that are the same with other random seeds"),
}
PRECISION = lazy_gettext("Precision among the first against decisions")
DRIFTS: dict[str, LazyString] = {
    "stable": lazy_gettext("stable"),
    "watch": lazy_gettext("to be watched"),
    "alarm": lazy_gettext("train again"),
}


def figure_words(name: str) -> str:
    """Name of a figure of a card."""
    return str(PRECISION) if name.startswith("precision_at_") else str(FIGURES.get(name, name))
