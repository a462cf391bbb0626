"""`lifecert audit`: what is found, what is written, and that commands leave nothing unsealed."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from models.keys import FileKeyRing
from tests.cli.conftest import Command


@pytest.fixture
def clients(home: Path, command: Command) -> Path:
    """A home in which three clients were made, each of which is an entry."""
    with sqlite3.connect(home / "lifecert.sqlite3") as connection:
        connection.execute("INSERT INTO region (code, name, level) VALUES ('190000', 'province', 'province')")
    for name in ("one", "two", "three"):
        made = command("clients", "add", name, "--scope", "status:read", "--region", "190000")
        assert made.code == 0, made.err
    return home


def _entries(home: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "lifecert.sqlite3") as connection:
        return connection.execute("SELECT id, action FROM audit_entry ORDER BY id").fetchall()


def test_every_command_leaves_its_entries_sealed(clients: Path, command: Command) -> None:
    done = command("audit", "verify", "--json")
    assert done.code == 0, done.err
    assert done.json["entries"] == len(_entries(clients)) - 1 >= 3  # the check is an entry, too
    assert (done.json["unsealed"], done.json["findings"]) == ({"entries": 0, "since": None}, [])


def test_an_altered_entry_ends_with_one(clients: Path, command: Command) -> None:
    with sqlite3.connect(clients / "lifecert.sqlite3") as connection:
        connection.execute("DROP TRIGGER tr_audit_entry_no_update")
        connection.execute("UPDATE audit_entry SET actor = 'cli:eve' WHERE id = 2")
    done = command("audit", "verify", "--json")
    assert done.code == 1
    assert [(one["kind"], one["position"], one["entry_id"]) for one in done.json["findings"]] == [("entry_altered", 2, 2)]
    said = command("audit", "verify")
    assert (said.code, "entry_altered" in said.out, "place 2 entry 2" in said.out) == (1, True, True)
    assert command("audit", "verify", "--from", "2020-01-02", "--to", "2020-01-01").code == 2


def test_a_store_that_was_put_back_lacks_seals_that_were_written_out(clients: Path, command: Command, tmp_path: Path) -> None:
    store, older = clients / "lifecert.sqlite3", tmp_path / "older.sqlite3"
    with sqlite3.connect(store) as one, sqlite3.connect(older) as other:
        one.backup(other)
    assert command("clients", "add", "four", "--scope", "status:read", "--region", "190000").code == 0
    seals = tmp_path / "seals.jsonl"
    written = command("audit", "seals", "--out", str(seals), "--json")
    assert (written.code, written.json["seals"]) == (0, len(seals.read_text().splitlines()))
    assert seals.stat().st_mode & 0o077 == 0
    assert command("audit", "verify", "--against", str(seals)).code == 0
    for part in ("", "-wal", "-shm"):
        store.with_name(store.name + part).unlink(missing_ok=True)
    store.write_bytes(older.read_bytes())
    assert command("audit", "verify").code == 0
    found = command("audit", "verify", "--against", str(seals), "--json")
    assert (found.code, {one["kind"] for one in found.json["findings"]}) == (1, {"rolled_back"})
    seals.write_text(seals.read_text().replace('"kind": "running"', '"kind": "closing"'))
    forged = command("audit", "verify", "--against", str(seals))
    assert (forged.code, "not signed by a key" in forged.err) == (2, True)
    seals.write_text("no seal\n")
    assert command("audit", "verify", "--against", str(seals)).code == 2


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_an_export_proves_itself_and_is_an_entry(clients: Path, command: Command, tmp_path: Path, file_format: str) -> None:
    out = tmp_path / "audit.out"
    done = command("audit", "export", "--from", "2020-01-01", "--to", "2100-01-01", "--out", str(out), "--format", file_format, "--json")
    assert done.code == 0, done.err
    raw = out.read_bytes()
    signed = json.loads((tmp_path / "audit.out.manifest.json").read_text())
    assert signed["manifest"]["sha256"] == hashlib.sha256(raw).hexdigest() == done.json["sha256"]
    keys = FileKeyRing.open(clients / "keys.json")
    assert keys.verify_signature(signed["key"], rfc8785.dumps(signed["manifest"]), bytes.fromhex(signed["signature"]))
    assert out.stat().st_mode & 0o077 == 0
    if file_format == "csv":
        ids = [int(row["id"]) for row in csv.DictReader(raw.decode().splitlines())]
    else:
        lines = [json.loads(line) for line in raw.splitlines()]
        ids = [line["entry"]["id"] for line in lines]
        before = bytes(32)
        for line in lines:  # as somebody else's program would
            before = hashlib.sha256(before + rfc8785.dumps(line["entry"])).digest()
            assert before.hex() == line["hash"]
    assert len(ids) == signed["manifest"]["entries"] >= 3
    told = _entries(clients)
    assert (told[-1][1], [entry for entry, _ in told[:-1]]) == ("audit.exported", ids)
    assert command("audit", "export", "--from", "2020-01-01", "--to", "2020-01-01", "--out", str(tmp_path / "no" / "where")).code == 2
