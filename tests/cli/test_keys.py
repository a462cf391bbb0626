"""`lifecert keys`: what operators see, and that each step refuses what would lose something."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.database import Database
from models.keys import FileKeyRing
from tests.cli.conftest import Command
from tests.models.people import add_person
from tests.softhsm import make_token


def fill(home: Path) -> None:
    database = Database(f"sqlite:///{home / 'lifecert.sqlite3'}")
    with database.session_scope() as session:
        add_person(session, FileKeyRing.open(home / "keys.json"), phone="13800000001")
    database.dispose()


def test_a_rotation_from_the_first_key_to_its_end(command: Command, home: Path, policy_with: Callable[..., Path]) -> None:
    fill(home)
    made = command("keys", "rotate", "--json")
    new = made.json["key"]
    assert made.code == 0
    early = command("keys", "retire", "k1")
    assert (early.code, "retire_after_hours" in early.err) == (1, True)
    policy_with(("retire_after_hours = 24 ", "retire_after_hours = 0 "))
    used = command("keys", "retire", "k1")
    assert (used.code, "person.resident_id_sealed" in used.err) == (1, True)
    counted = {line["key_id"]: line["values"] for line in command("keys", "list", "--count", "--json").json["keys"]}
    assert counted == {"k1": 2, new: 0, "s1": None}
    done = command("keys", "reseal", "--json")
    assert (done.code, done.json["finished"], done.json["resealed"], done.json["to_key"]) == (0, True, 1, new)
    assert "1 of 1" in done.err
    assert command("keys", "retire", "k1").code == 0
    listed = command("keys", "list")
    assert "destroyed" in listed.out
    material = [key["kept"] for key in json.loads((home / "keys.json").read_text())["sealing"]["keys"].values() if key["kept"]]
    assert not any(each in listed.out for each in material)
    assert command("keys", "retire", new).code == 1
    assert command("keys", "retire", "k99").code == 2


def test_another_store_s_key_file_and_a_missing_one_stop_every_command(command: Command, home: Path) -> None:
    fill(home)
    assert command("keys", "list").code == 0
    (home / "keys.json").rename(home / "kept.json")
    gone = command("keys", "list")
    assert (gone.code, "restore it from the backup" in gone.err) == (1, True)
    assert not (home / "keys.json").exists()
    FileKeyRing.open(home / "keys.json")
    wrong = command("keys", "list")
    assert (wrong.code, "another store" in wrong.err) == (1, True)
    (home / "kept.json").replace(home / "keys.json")
    assert command("keys", "list").code == 0


def test_keys_move_into_a_token(command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token(tmp_path, "moving")
    fill(home)
    for name, value in token.environment.items():
        monkeypatch.setenv(name, value)
    new = command("keys", "rotate", "--json").json["key"]
    assert command("keys", "reseal").code == 0
    by_id = {line["key_id"]: line for line in command("keys", "list", "--count", "--json").json["keys"]}
    assert (by_id[new]["custody"], by_id[new]["values"], by_id["k1"]["values"]) == ("pkcs11", 2, 0)
    monkeypatch.setenv("LIFECERT_KEY_SERVICE", "file")
    refused = command("keys", "list")
    assert (refused.code, "LIFECERT_KEY_SERVICE=pkcs11" in refused.err) == (1, True)
    monkeypatch.setenv("LIFECERT_KEY_SERVICE", "pkcs11")
    monkeypatch.setenv("LIFECERT_PKCS11_TOKEN", "another")
    away = command("keys", "list")
    assert (away.code, "check that the token is there" in away.err) == (1, True)
    assert token.access.pin not in away.err + away.out
