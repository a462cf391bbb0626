"""Nearest templates among very many: one interface, and FAISS in the memory of the process."""

from __future__ import annotations

import math
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from detection.faces.metric import Metric, Vectors

Ids = NDArray[np.int64]
NONE = -1
ADDED_AT_ONCE = 50_000


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
    """FAISS: every face with every other (flat), or inverted lists of near faces with 8 bits a value (IVF-SQ8).

    Memory of IVF-SQ8: d + 8 bytes a face. lists_probed: lists that a query looks into; more finds more and takes longer.
    """

    def __init__(self, index: Any, metric: Metric) -> None:
        self._index = index
        self._metric = metric

    @classmethod
    def flat(cls, size: int, metric: Metric) -> FaissIndex:
        """Exact, for up to some ten thousand faces."""
        return cls(faiss.IndexIDMap2(_flat(size, metric)), metric)

    @classmethod
    def lists(cls, training: Vectors, count: int, metric: Metric, *, lists_probed: int, lists: int | None = None) -> FaissIndex:
        """Inverted lists for about ``count`` faces, trained on a (t, d) sample of them. lists: how many; 4 x root(count) when not given."""
        size = training.shape[1]
        wanted = lists or list_count(count)
        index = faiss.IndexIVFScalarQuantizer(
            _flat(size, metric), size, min(wanted, len(training)), faiss.ScalarQuantizer.QT_8bit, _faiss_metric(metric)
        )
        index.cp.spherical = metric is Metric.COSINE  # centres of unit length, as the faces are
        index.train(np.ascontiguousarray(training, dtype=np.float32))
        index.nprobe = lists_probed
        return cls(index, metric)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See VectorIndex."""
        for start in range(0, len(ids), ADDED_AT_ONCE):  # FAISS copies what it is given
            part = slice(start, start + ADDED_AT_ONCE)
            self._index.add_with_ids(np.ascontiguousarray(vectors[part], dtype=np.float32), np.ascontiguousarray(ids[part], dtype=np.int64))

    def search(self, queries: Vectors, neighbours: int) -> tuple[Ids, Vectors]:
        """See VectorIndex."""
        values, ids = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), neighbours)
        if self._metric is Metric.EUCLIDEAN:
            values = np.float32(1.0) - np.sqrt(np.clip(values, 0.0, None))
        return ids, values

    def remove(self, ids: Ids) -> int:
        """See VectorIndex."""
        return int(self._index.remove_ids(np.ascontiguousarray(ids, dtype=np.int64)))


def list_count(faces: int) -> int:
    """How many inverted lists suit so many faces: about 4 x root, as FAISS recommends."""
    return max(1, round(4 * math.sqrt(faces)))


def _flat(size: int, metric: Metric) -> Any:
    return faiss.IndexFlatIP(size) if metric is Metric.COSINE else faiss.IndexFlatL2(size)


def _faiss_metric(metric: Metric) -> int:
    return int(faiss.METRIC_INNER_PRODUCT if metric is Metric.COSINE else faiss.METRIC_L2)
