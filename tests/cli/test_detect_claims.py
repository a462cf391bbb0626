"""`lifecert detect claims`: what it prints, and which days it asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.database import Database
from models.keys import FileKeyRing
from tests.cli.conftest import Command, one_line
from tests.detection.claims_in_store import add_readmissions

AS_OF = "2026-03-15"


@pytest.fixture
def store(home: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        add_readmissions(session, FileKeyRing.open(home / "keys.json"))
    yield database
    database.dispose()


@pytest.mark.usefixtures("store")
def test_json_says_the_days_and_people_read_a_table(command: Command) -> None:
    first = command("detect", "claims", "--from", "2026-02-01", "--to", "2026-02-28", "--as-of", AS_OF, "--json")
    assert first.code == 0, first.err
    assert (first.json["kind"], first.json["from"], first.json["to"], first.json["recorded"]) == (
        "claims",
        "2026-02-01",
        "2026-02-28",
        True,
    )
    counts = first.json["codes"]["H1"]
    assert (counts["found"], counts["opened"], counts["amount_fen"]) == (1, 1, 500_000)
    assert first.json["alerts"]["opened"] == 1
    shown = command("detect", "claims", "--as-of", AS_OF)
    assert "claims that ended from 2026-01-13 to 2026-03-15" in shown.out
    assert "10,000.00" in shown.out


@pytest.mark.usefixtures("store")
def test_days_that_cannot_be_are_refused(command: Command) -> None:
    late = command("detect", "claims", "--to", "2026-03-16", "--as-of", AS_OF)
    assert (late.code, "after 2026-03-15" in one_line(late)) == (2, True)
    swapped = command("detect", "claims", "--from", "2026-03-02", "--to", "2026-03-01", "--as-of", AS_OF)
    assert (swapped.code, "earlier one first" in one_line(swapped)) == (2, True)
