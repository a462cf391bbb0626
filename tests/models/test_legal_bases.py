"""A legal basis holds when a second person approved it, inside its days, until it is withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pytest

from models.database import Database
from models.errors import Conflict, ConflictError
from models.legal_basis import LegalPurpose
from models.repositories import legal_bases
from models.repositories.legal_bases import Lack, NewBasis

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
NEW = NewBasis(LegalPurpose.FACE_SEARCH, "a law", "a paper", date(2026, 1, 1), date(2026, 6, 30))


def test_a_basis_holds_on_both_its_days_and_not_outside(database: Database) -> None:
    with database.session_scope() as session:
        row = legal_bases.record(session, NEW, by="one", now=NOW)
        assert legal_bases.lack(row, date(2026, 3, 1)) is Lack.NOT_APPROVED
        assert legal_bases.holding(session, LegalPurpose.FACE_SEARCH, date(2026, 3, 1)) is None
        legal_bases.approve(session, row.public_id, by="two", now=NOW)
        for day, expected in {
            date(2025, 12, 31): Lack.NOT_YET,
            date(2026, 1, 1): None,
            date(2026, 6, 30): None,
            date(2026, 7, 1): Lack.EXPIRED,
        }.items():
            assert legal_bases.lack(row, day) is expected
            held = legal_bases.holding(session, LegalPurpose.FACE_SEARCH, day)
            assert (held is row) is (expected is None)
        legal_bases.withdraw(session, row.public_id, by="one", now=NOW)
        assert legal_bases.holding(session, LegalPurpose.FACE_SEARCH, date(2026, 3, 1)) is None


def test_the_basis_that_holds_longest_is_named(database: Database) -> None:
    with database.session_scope() as session:
        for until in (date(2026, 6, 30), date(2026, 12, 31), date(2026, 3, 31)):
            row = legal_bases.record(session, replace(NEW, valid_until=until), by="one", now=NOW)
            legal_bases.approve(session, row.public_id, by="two", now=NOW)
        held = legal_bases.holding(session, LegalPurpose.FACE_SEARCH, date(2026, 3, 1))
        assert held is not None
        assert held.valid_until == date(2026, 12, 31)


def test_of_several_who_approve_at_once_one_wins(database: Database) -> None:
    with database.session_scope() as session:
        basis_id = legal_bases.record(session, NEW, by="one", now=NOW).public_id
    barrier = Barrier(4)
    outcomes: list[Conflict | None] = []

    def approve(name: str) -> None:
        barrier.wait()
        try:
            with database.session_scope() as session:
                legal_bases.approve(session, basis_id, by=name, now=NOW)
            outcomes.append(None)
        except ConflictError as error:
            outcomes.append(error.conflict)

    threads = [Thread(target=approve, args=(f"person {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) == 1
    assert outcomes.count(Conflict.LEGAL_BASIS_STATE) == 3


def test_days_out_of_order_are_refused(database: Database) -> None:
    with database.session_scope() as session, pytest.raises(ValueError, match="before valid from"):
        legal_bases.record(session, replace(NEW, valid_until=date(2025, 1, 1)), by="one", now=NOW)
