"""`lifecert privacy` and `lifecert retention` in a home of their own."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import cli
from api.context import open_context
from api.settings import load_settings
from models.privacy import PrivacyKind
from models.repositories import privacy_requests
from tests.models.people import add_person


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    store = folder / "store.sqlite"
    store.write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("LIFECERT_HOME", str(folder))
    monkeypatch.setenv("LIFECERT_DATABASE_URL", f"sqlite:///{store}")
    monkeypatch.setenv("LIFECERT_ENVIRONMENT", "test")
    monkeypatch.setenv("LIFECERT_ENGINE", "scripted")
    return folder


def call(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done.stdout


def test_a_copy_a_deletion_by_two_people_and_the_papers(home: Path, tmp_path: Path) -> None:
    context = open_context(load_settings())
    with context.database.session_scope() as session:
        person = add_person(session, context.keyring, phone="13812345678")
        person_id = person.public_id
        new = privacy_requests.NewRequest(PrivacyKind.DELETION, None, "self", "person", context.clock().date())
        request = privacy_requests.ask(session, person, new, keyring=context.keyring, now=context.clock()).public_id
    copy = tmp_path / "copy.zip"
    told = json.loads(call("privacy", "export", "--person", person_id, "--out", str(copy), "--language", "en", "--json"))
    assert told["rows"]["person"] == 1
    assert copy.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(copy) as archive:
        assert json.loads(archive.read("data.json"))["tables"]["person"][0]["phone_sealed"] == "13812345678"
    assert "is there already" in _error("privacy", "export", "--person", person_id, "--out", str(copy))
    assert "--person" in _error("privacy", "export", "--person", "nobody", "--out", str(tmp_path / "b.zip"))
    assert not (tmp_path / "b.zip").exists()

    [line] = json.loads(call("privacy", "requests", "--json"))
    assert (line["request"], line["state"]) == (request, "open")
    assert "prepared" in call("privacy", "delete", request, "--by", "Wang Fang")
    assert "another person" in _error("privacy", "delete", request, "--by", "wang fang")
    done = json.loads(call("privacy", "delete", request, "--by", "Li Na", "--json"))
    assert done["deleted"]["phones"] == 1
    assert {kept["what"] for kept in done["kept"]} >= {"person", "audit_entry"}

    for language in ("zh", "en"):
        told = json.loads(call("privacy", "report", "--out", str(tmp_path / language), "--language", language, "--json"))
        assert (told["people"], told["filing"]) == (0, "not due")
        for name in told["files"]:
            data = (tmp_path / language / name).read_bytes()
            assert data.startswith(b"%PDF") == name.endswith(".pdf")
        page = (tmp_path / language / "record-of-processing.html").read_text(encoding="utf-8")
        assert "retention.frame_observation_hours" in page
        assert ("个人信息处理活动记录" in page) == (language == "zh")


def test_retention_by_command(home: Path) -> None:
    dry = json.loads(call("retention", "run", "--dry-run", "--json"))
    assert dry["dry_run"]
    assert dry["deleted"] == 0
    assert "deleted" in call("retention", "run")
    [row] = json.loads(call("retention", "list", "--json"))
    assert row["refused"] is None
    assert "set the clock right" in _error("retention", "run", "--today", "2020-01-01", code=1)


def _error(*arguments: str, code: int = 2) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done.stderr
