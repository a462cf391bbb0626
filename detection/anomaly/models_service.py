"""Anomaly models on the store: train, score months, compare, let go live; and the last stages of a run over claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis.expr.types as ir

from detection import months
from detection.anomaly.card import card_of
from detection.anomaly.claim_measures import Span
from detection.anomaly.comparison import Comparison, compare_models
from detection.anomaly.drift import FeatureDrift, drift
from detection.anomaly.entities import read_entities
from detection.anomaly.explanation import reasons_of
from detection.anomaly.features import features_of, prepare
from detection.anomaly.model_file import Fitted, digest, from_bytes, to_bytes
from detection.anomaly.model_findings import CODES, Month, OfModel, findings
from detection.anomaly.peers import compare
from detection.anomaly.scoring import Scored, score
from detection.anomaly.supervised import train_supervised
from detection.anomaly.training import Label, Trained, train_unsupervised
from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.detection_service import Batch, Marker, Progress, RunAs, Stage
from detection.findings import Finding
from models.anomaly_model import AnomalyModel, EntityKind, ModelKind, ModelState
from models.database import Database
from models.errors import Conflict, ConflictError
from models.policy import RecordSections
from models.repositories import anomaly_models, audit, model_labels
from models.repositories.anomaly_models import NewModel, NewScore

ORDER = (EntityKind.HOSPITAL, EntityKind.DEPARTMENT, EntityKind.DOCTOR, EntityKind.PERSON)
NO_PROGRESS: Progress = lambda _stage, _done, _total: None  # noqa: E731

Opened = Callable[[Window], AbstractContextManager[tuple[Compute, ClaimTables]]]
"""Opens an engine with the claims of a window, and of as long before it as features look back."""


@dataclass(frozen=True)
class Use:
    """A model in use, loaded and checked."""

    row_id: int
    of: OfModel
    state: ModelState
    fitted: Fitted


@dataclass(frozen=True)
class Scoring:
    """What one model said of one month. kept: scores that were written down. drift: of its features, the most changed first."""

    model: str
    entity: EntityKind
    kind: ModelKind
    state: ModelState
    month: date
    entities: int
    kept: int
    drift: tuple[FeatureDrift, ...]


class AnomalyService:
    """Anomaly models over the store's claims. ``clock`` gives the aware UTC time; policy_hash goes on every card."""

    def __init__(self, database: Database, policy: RecordSections, *, policy_hash: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._policy = policy
        self._store = policy.anomaly.store
        self._hash = policy_hash
        self._clock = clock

    # train -----------------------------------------------------------------------------------------------------------

    def train(self, entity: EntityKind, kind: ModelKind, span: Span, opened: Opened, *, by: str, progress: Progress = NO_PROGRESS) -> str:
        """Train a model on whole months; public id of the new version, which is in the shadow.

        Raises:
            TrainingRefusedError: there is not enough to train on.
            EngineUnavailableError, RunFailedError: the features could not be computed.
        """
        about, labels = features_of(entity, self._store), self.labels(entity)
        progress("features", 0, 0)
        with opened(Window(span.from_date, span.to_date)) as (compute, tables):
            measures = prepare(compute, tables, span, self._store)
            entities = read_entities(entity, compute, measures, self._store)
        progress("features", len(entities), len(entities))
        progress("training", 0, 0)
        seed = self._policy.anomaly.random_seed
        if kind is ModelKind.SUPERVISED:
            trained = train_supervised(entities, about, labels, self._store, seed=seed)
        else:
            trained = train_unsupervised(entities, about, self._store, seed=seed, labels=labels)
        progress("training", len(entities), len(entities))
        return self._keep(trained, card_of(trained, about, policy_hash=self._hash, seed=seed), span, by)

    def _keep(self, trained: Trained, card: Mapping[str, Any], span: Span, by: str) -> str:
        data, now = to_bytes(trained.model), self._clock()
        new = NewModel(
            trained.model.entity,
            trained.model.kind,
            card,
            data,
            digest(data),
            trained.data_sha256,
            span.from_month,
            span.to_month,
        )
        with self._database.session_scope() as session:
            row = anomaly_models.add(session, new, by=by, now=now)
            details = {"entity": row.entity.value, "kind": row.kind.value, "version": row.version, "sha256": row.artefact_sha256}
            audit.record(session, actor=by, action="model.trained", now=now, object=row.public_id, details=details)
            return row.public_id

    def labels(self, entity: EntityKind) -> list[Label]:
        """What people decided of entities of the kind."""
        with self._database.read_scope() as session:
            found = model_labels.decided(session, entity)
        return [Label(one.ref, one.group, one.confirmed, one.from_month, one.to_month) for one in found]

    # score -----------------------------------------------------------------------------------------------------------

    def score(self, wanted: Sequence[date], opened: Opened, *, by: str, progress: Progress = NO_PROGRESS) -> list[Scoring]:
        """Let every model in use score months (first days), without opening anything: so that a new one has its shadow period.

        Raises:
            ModelUnusableError: an artefact was changed.
            EngineUnavailableError, RunFailedError: the features could not be computed.
        """
        done: list[Scoring] = []
        uses = {entity: self._in_use(entity) for entity in ORDER}
        if not wanted or not any(uses.values()):
            return done
        steps = [(month, entity) for month in sorted(wanted) for entity in ORDER if uses[entity]]
        with opened(Window(min(wanted), months.month_after(max(wanted)) - timedelta(days=1))) as (compute, tables):
            kept: dict[date, ir.Table] = {}
            for place, (month, entity) in enumerate(steps):
                progress("scoring", place, len(steps))
                of = self._month(entity, month, compute, tables, kept)
                for use in uses[entity]:
                    done.append(self._score(use, of, by=by, write=True)[1])
        progress("scoring", len(steps), len(steps))
        return done

    def _month(self, entity: EntityKind, month: date, compute: Compute, tables: ClaimTables, kept: dict[date, ir.Table]) -> Month:
        """kept: measures of months that were computed already."""
        if month not in kept:
            name = f"claim_measures_{month:%Y_%m}"
            kept[month] = prepare(compute, tables, self.span(month, month), self._store, name)
        about = features_of(entity, self._store)
        entities = read_entities(entity, compute, kept[month], self._store)
        compared = compare(entities.values, entities.narrow, entities.wide, about.features, self._store)
        return Month(month, about, entities, compared, kept[month])

    def span(self, from_month: date, to_month: date) -> Span:
        """Months as a span in the policy's time zone."""
        noon = datetime.combine(from_month, datetime.min.time(), tzinfo=self._clock().tzinfo) + timedelta(hours=12)
        offset = self._policy.certification.local(noon).utcoffset() or timedelta()
        return Span(from_month, to_month, int(offset.total_seconds()))

    def _in_use(self, entity: EntityKind) -> list[Use]:
        with self._database.read_scope() as session:
            rows = list(anomaly_models.in_use(session, entity))
            return [_use(row) for row in rows]

    def _score(self, use: Use, of: Month, *, by: str, write: bool) -> tuple[Scored, Scoring]:
        """by: for the audit. write: False for a look back, which leaves no trace."""
        scored = score(use.fitted, of.compared)
        least, with_reasons = getattr(self._store.kept_percentile, of.about.kind.value), self._store.reasons_percentile
        rows = [
            NewScore(
                of.entities.ref[place],
                round(float(percentile), 6),
                [reason.plain() for reason in reasons_of(place, of.entities, of.compared, of.about.features, self._store)]
                if percentile >= with_reasons
                else (),
            )
            for place, percentile in enumerate(scored.percentile)
            if percentile >= least
        ]
        moved = drift(use.fitted.shape, use.fitted.unknown, use.fitted.rows, of.entities.values, of.about.features, self._store)
        if write:
            with self._database.session_scope() as session:
                anomaly_models.write_scores(session, use.row_id, of.month, rows)
                anomaly_models.write_drift(session, use.row_id, of.month, [one.plain() for one in moved])
                details = {"month": of.month.isoformat(), "entities": len(of.entities), "kept": len(rows)}
                audit.record(session, actor=by, action="model.scored", now=self._clock(), object=use.of.id, details=details)
        return scored, Scoring(use.of.id, of.about.kind, use.of.kind, use.state, of.month, len(of.entities), len(rows), moved)

    # stages of a run over claims -------------------------------------------------------------------------------------

    def stages(self, asked: RunAs, compute: Compute, tables: ClaimTables, window: Window) -> list[Stage]:
        """A stage a kind of entity: models in use score the whole months that end in the window, live ones find.

        Without a model in use there is nothing to do, and what an earlier one found vanishes.
        """
        wanted = whole_months(window)
        kept: dict[date, ir.Table] = {}
        return [self._stage(entity, asked, compute, tables, wanted, kept) for entity in ORDER]

    def _stage(
        self,
        entity: EntityKind,
        asked: RunAs,
        compute: Compute,
        tables: ClaimTables,
        wanted: Sequence[date],
        kept: dict[date, ir.Table],
    ) -> Stage:
        def find(progress: Progress, _marker: Marker | None) -> Iterator[Batch]:
            uses = self._in_use(entity)
            for place, month in enumerate(wanted if uses else ()):
                progress(CODES[entity], place, len(wanted))
                of = self._month(entity, month, compute, tables, kept)
                found: list[Finding] = []
                for use in uses:
                    scored, _ = self._score(use, of, by=asked.by, write=bool(asked.run))
                    if use.state is ModelState.LIVE:
                        found += findings(use.of, of, scored, compute, self._store)
                yield found, None

        return Stage(CODES[entity], (CODES[entity],), find)

    # compare, let go live --------------------------------------------------------------------------------------------

    def comparison(self, public_id: str) -> Comparison:
        """A model beside the live one of its entity and kind. Raises NotFoundError."""
        with self._database.read_scope() as session:
            row = anomaly_models.get(session, public_id)
            beside = anomaly_models.live(session, row.entity, row.kind)
            beside = None if beside is None or beside.id == row.id else beside
            mine = {month: anomaly_models.scores(session, row.id, month) for month in anomaly_models.months_scored(session, row.id)}
            live = {} if beside is None else {month: anomaly_models.scores(session, beside.id, month) for month in mine}
            entity, trained_to, live_id = row.entity, row.trained_to, None if beside is None else beside.public_id
        return compare_models(mine, live, self.labels(entity), self._store, trained_to=trained_to, live_id=live_id)

    def promote(self, public_id: str, *, by: str) -> Comparison:
        """Let a model in the shadow go live, as a second person; the comparison that it was done by, which is kept with it.

        Raises:
            NotFoundError: there is no such model.
            ConflictError: MODEL_STATE; the shadow period is too short, the same person trained it, or it is in the shadow no more.
            ModelUnusableError: its artefact was changed.
        """
        compared = self.comparison(public_id)
        with self._database.session_scope() as session:
            row = anomaly_models.get(session, public_id)
            from_bytes(row.artefact, row.artefact_sha256)
            if row.state is ModelState.SHADOW and compared.lacks:
                raise ConflictError(
                    Conflict.MODEL_STATE,
                    f"the model has scored {len(compared.months)} month(s) after its training (to {row.trained_to:%Y-%m}) and needs "
                    f"{self._store.shadow_months}: run lifecert detect claims over further months, or lifecert models score",
                )
            now = self._clock()
            before = anomaly_models.promote(session, row, by=by, comparison=compared.plain(), now=now)
            details: dict[str, Any] = {"entity": row.entity.value, "kind": row.kind.value, "version": row.version}
            details |= {"retired": None if before is None else before.public_id}
            audit.record(session, actor=by, action="model.promoted", now=now, object=row.public_id, details=details)
        return compared

    def retire(self, public_id: str, *, by: str) -> None:
        """Take a model out of use; its findings vanish with the next run. Raises NotFoundError, ConflictError (MODEL_STATE)."""
        with self._database.session_scope() as session:
            row = anomaly_models.get(session, public_id)
            anomaly_models.retire(session, row, now=self._clock())
            audit.record(session, actor=by, action="model.retired", now=self._clock(), object=row.public_id)


def _use(row: AnomalyModel) -> Use:
    return Use(row.id, OfModel(row.public_id, row.kind, row.version), row.state, from_bytes(row.artefact, row.artefact_sha256))


def whole_months(window: Window) -> list[date]:
    """First days of the months whose last day lies in the window: their claims are all there."""
    first, end = months.month_number(window.from_date), months.month_number(window.to_date + timedelta(days=1))
    return [months.first_day(number) for number in range(first, end)]
