"""Backup while somebody writes, restore into an empty place: every row and every file is there; what is not whole is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, select, text

from api.app import create_app
from api.context import HomeError, open_context
from api.settings import EngineChoice, Environment, Settings
from models.database import Database
from models.repositories import audit, persons
from models.tables import metadata
from tests.api.conftest import HOME_REGION, OTHER_REGION, RESIDENT_ID, World, make_world
from tests.cli.conftest import Command, Result
from tests.conftest import ROOT, TEMPLATE, FixedClock, _postgres_database
from tests.models.people import NOW
from tests.pages.filled_desk import fill_desk

TOLD_BY_ITSELF = {"heartbeat", "audit_entry", "audit_link", "audit_seal", "alembic_version"}
PASSPHRASE = "correct horse battery staple"
PAPER = b"%PDF-1.4 sealed as it came"


def last_line(result: Result) -> str:
    """The message, after lines of progress."""
    return result.err.strip().splitlines()[-1]


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in order."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            found = {}
            for table in metadata.sorted_tables:
                ordered = select(table).order_by(*table.primary_key.columns)
                found[table.name] = [tuple(map(repr, row)) for row in connection.execute(ordered)]
            return found
    finally:
        database.dispose()


@contextlib.contextmanager
def somebody_writes(url: str) -> Iterator[list[int]]:
    """Transactions of two rows each, as fast as they go, as long as the block lasts; how many there were."""
    database, stop, written = Database(url), threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            with database.session_scope() as session:
                for _ in range(2):
                    audit.record(session, actor="test", action="pair", now=NOW, details={"pair": written[0]})
            written[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()
        database.dispose()


@pytest.fixture
def filled(database_url: str, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home with files and a store in which every list has rows, named in the environment."""
    made = make_world(database_url, tmp_path / "world", clock)
    fill_desk(made.context, made.at_home, made.elsewhere, HOME_REGION, OTHER_REGION, actor="staff:caseworker", signer="staff:reviewer")
    for name, content in {"imports/abc/rejected.csv": b"row,reason\n", "outgoing/sms.jsonl": b"{}\n", "papers/a.pdf": PAPER}.items():
        place = made.context.settings.home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    made.context.database.dispose()
    use(monkeypatch, made.context.settings.home, database_url)
    yield made
    made.context.database.dispose()


def use(monkeypatch: pytest.MonkeyPatch, home: Path, url: str) -> None:
    """Name a home and a store in the environment."""
    for name, value in {"HOME": home, "DATABASE_URL": url, "ENVIRONMENT": "test", "ENGINE": "scripted"}.items():
        monkeypatch.setenv(f"LIFECERT_{name}", str(value))


@pytest.fixture
def empty_url(filled: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty store of the same kind."""
    if filled.context.database.dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'second' / 'store.sqlite'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"r_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_what_is_restored_is_what_was_there(
    filled: World, empty_url: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, url = filled.context.settings.home, filled.context.settings.store_url
    use(monkeypatch, home, url)
    before = rows(url)
    with somebody_writes(url) as written:
        made = command("backup", "--out", tmp_path, "--json")
        assert made.code == 0, made.err
    assert written[0] > 0
    again = command("backup", "--out", made.json["backup"])
    assert again.code == 2
    assert "--force" in last_line(again)
    assert (made.json["store"], made.json["keys"]) == (filled.context.database.dialect, "separate")
    assert os.stat(made.json["keys_file"]).st_mode & 0o077 == 0

    fresh = tmp_path / "fresh"
    use(monkeypatch, fresh, empty_url)
    without = command("restore", made.json["backup"])
    assert without.code == 1
    assert "--keys" in last_line(without)
    assert not fresh.exists()
    done = command("restore", made.json["backup"], "--keys", made.json["keys_file"], "--json")
    assert done.code == 0, done.err

    after = rows(empty_url)
    assert {name: found for name, found in after.items() if name not in TOLD_BY_ITSELF} == {
        name: found for name, found in before.items() if name not in TOLD_BY_ITSELF
    }
    assert sum(1 for found in before.values() if found) > 35, "a store with next to nothing proves next to nothing"
    pairs = [entry for entry in after["audit_entry"] if "'pair'" in entry[2]]
    assert len(pairs) % 2 == 0, "half of a transaction"
    assert after["audit_entry"][: len(before["audit_entry"])] == before["audit_entry"]

    assert (fresh / "papers/a.pdf").read_bytes() == PAPER
    kept = {path.relative_to(home): hashlib.sha256(path.read_bytes()).hexdigest() for path in home.rglob("*") if path.is_file()}
    for path, digest in kept.items():
        if path.suffix != ".lock" and not path.name.startswith(("lifecert.sqlite", "jobs.sqlite")):
            assert hashlib.sha256((fresh / path).read_bytes()).hexdigest() == digest, path

    context = open_context(Settings(home=fresh, database_url=empty_url, environment=Environment.TEST, engine=EngineChoice.SCRIPTED))
    served = World(create_app(context), context, filled.clock, filled.at_home, filled.elsewhere)
    assert served.anonymous().get("/readyz").status_code == 200
    found = served.client("status:read").post("/api/v1/statuses/lookup", json={"resident_id": RESIDENT_ID})
    assert found.status_code == 200, found.text
    with context.database.read_scope() as session:
        assert persons.open_resident_id(persons.get(session, filled.at_home), context.keyring) == RESIDENT_ID
    context.database.dispose()

    occupied = command("restore", made.json["backup"], "--keys", made.json["keys_file"])
    assert occupied.code == 1
    assert "--force" in last_line(occupied)
    (fresh / "papers/later.pdf").write_bytes(b"of after the backup")
    forced = command("restore", made.json["backup"], "--keys", made.json["keys_file"], "--force")
    assert forced.code == 0, forced.err
    assert not (fresh / "papers/later.pdf").exists()


@pytest.fixture
def small(command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup of a small home, with its keys sealed; the environment names an empty home afterwards."""
    (home / "papers").mkdir()
    (home / "papers/a.pdf").write_bytes(PAPER)
    monkeypatch.setenv("LIFECERT_BACKUP_PASSPHRASE", PASSPHRASE)
    made = command("backup", "--out", tmp_path / "small.lifecert-backup", "--json")
    assert made.code == 0, made.err
    assert made.json["keys"] == "sealed"
    assert PAPER not in (home / "keys.json").read_bytes()
    monkeypatch.setenv("LIFECERT_HOME", str(tmp_path / "fresh"))
    return Path(made.json["backup"])


@pytest.mark.parametrize("spoiled", ["cut", "bit", "manifest", "other", "empty"])
def test_a_backup_that_is_not_whole_is_refused_in_words(small: Path, command: Command, tmp_path: Path, spoiled: str) -> None:
    data = bytearray(small.read_bytes())
    with zipfile.ZipFile(small) as archive:
        store = archive.getinfo("store/lifecert.sqlite3")
        members = {name: archive.read(name) for name in archive.namelist()}
    if spoiled == "cut":
        data = data[: len(data) // 2]
    elif spoiled == "bit":
        data[store.header_offset + store.compress_size // 2] ^= 1
    elif spoiled == "other":
        data = bytearray(b"PK no archive at all")
    elif spoiled == "empty":
        data = bytearray()
    small.write_bytes(data)
    if spoiled == "manifest":  # somebody who knows how backups are made, and has no key
        manifest = json.loads(members["manifest.json"])
        manifest["tables"]["person"] = 0
        members["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(small, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    result = command("restore", small)
    assert result.code == 1
    words = last_line(result)
    assert "altered" in words or "cut off" in words
    assert not (tmp_path / "fresh").exists() or list((tmp_path / "fresh").iterdir()) == []


def test_a_wrong_passphrase_and_a_short_one_are_refused(
    small: Path, command: Command, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECERT_BACKUP_PASSPHRASE", "another passphrase altogether")
    result = command("restore", small)
    assert (result.code, "does not open the keys" in last_line(result)) == (1, True)
    assert not (tmp_path / "fresh").exists()
    monkeypatch.setenv("LIFECERT_HOME", str(home))
    monkeypatch.setenv("LIFECERT_BACKUP_PASSPHRASE", "short")
    result = command("backup", "--out", tmp_path / "b")
    assert (result.code, "shorter than" in last_line(result)) == (1, True)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("step", ["_put_in_place", "_check_rows", "_mark"])
def test_a_restore_that_died_is_never_served_and_goes_on(
    small: Path, command: Command, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kill -9 leaves: nothing after the step is done, and nobody cleans up."""

    class DiedError(Exception):
        pass

    def die(*_: object) -> None:
        raise DiedError

    fresh = tmp_path / "fresh"
    with monkeypatch.context() as patch:
        patch.setattr(f"api.backup_restore._Restore.{step}", die)
        with pytest.raises(DiedError):
            command("restore", small)
    with pytest.raises(HomeError, match="run the same lifecert restore again"):
        open_context(Settings(home=fresh, environment=Environment.TEST, engine=EngineChoice.SCRIPTED))
    done = command("restore", small, "--json")
    assert done.code == 0, done.err
    assert (fresh / "papers/a.pdf").read_bytes() == PAPER
    context = open_context(Settings(home=fresh, environment=Environment.TEST, engine=EngineChoice.SCRIPTED))
    context.database.dispose()


def test_a_backup_that_is_killed_leaves_no_file_that_looks_like_one(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (home / "papers").mkdir()
    for number in range(20):
        (home / "papers" / f"{number}.pdf").write_bytes(os.urandom(1 << 20))
    words = [sys.executable, "-m", "api.cli", "backup", "--out", str(out / "b")]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not any(out.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (out / "b").exists()
    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    with zipfile.ZipFile(out / "b") as archive:
        assert archive.testzip() is None


def test_a_restore_of_postgresql_that_dies_in_the_middle_changes_nothing(
    postgres_server: str, tmp_path: Path, command: Command, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.backup_store import PostgresTools

    with _postgres_database(postgres_server, TEMPLATE) as url:
        world = make_world(url, tmp_path / "world", clock)
        world.context.database.dispose()
        use(monkeypatch, tmp_path / "world", url)
        made = command("backup", "--out", tmp_path / "b", "--without-keys", "--json")
        assert made.code == 0, made.err
        before = rows(url)
        real = PostgresTools(url)._folder
        broken = tmp_path / "bin"
        broken.mkdir()
        for tool in ("pg_dump", "psql"):
            (broken / tool).symlink_to(real / tool)
        script = (
            f'#!/bin/sh\ncase "$*" in *--list*) exec {real}/pg_restore "$@";; esac\n{real}/pg_restore "$@" | head -c 60000\nkill -9 $$\n'
        )
        (broken / "pg_restore").write_text(script)
        (broken / "pg_restore").chmod(0o700)
        monkeypatch.setenv("LIFECERT_POSTGRES_BIN", str(broken))
        died = command("restore", tmp_path / "b", "--force")
        assert died.code == 1
        assert "pg_restore failed" in last_line(died)
        assert rows(url) == before
        assert not (tmp_path / "world" / ".restoring").exists(), "what was there can be served again"
        monkeypatch.delenv("LIFECERT_POSTGRES_BIN")
        user = Database(url)
        with user.read_scope() as session:
            session.execute(text("SELECT 1"))
            busy = command("restore", tmp_path / "b", "--force")
            assert "stop Lifecert first" in last_line(busy)
        user.dispose()
        assert command("restore", tmp_path / "b", "--force").code == 0
        assert rows(url)["person"] == before["person"]
