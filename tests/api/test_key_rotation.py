"""Sealing everything again under a new key, beside writers, over kills, and destroying the old key when nothing is left."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from api import key_rotation
from api.key_rotation import KeyKind, KeyRotation
from models.audit import AuditEntry
from models.database import Database
from models.errors import ConflictError
from models.face import FaceReference, ReferenceSource
from models.idempotency import IdempotencyKey
from models.keys import FileKeyRing, KeyStateError, Sealed
from models.person import Person
from models.policy import RecordsPolicy
from models.policy_keys import KeysPolicy
from models.repositories import persons, references, resealing, sealed_values
from models.repositories.references import NewReference
from models.run_lock import only_one
from models.sealed_columns import CONTEXTS, sealed_tables
from models.templates import STORED_DTYPE, template_data
from models.types import SealedValue
from tests.conftest import FixedClock
from tests.models.people import NOW, add_person, resident_id

PEOPLE = 7
ENGINE = ("onnx", "v1")


@pytest.fixture
def small(records_policy: RecordsPolicy) -> KeysPolicy:
    """Batches of two rows, so that seven people make several."""
    return records_policy.keys.model_copy(update={"batch_rows": 2})


def template_of(keyring: FileKeyRing, person: Person, value: float) -> Sealed:
    vector = np.full(8, value, STORED_DTYPE)
    return keyring.seal(vector.tobytes(), template_data(person.public_id, *ENGINE, vector.size))


def fill(database: Database, keyring: FileKeyRing) -> list[int]:
    """People with numbers, phones and templates; the first has no phone. Their ids."""
    ids = []
    with database.session_scope() as session:
        for number in range(PEOPLE):
            more = {} if number == 0 else {"phone": f"1380000000{number}"}
            person = add_person(session, keyring, sequence=100 + number * 2, **more)
            new = NewReference(person.id, *ENGINE, template_of(keyring, person, number), ReferenceSource.COUNTER, {"overall": 80})
            references.enrol(session, new, by="clerk", now=NOW)
            ids.append(person.id)
    return ids


def rotation(database: Database, keyring: FileKeyRing, policy: KeysPolicy) -> KeyRotation:
    return KeyRotation(database, keyring, policy, FixedClock(NOW))


def keys_in_use(database: Database) -> set[str]:
    """Ids of keys of every sealed value, read row by row."""
    found = set()
    with database.read_scope() as session:
        for table in sealed_tables():
            for row in session.execute(select(*(column for column, _, _ in table.columns))):
                found |= {value.key_id for value in row if value is not None}  # type: ignore[union-attr]
    return found


def all_opens(database: Database, keyring: FileKeyRing, ids: list[int]) -> None:
    with database.read_scope() as session:
        for number, key in enumerate(ids):
            person = session.get_one(Person, key)
            assert persons.open_resident_id(person, keyring) == resident_id(sequence=100 + number * 2)
            assert persons.open_phone(person, keyring) == (None if number == 0 else f"1380000000{number}")
            row = references.active(session, key, *ENGINE)
            assert row is not None
            assert row.template is not None
            assert row.key_id == row.template.key_id
            plain = keyring.unseal(row.template, template_data(person.public_id, *ENGINE, 8))
            assert np.frombuffer(plain, STORED_DTYPE).tolist() == [number] * 8


def test_every_sealed_column_says_what_it_is_bound_to_and_nothing_else_does() -> None:
    declared = {(table.table.name, column.name) for table in sealed_tables() for column, _, _ in table.columns}
    assert declared == set(CONTEXTS)


def test_everything_is_sealed_again_and_the_old_key_is_destroyed(database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    ids = fill(database, keyring)
    keys = rotation(database, keyring, small)
    key_id = keys.rotate(KeyKind.SEALING, actor="cli:chief")
    done = keys.reseal(actor="cli:chief")
    assert (done.finished, done.unopened, done.to_key) == (True, 0, key_id)
    assert {table.table: table.resealed for table in done.tables if table.resealed} == {"face_reference": PEOPLE, "person": PEOPLE}
    assert keys_in_use(database) == {key_id}
    all_opens(database, keyring, ids)
    assert {line.key_id: line.values for line in keys.listing(count=True)} == {"k1": 0, key_id: 3 * PEOPLE - 1, "s1": None}
    again = keys.reseal(actor="cli:chief")
    assert (again.finished, again.resealed) == (True, 0)
    with pytest.raises(KeyStateError, match="2026-03-16"):
        keys.retire("k1", actor="cli:chief")
    later = KeyRotation(database, keyring, small, FixedClock(NOW + timedelta(days=2)))
    later.retire("k1", actor="cli:chief")
    assert not keyring.knows("k1")
    all_opens(database, keyring, ids)
    with database.read_scope() as session:
        steps = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("keys.%")).order_by(AuditEntry.id)).all()
    assert steps == ["keys.rotate", "keys.reseal", "keys.reseal.done", "keys.reseal", "keys.reseal.done", "keys.retire"]


def test_a_key_is_not_destroyed_while_one_value_needs_it(database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    ids = fill(database, keyring)
    late = Sealed("", b"")
    with database.read_scope() as session:
        late = template_of(keyring, session.get_one(Person, ids[3]), 3)
    keys = rotation(database, keyring, small.model_copy(update={"retire_after_hours": 0}))
    keys.rotate(KeyKind.SEALING, actor="cli:chief")
    with pytest.raises(KeyStateError, match=r"face_reference\.template"):
        keys.retire("k1", actor="cli:chief")
    keys.reseal(actor="cli:chief")
    with database.session_scope() as session:  # a transaction that sealed its value before, and was committed late
        session.execute(update(FaceReference).where(FaceReference.person_id == ids[3]).values(template=late, key_id=late.key_id))
    with pytest.raises(KeyStateError, match="face_reference"):
        keys.retire("k1", actor="cli:chief")
    assert keys.reseal(actor="cli:chief").resealed == 1
    keys.retire("k1", actor="cli:chief")
    all_opens(database, keyring, ids)


def test_a_write_between_reading_and_writing_a_batch_stays(
    database: Database, keyring: FileKeyRing, small: KeysPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(database, keyring)
    keys = rotation(database, keyring, small)
    key_id = keys.rotate(KeyKind.SEALING, actor="cli:chief")
    seal_again, once = resealing.seal_again, []

    def meanwhile(*arguments: object) -> object:
        done = seal_again(*arguments)  # type: ignore[arg-type]
        if not once:
            once.append(1)
            with database.session_scope() as session:  # a template is replaced, another reference revoked
                person = session.get_one(Person, ids[1])
                session.execute(
                    update(FaceReference).where(FaceReference.person_id == ids[1]).values(template=template_of(keyring, person, 99))
                )
                references.revoke_all(session, ids[0], by="clerk", reason="asked", now=NOW)
        return done

    monkeypatch.setattr(key_rotation.resealing, "seal_again", meanwhile)
    assert keys.reseal(actor="cli:chief").finished
    with database.read_scope() as session:
        person = session.get_one(Person, ids[1])
        row = session.scalars(select(FaceReference).where(FaceReference.person_id == ids[1])).one()
        assert row.template is not None
        plain = keyring.unseal(row.template, template_data(person.public_id, *ENGINE, 8))
        assert np.frombuffer(plain, STORED_DTYPE)[0] == 99
        assert session.scalars(select(FaceReference.template).where(FaceReference.person_id == ids[0])).all() == [None]
    assert keys_in_use(database) == {key_id}


def test_rows_that_somebody_holds_are_passed_by_and_come_in_the_next_round(
    database: Database, keyring: FileKeyRing, small: KeysPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(database, keyring)
    keys = rotation(database, keyring, small)
    key_id = keys.rotate(KeyKind.SEALING, actor="cli:chief")
    holding = database.sessions()
    if database.dialect == "sqlite":  # which has no locks of rows: the same answer by hand
        monkeypatch.setattr(resealing, "_lock", lambda _s, _t, wanted: set(wanted) - ({ids[2]} if held else set()))
    else:
        holding.execute(select(Person).where(Person.id == ids[2]).with_for_update())
    held = [1]
    note = resealing.note

    def let_go(*arguments: Any, **options: Any) -> None:
        note(*arguments, **options)
        if arguments[3].waiting:
            held.clear()
            holding.rollback()

    monkeypatch.setattr(key_rotation.resealing, "note", let_go)
    done = keys.reseal(actor="cli:chief")
    holding.close()
    assert done.finished
    assert max(table.rounds for table in done.tables) == 3
    assert keys_in_use(database) == {key_id}


def test_a_run_that_is_killed_goes_on_where_it_was(database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    ids = fill(database, keyring)
    keys = rotation(database, keyring, small)
    key_id = keys.rotate(KeyKind.SEALING, actor="cli:chief")
    database.dispose()
    child = os.fork()
    if child == 0:
        try:
            own = Database(database.url)
            write, left = resealing.write, [3]

            def dying(*arguments: object) -> object:
                batch = write(*arguments)  # type: ignore[arg-type]
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)  # inside the transaction of the third batch
                return batch

            key_rotation.resealing.write = dying  # type: ignore[assignment]
            rotation(own, FileKeyRing.open(keyring._path), small).reseal(actor="cli:chief")
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert keys.unfinished()
    with database.read_scope() as session:
        run = {row.table_name: row for row in resealing.running(session)}
        assert run["face_reference"].resealed == 4
    assert keys_in_use(database) == {"k1", key_id}
    deadline = time.monotonic() + 10
    while True:  # the server lets the lock of a dead process go when it notices
        try:
            done = keys.reseal(actor="job:reseal")
            break
        except ConflictError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert done.finished
    assert {table.table: table.resealed for table in done.tables if table.resealed} == {"face_reference": PEOPLE, "person": PEOPLE}
    assert not keys.unfinished()
    assert keys_in_use(database) == {key_id}
    all_opens(database, keyring, ids)


def test_a_newer_key_in_the_middle_is_where_the_next_run_goes(sqlite_database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    ids = fill(sqlite_database, keyring)
    keys = rotation(sqlite_database, keyring, small)
    first = keys.rotate(KeyKind.SEALING, actor="cli:chief")
    newer: list[str] = []

    def progress(_table: str, done: int, _total: int) -> None:
        if done == 2 and not newer:
            newer.append(keys.rotate(KeyKind.SEALING, actor="cli:other"))

    assert not keys.reseal(actor="cli:chief", progress=progress).finished
    done = keys.reseal(actor="cli:chief")
    assert (done.finished, done.to_key) == (True, newer[0])
    assert keys_in_use(sqlite_database) == {newer[0]}
    assert first != newer[0]
    all_opens(sqlite_database, keyring, ids)


def test_a_value_that_no_key_opens_is_left_as_it_is_and_told_of(sqlite_database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    fill(sqlite_database, keyring)
    strange = IdempotencyKey(
        client="c", key="k", method="POST", path="/", request_hash=bytes(32), created_at=NOW, expires_at=NOW,
        response_body=Sealed("k1", bytes(40)),
    )  # fmt: skip
    with sqlite_database.session_scope() as session:
        session.add(strange)
    keys = rotation(sqlite_database, keyring, small)
    keys.rotate(KeyKind.SEALING, actor="cli:chief")
    done = keys.reseal(actor="cli:chief")
    assert (done.finished, done.unopened) == (True, 1)
    with sqlite_database.read_scope() as session:
        assert session.scalars(select(IdempotencyKey.response_body)).one() == Sealed("k1", bytes(40))
        assert sealed_values.is_used(session, "k1") == "idempotency_key.response_body"
    with sqlite_database.session_scope() as session:
        session.execute(delete(IdempotencyKey))
        assert sealed_values.is_used(session, "k1") is None


def test_two_processes_do_not_reseal_at_once(database: Database, keyring: FileKeyRing, small: KeysPolicy) -> None:
    with only_one(database, key_rotation.LOCK), pytest.raises(ConflictError, match="another process"):
        rotation(database, keyring, small).reseal(actor="cli:chief")


def test_a_limit_of_seconds_stops_in_between_and_of_rows_slows_down(
    sqlite_database: Database, keyring: FileKeyRing, small: KeysPolicy
) -> None:
    fill(sqlite_database, keyring)
    keys = rotation(sqlite_database, keyring, small)
    keys.rotate(KeyKind.SEALING, actor="cli:chief")
    assert not keys.reseal(actor="job:reseal", seconds=0.000001).finished
    began = time.monotonic()
    assert keys.reseal(actor="job:reseal", rows_per_second=20).finished
    assert time.monotonic() - began > (2 * PEOPLE - 2) / 20 - 0.1


def test_a_key_prefix_is_what_stored_values_begin_with() -> None:
    stored = SealedValue().process_bind_param(Sealed("k2-abcdef", b"blob"), None)  # type: ignore[arg-type]
    assert stored == SealedValue.prefix("k2-abcdef") + b"blob"


def test_a_key_ring_of_another_store_is_refused(database: Database, keyring: FileKeyRing, tmp_path: Path) -> None:
    from api.keys import check
    from models.keys import WrongKeysError

    check(FileKeyRing.open(tmp_path / "any.json"), database)  # an empty store takes any
    fill(database, keyring)
    check(keyring, database)
    with pytest.raises(WrongKeysError, match="another store"):
        check(FileKeyRing.open(tmp_path / "other.json"), database)
    keyring.rotate_sealing(NOW)
    with database.session_scope() as session:
        add_person(session, keyring, sequence=998)
    with pytest.raises(WrongKeysError, match="k2-"):
        check(FileKeyRing.open(tmp_path / "other.json"), database)
