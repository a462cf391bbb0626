"""`lifecert detect faces`: refused without a legal basis, and with one the pairs, what chance gives, and a file without names."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.database import Database
from models.detection import Signal
from models.keys import FileKeyRing
from tests.cli.conftest import Command, one_line
from tests.detection.faces_in_store import Enrolled, enrol, face, mate_of
from verify.engines import load_engine

BASIS = ("--basis", "Social insurance law, article 79", "--document", "XX [2026] 12", "--from", "2020-01-01", "--until", "2099-12-31")


@pytest.fixture
def store(home: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    yield opened
    opened.dispose()


@pytest.fixture
def enrolled(home: Path, store: Database) -> dict[str, Enrolled]:
    """Six strangers enrolled with the test double, one of them under a second identity."""
    engine, keyring = load_engine("scripted", allow_test_double=True), FileKeyRing.open(home / "keys.json")
    size, of = engine.embedding_size, {"engine": engine.name, "version": engine.version}
    with store.session_scope() as session:
        people = {f"stranger {n}": enrol(session, keyring, face(n, size), sequence=100 + 2 * n, **of) for n in range(6)}
        people["second"] = enrol(session, keyring, mate_of(3, size=size), sequence=200, name="李秀英", born=date(1957, 1, 2), **of)
    return people


def approve(command: Command) -> str:
    made = command("legal-basis", "add", *BASIS, "--by", "Li Na", "--json").json
    assert command("legal-basis", "approve", made["id"], "--by", "Wang Fang").code == 0
    return str(made["id"])


def test_without_a_legal_basis_it_ends_with_2_and_says_what_is_missing(
    command: Command, enrolled: dict[str, Enrolled], store: Database
) -> None:
    refused = command("detect", "faces", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "legal-basis add" in one_line(refused)
    made = command("legal-basis", "add", *BASIS, "--by", "Li Na", "--json").json
    waiting = command("detect", "faces")
    assert (waiting.code, f"legal-basis approve {made['id']}" in one_line(waiting)) == (2, True)
    with store.read_scope() as session:
        assert session.scalars(select(Signal)).all() == []


def test_a_pair_is_found_told_and_written_without_names(
    command: Command, enrolled: dict[str, Enrolled], store: Database, tmp_path: Path
) -> None:
    basis_id = approve(command)
    out = tmp_path / "pairs.csv"
    result = command("detect", "faces", "--json", "--out", out)
    assert result.code == 0, result.err
    said = result.json
    assert (said["kind"], said["engine"], said["codes"]["P8"]["found"]) == ("faces", "faiss", 2)
    assert (said["search"]["faces"], said["search"]["threshold_source"], said["search"]["basis"]) == (7, "provisional", basis_id)
    assert said["search"]["false_pairs"]["comparable"] == 21  # sequences that are even are women: seven of them
    with out.open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert {int(row["person_id"]) for row in rows} == {enrolled["stranger 3"].key, enrolled["second"].key}
    assert "李秀英" not in out.read_text(encoding="utf-8-sig")
    with store.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("face_search"))).all()
        assert {entry.details["basis"] for entry in entries} == {basis_id}
    again = command("detect", "faces")
    assert again.code == 0
    assert "provisional" in again.out
    assert "random pairs" in again.out


def test_what_cannot_be_done_is_said_in_a_line(command: Command, enrolled: dict[str, Enrolled], tmp_path: Path) -> None:
    approve(command)
    for wrong, word in (
        (("--as-of", "2999-01-01"), "yet to come"),
        (("--region", "999999"), "999999"),
        (("--out", tmp_path / "pairs.docx"), ".parquet"),
    ):
        result = command("detect", "faces", *wrong)
        assert (result.code, word in one_line(result)) == (2, True), result.err
