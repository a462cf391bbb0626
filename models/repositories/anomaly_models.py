"""Anomaly models in the store: versions, what each said of whom in which month, and how one goes live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session, defer

from models.anomaly_model import AnomalyModel, EntityKind, ModelKind, ModelScore, ModelState
from models.errors import Conflict, ConflictError, NotFoundError

SCORES_AT_ONCE = 2_000
DRIFT_MONTHS = 12
IN_USE = (ModelState.SHADOW, ModelState.LIVE)


@dataclass(frozen=True)
class NewModel:
    """A model that was trained. trained_from, trained_to: first days of months."""

    entity: EntityKind
    kind: ModelKind
    card: Mapping[str, Any]
    artefact: bytes
    artefact_sha256: str
    data_sha256: str
    trained_from: date
    trained_to: date


@dataclass(frozen=True)
class NewScore:
    """What a model says of one entity. percentile: 0 to 1. reasons: JSON values."""

    entity_ref: str
    percentile: float
    reasons: Sequence[Mapping[str, Any]] = ()


def add(session: Session, new: NewModel, *, by: str, now: datetime) -> AnomalyModel:
    """Keep a trained model as the next version of its entity and kind, in the shadow."""
    last = session.scalar(select(func.max(AnomalyModel.version)).where(AnomalyModel.entity == new.entity, AnomalyModel.kind == new.kind))
    row = AnomalyModel(
        entity=new.entity,
        kind=new.kind,
        version=(last or 0) + 1,
        state=ModelState.SHADOW,
        card=dict(new.card),
        artefact=new.artefact,
        artefact_sha256=new.artefact_sha256,
        data_sha256=new.data_sha256,
        trained_from=new.trained_from,
        trained_to=new.trained_to,
        trained_by=by,
        trained_at=now,
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, public_id: str) -> AnomalyModel:
    """The model with this public id. Raises NotFoundError."""
    row = session.scalar(select(AnomalyModel).where(AnomalyModel.public_id == public_id))
    if row is None:
        raise NotFoundError(f"there is no model {public_id}: lifecert models show lists them")
    return row


def listing(session: Session) -> Sequence[AnomalyModel]:
    """Every model without its artefact, by entity and kind, the newest version first."""
    query = select(AnomalyModel).options(defer(AnomalyModel.artefact))
    return session.scalars(query.order_by(AnomalyModel.entity, AnomalyModel.kind, AnomalyModel.version.desc())).all()


def in_use(session: Session, entity: EntityKind) -> Sequence[AnomalyModel]:
    """The live models of an entity and those in the shadow, live ones first."""
    query = select(AnomalyModel).where(AnomalyModel.entity == entity, AnomalyModel.state.in_(IN_USE))
    return session.scalars(query.order_by(AnomalyModel.state, AnomalyModel.kind, AnomalyModel.version)).all()


def live(session: Session, entity: EntityKind, kind: ModelKind) -> AnomalyModel | None:
    """The live model of an entity and kind."""
    query = select(AnomalyModel).where(AnomalyModel.entity == entity, AnomalyModel.kind == kind, AnomalyModel.state == ModelState.LIVE)
    return session.scalar(query)


def write_scores(session: Session, model_id: int, month: date, scores: Sequence[NewScore]) -> None:
    """Put what a model says of a month in the place of what it said of it before."""
    session.execute(delete(ModelScore).where(ModelScore.model_id == model_id, ModelScore.month == month))
    for start in range(0, len(scores), SCORES_AT_ONCE):
        rows = [
            {
                "model_id": model_id,
                "month": month,
                "entity_ref": one.entity_ref,
                "percentile": one.percentile,
                "reasons": [dict(reason) for reason in one.reasons],
            }
            for one in scores[start : start + SCORES_AT_ONCE]
        ]
        session.execute(insert(ModelScore), rows)


def write_drift(session: Session, model_id: int, month: date, features: Sequence[Mapping[str, Any]]) -> None:
    """Keep how far the features of a month were from the training, with those of the last months before."""
    row = session.execute(select(AnomalyModel.drift).where(AnomalyModel.id == model_id).with_for_update()).one()
    months = {**(row.drift or {}), month.isoformat(): [dict(one) for one in features]}
    kept = {name: months[name] for name in sorted(months)[-DRIFT_MONTHS:]}
    session.execute(update(AnomalyModel).where(AnomalyModel.id == model_id).values(drift=kept))


def months_scored(session: Session, model_id: int) -> list[date]:
    """Months that a model has scored, in order."""
    return list(session.scalars(select(ModelScore.month).where(ModelScore.model_id == model_id).distinct().order_by(ModelScore.month)))


def scores(session: Session, model_id: int, month: date) -> dict[str, float]:
    """entity_ref -> percentile of a month."""
    query = select(ModelScore.entity_ref, ModelScore.percentile).where(ModelScore.model_id == model_id, ModelScore.month == month)
    return {row.entity_ref: row.percentile for row in session.execute(query)}


def counted(session: Session, model_id: int) -> list[tuple[date, int]]:
    """(month, how many scores are kept), in order."""
    query = select(ModelScore.month, func.count()).where(ModelScore.model_id == model_id).group_by(ModelScore.month)
    return [(month, count) for month, count in session.execute(query.order_by(ModelScore.month))]


def of_entity(session: Session, entity: EntityKind, entity_ref: str, *, limit: int = 24) -> Sequence[Row[Any]]:
    """What live models said of one entity: month, percentile, reasons, kind, public_id of the model; newest month first."""
    query = (
        select(ModelScore.month, ModelScore.percentile, ModelScore.reasons, AnomalyModel.kind, AnomalyModel.public_id)
        .join(AnomalyModel, AnomalyModel.id == ModelScore.model_id)
        .where(AnomalyModel.entity == entity, AnomalyModel.state == ModelState.LIVE, ModelScore.entity_ref == entity_ref)
    )
    return session.execute(query.order_by(ModelScore.month.desc()).limit(limit)).all()


def promote(session: Session, model: AnomalyModel, *, by: str, comparison: Mapping[str, Any], now: datetime) -> AnomalyModel | None:
    """A model in the shadow goes live, as a second person has it; the live one before it retires and is given back.

    Raises:
        ConflictError: MODEL_STATE; the same person trained it, it is in the shadow no more, or another one went live just now.
    """
    if model.trained_by.strip().casefold() == by.strip().casefold():
        raise ConflictError(Conflict.MODEL_STATE, "who trained a model cannot let it go live: a second person has to")
    before = live(session, model.entity, model.kind)
    if before is not None:
        retire(session, before, now=now)
    done = session.execute(
        update(AnomalyModel)
        .where(AnomalyModel.id == model.id, AnomalyModel.state == ModelState.SHADOW)
        .values(state=ModelState.LIVE, promoted_by=by, promoted_at=now, comparison=dict(comparison))
        .returning(AnomalyModel.id)
    ).all()
    if not done:
        raise ConflictError(Conflict.MODEL_STATE, f"the model is {model.state.value}: only one in the shadow can go live")
    session.refresh(model)
    return before


def retire(session: Session, model: AnomalyModel, *, now: datetime) -> None:
    """A model opens nothing any more and scores no further month. Raises ConflictError: MODEL_STATE when it was retired already."""
    done = session.execute(
        update(AnomalyModel)
        .where(AnomalyModel.id == model.id, AnomalyModel.state.in_(IN_USE))
        .values(state=ModelState.RETIRED, retired_at=now)
        .returning(AnomalyModel.id)
    ).all()
    if not done:
        raise ConflictError(Conflict.MODEL_STATE, "the model was retired already")
    session.refresh(model)
