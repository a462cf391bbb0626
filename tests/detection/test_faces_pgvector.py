"""The graph index in a real PostgreSQL: kept up with the references, rid of revoked ones at once, gone when it is not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from sqlalchemy import text

from detection.faces.metric import Metric
from models.database import Database
from models.face import FaceReference
from models.keys import FileKeyRing
from models.repositories import references
from models.repositories.face_vectors import PgVectorIndex, VectorStoreError, forget_vectors
from tests.conftest import TEMPLATE, _postgres_database
from tests.detection.faces_in_store import MATCHING, NOW, SIZE, Enrolled, approve_basis, enrol, face, mate_of, search_service


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Database]:
    with _postgres_database(postgres_server, TEMPLATE) as url:
        opened = Database(url)
        yield opened
        opened.dispose()


@pytest.fixture
def enrolled(postgres: Database, keyring: FileKeyRing) -> list[Enrolled]:
    with postgres.session_scope() as session:
        people = [enrol(session, keyring, face(n), sequence=100 + 2 * n) for n in range(30)]
        people.append(enrol(session, keyring, mate_of(3), sequence=300, born=date(1957, 1, 2)))
    return people


def index_of(database: Database, **options: object) -> PgVectorIndex:
    return PgVectorIndex(database, **{"engine": "made-up 1", "size": SIZE, "euclidean": False, "candidates": 100, **options})


def vectors() -> np.ndarray:
    return np.stack([*(face(n) for n in range(30)), mate_of(3)])


def ids_of(enrolled: list[Enrolled]) -> np.ndarray:
    return np.array([person.reference for person in enrolled])


@pytest.mark.parametrize("euclidean", [False, True])
def test_neighbours_come_nearest_first_with_nearly_exact_similarities(postgres, enrolled, euclidean):
    index, ids, faces = index_of(postgres, euclidean=euclidean), ids_of(enrolled), vectors()
    index.synchronise(ids, faces)
    found, similarities = index.search(faces[[3, 7]], 5)
    metric = Metric.EUCLIDEAN if euclidean else Metric.COSINE
    for row, query in enumerate((3, 7)):
        exact = metric.paired(np.repeat(faces[[query]], 31, axis=0), faces)
        order = np.argsort(-exact)[:5]
        assert found[row].tolist() == ids[order].tolist()
        np.testing.assert_allclose(similarities[row], exact[order], atol=0.03 if euclidean else 2e-3)


def test_the_graph_answers_the_search(postgres, enrolled):
    index = index_of(postgres)
    index.synchronise(ids_of(enrolled), vectors())
    index.search(vectors()[:1], 3)
    with postgres.engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        connection.commit()
        scans = connection.scalar(text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'ix_face_vector_embedding'"))
    assert scans >= 1


def test_fewer_faces_than_asked_for_leave_empty_places(postgres, enrolled):
    index = index_of(postgres)
    index.synchronise(ids_of(enrolled)[:2], vectors()[:2])
    found, similarities = index.search(vectors()[:1], 4)
    assert found[0, 2:].tolist() == [-1, -1]
    assert np.isneginf(similarities[0, 2:]).all()


def test_synchronising_writes_what_changed_and_takes_away_what_is_gone(postgres, enrolled):
    index, ids, faces = index_of(postgres), ids_of(enrolled), vectors()
    index.synchronise(ids[:20], faces[:20])
    index.synchronise(ids[5:], faces[5:])
    assert index.held().tolist() == ids[5:].tolist()
    found, _ = index.search(faces[[30]], 1)
    assert found[0, 0] == ids[30]
    assert index.remove(ids[[30]]) == 1
    assert index.remove(ids[[30]]) == 0


def test_a_revoked_reference_loses_its_vector_in_the_same_transaction(postgres, enrolled):
    index, ids = index_of(postgres), ids_of(enrolled)
    index.synchronise(ids, vectors())
    with postgres.session_scope() as session:
        public_id = session.get_one(FaceReference, enrolled[3].reference).public_id
        references.revoke(session, public_id, by="test", reason="test", now=NOW)
    assert enrolled[3].reference not in index.held().tolist()
    # and one that was revoked while a search had it in memory is not put back
    index.add(ids[[3]], vectors()[[3]])
    assert enrolled[3].reference not in index.held().tolist()


def test_a_table_of_another_engine_version_is_made_anew(postgres, enrolled):
    index_of(postgres).synchronise(ids_of(enrolled), vectors())
    other = index_of(postgres, engine="made-up 2", size=32)
    other.prepare()
    assert other.held().size == 0
    index_of(postgres, engine="made-up 2", size=32).prepare()


def test_nothing_is_there_before_it_is_asked_for_nor_after_it_no_longer_is(postgres, enrolled):
    def there() -> bool:
        with postgres.engine.connect() as connection:
            return bool(connection.scalar(text("SELECT to_regclass('face_vector') IS NOT NULL")))

    assert not there()
    forget_vectors(postgres)
    index_of(postgres).synchronise(ids_of(enrolled), vectors())
    assert there()
    forget_vectors(postgres)
    assert not there()
    with postgres.session_scope() as session:  # the trigger went too
        public_id = session.get_one(FaceReference, enrolled[3].reference).public_id
        assert references.revoke(session, public_id, by="test", reason="test", now=NOW)


def test_sqlite_and_templates_that_are_too_long_are_refused_in_words(sqlite_database, postgres):
    with pytest.raises(VectorStoreError, match="needs PostgreSQL"):
        index_of(sqlite_database)
    with pytest.raises(VectorStoreError, match="at most 4000"):
        index_of(postgres, size=4_001)


def test_the_search_of_a_store_through_pgvector_finds_the_pair(postgres, keyring, records_policy, enrolled):
    approve_basis(postgres)
    index = index_of(postgres)

    def make(gallery, matching):
        index.synchronise(gallery.people.reference, gallery.templates)
        return index

    service = search_service(postgres, keyring, records_policy, replace(MATCHING, threshold=0.7))
    service._make_index = make
    prepared = service.prepare(by="test", run="run-1", as_of=date(2026, 3, 15))
    keys = {finding.key for batch in prepared.batches() for finding in batch.findings}
    assert keys == {f"P8:{a.key}:{b.key}" for a, b in ((enrolled[3], enrolled[30]), (enrolled[30], enrolled[3]))}
