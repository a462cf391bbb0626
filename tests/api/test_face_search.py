"""Threshold and index of the search for faces: the calibration in effect, normalised as verification does, else the provisional value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from api.context import Context
from api.face_search import face_matching, face_search_service
from api.settings import FaceIndexChoice, Settings, SettingsError, load_settings
from detection.faces.errors import FaceIndexError
from detection.faces.gallery import Gallery
from detection.faces.index_service import FaissMaker, MilvusMaker, PgVectorMaker, in_memory
from detection.faces.matching import ScoreScale, ThresholdSource
from detection.faces.metric import Metric
from detection.faces.people import FacePeople
from models.repositories import calibrations
from models.repositories.calibrations import NewCalibration
from models.repositories.face_vectors import VectorStoreError
from models.templates import calibration_data
from tests.api.conftest import World
from verify.calibration import Calibration, Person, calibrate
from verify.normalisation import Cohort

COUNT = 1_000


def faces(context: Context, count: int = COUNT, seed: int = 4) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((count, context.engine.embedding_size)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.fixture
def own(world: World) -> Calibration:
    """A calibration on as many references as policy asks for, all in one group."""
    context = world.context
    return calibrate(
        faces(context),
        [Person("female", "70-79")] * COUNT,
        similarity=context.engine.similarity,
        engine_name=context.engine.name,
        engine_version=context.engine.version,
        policy=context.policy.verification.calibration,
        references_min=COUNT,
        now=world.clock(),
    )


def promote(world: World, calibration: Calibration) -> int:
    context = world.context
    payload = context.keyring.seal(calibration.to_bytes(), calibration_data(context.engine.name, context.engine.version))
    new = NewCalibration(
        context.engine.name, context.engine.version, payload, calibration.references, calibration.impostor_pairs, calibration.summary()
    )
    with context.database.session_scope() as session:
        row = calibrations.propose(session, new, now=world.clock())
        calibrations.promote(session, row.id, by="test", now=world.clock())
        return row.id


def test_without_a_calibration_the_provisional_threshold_holds_and_no_rate_is_claimed(world: World) -> None:
    found = face_matching(world.context)
    provisional = world.context.policy.verification.matching.provisional_for("scripted")
    assert (found.threshold, found.source, found.fmr) == (provisional.accept, ThresholdSource.PROVISIONAL, None)
    assert found.metric is Metric.COSINE
    assert found.size == world.context.engine.embedding_size


def test_the_calibration_in_effect_gives_the_threshold_of_the_level_in_policy(world: World, own: Calibration) -> None:
    calibration_id = promote(world, own)
    found = face_matching(world.context)
    assert (found.threshold, found.fmr, found.calibration_id) == (own.threshold(1e-4), 1e-4, calibration_id)
    assert found.source is ThresholdSource.OWN_POPULATION
    assert found.normalisation is None


@pytest.mark.parametrize("change", [{"references": COUNT - 1}, {"provisional": True}, {"levels": ()}])
def test_a_calibration_on_too_little_is_not_used(world: World, own: Calibration, change: dict[str, object]) -> None:
    promote(world, replace(own, **change))
    assert face_matching(world.context).source is ThresholdSource.PROVISIONAL


def test_normalised_scores_are_those_of_verification(world: World, own: Calibration) -> None:
    context = world.context
    cohort = Cohort(faces(context, 400, seed=9).astype("<f2").astype(np.float32), 50, 5, 0.999)
    promote(world, replace(own, cohort=cohort))
    found = face_matching(context)
    assert found.normalisation is not None
    templates = faces(context, 40, seed=11)
    templates[1] = templates[0] * 0.9 + templates[1] * np.sqrt(1 - 0.81)
    left, right = np.array([0, 2, 3]), np.array([1, 5, 8])
    near = ScoreScale.of(templates, found, block=7).scores(found.metric.paired(templates[left], templates[right]), left, right)
    for value, one, other in zip(near, left, right, strict=True):
        exact = cohort.normalise(context.engine.similarity, templates[one], templates[other])
        assert found.normalisation.exact(templates[one], templates[other]) == pytest.approx(exact)
        assert value == pytest.approx(exact, abs=0.2)


def test_the_setting_chooses_the_index(world: World) -> None:
    def maker(choice: FaceIndexChoice) -> object:
        settings = world.context.settings.model_copy(update={"face_index": choice, "milvus_uri": "http://127.0.0.1:9"})
        return face_search_service(replace(world.context, settings=settings))._make_index

    assert isinstance(maker(FaceIndexChoice.FAISS), FaissMaker)
    pgvector = maker(FaceIndexChoice.PGVECTOR)
    assert isinstance(pgvector, PgVectorMaker)
    nobody = FacePeople(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.int8, np.int32, np.int16, np.int32, np.int32)))
    empty = Gallery(np.empty((0, world.context.engine.embedding_size), np.float32), nobody, (), 0)
    with pytest.raises(VectorStoreError, match="needs PostgreSQL"):
        pgvector(empty, face_matching(world.context))
    milvus = maker(FaceIndexChoice.MILVUS)
    assert isinstance(milvus, MilvusMaker)
    with pytest.raises(FaceIndexError):
        milvus(empty, face_matching(world.context))


def test_milvus_without_an_address_refuses_to_start_and_its_token_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="LIFECERT_MILVUS_URI"):
        load_settings(face_index="milvus")
    assert "hidden-token" not in repr(Settings(milvus_token="hidden-token"))


def test_a_gallery_above_the_limit_gets_short_codes_and_finds_its_faces(world: World) -> None:
    policy = world.context.policy.faces.model_copy(update={"flat_below": 500})
    templates = faces(world.context)
    rows = np.arange(COUNT)
    people = FacePeople(
        rows + 1, rows + 1, np.ones(COUNT, np.int8), *(np.ones(COUNT, kind) for kind in (np.int32, np.int16, np.int32, np.int32))
    )
    index = in_memory(Gallery(templates, people, ("190100",) * COUNT, 0), face_matching(world.context), policy)
    flat = in_memory(Gallery(templates, people, ("190100",) * COUNT, 0), face_matching(world.context), world.context.policy.faces)
    rough, exact = index.search(templates[:50], 5), flat.search(templates[:50], 5)
    assert not np.allclose(rough[1], exact[1], atol=1e-4)  # the code is rough, so it is one
    assert all(own in near for own, near in zip(rows[:50] + 1, rough[0], strict=True))
