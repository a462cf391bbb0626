"""What every sub-command keeps to: help with an example, exit codes, JSON alone on stdout, errors in one clear line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from api.cli import cli
from models.keys import FileKeyRing
from tests.cli.conftest import Command, one_line, portrait
from tests.conftest import ROOT
from verify.weights import pinned_weights


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Names of every command and group below the root."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_shows_an_example_that_names_the_command(command: Command, words: tuple[str, ...]) -> None:
    result = command(*words, "--help")
    assert result.code == 0
    assert "Example" in result.out
    assert f"lifecert {' '.join(words)}" in result.out


def test_the_root_lists_every_command_without_loading_them() -> None:
    code = "import sys; from api.cli import main; main(['--help'])"
    loaded = "assert not {'cv2', 'flask', 'sqlalchemy', 'numpy'} & set(sys.modules), 'slow help'"
    done = subprocess.run(
        [sys.executable, "-c", f"import atexit, sys\natexit.register(lambda: exec({loaded!r}))\n{code}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "slow help" not in done.stderr
    for words in commands():
        assert words[0] in done.stdout


def test_version(command: Command) -> None:
    assert command("--version").out.startswith("lifecert ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--no-such-option"], "No such option"),
        (["no-such-command"], "No such command"),
        (["run", "--port", "70000"], "70000"),
        (["verify", "--frames", "."], "Missing option '--reference'"),
        (["verify", "--reference", "nothing.jpg", "--frames", "."], "nothing.jpg"),
        (["calibrate"], "give one of"),
        (["calibrate", "--store", "--list"], "give one of"),
        (["calibrate", "--images", "."], "--images and --people go together"),
        (["policy", "check", "--file", "nothing.toml"], "nothing.toml"),
    ],
)
def test_wrong_use_is_exit_2_and_says_what_is_wrong(command: Command, arguments: list[str], says: str) -> None:
    result = command(*arguments)
    assert result.code == 2
    assert says in result.err
    assert result.out == ""


def test_an_unknown_kind_of_evidence_is_wrong_use(command: Command, tmp_path: Path) -> None:
    portrait(tmp_path / "a.png", 1)
    (tmp_path / "attempts.csv").write_text("attempt,file,at_ms,label,species\n1,a.png,0,bona_fide,\n")
    result = command("evaluate", "liveness", "--attempts", tmp_path / "attempts.csv", "--media", tmp_path, "--evidence", "passive,aura")
    assert result.code == 2
    assert "aura" in one_line(result)
    assert "continuity" in result.err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "LIFECERT_PORT"),
        ("ENGINE", "magic", "LIFECERT_ENGINE"),
        ("LOG_LEVEL", "LOUD", "must be DEBUG, INFO, WARNING or ERROR"),
        ("WORKERS", "0", "LIFECERT_WORKERS"),
        ("DATABASE_URL", "mysql://host/db", "only sqlite and postgresql"),
        ("DATABASE_URL", "what is this", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(command: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"LIFECERT_{name}", value)
    result = command("demo", "--no-serve")
    assert result.code in {1, 2}
    assert says in result.err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ENGINE", "scripted", "test double"),
        ("CHALLENGE_SEED", "7", "predictable"),
        ("RECORDING_DIR", "recordings", "https"),
    ],
)
@pytest.mark.parametrize("words", [["run"], ["jobs"], ["demo", "--no-serve"]], ids=" ".join)
def test_production_refuses_what_belongs_to_tests(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: list[str], name: str, value: str, says: str
) -> None:
    monkeypatch.setenv("LIFECERT_ENGINE", "dlib")
    monkeypatch.setenv("LIFECERT_ENVIRONMENT", "production")
    monkeypatch.setenv(f"LIFECERT_{name}", value)
    result = command(*words)
    assert result.code == 2
    assert says in result.err


def test_production_refuses_the_demo(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_ENVIRONMENT", "production")
    monkeypatch.setenv("LIFECERT_ENGINE", "dlib")
    before = sorted(path.name for path in home.iterdir())
    result = command("demo", "--no-serve")
    assert result.code == 2
    assert "refuses" in one_line(result)
    assert sorted(path.name for path in home.iterdir()) == before


def test_a_home_that_cannot_be_written_is_explained(command: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = home / "file"
    blocked.touch()
    monkeypatch.setenv("LIFECERT_HOME", str(blocked / "home"))
    result = command("calibrate", "--list")
    assert result.code == 1
    assert "LIFECERT_HOME" in one_line(result)
    assert "cannot be written" in result.err


def test_a_key_file_that_others_can_read_is_refused(command: Command, home: Path) -> None:
    FileKeyRing.open(home / "keys.json")
    (home / "keys.json").chmod(0o644)
    result = command("calibrate", "--list")
    assert result.code == 1
    assert "chmod 600" in one_line(result)


def test_a_damaged_key_file_is_never_replaced_by_a_new_one(command: Command, home: Path) -> None:
    FileKeyRing.open(home / "keys.json")
    (home / "keys.json").write_text("{")
    result = command("calibrate", "--list")
    assert result.code == 1
    assert "restore it from the backup" in one_line(result)
    assert (home / "keys.json").read_text() == "{"


def test_a_store_that_does_not_answer_is_explained(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_DATABASE_URL", "postgresql://nobody:secret-word@127.0.0.1:9/none")
    result = command("calibrate", "--list")
    assert result.code == 1
    assert "secret-word" not in result.err + result.out
    assert len(result.err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [["run", "--port", "1"], ["jobs"], ["demo", "--no-serve"], ["calibrate", "--list"]], ids=" ".join)
@pytest.mark.parametrize("engine", ["auto", "onnx", "dlib"])
def test_a_changed_weight_file_refuses_to_start(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], engine: str
) -> None:
    if words[0] == "run":
        monkeypatch.setattr("api.cli.serve._check_port", lambda _settings: None)
    weight = pinned_weights()[0]
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / weight.cached_name).write_bytes(b"changed")
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("LIFECERT_ENGINE", engine)
    result = command(*words)
    assert result.code == 1
    message = one_line(result)
    assert weight.cached_name in message
    assert "Delete the file and run `lifecert weights fetch`" in message


def test_missing_weights_lead_to_the_second_engine_and_say_so(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("LIFECERT_ENGINE", "auto")
    result = command("engines", "--json")
    assert result.code == 0
    assert result.json["running"]["name"] == "dlib"
    assert "lifecert weights fetch" in result.json["note"]
    assert {weight["state"] for weight in result.json["weights"]} == {"missing"}
    monkeypatch.setenv("LIFECERT_ENGINE", "onnx")
    result = command("engines")
    assert result.code == 1
    assert "lifecert weights fetch" in one_line(result)


def test_checking_weights_exits_1_when_any_is_missing(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", str(tmp_path / "none"))
    result = command("weights", "check", "--json")
    assert result.code == 1
    assert {weight["name"] for weight in result.json} == {weight.name for weight in pinned_weights()}


def test_engines_json_names_the_running_engine(command: Command) -> None:
    result = command("engines", "--json")
    assert (result.code, result.json["running"]["name"], result.json["note"]) == (0, "scripted", "")
    assert {"name", "role", "state", "sha256", "licence", "package"} == set(result.json["weights"][0])


def test_the_policy_in_use_is_checked_and_printed(command: Command) -> None:
    result = command("policy", "check", "--json")
    assert result.code == 0
    assert set(result.json) == {"file", "hash", "policy"}
    assert result.json["hash"] in command("policy", "check").out


@pytest.mark.parametrize("words", [["policy", "check"], ["calibrate", "--list"], ["demo", "--no-serve"]], ids=" ".join)
def test_a_wrong_policy_file_stops_every_command(command: Command, policy_with: Callable[..., Path], words: list[str]) -> None:
    policy_with(("probe_frames = 5", "probe_frame = 5"))
    result = command(*words)
    assert result.code == 2
    assert "[verification.probe_frame]" in result.err
    assert "policy.toml" in result.err


def test_a_programming_error_keeps_its_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.cli.calibration.load_settings", broken)
    with pytest.raises(ZeroDivisionError):
        command("calibrate", "--list")


def test_a_full_disk_is_said_to_be_full(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("api.cli.calibration.load_settings", full)
    result = command("calibrate", "--list")
    assert result.code == 1
    assert "disk is full" in one_line(result)


def test_progress_and_logs_go_to_stderr_and_json_alone_to_stdout(command: Command, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        portrait(tmp_path / name, 1, seed=ord(name[0]))
    (tmp_path / "pairs.csv").write_text("reference,probe,same\na.png,b.png,1\n")
    result = command("evaluate", "verification", "--pairs", tmp_path / "pairs.csv", "--images", tmp_path, "--json")
    assert result.code == 0
    assert json.loads(result.out)["pairs"] == 1
    assert "embedding: 2 of 2" in result.err
