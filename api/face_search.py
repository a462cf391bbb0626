"""The search for one face under two identities, put together from a context: engine, threshold, index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.context import Context
from api.settings import FaceIndexChoice
from detection.faces.face_service import FaceSearchService, IndexMaker
from detection.faces.face_stage import FaceStages
from detection.faces.index_service import FaissMaker, MilvusMaker, PgVectorMaker
from detection.faces.matching import Matching, Normalisation, ThresholdSource
from detection.faces.metric import metric_of
from models.repositories import calibrations
from verify.calibration import Calibration
from verify.calibration_service import load_calibration
from verify.engines.protocol import Engine
from verify.normalisation import Cohort, stranger_statistics

Vectors = NDArray[np.float32]


def face_search_service(context: Context) -> FaceSearchService:
    """The service with the engine, the calibration in effect and the index of the settings."""
    return FaceSearchService(
        context.database,
        context.keyring,
        policy=context.policy.faces,
        certification=context.policy.certification,
        matching=face_matching(context),
        make_index=_index_maker(context),
        clock=context.clock,
    )


def face_stages(context: Context) -> FaceStages:
    """The stages of a run of detection of kind ``faces``."""
    return FaceStages(face_search_service(context))


def face_matching(context: Context) -> Matching:
    """The running engine with the threshold of the calibration in effect at the policy's false match rate, else the provisional one.

    A calibration on fewer references than policy asks for, or without that level, is not used, as at verification.
    """
    engine, policy = context.engine, context.policy
    rules = policy.verification.matching
    with context.database.read_scope() as session:
        row = calibrations.in_effect(session, engine.name, engine.version)
    metric = metric_of(engine.similarity, engine.embedding_size)
    common: dict[str, Any] = {
        "engine_name": engine.name,
        "engine_version": engine.version,
        "size": engine.embedding_size,
        "metric": metric,
    }
    if row is not None:
        calibration = load_calibration(context.keyring, engine, row)
        threshold = {level.fmr: level.threshold for level in calibration.levels}.get(policy.faces.fmr)
        if threshold is not None and calibration.references >= rules.references_min and not calibration.provisional:
            return Matching(
                **common,
                threshold=threshold,
                source=ThresholdSource.OWN_POPULATION,
                fmr=policy.faces.fmr,
                calibration_id=row.id,
                normalisation=_normalisation(engine, calibration),
            )
    return Matching(**common, threshold=rules.provisional_for(engine.name).accept, source=ThresholdSource.PROVISIONAL)


def _normalisation(engine: Engine, calibration: Calibration) -> Normalisation | None:
    cohort = calibration.cohort
    if cohort is None:
        return None

    def statistics(templates: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = stranger_statistics(engine.similarity, templates, cohort, _nobody(cohort))
        return found.mean, found.deviation

    def exact(left: Vectors, right: Vectors) -> float:
        return calibration.score(engine.similarity, left, right)

    return Normalisation(statistics, exact)


def _nobody(cohort: Cohort) -> NDArray[np.int64]:
    # whose picture a cohort member is has been forgotten on purpose; the nearest few are skipped, and pairs near the threshold done exactly
    return np.full(len(cohort.members), -1, dtype=np.int64)


def _index_maker(context: Context) -> IndexMaker:
    settings, policy = context.settings, context.policy.faces
    if settings.face_index is FaceIndexChoice.PGVECTOR:
        return PgVectorMaker(context.database, policy)
    if settings.face_index is FaceIndexChoice.MILVUS:
        return MilvusMaker(context.database, policy, uri=settings.milvus_uri, token=settings.milvus_token)
    return FaissMaker(context.database, policy)
