"""Which index the search uses: in the memory of the process, or kept in PostgreSQL or Milvus and brought up to date."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from detection.faces.gallery import Gallery
from detection.faces.index import FaissIndex, VectorIndex
from detection.faces.matching import Matching
from detection.faces.metric import Metric, Vectors
from models.database import Database
from models.policy_faces import FaceIndexKind, FacesPolicy
from models.repositories.face_vectors import PgVectorIndex, forget_vectors


def in_memory(gallery: Gallery, matching: Matching, policy: FacesPolicy, *, seed: int = 0) -> FaissIndex:
    """FAISS: every face with every other for small galleries, above ``flat_below`` faces the kind that policy names."""
    templates, count = gallery.templates, len(gallery.people)
    index = empty_index(policy.memory_index_of(count), templates, matching.metric, policy, seed=seed)
    index.add(gallery.people.reference, templates)
    return index


def empty_index(kind: FaceIndexKind, templates: Vectors, metric: Metric, policy: FacesPolicy, *, seed: int = 0) -> FaissIndex:
    """An index of a kind with nobody in it, learnt from a sample of the templates that are to come."""
    count, size = templates.shape
    if kind is FaceIndexKind.FLAT:
        return FaissIndex.flat(size, metric)
    sample = templates[np.sort(np.random.default_rng(seed).choice(count, min(count, policy.training_faces), replace=False))]
    if kind is FaceIndexKind.CODES:
        return FaissIndex.compressed(sample, metric, directions=policy.directions)
    if kind is FaceIndexKind.IVF:
        lists = max(1, round(policy.ivf_lists * count**0.5))
        return FaissIndex.lists(sample, metric, directions=policy.directions, lists=lists, probed=math.ceil(lists * policy.ivf_probed))
    return FaissIndex.graph(
        sample, metric, directions=policy.directions, links=policy.hnsw_links, build=policy.hnsw_build, candidates=policy.graph_candidates
    )


class FaissMaker:
    """Makes the index in memory, and drops vectors that an earlier setting left in PostgreSQL."""

    def __init__(self, database: Database, policy: FacesPolicy) -> None:
        self._database = database
        self._policy = policy

    def __call__(self, gallery: Gallery, matching: Matching) -> VectorIndex:
        """The index over everybody."""
        forget_vectors(self._database)
        return in_memory(gallery, matching, self._policy)


class PgVectorMaker:
    """Brings the table in PostgreSQL up to date. Raises VectorStoreError where it cannot be had."""

    def __init__(self, database: Database, policy: FacesPolicy) -> None:
        self._database = database
        self._policy = policy

    def __call__(self, gallery: Gallery, matching: Matching) -> VectorIndex:
        """The index over everybody."""
        index = PgVectorIndex(
            self._database,
            engine=f"{matching.engine_name} {matching.engine_version}",
            size=matching.size,
            euclidean=matching.metric is Metric.EUCLIDEAN,
            candidates=self._policy.graph_candidates,
        )
        index.synchronise(gallery.people.reference, gallery.templates)
        return index


class MilvusMaker:
    """Brings a collection in Milvus up to date, one for each engine version. Raises FaceIndexError where it cannot be had."""

    def __init__(self, database: Database, policy: FacesPolicy, *, uri: str, token: str) -> None:
        self._database = database
        self._policy = policy
        self._uri = uri
        self._token = token

    def __call__(self, gallery: Gallery, matching: Matching) -> VectorIndex:
        """The index over everybody."""
        from detection.faces.milvus_index import MilvusIndex

        forget_vectors(self._database)
        digest = hashlib.sha256(f"{matching.engine_name} {matching.engine_version} {matching.size}".encode()).hexdigest()
        index = MilvusIndex(
            self._uri,
            self._token,
            collection=f"lifecert_faces_{digest[:16]}",
            size=matching.size,
            metric=matching.metric,
            candidates=self._policy.graph_candidates,
        )
        index.synchronise(gallery.people.reference, gallery.templates)
        return index
