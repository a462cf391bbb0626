"""Settings: read from the environment only, typed, checked at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import EngineChoice, Environment, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LIFECERT_{name.upper()}", raising=False)


def test_without_any_setting_it_is_the_demo_on_this_machine_only() -> None:
    settings = load_settings()
    assert settings.environment is Environment.DEMO
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 8440, "http://localhost:8440")
    assert settings.store_url == f"sqlite:///{settings.home / 'lifecert.sqlite3'}"
    assert settings.keys_path == settings.home / "keys.json"
    assert settings.engine is EngineChoice.AUTO
    assert settings.recording_dir is None


def test_relative_folders_are_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECERT_HOME", "state")
    monkeypatch.setenv("LIFECERT_WEIGHTS_DIR", "~/weights")
    settings = load_settings()
    assert settings.home == tmp_path / "state"
    assert settings.weights_dir == Path.home() / "weights"


@pytest.mark.parametrize("name", ["EMBEDDER_CONFIG", "KEY_FILE", "RECORDING_DIR", "CHALLENGE_SEED"])
def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"LIFECERT_{name}", "")
    assert getattr(load_settings(), name.lower()) is None


@pytest.mark.parametrize(
    ("host", "port", "public", "base"),
    [
        ("0.0.0.0", 80, "", "http://localhost:80"),  # noqa: S104
        ("10.1.2.3", 8440, "", "http://10.1.2.3:8440"),
        ("10.1.2.3", 8440, "https://lifecert.example.gov.cn/", "https://lifecert.example.gov.cn"),
    ],
)
def test_how_people_reach_the_service(host: str, port: int, public: str, base: str) -> None:
    assert load_settings(host=host, port=port, public_url=public).base_url == base


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("WORKERS", "0"),
        ("WORKERS", "many"),
        ("THREADS", "65"),
        ("ENGINE", "faster"),
        ("ENVIRONMENT", "prod"),
        ("LOG_LEVEL", "LOUD"),
        ("CHALLENGE_SEED", "x"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LIFECERT_{name}", value)
    with pytest.raises(SettingsError, match=f"LIFECERT_{name}: "):
        load_settings()


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFECERT_PORT", "x")
    monkeypatch.setenv("LIFECERT_WORKERS", "x")
    with pytest.raises(SettingsError, match=r"LIFECERT_PORT: .*\n.*LIFECERT_WORKERS: "):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"engine": "scripted"}, "test double"),
        ({"challenge_seed": 1}, "predictable"),
        ({"recording_dir": "recordings"}, "https"),
        ({"recording_dir": "recordings", "public_url": "http://lifecert.example.gov.cn"}, "https"),
    ],
)
def test_production_refuses_what_belongs_elsewhere(settings: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings(environment="production", **settings)
    if "recording_dir" not in settings:
        load_settings(environment="test", **settings)


def test_settings_do_not_change_after_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]
