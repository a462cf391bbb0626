"""Models in a store: trained, in the shadow, promoted by a second person, finding in runs, retired; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir
import pytest
from sqlalchemy import select

from detection.anomaly import models_service
from detection.anomaly.claim_measures import Span
from detection.anomaly.entities import Entities, read_entities
from detection.anomaly.features import prepare
from detection.anomaly.model_file import ModelUnusableError
from detection.anomaly.models_service import AnomalyService, whole_months
from detection.anomaly.training import TrainingRefusedError
from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.detection_service import DetectionService, Progress, RunAs, RunResult, Stage
from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.anomaly_model import AnomalyModel, EntityKind, ModelKind, ModelScore, ModelState
from models.audit import AuditEntry
from models.database import Database
from models.detection import DetectionKind, Signal, SubjectKind
from models.errors import ConflictError, NotFoundError
from models.policy import RecordsPolicy
from models.policy_anomaly_store import AnomalyStorePolicy
from models.repositories import anomaly_models, model_labels
from tests.conftest import FixedClock
from tests.detection.anomaly.conftest import JANUARY, MARCH, Province
from tests.detection.anomaly.made_claims import BAD_HOSPITALS
from tests.models.people import add_regions

FEBRUARY = date(2026, 2, 1)
HOSPITAL, UNSUPERVISED = EntityKind.HOSPITAL, ModelKind.UNSUPERVISED
WINDOW = Window(date(2026, 3, 1), date(2026, 3, 31))
AS_OF = date(2026, 4, 2)


@dataclass
class World:
    """A store with the service over it, and the province's claims."""

    database: Database
    service: AnomalyService
    policy: RecordsPolicy
    clock: FixedClock
    opened: Callable[[Window], AbstractContextManager[tuple[Compute, ClaimTables]]]

    def train(self, *, entity: EntityKind = HOSPITAL, until: date = JANUARY, by: str = "wang") -> str:
        return self.service.train(entity, UNSUPERVISED, self.service.span(JANUARY, until), self.opened, by=by)

    def live(self) -> str:
        model = self.train()
        self.service.score([FEBRUARY, MARCH], self.opened, by="cli")
        self.service.promote(model, by="li")
        return model

    def run(self, window: Window = WINDOW) -> RunResult:
        @contextmanager
        def stages(asked: RunAs, _progress: Progress) -> Iterator[list[Stage]]:
            with self.opened(window) as (compute, tables):
                yield self.service.stages(asked, compute, tables, window)

        self.clock.advance(minutes=5)
        asked = RunAs(DetectionKind.CLAIMS, AS_OF, "", "duckdb", "night", window=(window.from_date, window.to_date))
        return DetectionService(self.database, self.policy, policy_hash="0" * 64, clock=self.clock).run(asked, stages)

    def standing(self) -> list[Signal]:
        with self.database.read_scope() as session:
            return list(session.scalars(select(Signal).where(Signal.vanished_at.is_(None)).order_by(Signal.key)))

    def state(self, model: str) -> ModelState:
        with self.database.read_scope() as session:
            return anomaly_models.get(session, model).state


@pytest.fixture(scope="module")
def kept() -> dict[Any, Any]:
    """Features of months that were computed already: they are the same in every test here."""
    return {}


@pytest.fixture
def world(
    database: Database,
    records_policy: RecordsPolicy,
    store_policy: AnomalyStorePolicy,
    clock: FixedClock,
    compute: Compute,
    made_province: Province,
    kept: dict[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    def prepared(engine: Compute, read: ClaimTables, span: Span, rules: AnomalyStorePolicy, _name: str = "") -> ir.Table:
        if span not in kept:
            kept[span] = prepare(engine, read, span, rules, f"month_{len(kept)}")
        return kept[span]

    def entities(kind: EntityKind, engine: Compute, measures: ir.Table, rules: AnomalyStorePolicy) -> Entities:
        key = (kind, measures.get_name())
        if key not in kept:
            kept[key] = read_entities(kind, engine, measures, rules)
        return kept[key]

    monkeypatch.setattr(models_service, "prepare", prepared)
    monkeypatch.setattr(models_service, "read_entities", entities)
    while clock().date() < AS_OF:
        clock.advance(days=1)
    policy = records_policy.model_copy(update={"anomaly": records_policy.anomaly.model_copy(update={"store": store_policy})})
    with database.session_scope() as session:
        add_regions(session)

    @contextmanager
    def opened(_window: Window) -> Iterator[tuple[Compute, ClaimTables]]:
        yield compute, made_province.tables

    return World(database, AnomalyService(database, policy, policy_hash="0" * 64, clock=clock), policy, clock, opened)


def test_a_model_goes_live_after_its_shadow_months_by_a_second_person_and_the_earlier_one_retires(world: World) -> None:
    first = world.train()
    assert world.state(first) is ModelState.SHADOW
    with pytest.raises(ConflictError, match=r"has scored 0 month\(s\) after its training \(to 2026-01\) and needs 2"):
        world.service.promote(first, by="li")
    world.service.score([JANUARY, FEBRUARY], world.opened, by="cli")
    with pytest.raises(ConflictError, match=r"scored 1 month\(s\)"):
        world.service.promote(first, by="li")
    world.service.score([MARCH], world.opened, by="cli")
    with pytest.raises(ConflictError, match="a second person has to"):
        world.service.promote(first, by=" Wang ")
    assert world.service.promote(first, by="li").live is None
    assert world.state(first) is ModelState.LIVE
    second = world.train(by="li")
    world.service.score([FEBRUARY, MARCH], world.opened, by="cli")
    compared = world.service.promote(second, by="wang")
    assert (compared.live, [one.month for one in compared.by_month]) == (first, [FEBRUARY, MARCH])
    assert all(one.overlap == 1.0 and one.rank_correlation == 1.0 for one in compared.by_month), "the same claims give the same model"
    assert (world.state(first), world.state(second)) == (ModelState.RETIRED, ModelState.LIVE)
    with pytest.raises(ConflictError, match="is retired: only one in the shadow"):
        world.service.promote(first, by="zhao")
    with world.database.read_scope() as session:
        kept = anomaly_models.get(session, second)
        assert (kept.version, kept.comparison) == (2, compared.plain())
        assert set(kept.drift or {}) == {"2026-02-01", "2026-03-01"}
        assert kept.card["figures"]["rank_correlation_of_seeds"]["value"] > 0.9
        told = session.scalars(select(AuditEntry.action).where(AuditEntry.object == second).order_by(AuditEntry.id)).all()
        assert told == ["model.trained", "model.scored", "model.scored", "model.promoted"]
    with pytest.raises(NotFoundError, match="lists them"):
        world.service.promote("nosuch", by="li")


def test_a_model_in_the_shadow_opens_nothing_and_a_live_one_finds_once(world: World) -> None:
    model = world.train()
    world.run()
    assert world.standing() == []
    with world.database.read_scope() as session:
        assert len(session.scalars(select(ModelScore.id)).all()) == 60, "the shadow scored every hospital in March"
    world.service.score([FEBRUARY], world.opened, by="cli")
    world.service.promote(model, by="li")
    counts = world.run().stages["M-HOSPITAL"]
    assert counts.opened == counts.found > 0
    found = world.standing()
    assert {signal.subject_ref for signal in found} <= set(BAD_HOSPITALS)
    assert {(signal.code, signal.subject_kind, signal.completed_on) for signal in found} == {
        ("M-HOSPITAL", SubjectKind.HOSPITAL, date(2026, 3, 31))
    }
    assert all(record["kind"] == "claim" and record["role"] == "behind" for signal in found for record in signal.records)
    with world.database.read_scope() as session:
        assert len(session.scalars(select(Alert.id).where(Alert.state == AlertState.OPEN)).all()) == len(found)
        reasons = session.scalars(select(ModelScore.reasons).where(ModelScore.entity_ref == found[0].subject_ref)).first()
        assert reasons
    again = world.run().stages["M-HOSPITAL"]
    assert (again.opened, again.updated, again.unchanged) == (0, 0, len(found))
    world.run(Window(date(2026, 2, 1), date(2026, 2, 28)))
    assert {signal.id for signal in found} <= {signal.id for signal in world.standing()}, "a run over February leaves March alone"
    world.service.retire(model, by="li")
    assert world.run().stages["M-HOSPITAL"].closed == len(found)
    assert not [signal for signal in world.standing() if signal.completed_on == date(2026, 3, 31)]


def test_a_changed_artefact_is_refused_and_nothing_is_scored(world: World) -> None:
    model = world.live()
    with world.database.session_scope() as session:
        row = anomaly_models.get(session, model)
        row.artefact = row.artefact[:-1] + bytes([row.artefact[-1] ^ 1])
        row.state = ModelState.SHADOW
    with pytest.raises(ModelUnusableError, match="is not the one that was trained"):
        world.service.score([MARCH], world.opened, by="cli")
    with pytest.raises(ModelUnusableError):
        world.run()
    with pytest.raises(ModelUnusableError):
        world.service.promote(model, by="li")
    with world.database.read_scope() as session:
        assert session.scalars(select(AnomalyModel.state)).all() == [ModelState.SHADOW]


def test_decisions_of_people_become_labels_and_few_are_refused(world: World) -> None:
    world.live()
    world.run()
    with world.database.session_scope() as session:
        alerts = session.scalars(select(Alert).order_by(Alert.id)).all()
        for alert, outcome in zip(alerts, (CaseOutcome.CONFIRMED, CaseOutcome.UNFOUNDED, CaseOutcome.DATA_ERROR), strict=False):
            case = {"region_code": alert.region_code, "owner": "li", "opened_by": "li", "opened_at": world.clock()}
            session.add(CaseFile(alert_id=alert.id, outcome=outcome, closed_by="li", closed_at=world.clock(), **case))
        named = [signal.subject_ref for alert in alerts for signal in session.scalars(select(Signal).where(Signal.alert_id == alert.id))]
    with world.database.read_scope() as session:
        found = model_labels.decided(session, HOSPITAL)
        assert [(one.ref, one.group, one.confirmed, one.from_month) for one in found] == [
            (ref, ref, place == 0, MARCH) for place, ref in enumerate(named[:2])
        ]
        assert model_labels.decided(session, EntityKind.DOCTOR) == model_labels.decided(session, EntityKind.PERSON) == []
    with pytest.raises(TrainingRefusedError, match="people have confirmed 1 and found unfounded"):
        world.service.train(HOSPITAL, ModelKind.SUPERVISED, world.service.span(JANUARY, MARCH), world.opened, by="wang")
    with world.database.read_scope() as session:
        assert [row.kind for row in anomaly_models.listing(session)] == [UNSUPERVISED], "a refused training leaves nothing behind"


def test_only_whole_months_are_scored() -> None:
    assert whole_months(Window(date(2026, 2, 10), date(2026, 3, 31))) == [FEBRUARY, MARCH]
    assert whole_months(Window(date(2026, 2, 10), date(2026, 3, 30))) == [FEBRUARY]
    assert whole_months(Window(date(2026, 2, 10), date(2026, 2, 20))) == []
