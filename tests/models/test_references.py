from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.face import ReferenceSource
from models.keys import FileKeyRing
from models.repositories import references
from models.repositories.references import NewReference
from tests.models.people import NOW, add_person
from tests.models.workers import outcomes_of


def new(keyring: FileKeyRing, person_id: int, version: str = "v1", **options: Any) -> NewReference:
    template = keyring.seal(b"embedding", b"person")
    return NewReference(person_id, "onnx", version, template, ReferenceSource.COUNTER, {"overall": 81}, **options)


def test_a_person_has_one_active_reference_for_each_engine_version(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id
        first = references.enrol(session, new(keyring, person_id), by="clerk", now=NOW)
        other = references.enrol(session, new(keyring, person_id, "v2"), by="clerk", now=NOW)
        with pytest.raises(ConflictError) as caught:
            references.enrol(session, new(keyring, person_id), by="clerk", now=NOW)
        assert caught.value.conflict is Conflict.ACTIVE_REFERENCE_EXISTS
        assert references.active(session, person_id, "onnx", "v1") is first
        assert references.active(session, person_id, "dlib", "v1") is None
        assert {reference.id for reference in references.active_of_person(session, person_id)} == {first.id, other.id}
        assert references.count_active(session, "onnx", "v1") == 1
        assert first.key_id == "k1"


def test_replacing_revokes_the_old_one_and_erases_its_face(database: Database, keyring: FileKeyRing) -> None:
    picture = keyring.seal(b"picture", b"person")
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id
        old = references.enrol(session, new(keyring, person_id, image=picture), by="clerk", now=NOW)
        fresh = references.replace(session, new(keyring, person_id), by="chief", reason="better light", now=NOW)
        session.refresh(old)
        assert (old.template, old.image) == (None, None)
        assert (old.revoked_at, old.revoked_by, old.revoked_reason) == (NOW, "chief", "better light")
        assert references.active(session, person_id, "onnx", "v1") is fresh
        assert references.revoke(session, fresh.public_id, by="clerk", reason="asked", now=NOW)
        assert not references.revoke(session, fresh.public_id, by="clerk", reason="asked", now=NOW)
        assert references.active_of_person(session, person_id) == []
        with pytest.raises(NotFoundError):
            references.revoke(session, "no such reference", by="clerk", reason="asked", now=NOW)


@pytest.mark.parametrize("replacing", [False, True])
def test_two_enrolments_at_once_leave_one_active(database: Database, keyring: FileKeyRing, replacing: bool) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id
        if replacing:
            references.enrol(session, new(keyring, person_id), by="clerk", now=NOW)

    def enrol(number: int) -> str:
        with database.session_scope() as session:
            if replacing:
                references.replace(session, new(keyring, person_id), by=str(number), reason="at once", now=NOW)
            else:
                references.enrol(session, new(keyring, person_id), by=str(number), now=NOW)
        return "enrolled"

    results = outcomes_of(4, enrol)
    assert "enrolled" in results
    assert set(results) <= {"enrolled", "active_reference_exists"}
    with database.read_scope() as session:
        assert references.count_active(session, "onnx", "v1") == 1


def test_withdrawing_takes_every_reference(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring, sequence=1).id
        other_id = add_person(session, keyring, sequence=2).id
        for version in ("v1", "v2"):
            references.enrol(session, new(keyring, person_id, version), by="clerk", now=NOW)
        kept = references.enrol(session, new(keyring, other_id), by="clerk", now=NOW)
        assert references.revoke_all(session, person_id, by="person", reason="consent withdrawn", now=NOW) == 2
        assert references.revoke_all(session, person_id, by="person", reason="consent withdrawn", now=NOW) == 0
        assert references.active_of_person(session, other_id) == [kept]


def test_calibration_reads_every_active_reference_in_batches(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        ids = [add_person(session, keyring, sequence=number).id for number in range(1, 8)]
        for person_id in ids:
            references.enrol(session, new(keyring, person_id), by="clerk", now=NOW)
        references.revoke_all(session, ids[3], by="clerk", reason="test", now=NOW)
        read = [(reference.person_id, person.id) for reference, person in references.for_calibration(session, "onnx", "v1", batch=2)]
    assert read == [(person_id, person_id) for person_id in ids if person_id != ids[3]]


def test_only_people_with_a_kept_picture_and_no_new_template_are_reissued(database: Database, keyring: FileKeyRing) -> None:
    picture = keyring.seal(b"picture", b"person")
    with database.session_scope() as session:
        kept, without, done = (add_person(session, keyring, sequence=number).id for number in (1, 2, 3))
        wanted = references.enrol(session, new(keyring, kept, image=picture), by="clerk", now=NOW)
        references.enrol(session, new(keyring, without), by="clerk", now=NOW)
        references.enrol(session, new(keyring, done, image=picture), by="clerk", now=NOW)
        references.enrol(session, new(keyring, done, "v2", image=picture), by="clerk", now=NOW + timedelta(days=1))
        assert references.to_reissue(session, "onnx", "v2") == [wanted]
