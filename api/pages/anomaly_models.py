"""Anomaly models for staff: which there are and in what state, the card of each, its drift, and how it compares with the live one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from api.anomaly_models import models_service
from api.callers import Caller
from api.context import current
from api.i18n import current_language
from api.pages import model_words as words
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right
from models.errors import NotFoundError
from models.repositories import anomaly_models as store

INDEX_MOST = 1.0
"""Stability index at which a bar is full."""
WIDTH = 1000
FEATURES_SHOWN = 12


@dataclass(frozen=True)
class DriftBar:
    """One feature of a month beside the training. width: of its bar in units of the picture."""

    title: str
    state: str
    index: str
    by_chance: str
    width: float


@dataclass(frozen=True)
class DriftMonth:
    """The most changed features of a month. moved: how many of all are not stable."""

    month: str
    moved: int
    bars: tuple[DriftBar, ...]


@counter_pages.get("/desk/models")
@staff_needed(Right.READ_ALERTS, Right.START_DETECTION)
def anomaly_models(_caller: Caller) -> ResponseReturnValue:
    """Every version, with its state. Nobody's data."""
    with current().database.read_scope() as session:
        return render_template("models/list.html", models=store.listing(session), words=words)


@counter_pages.get("/desk/models/<public_id:model_id>")
@staff_needed(Right.READ_ALERTS, Right.START_DETECTION)
def anomaly_model(_caller: Caller, model_id: str) -> ResponseReturnValue:
    """The card of one version."""
    from detection.anomaly.model_texts import features_by_name

    context = current()
    service = models_service(context)
    try:
        compared = service.comparison(model_id).plain()
    except NotFoundError:
        abort(404)
    language = current_language()
    with context.database.read_scope() as session:
        row = store.get(session, model_id)
        features = features_by_name(row.entity)
        titles = {name: feature.title(language) for name, feature in features.items()}
        return render_template(
            "models/one.html",
            model=row,
            words=words,
            data=row.card.get("data", {}),
            figures=[(words.figure_words(name), figure) for name, figure in row.card.get("figures", {}).items()],
            features=[
                (titles.get(one["name"], one["name"]), features[one["name"]].description(language) if one["name"] in features else "")
                for one in row.card.get("features", ())
            ],
            drift=_drift(row.drift or {}, titles),
            comparison=row.comparison or compared,
            scored=store.counted(session, row.id),
            needed=context.policy.anomaly.store.shadow_months,
            marks=(context.policy.anomaly.store.drift_watch, context.policy.anomaly.store.drift_alarm),
        )


def _drift(kept: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[str, str]) -> list[DriftMonth]:
    """The newest month first."""
    found = []
    for month in sorted(kept, reverse=True):
        bars = tuple(
            DriftBar(
                titles.get(one["feature"], one["feature"]),
                one["state"],
                f"{one['stability_index']:.3f}",
                f"{one['by_chance']:.3f}",
                round(min(one["stability_index"] / INDEX_MOST, 1.0) * WIDTH, 1),
            )
            for one in kept[month][:FEATURES_SHOWN]
        )
        found.append(DriftMonth(month[:7], sum(one["state"] != "stable" for one in kept[month]), bars))
    return found
