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
    """FAISS: every face with every other (flat), or with every other's short code (compressed).

    The short code: the template's strongest directions, each pair of them in 4 bits, compared for all faces at once in the processor's
    registers. It leaves nobody out, as lists of near faces do, and needs a quarter of a byte for each value of a template of 512.
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
        size = training.shape[1]
        kept = min(directions, size)
        projection = faiss.LinearTransform(size, kept, False)
        faiss.copy_array_to_vector(_strongest(training, kept).ravel(), projection.A)
        projection.is_trained = True
        codes = faiss.IndexPQFastScan(kept, max(kept // VALUES_A_CODE, 1), 4, _faiss_metric(metric))
        index = faiss.IndexPreTransform(projection, codes)
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # thousands of tiny steps: several threads wait for each other, twenty times as long on a busy machine
        try:
            index.train(np.ascontiguousarray(training, dtype=np.float32))
        finally:
            faiss.omp_set_num_threads(threads)
        return cls(faiss.IndexIDMap(index), metric)

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
        """See VectorIndex. Short codes stay in memory, and are no longer answered with."""
        if isinstance(self._index, faiss.IndexIDMap2):
            return int(self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids, dtype=np.int64))))
        there = set(faiss.vector_to_array(self._index.id_map).tolist()) - self._removed
        gone = there & set(ids.tolist())
        self._removed |= gone
        return len(gone)


def _strongest(training: Vectors, directions: int) -> Vectors:
    """(directions, d) rows of unit length along which the sample has most of its length. Nothing is centred: products stay products."""
    moments = training.T.astype(np.float64) @ training / max(len(training), 1)
    _values, vectors = np.linalg.eigh(moments)
    return np.ascontiguousarray(vectors[:, ::-1][:, :directions].T, dtype=np.float32)


def _faiss_metric(metric: Metric) -> int:
    return int(faiss.METRIC_INNER_PRODUCT if metric is Metric.COSINE else faiss.METRIC_L2)
