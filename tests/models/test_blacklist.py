from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from models.database import Database
from models.identifiers import IdentifierError
from models.identity_check import BlacklistedCard, BlacklistReason
from models.keys import FileKeyRing
from models.repositories import blacklist
from models.repositories.blacklist import BlacklistEntry, BlacklistError, BlacklistRow, PutResult
from tests.models.people import NOW

CARD = "429801000123"
LOST = BlacklistRow(CARD, BlacklistReason.LOST, date(2026, 1, 10), None, "city card centre")


def put(database: Database, keyring: FileKeyRing, *rows: BlacklistRow) -> PutResult:
    with database.session_scope() as session:
        return blacklist.put(session, rows, keyring=keyring, batch_id=None, by="operator", now=NOW)


def look(database: Database, keyring: FileKeyRing, on: date, card: str = CARD) -> BlacklistEntry | None:
    with database.read_scope() as session:
        return blacklist.lookup(session, card, keyring=keyring, on=on)


def test_the_same_rows_again_change_nothing(database: Database, keyring: FileKeyRing) -> None:
    assert put(database, keyring, LOST) == PutResult(added=1, changed=0, unchanged=0)
    assert put(database, keyring, LOST) == PutResult(added=0, changed=0, unchanged=1)
    assert put(database, keyring, LOST, LOST, replace(LOST, source="police")) == PutResult(added=1, changed=0, unchanged=1)
    with database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(BlacklistedCard)) == 2
        assert CARD not in set(session.scalars(select(BlacklistedCard.card_masked)))


def test_an_entry_counts_from_its_first_day_to_its_last(database: Database, keyring: FileKeyRing) -> None:
    put(database, keyring, LOST)
    assert look(database, keyring, date(2026, 1, 9)) is None
    found = look(database, keyring, date(2026, 1, 10))
    assert found is not None
    assert (found.reason, found.from_on, found.until_on, found.source) == (LOST.reason, LOST.from_on, None, LOST.source)
    assert look(database, keyring, date(2036, 1, 10)) is not None
    assert put(database, keyring, replace(LOST, until_on=date(2026, 2, 1))) == PutResult(added=0, changed=1, unchanged=0)
    assert look(database, keyring, date(2026, 2, 1)) is not None
    assert look(database, keyring, date(2026, 2, 2)) is None


def test_the_newest_of_several_entries_speaks(database: Database, keyring: FileKeyRing) -> None:
    newer = replace(LOST, reason=BlacklistReason.STOLEN, from_on=date(2026, 2, 1))
    put(database, keyring, newer, LOST)
    found = look(database, keyring, date(2026, 3, 1))
    assert found is not None
    assert found.reason is BlacklistReason.STOLEN


def test_the_card_is_found_in_any_writing_of_its_number_and_no_other_card_is(database: Database, keyring: FileKeyRing) -> None:
    put(database, keyring, replace(LOST, card_number=" 42980100012a"))
    assert look(database, keyring, NOW.date(), "42980100012A ") is not None
    assert look(database, keyring, NOW.date(), "42980100012B") is None


def test_many_rows_in_one_call(database: Database, keyring: FileKeyRing) -> None:
    rows = [replace(LOST, card_number=f"4298010{index:05d}") for index in range(2_500)]
    assert put(database, keyring, *rows) == PutResult(added=2_500, changed=0, unchanged=0)
    ended = [replace(row, until_on=date(2026, 3, 1)) for row in rows[:700]]
    assert put(database, keyring, *rows[700:], *ended) == PutResult(added=0, changed=700, unchanged=1_800)


def test_what_cannot_be_is_refused(sqlite_database: Database, keyring: FileKeyRing) -> None:
    with pytest.raises(BlacklistError, match="until_on"):
        replace(LOST, until_on=date(2026, 1, 9))
    with pytest.raises(BlacklistError, match="source"):
        replace(LOST, source="")
    with pytest.raises(IdentifierError, match="social-security number"):
        put(sqlite_database, keyring, replace(LOST, card_number="12"))
