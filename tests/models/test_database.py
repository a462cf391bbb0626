from __future__ import annotations

import secrets
import threading
import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, StatementError

from models import database as database_module
from models.database import Database, parse_url
from models.errors import DatabaseUnreachableError
from models.keys import FileKeyRing
from models.person import Person
from models.repositories import audit, outbox
from models.types import opaque_id
from tests.models.people import NOW, add_person


def test_moments_come_back_aware_and_in_utc(database: Database) -> None:
    beijing = timezone(timedelta(hours=8))
    moment = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=beijing)
    with database.session_scope() as session:
        entry_id = audit.record(session, actor="system", action="test", now=moment).id
        audit.record(session, actor="system", action="later", now=moment + timedelta(microseconds=1))
    with database.read_scope() as session:
        (found,) = audit.between(session, moment, moment + timedelta(microseconds=1))
        assert (found.id, found.at, found.at.tzinfo) == (entry_id, moment, UTC)


def test_no_public_id_looks_like_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-CxKalaftgxHoM21u7xJrw", "--KalaftgxHoM21u7xJrw0", "w-KalaftgxHoM21u7xJrw0"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda length: next(drawn))  # noqa: ARG005
    assert opaque_id() == "w-KalaftgxHoM21u7xJrw0"


def test_naive_moments_are_refused(sqlite_database: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"), sqlite_database.session_scope() as session:
        audit.record(session, actor="system", action="test", now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_error_leaves_nothing_behind(database: Database) -> None:
    def fail_half_way() -> None:
        with database.session_scope() as session:
            audit.record(session, actor="system", action="test", now=NOW)
            raise LookupError("half way")

    with pytest.raises(LookupError):
        fail_half_way()
    with database.read_scope() as session:
        assert audit.between(session, NOW, NOW + timedelta(days=1)) == []


def test_the_database_itself_refuses_to_write_in_a_reading_session(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"), database.read_scope() as session:
        outbox.put(session, kind="test", now=NOW)
    with database.session_scope() as session:  # the same pooled connection writes again afterwards
        outbox.put(session, kind="test", now=NOW)


def test_foreign_keys_are_held(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), database.session_scope() as session:
        audit.record(session, actor="system", action="test", now=NOW, person_id=999)


def test_values_outside_an_enumeration_are_refused_by_the_database(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        add_person(session, keyring)
    with pytest.raises(DBAPIError, match="ck_person_sex"), database.session_scope() as session:
        session.execute(text("UPDATE person SET sex = 'other'"))


def test_errors_show_no_personal_data(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        add_person(session, keyring, name="张某某", phone="10012345678")
    other = "李某某"  # not in the line that fails: a traceback shows that one
    with pytest.raises(DBAPIError) as caught, database.session_scope() as session:
        session.execute(text("UPDATE person SET name = :name, public_id = NULL"), {"name": other})
    shown = "".join(traceback.format_exception(caught.value))
    assert "public_id" in shown
    for secret in ("张某某", other, "429801", "1950-06-01", "100******78"):
        assert secret not in shown


def test_writers_that_read_first_wait_for_each_other(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring, name="0").id
    errors: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with database.session_scope() as session:
                    person = session.get_one(Person, person_id, with_for_update=True)
                    person.name = str(int(person.name) + 1)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.read_scope() as session:
        assert session.get_one(Person, person_id).name == "40"


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.session_scope() as writer:
        audit.record(writer, actor="system", action="test", now=NOW)
        with database.read_scope() as reader:
            assert audit.between(reader, NOW, NOW + timedelta(days=1)) == []


def test_a_lock_that_is_held_too_long_is_explained(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
    other = Database(sqlite_database.url)
    with sqlite_database.session_scope() as holder:
        audit.record(holder, actor="system", action="test", now=NOW)
        with pytest.raises(DatabaseUnreachableError, match="write lock"), other.session_scope() as session:
            audit.record(session, actor="system", action="test", now=NOW)
    other.dispose()


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://host/db", "only sqlite and postgresql"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
    ],
)
def test_unusable_urls_are_refused(url: str, match: str) -> None:
    with pytest.raises(DatabaseUnreachableError, match=match):
        parse_url(url)


def test_an_absent_server_is_explained_without_its_password(tmp_path: Path) -> None:
    database = Database(f"postgresql://lifecert:secret@/lifecert?host={tmp_path}")
    with pytest.raises(DatabaseUnreachableError, match="check that it runs") as caught:
        database.ping()
    assert "secret" not in str(caught.value)
    database.dispose()


def test_ping_answers_when_the_database_does(database: Database) -> None:
    database.ping()
    assert database.dialect in database.url


def test_opaque_ids_are_distinct_and_fit_an_address() -> None:
    ids = {opaque_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(value) for value in ids} == {22}


def test_a_checkpoint_empties_the_log_into_the_file_and_is_harmless_elsewhere(database: Database) -> None:
    with database.session_scope() as session:
        session.execute(text("CREATE TABLE note (words TEXT)"))
        session.execute(text("INSERT INTO note VALUES (:words)"), {"words": "x" * 100_000})
    database.checkpoint()
    if database.dialect == "sqlite":
        file = Path(str(make_url(database.url).database))
        assert file.read_bytes().count(b"x" * 1000) > 0
    with database.read_scope() as session:
        assert session.scalar(text("SELECT length(words) FROM note")) == 100_000
