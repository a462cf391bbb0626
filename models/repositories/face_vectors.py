"""Templates in PostgreSQL under a graph index (pgvector, HNSW): for galleries that do not fit the memory of one process.

Here the vectors lie unsealed in the database, which is why nothing of this exists before the settings ask for it
(docs/decisions/face-search.md). A trigger takes a vector away in the transaction that revokes or deletes its reference.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.database import Database
from models.errors import ModelsError

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

WRITTEN_AT_ONCE = 20_000
GRAPH = {"m": 16, "ef_construction": 100}
"""Neighbours a node, and candidates while building; pgvector's own defaults are 16 and 64."""
LARGEST_SIZE = 4_000  # of a halfvec under hnsw

_TRIGGER = """
CREATE OR REPLACE FUNCTION face_vector_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM face_vector WHERE reference_id = OLD.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER face_vector_forget_revoked AFTER UPDATE OF template, revoked_at ON face_reference
  FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION face_vector_forget();
CREATE OR REPLACE TRIGGER face_vector_forget_deleted AFTER DELETE ON face_reference
  FOR EACH ROW EXECUTE FUNCTION face_vector_forget();
"""


class VectorStoreError(ModelsError):
    """The database cannot hold vectors; the message says why and what to do."""

    code = "vector_store"


class PgVectorIndex:
    """Vectors of one engine version in the table ``face_vector``, 16 bits a value. Similarities are as rough as that.

    euclidean: the engine compares by distance, not by cosine of unit vectors. candidates: that a query looks through (ef_search).
    """

    def __init__(self, database: Database, *, engine: str, size: int, euclidean: bool, candidates: int) -> None:
        if database.dialect != "postgresql":
            raise VectorStoreError("LIFECERT_FACE_INDEX=pgvector needs PostgreSQL: set LIFECERT_DATABASE_URL, or take faiss")
        if not 1 <= size <= LARGEST_SIZE:
            raise VectorStoreError(f"templates of {size} values cannot be indexed by pgvector (at most {LARGEST_SIZE}): take faiss")
        self._database = database
        self._size = size
        self._euclidean = euclidean
        self._candidates = candidates
        self._holds = f"lifecert faces of {engine}, {size} values, {'euclidean' if euclidean else 'inner product'}"

    def prepare(self) -> None:
        """Make extension, table and triggers where they are not there; a table of another engine version is made anew.

        Raises:
            VectorStoreError: the database has no pgvector.
        """
        try:
            with self._database.engine.begin() as connection:
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
                held = connection.scalar(text("SELECT obj_description(to_regclass('face_vector'), 'pg_class')"))
                if held is not None and held != self._holds:
                    connection.execute(text("DROP TABLE face_vector"))
                made = f"CREATE TABLE IF NOT EXISTS face_vector (reference_id bigint PRIMARY KEY, embedding halfvec({self._size}) NOT NULL)"
                connection.execute(text(made))
                quoted = self._holds.replace("'", "''")
                connection.exec_driver_sql(f"COMMENT ON TABLE face_vector IS '{quoted}'")
                connection.exec_driver_sql(_TRIGGER)
        except DBAPIError as error:
            raise VectorStoreError(
                "pgvector is not to be had in this database: have its owner run CREATE EXTENSION vector, or take LIFECERT_FACE_INDEX=faiss"
            ) from error

    def held(self) -> Ids:
        """Ids of the references that are in it, in order."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(text("SELECT reference_id FROM face_vector ORDER BY reference_id")).scalars()
            return np.fromiter(rows, dtype=np.int64)

    def synchronise(self, ids: Ids, vectors: Vectors) -> None:
        """Bring the table to exactly these references; only what changed is written. The graph is built when it is not there."""
        self.prepare()
        held = self.held()
        self.remove(np.setdiff1d(held, ids))
        missing = np.flatnonzero(~np.isin(ids, held))
        if missing.size > held.size:  # building the graph at the end is much faster than growing it
            with self._database.engine.begin() as connection:
                connection.execute(text("DROP INDEX IF EXISTS ix_face_vector_embedding"))
        self.add(ids[missing], vectors[missing])
        self.build()

    def build(self) -> None:
        """Build the graph over what is in the table, when there is none yet."""
        options = ", ".join(f"{name} = {value}" for name, value in GRAPH.items())
        operators = "halfvec_l2_ops" if self._euclidean else "halfvec_ip_ops"
        with self._database.engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE INDEX IF NOT EXISTS ix_face_vector_embedding ON face_vector USING hnsw (embedding {operators}) WITH ({options})"
            )
            connection.execute(text("ANALYZE face_vector"))

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """See detection.faces.index.VectorIndex. A reference that was revoked meanwhile is not taken in."""
        for start in range(0, len(ids), WRITTEN_AT_ONCE):
            part = slice(start, start + WRITTEN_AT_ONCE)
            with self._staged(ids[part], vectors[part]) as connection:
                # the lock makes a revocation that is under way wait, so that its trigger finds the vector
                connection.execute(
                    text(
                        "INSERT INTO face_vector (reference_id, embedding) SELECT s.id, s.embedding FROM face_staged s "
                        "JOIN face_reference r ON r.id = s.id AND r.revoked_at IS NULL FOR SHARE OF r "
                        "ON CONFLICT (reference_id) DO UPDATE SET embedding = excluded.embedding"
                    )
                )

    def search(self, queries: Vectors, neighbours: int) -> tuple[Ids, Vectors]:
        """See detection.faces.index.VectorIndex."""
        ids = np.full((len(queries), neighbours), -1, dtype=np.int64)
        similarities = np.full((len(queries), neighbours), -np.inf, dtype=np.float32)
        operator = "<->" if self._euclidean else "<#>"
        near = (
            f"SELECT reference_id, embedding {operator} q.embedding AS distance FROM face_vector "  # noqa: S608 - an operator, not a value
            f"ORDER BY embedding {operator} q.embedding LIMIT :neighbours"
        )
        nearest = text(
            f"SELECT q.id, c.reference_id, c.distance FROM face_staged q CROSS JOIN LATERAL ({near}) c ORDER BY q.id, c.distance"  # noqa: S608
        )
        with self._staged(np.arange(len(queries), dtype=np.int64), queries) as connection:
            connection.exec_driver_sql(f"SET LOCAL hnsw.ef_search = {max(self._candidates, neighbours)}")
            connection.exec_driver_sql(
                "SET LOCAL enable_seqscan = off"
            )  # else the planner sorts everybody for each face of a small gallery
            place, before = 0, -1
            for query, reference, distance in connection.execute(nearest, {"neighbours": neighbours}):
                place, before = (place + 1, query) if query == before else (0, query)
                ids[query, place] = reference
                similarities[query, place] = 1.0 - distance if self._euclidean else -distance
        return ids, similarities

    def remove(self, ids: Ids) -> int:
        """See detection.faces.index.VectorIndex."""
        with self._database.engine.begin() as connection:
            done = connection.execute(text("DELETE FROM face_vector WHERE reference_id = ANY(:ids)"), {"ids": ids.tolist()})
            return done.rowcount

    @contextmanager
    def _staged(self, ids: Ids, vectors: Vectors) -> Iterator[Connection]:
        """A transaction with a temporary table ``face_staged`` (id, embedding) that holds these vectors."""
        header = struct.pack(">HH", self._size, 0)  # pgvector's binary form of a halfvec: dimensions, unused, values
        halves = vectors.astype(">f2")
        with self._database.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TEMPORARY TABLE face_staged (id bigint, embedding halfvec({self._size})) ON COMMIT DROP")
            driver = connection.connection.driver_connection
            if not isinstance(driver, psycopg.Connection):  # the dialect is postgresql+psycopg (models.database)
                raise VectorStoreError("vectors are written through psycopg only")
            with driver.cursor() as cursor, cursor.copy("COPY face_staged FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "bytea"])
                for number, values in zip(ids.tolist(), halves, strict=True):
                    copy.write_row((number, header + values.tobytes()))
            yield connection


def forget_vectors(database: Database) -> None:
    """Drop the table and its triggers, where they are: no unsealed vector stays when the settings no longer ask for pgvector."""
    if database.dialect != "postgresql":
        return
    with database.engine.begin() as connection:
        if connection.scalar(text("SELECT to_regclass('face_vector')")) is None:
            return
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS face_vector_forget_revoked ON face_reference")
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS face_vector_forget_deleted ON face_reference")
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS face_vector_forget")
        connection.exec_driver_sql("DROP TABLE face_vector")
