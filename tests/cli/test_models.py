"""`lifecert models`: what it prints and refuses on a store with few claims."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.database import Database
from models.keys import FileKeyRing
from tests.cli.conftest import Command, one_line
from tests.detection.claims_in_store import add_readmissions


@pytest.fixture
def store(home: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        add_readmissions(session, FileKeyRing.open(home / "keys.json"))
    yield database
    database.dispose()


@pytest.mark.usefixtures("store")
def test_with_few_claims_nothing_is_trained_and_the_message_says_what_is_missing(command: Command) -> None:
    refused = command("models", "train", "--from", "2026-02", "--to", "2026-02")
    assert refused.code == 2
    assert "there are 0 hospital-months with enough claims, and at least 16 are needed" in refused.err.splitlines()[-1]
    assert (command("models", "show").out, command("models", "show", "--json").json) == (
        "no model has been trained: lifecert models train\n",
        [],
    )
    assert command("models", "score", "--from", "2026-02", "--to", "2026-02", "--json").json == []


@pytest.mark.usefixtures("store")
def test_models_that_are_not_there_and_months_that_cannot_be_are_refused(command: Command) -> None:
    for line in (("promote", "nosuch", "--by", "li"), ("retire", "nosuch"), ("show", "nosuch")):
        refused = command("models", *line)
        assert (refused.code, "there is no model nosuch" in one_line(refused)) == (2, True), line
    swapped = command("models", "train", "--from", "2026-02", "--to", "2026-01")
    assert (swapped.code, "lies after --to 2026-01" in one_line(swapped)) == (2, True)
    late = command("models", "train", "--to", "2090-01")
    assert (late.code, "only whole months are taken" in one_line(late)) == (2, True)
    assert command("models", "promote", "nosuch").code == 2
