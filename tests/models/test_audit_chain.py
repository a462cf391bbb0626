from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.audit_canonical import EntryRow, entry_bytes, link_hash
from models.audit_chain import AuditLink, AuditSeal, SealKind
from models.database import Database
from models.keys import FileKeyRing
from models.repositories import audit, audit_chain, audit_retention, audit_sealing
from models.repositories.audit_findings import FindingKind
from models.repositories.audit_rows import entry_columns, entry_of, query
from models.repositories.audit_verification import verify, verify_in
from tests.conftest import TEMPLATE
from tests.conftest import _postgres_database as postgres_database

DAYS = (date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 15))
A_DAY = 10  # entries of each day
LATER = datetime(2026, 3, 15, 20, tzinfo=UTC)


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _write(database: Database, number: int, at: datetime) -> None:
    with database.session_scope() as session:
        for one in range(number):
            audit.record(session, actor="staff:anna", action="person_seen", now=at, object=f"o{one}", details={"door": "counter", "n": one})


def _three_days(database: Database, keyring: FileKeyRing) -> Database:
    """Ten entries each, sealed in two rounds a day; ids and places go together: id 1 is place 1 of the first day."""
    for day in DAYS:
        for hour in (0, 1):
            _write(database, A_DAY // 2, _at(day) + timedelta(hours=hour))
            audit_sealing.seal_waiting(database, keyring, now=_at(day) + timedelta(hours=hour))
    return database


@pytest.fixture
def sealed(database: Database, keyring: FileKeyRing) -> Database:
    return _three_days(database, keyring)


@dataclass(frozen=True)
class Shared:
    """Three days on one kind of database, for tests that take back what they do."""

    database: Database
    keyring: FileKeyRing

    def after(self, *statements: str, **values: object) -> list[tuple[str, str, int | None, int | None]]:
        """What is found after the statements."""
        with self.database.engine.connect() as connection, connection.begin() as transaction, Session(connection) as session:
            _tamper(connection, *statements, **values)
            found = verify_in(session, self.keyring).findings
            transaction.rollback()
        return [(one.kind.value, str(one.day), one.position, one.entry_id) for one in found]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("audit")
    keyring = FileKeyRing.open(folder / "keys.json")
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            path = folder / "lifecert.sqlite"
            path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
            url = f"sqlite:///{path}"
        else:
            url = stack.enter_context(postgres_database(request.getfixturevalue("postgres_server"), TEMPLATE))
        database = Database(url)
        yield Shared(_three_days(database, keyring), keyring)
        database.dispose()


def _tamper(connection: Connection, *statements: str, **values: object) -> None:
    """Run the statements as somebody who owns the tables and takes the triggers away."""
    for table in ("audit_entry", "audit_link", "audit_seal"):
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        else:
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER tr_{table}_no_{change}"))
    for statement in statements:
        connection.execute(text(statement), values)


def _as_attacker(database: Database, *statements: str, **values: object) -> None:
    with database.engine.begin() as connection:
        _tamper(connection, *statements, **values)


def _entries(session: Session) -> list[EntryRow]:
    columns = entry_columns(session, "e")
    return [entry_of(row) for row in query(session, f"SELECT {columns} FROM audit_entry AS e ORDER BY id", {})]  # noqa: S608


def _found(database: Database, keyring: FileKeyRing) -> list[tuple[str, str | None, int | None, int | None]]:
    return [(one.kind.value, str(one.day), one.position, one.entry_id) for one in verify(database, keyring).findings]


def test_entries_are_chained_by_day_and_nothing_is_found(sealed: Database, keyring: FileKeyRing) -> None:
    found = verify(sealed, keyring)
    assert (found.entries, found.days, found.unsealed, found.findings) == (30, 3, 0, [])
    with sealed.read_scope() as session:
        places = session.execute(select(AuditLink.day, AuditLink.position, AuditLink.entry_id).order_by(AuditLink.entry_id)).all()
        kinds = [seal.kind for seal in session.scalars(select(AuditSeal).order_by(AuditSeal.id))]
    assert [tuple(row) for row in places] == [(day, place + 1, DAYS.index(day) * 10 + place + 1) for day in DAYS for place in range(A_DAY)]
    day = [SealKind.RUNNING, SealKind.RUNNING]
    assert kinds == [*day, SealKind.CLOSING, *day, SealKind.CLOSING, *day]


def test_an_entry_that_waits_is_told_and_then_sealed(sealed: Database, keyring: FileKeyRing) -> None:
    _write(sealed, 2, LATER)
    found = verify(sealed, keyring)
    assert (found.clean, found.unsealed, found.unsealed_since) == (True, 2, LATER)
    done = audit_sealing.seal_waiting(sealed, keyring, now=LATER)
    assert done is not None
    assert done.entries == 2
    assert verify(sealed, keyring).unsealed == 0
    again = audit_sealing.seal_waiting(sealed, keyring, now=LATER)
    assert again is not None
    assert (again.entries, again.seals) == (0, ())


SWAP = "UPDATE audit_link SET entry_id = CASE entry_id WHEN {0} THEN -1 WHEN {1} THEN -2 END WHERE entry_id IN ({0}, {1})"
BACK = "UPDATE audit_link SET entry_id = CASE entry_id WHEN -1 THEN {1} ELSE {0} END WHERE entry_id < 0"
TAMPERING = {
    "an altered actor": (["UPDATE audit_entry SET actor = 'staff:eve' WHERE id = 15"], ("entry_altered", "2026-03-14", 5, 15)),
    "an altered person": (["UPDATE audit_entry SET object = NULL WHERE id = 1"], ("entry_altered", "2026-03-13", 1, 1)),
    "an altered time": (
        ["UPDATE audit_entry SET at = '2026-03-15 11:59:59.000000' WHERE id = 30"],
        ("entry_altered", "2026-03-15", 10, 30),
    ),
    "an altered detail": (
        ["""UPDATE audit_entry SET details = '{"door": "api", "n": 4}' WHERE id = 15"""],
        ("entry_altered", "2026-03-14", 5, 15),
    ),
    "a missing entry": (["DELETE FROM audit_entry WHERE id = 15"], ("entry_missing", "2026-03-14", 5, 15)),
    "an entry gone with its link": (
        ["DELETE FROM audit_entry WHERE id = 15", "DELETE FROM audit_link WHERE entry_id = 15"],
        ("link_missing", "2026-03-14", 5, None),
    ),
    "a missing link": (["DELETE FROM audit_link WHERE entry_id = 15"], ("entry_added", "None", None, 15)),
    "an altered hash": (["UPDATE audit_link SET hash = :wrong WHERE entry_id = 15"], ("link_altered", "2026-03-14", 5, 15)),
    "an altered hash under a seal": (["UPDATE audit_link SET hash = :wrong WHERE entry_id = 30"], ("link_altered", "2026-03-15", 10, 30)),
    "entries that changed places": ([SWAP.format(12, 17), BACK.format(12, 17)], ("entry_moved", "2026-03-14", 2, 17)),
    "neighbours that changed places": ([SWAP.format(12, 13), BACK.format(12, 13)], ("entry_moved", "2026-03-14", 3, 12)),
    "an entry put behind the chain": (
        [
            "DELETE FROM audit_link WHERE entry_id = 15",
            "UPDATE audit_entry SET id = 1000000 WHERE id = 15",
            "INSERT INTO audit_entry SELECT 15, actor, action, person_id, object, reason, at, details FROM audit_entry WHERE id = 16",
        ],
        ("entry_added", "None", None, 15),
    ),
    "a link put between two": (
        [
            "UPDATE audit_link SET position = position + 100 WHERE day = '2026-03-14' AND position > 5",
            "UPDATE audit_link SET position = position - 99 WHERE day = '2026-03-14' AND position > 100",
            "INSERT INTO audit_entry SELECT 500, actor, action, person_id, object, reason, at, details FROM audit_entry WHERE id = 16",
            "INSERT INTO audit_link SELECT day, 6, 500, hash FROM audit_link WHERE entry_id = 16",
        ],
        ("link_added", "2026-03-14", 6, 500),
    ),
    "the end cut off": (
        ["DELETE FROM audit_link WHERE entry_id > 27", "DELETE FROM audit_entry WHERE id > 27"],
        ("link_missing", "2026-03-15", 8, None),
    ),
    "the end cut off with its seal": (
        ["DELETE FROM audit_seal WHERE id = 8", "DELETE FROM audit_entry WHERE id > 27"],
        ("link_added", "2026-03-15", 6, None),
    ),
    "a whole day": (
        [
            "DELETE FROM audit_link WHERE day = '2026-03-14'",
            "DELETE FROM audit_entry WHERE id BETWEEN 11 AND 20",
            "DELETE FROM audit_seal WHERE day = '2026-03-14'",
        ],
        ("day_missing", "2026-03-15", None, None),
    ),
    "the first day": (
        [
            "DELETE FROM audit_link WHERE day = '2026-03-13'",
            "DELETE FROM audit_entry WHERE id <= 10",
            "DELETE FROM audit_seal WHERE day = '2026-03-13'",
        ],
        ("day_missing", "2026-03-14", None, None),
    ),
    "a whole day whose seals stay": (
        ["DELETE FROM audit_link WHERE day = '2026-03-14'", "DELETE FROM audit_entry WHERE id BETWEEN 11 AND 20"],
        ("link_missing", "2026-03-14", 1, None),
    ),
    "a forged seal": (["UPDATE audit_seal SET head_hash = :wrong WHERE id = 4"], ("seal_forged", "2026-03-14", 5, None)),
    "a seal with another signature": (["UPDATE audit_seal SET signature = :wrong WHERE id = 4"], ("seal_forged", "2026-03-14", 5, None)),
    "a missing seal": (["DELETE FROM audit_seal WHERE id = 4"], ("seal_missing", "2026-03-14", None, None)),
    "a missing closing seal": (["DELETE FROM audit_seal WHERE id = 6"], ("seal_missing", "2026-03-14", None, None)),
    "a day retired by hand": (
        [
            "INSERT INTO audit_seal SELECT 9, 'retired', day, position, entries, head_hash, settled_id, key_id, signature, sealed_at "
            "FROM audit_seal WHERE id = 3",
            "DELETE FROM audit_entry WHERE id <= 10",
            "DELETE FROM audit_link WHERE day = '2026-03-13'",
        ],
        ("seal_forged", "2026-03-13", 10, None),
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found_and_named(shared: Shared, name: str) -> None:
    statements, expected = TAMPERING[name]
    assert expected in shared.after(*statements, wrong=b"w" * 32)


def test_one_altered_entry_is_one_finding(shared: Shared) -> None:
    assert len(shared.after("UPDATE audit_entry SET reason = 'x' WHERE id = 15")) == 1
    assert shared.after() == []


def test_entries_changed_and_chained_again_do_not_lead_to_the_seals(sealed: Database, keyring: FileKeyRing) -> None:
    _as_attacker(sealed, "UPDATE audit_entry SET actor = 'staff:eve' WHERE id = 15")
    with sealed.engine.begin() as connection, sealed.read_scope() as session:
        entries = _entries(session)
        before = audit_chain.hash_before(session, DAYS[0], 1)
        for entry in entries:
            before = link_hash(before, entry)
            connection.execute(text("UPDATE audit_link SET hash = :hash WHERE entry_id = :id"), {"hash": before, "id": entry.id})
    assert ("seal_differs", "2026-03-14", 5, None) in _found(sealed, keyring)


def test_a_range_of_days_is_checked_by_itself(sealed: Database, keyring: FileKeyRing) -> None:
    _as_attacker(sealed, "UPDATE audit_entry SET actor = 'staff:eve' WHERE id = 15")
    clean = [verify(sealed, keyring, start=day, end=day) for day in (DAYS[0], DAYS[2])]
    assert [(one.entries, one.clean) for one in clean] == [(10, True), (10, True)]
    assert [one.entry_id for one in verify(sealed, keyring, start=DAYS[1], end=DAYS[1]).findings] == [15]


def test_with_other_keys_every_seal_is_foreign(sealed: Database, tmp_path: Any) -> None:
    others = FileKeyRing.open(tmp_path / "others.json")
    assert {one.kind for one in verify(sealed, others).findings} == {FindingKind.SEAL_FORGED}
    _write(sealed, 1, LATER)
    with pytest.raises(audit_sealing.AuditChainError, match="not signed"):
        audit_sealing.seal_waiting(sealed, others, now=LATER)


def test_links_behind_the_last_seal_stop_the_sealing(sealed: Database, keyring: FileKeyRing) -> None:
    _as_attacker(sealed, "INSERT INTO audit_link SELECT day, 11, 99, hash FROM audit_link WHERE entry_id = 30")
    _write(sealed, 1, LATER)
    with pytest.raises(audit_sealing.AuditChainError, match="after its last seal"):
        audit_sealing.seal_waiting(sealed, keyring, now=LATER)


def test_an_entry_that_is_committed_late_is_sealed_later(database: Database, keyring: FileKeyRing) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time: ids are in the order of commits")
    with database.sessions() as slow:
        audit.record(slow, actor="system", action="slow", now=LATER)  # takes id 1, and is not committed
        _write(database, 3, LATER)
        first = audit_sealing.seal_waiting(database, keyring, now=LATER)
        assert first is not None
        assert first.entries == 3
        slow.commit()
    with database.read_scope() as session:
        assert audit_chain.chain_state(session).unsealed == 1
    second = audit_sealing.seal_waiting(database, keyring, now=LATER)
    assert second is not None
    assert second.entries == 1
    found = verify(database, keyring)
    assert (found.entries, found.unsealed, found.findings) == (4, 0, [])


def test_writers_and_sealers_at_once_lose_nothing(database: Database, keyring: FileKeyRing) -> None:
    def work(times: int, one: Callable[[], object]) -> threading.Thread:
        return threading.Thread(target=lambda: [one() for _ in range(times)])

    threads = [work(15, lambda: _write(database, 4, LATER)) for _ in range(3)]
    threads += [work(10, lambda: audit_sealing.seal_waiting(database, keyring, now=LATER)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    audit_sealing.seal_waiting(database, keyring, now=LATER)
    found = verify(database, keyring)
    assert (found.entries, found.unsealed, found.findings) == (180, 0, [])


def test_a_clock_set_back_goes_on_with_the_last_day(sealed: Database, keyring: FileKeyRing) -> None:
    _write(sealed, 1, LATER)
    audit_sealing.seal_waiting(sealed, keyring, now=LATER - timedelta(days=400))
    with sealed.read_scope() as session:
        assert session.scalar(select(AuditLink.day).where(AuditLink.entry_id == 31)) == DAYS[2]
    assert verify(sealed, keyring).clean


def test_old_days_are_retired_whole_and_the_rest_still_verifies(sealed: Database, keyring: FileKeyRing) -> None:
    now = LATER + timedelta(days=181)
    _write(sealed, 1, now)
    audit_sealing.seal_waiting(sealed, keyring, now=now)
    gone = audit_retention.retire_days(sealed, keyring, before=DAYS[2], now=now, by="job:retention")
    assert gone == (audit_retention.RetiredDay(DAYS[0], 10), audit_retention.RetiredDay(DAYS[1], 10))
    assert audit_retention.retire_days(sealed, keyring, before=DAYS[2], now=now, by="job:retention") == ()
    audit_sealing.seal_waiting(sealed, keyring, now=now)
    found = verify(sealed, keyring)
    assert (found.entries, found.findings) == (13, [])
    with sealed.read_scope() as session:
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.action == audit_retention.ACTION).order_by(AuditEntry.id)).all()
        assert [one["entries"] for one in told] == [10, 10]
        assert audit_chain.closing_seal(session, DAYS[0]) is not None


def test_young_entries_are_not_retired(sealed: Database, keyring: FileKeyRing) -> None:
    with pytest.raises(audit_retention.TooYoungError, match="180 days"):
        audit_retention.retire_days(sealed, keyring, before=DAYS[2], now=LATER, by="job:retention")
    assert verify(sealed, keyring).entries == 30


@pytest.mark.parametrize("table", ["audit_entry", "audit_link", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}"])
def test_the_tables_of_the_chain_refuse_change(shared: Shared, table: str, statement: str) -> None:
    column = {"audit_entry": "actor", "audit_link": "hash", "audit_seal": "key_id"}[table]
    with pytest.raises(IntegrityError, match=f"{table} is append-only"), shared.database.session_scope() as session:
        session.execute(text(statement.format(table, column)))


DETAILS: tuple[dict[str, Any], ...] = (
    {},
    {"z": 1, "a": [1, 2.5, None, True], "deep": {"b": "中文", "a": '\u007f\t"\\'}},
    {"whole": 1.0, "big": 2**60, "huge": 1e300, "tiny": 1.5e-9, "minus": -0.0, "exact": 2**53 - 1},
    {"\U0001f600": 1, "\ufb33": 2, "é": 3},
)


def test_both_databases_give_the_same_bytes(database: Database) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with database.session_scope() as session:
        for details in DETAILS:
            audit.record(session, actor="staff:李", action="a/b", now=at, reason="", details=details)
    with database.read_scope() as session:
        rows = _entries(session)
    head = '{"action":"a/b","actor":"staff:李","at":"2026-01-02T03:04:05.678901Z","details":'
    whole = head + '%s,"id":%d,"object":null,"person":null,"reason":""}'
    expected = (
        "{}",
        '{"a":[1,2.5,null,true],"deep":{"a":"\u007f\\t\\"\\\\","b":"中文"},"z":1}',
        '{"big":1152921504606847000,"exact":9007199254740991,"huge":1e+300,"minus":0,"tiny":1.5e-9,"whole":1}',
        '{"é":3,"\U0001f600":1,"\ufb33":2}',
    )
    assert [entry_bytes(row).decode() for row in rows] == [whole % (said, number + 1) for number, said in enumerate(expected)]


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain, max_size=4), st.text(), st.integers(0, 2**53 - 1))
def test_the_bytes_are_those_of_rfc_8785(details: dict[str, Any], actor: str, number: int) -> None:
    row = EntryRow(number, actor, "seen", None, None, "why", "2026-01-02T03:04:05.678901Z", json.dumps(details))
    whole = {
        "action": "seen",
        "actor": actor,
        "at": row.at,
        "details": details,
        "id": number,
        "object": None,
        "person": None,
        "reason": "why",
    }
    assert entry_bytes(row) == rfc8785.dumps(whole)


@pytest.mark.parametrize("raw", ["no json", '{"a": NaN}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}", '{"a": "\\ud800"}', "", None])
def test_details_that_somebody_broke_still_have_bytes(raw: str | None) -> None:
    made = entry_bytes(EntryRow(1, "a", "b", None, None, None, None, raw))
    assert json.loads(made)["id"] == 1
