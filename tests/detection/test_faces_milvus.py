"""The Milvus index against a real Milvus Lite in a folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from detection.faces.errors import FaceIndexError
from detection.faces.metric import Metric
from tests.detection.faces_in_store import SIZE, face, mate_of

pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed: install lifecert with the extra test")

from detection.faces.milvus_index import MilvusIndex

Opener = Callable[..., MilvusIndex]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pymilvus  # noqa: F401 - its first import warns about its own dependencies


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    made: list[MilvusIndex] = []

    def open_index(**options: object) -> MilvusIndex:
        values = {"collection": "faces_test", "size": SIZE, "metric": Metric.COSINE, "candidates": 100, **options}
        made.append(MilvusIndex(str(tmp_path / "milvus.db"), "", **values))
        return made[-1]

    yield open_index
    for index in made:
        index.close()


def faces() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(31, dtype=np.int64) * 7 + 1_000, np.stack([*(face(n) for n in range(30)), mate_of(3)])


@pytest.mark.parametrize("metric", list(Metric))
def test_neighbours_come_nearest_first_with_their_similarities(opened: Opener, metric: Metric) -> None:
    ids, vectors = faces()
    index = opened(metric=metric)
    index.synchronise(ids, vectors)
    found, similarities = index.search(vectors[[3, 7]], 5)
    for row, query in enumerate((3, 7)):
        exact = metric.paired(np.repeat(vectors[[query]], 31, axis=0), vectors)
        order = np.argsort(-exact)[:5]
        assert found[row].tolist() == ids[order].tolist()
        np.testing.assert_allclose(similarities[row], exact[order], atol=2e-3)


def test_synchronising_writes_what_changed_and_takes_away_what_is_gone(opened: Opener) -> None:
    ids, vectors = faces()
    index = opened()
    index.synchronise(ids[:20], vectors[:20])
    index.synchronise(ids[5:], vectors[5:])
    assert index.held().tolist() == ids[5:].tolist()
    assert index.search(vectors[[30]], 1)[0][0, 0] == ids[30]
    assert index.remove(ids[[30, 0]]) == 1
    found, similarities = index.search(vectors[[30]], 31)
    assert ids[30] not in found[0].tolist()
    assert found[0, 25:].tolist() == [-1] * 6
    assert np.isneginf(similarities[0, 25:]).all()


def test_what_was_written_is_there_when_it_is_opened_again_and_gone_when_it_is_forgotten(opened: Opener) -> None:
    ids, vectors = faces()
    opened().synchronise(ids, vectors)
    again = opened()
    assert again.held().size == 31
    again.forget()
    assert opened().held().size == 0


def test_a_server_that_does_not_answer_is_an_error_in_words() -> None:
    with pytest.raises(FaceIndexError, match="LIFECERT_MILVUS_URI"):
        MilvusIndex("http://127.0.0.1:9", "", collection="faces", size=SIZE, metric=Metric.COSINE, candidates=10)
