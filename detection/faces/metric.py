"""How two templates of an engine are compared, for very many at once."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detection.faces.errors import MetricError

Vectors = NDArray[np.float32]
AGREES_TO = 1e-3


class Metric(StrEnum):
    """COSINE: of vectors of unit length. EUCLIDEAN: 1 - distance. Higher is more alike in both."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"

    def paired(self, left: Vectors, right: Vectors) -> Vectors:
        """(n,) float32 similarities of (n, d) with (n, d), row by row; the exact value that a finding states."""
        if self is Metric.COSINE:
            similarity: Vectors = np.einsum("nd,nd->n", left, right)
            return similarity
        distance: Vectors = np.linalg.norm(left - right, axis=1)
        return np.float32(1.0) - distance


def metric_of(similarity: Callable[[Vectors, Vectors], Vectors], size: int) -> Metric:
    """The metric that an engine's ``similarity`` follows, found by trying vectors of unit length. Raises MetricError for any other.

    An engine states no metric; what it computes is what counts.
    """
    vectors = np.random.default_rng(0).standard_normal((32, size)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    left, right = vectors[:16], vectors[16:]
    measured = np.array([similarity(one, other)[0, 0] for one, other in zip(left, right, strict=True)], dtype=np.float32)
    for metric in Metric:
        if np.allclose(measured, metric.paired(left, right), atol=AGREES_TO):
            return metric
    raise MetricError("the engine's similarity is neither cosine nor 1 - Euclidean distance: its faces cannot be searched")
