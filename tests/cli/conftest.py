"""The command run in this process, on an empty home, with the scripted engine."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pytest
import structlog

from api.cli import main
from sample_data.captures import draw
from tests.conftest import ROOT
from verify.engines.scripted import Scene


@dataclass(frozen=True)
class Result:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, which must be one JSON value and nothing else."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command sets up logging for its process: here that process goes on."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> Path:
    """A home with an empty, migrated store, named in the environment; the engine is the test double."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "lifecert.sqlite3").write_bytes(sqlite_template.read_bytes())
    for name, value in {"HOME": str(folder), "ENVIRONMENT": "test", "ENGINE": "scripted"}.items():
        monkeypatch.setenv(f"LIFECERT_{name}", value)
    for name in ("DATABASE_URL", "POLICY_FILE", "KEY_FILE", "WEIGHTS_DIR", "CHALLENGE_SEED", "RECORDING_DIR", "PUBLIC_URL"):
        monkeypatch.delenv(f"LIFECERT_{name}", raising=False)
    return folder


@pytest.fixture
def command(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``lifecert ARGUMENTS``; an error without a clear message fails the test with its traceback."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def policy_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a changed copy of the policy file into force: pairs of (text, its replacement)."""

    def change(*changes: tuple[str, str]) -> Path:
        text = (ROOT / "policy.toml").read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after, 1)
        path = tmp_path / "policy.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv("LIFECERT_POLICY_FILE", str(path))
        return path

    return change


def portrait(path: Path, identity: int, *, seed: int = 0, likeness: int = 15, faces: int = 1) -> Path:
    """A drawn enrolment photograph; likeness 15 is the person's very face."""
    picture = draw(Scene(identity=identity, height=180, likeness=likeness, faces=faces), noise_seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def one_line(result: Result) -> str:
    """The single line of an error message."""
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    return lines[0]
