"""Nearest templates among very many: one interface, and FAISS in the memory of the process."""

from __future__ import annotations

from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from detection.faces.metric import Metric, Vectors

Ids = NDArray[np.int64]
NONE = -1
ADDED_AT_ONCE = 50_000
VALUES_A_CODE = 2


class VectorIndex(Protocol):
    """Candidates for a face. What it finds is compared exactly afterwards, so its similarities may be rough. Never saved in the clear."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Take in (n, d) float32 templates under (n,) ids of face references."""
        ...

    def search(self, queries: Vectors, neighbours: int) -> tuple[Ids, Vectors]:
        """(m, neighbours) ids, nearest first, -1 where there are fewer; and their similarities as the index sees them."""
        ...

    def remove(self, ids: Ids) -> int:
        """Forget templates; how many were there."""
        ...


class FaissIndex:
    """FAISS: every face with every other (flat), with every other's short code (compressed), with the lists of near faces (lists), or along
    a graph of near faces (graph).

    The short code: the template's strongest directions, each pair of them in 4 bits, compared for all faces at once in the processor's
    registers. It leaves nobody out, as lists and graph do, and needs a quarter of a byte for each value of a template of 512.
    """

    def __init__(self, index: Any, metric: Metric) -> None:
        self._index = index
        self._metric = metric
        self._removed: set[int] = set()

    @classmethod
    def flat(cls, size: int, metric: Metric) -> FaissIndex:
        """Exact, for up to some ten thousand faces."""
        return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(size) if metric is Metric.COSINE else faiss.IndexFlatL2(size)), metric)

    @classmethod
    def compressed(cls, training: Vectors, metric: Metric, *, directions: int) -> FaissIndex:
        """Short codes, trained on a (t, d) sample of the faces. directions: that are kept; all of them where a template has fewer."""
        kept = min(directions, training.shape[1])
        codes = faiss.IndexPQFastScan(kept, max(kept // VALUES_A_CODE, 1), 4, _faiss_metric(metric))
        return cls(_projected(codes, training, kept), metric)

    @classmethod
    def lists(cls, training: Vectors, metric: Metric, *, directions: int, lists: int, probed: int) -> FaissIndex:
        """Lists of near faces (IVF), a byte for each direction, of which the ``probed`` nearest to a face are looked into.

        lists: no more are made than the sample has faces. probed: with as many as there are lists nobody is left out.
        """
        kept = min(directions, training.shape[1])
        wanted = max(1, min(lists, len(training)))
        nearest = faiss.IndexFlatIP(kept) if metric is Metric.COSINE else faiss.IndexFlatL2(kept)
        index = faiss.IndexIVFScalarQuantizer(nearest, kept, wanted, faiss.ScalarQuantizer.QT_8bit, _faiss_metric(metric))
        index.cp.spherical = metric is Metric.COSINE
        index.cp.min_points_per_centroid = 1  # a sample of some faces a list is told to be small on stderr, and is not wrong
        index.nprobe = max(1, min(probed, wanted))
        return cls(_projected(index, training, kept), metric)

    @classmethod
    def graph(cls, training: Vectors, metric: Metric, *, directions: int, links: int, build: int, candidates: int) -> FaissIndex:
        """A graph of near faces (HNSW) with so many links a face, a byte for each direction; a search keeps ``candidates`` in sight."""
        kept = min(directions, training.shape[1])
        # the binding takes the number of the kind, whatever its types say
        index = faiss.IndexHNSWSQ(kept, faiss.ScalarQuantizer.QT_8bit, links, _faiss_metric(metric))  # type: ignore[arg-type]
        index.hnsw.efConstruction = build
        index.hnsw.efSearch = candidates
        return cls(_projected(index, training, kept), metric)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See VectorIndex."""
        for start in range(0, len(ids), ADDED_AT_ONCE):  # FAISS copies what it is given
            part = slice(start, start + ADDED_AT_ONCE)
            self._index.add_with_ids(np.ascontiguousarray(vectors[part], dtype=np.float32), np.ascontiguousarray(ids[part], dtype=np.int64))

    def search(self, queries: Vectors, neighbours: int) -> tuple[Ids, Vectors]:
        """See VectorIndex."""
        values, ids = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), neighbours + len(self._removed))
        if self._removed:
            gone = np.isin(ids, list(self._removed))
            order = np.argsort(gone, axis=1, kind="stable")[:, :neighbours]
            ids = np.take_along_axis(np.where(gone, NONE, ids), order, axis=1)
            values = np.take_along_axis(values, order, axis=1)
        if self._metric is Metric.EUCLIDEAN:
            values = np.float32(1.0) - np.sqrt(np.clip(values, 0.0, None))
        return ids, values

    def remove(self, ids: Ids) -> int:
        """See VectorIndex. What is not flat stays in memory, and is no longer answered with."""
        if isinstance(self._index, faiss.IndexIDMap2):
            return int(self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids, dtype=np.int64))))
        there = set(faiss.vector_to_array(self._index.id_map).tolist()) - self._removed
        gone = there & set(ids.tolist())
        self._removed |= gone
        return len(gone)


def _projected(index: Any, training: Vectors, kept: int) -> Any:
    """The index over the strongest directions of the sample, trained on it, with ids of its own."""
    projection = faiss.LinearTransform(training.shape[1], kept, False)
    faiss.copy_array_to_vector(_strongest(training, kept).ravel(), projection.A)
    projection.is_trained = True
    whole = faiss.IndexPreTransform(projection, index)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # thousands of tiny steps: several threads wait for each other, twenty times as long on a busy machine
    try:
        whole.train(np.ascontiguousarray(training, dtype=np.float32))
    finally:
        faiss.omp_set_num_threads(threads)
    return faiss.IndexIDMap(whole)


def _strongest(training: Vectors, directions: int) -> Vectors:
    """(directions, d) rows of unit length along which the sample has most of its length. Nothing is centred: products stay products."""
    moments = training.T.astype(np.float64) @ training / max(len(training), 1)
    _values, vectors = np.linalg.eigh(moments)
    return np.ascontiguousarray(vectors[:, ::-1][:, :directions].T, dtype=np.float32)


def _faiss_metric(metric: Metric) -> int:
    return int(faiss.METRIC_INNER_PRODUCT if metric is Metric.COSINE else faiss.METRIC_L2)
