"""Templates in Milvus, behind the same interface: for galleries that a cluster of its own holds. pymilvus comes with the extra ``milvus``.

As with pgvector the vectors lie unsealed there; access to Milvus and its disks is the operator's to close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detection.faces.errors import FaceIndexError
from detection.faces.index import NONE, Ids
from detection.faces.metric import Metric, Vectors

if TYPE_CHECKING:
    from pymilvus import MilvusClient

WRITTEN_AT_ONCE = 5_000  # 10 MB of 512 values: a message to Milvus may have 64 MB
READ_AT_ONCE = 10_000
SEARCHED_AT_ONCE = 1_000
GRAPH = {"M": 16, "efConstruction": 100}


class MilvusIndex:
    """One collection for one engine version. candidates: that a query looks through (ef).

    uri: of the server, or the path of a Milvus Lite folder. Raises FaceIndexError when pymilvus is missing or the server does not answer.
    """

    def __init__(self, uri: str, token: str, *, collection: str, size: int, metric: Metric, candidates: int) -> None:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise FaceIndexError("LIFECERT_FACE_INDEX=milvus needs the package pymilvus: install lifecert with the extra milvus") from error
        self._collection = collection
        self._metric = metric
        self._candidates = candidates
        try:
            self._client: MilvusClient = MilvusClient(uri, token=token)
            self._prepare(size)
        except MilvusException as error:
            raise FaceIndexError(f"Milvus does not answer ({error.code}): check LIFECERT_MILVUS_URI and that it runs") from error

    def _prepare(self, size: int) -> None:
        from pymilvus import DataType

        if self._client.has_collection(self._collection):
            self._client.load_collection(self._collection)
            return
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=size)
        index = self._client.prepare_index_params()
        metric = "IP" if self._metric is Metric.COSINE else "L2"
        index.add_index("vector", index_type="HNSW", metric_type=metric, params=GRAPH)
        self._client.create_collection(self._collection, schema=schema, index_params=index, consistency_level="Strong")

    def held(self) -> Ids:
        """Ids of the references that are in it, in order."""
        iterator = self._client.query_iterator(self._collection, batch_size=READ_AT_ONCE, filter="", output_fields=["id"])
        ids: list[int] = []
        while rows := iterator.next():
            ids += [row["id"] for row in rows]
        iterator.close()
        return np.sort(np.array(ids, dtype=np.int64))

    def synchronise(self, ids: Ids, vectors: Vectors) -> None:
        """Bring the collection to exactly these references; only what changed is written."""
        held = self.held()
        self.remove(np.setdiff1d(held, ids))
        missing = np.flatnonzero(~np.isin(ids, held))
        self.add(ids[missing], vectors[missing])

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See detection.faces.index.VectorIndex."""
        for start in range(0, len(ids), WRITTEN_AT_ONCE):
            part = slice(start, start + WRITTEN_AT_ONCE)
            rows: list[dict[str, Any]] = [
                {"id": number, "vector": vector} for number, vector in zip(ids[part].tolist(), vectors[part], strict=True)
            ]
            self._client.upsert(self._collection, rows)

    def search(self, queries: Vectors, neighbours: int) -> tuple[Ids, Vectors]:
        """See detection.faces.index.VectorIndex."""
        ids = np.full((len(queries), neighbours), NONE, dtype=np.int64)
        similarities = np.full((len(queries), neighbours), -np.inf, dtype=np.float32)
        parameters = {"params": {"ef": max(self._candidates, neighbours)}}
        for start in range(0, len(queries), SEARCHED_AT_ONCE):
            part = list(queries[start : start + SEARCHED_AT_ONCE])
            found = self._client.search(
                self._collection, data=part, limit=neighbours, search_params=parameters, anns_field="vector", output_fields=["id"]
            )
            for row, hits in enumerate(found, start):
                ids[row, : len(hits)] = [hit["id"] for hit in hits]
                similarities[row, : len(hits)] = self._similarities([hit["distance"] for hit in hits])
        return ids, similarities

    def _similarities(self, distances: list[float]) -> NDArray[np.float32]:
        values = np.array(distances, dtype=np.float32)
        if self._metric is Metric.COSINE:
            return values
        return np.float32(1.0) - np.sqrt(np.clip(values, 0.0, None))

    def remove(self, ids: Ids) -> int:
        """See detection.faces.index.VectorIndex."""
        removed = 0
        for start in range(0, len(ids), READ_AT_ONCE):
            part = ids[start : start + READ_AT_ONCE].tolist()
            there = self._client.get(self._collection, part, output_fields=["id"])
            if there:
                self._client.delete(self._collection, ids=[row["id"] for row in there])
            removed += len(there)
        return removed

    def forget(self) -> None:
        """Drop the collection with everything in it."""
        self._client.drop_collection(self._collection)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
