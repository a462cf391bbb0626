"""The verification part of the policy file: what is unknown, missing or out of range is refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from verify.errors import PolicyError
from verify.policy import Ramp, load_verification_policy, verification_policy

FILE = Path(__file__).parents[2] / "policy.toml"


def values() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))["verification"]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("passive", "live_min", 1.5),
        ("passive", "frames_min", 0),
        ("active", "turn_min_deg", -3),
        ("flash", "hold_ms", 200),
        ("flash", "colours", {"white": [255, 255, 255]}),
        ("challenge", "turns_min", 4),
        ("continuity", "similarity_min", {"512": 0.5}),
        ("decision", "absent", {"match": "refer"}),
        ("continuity", "virtual_camera_outcome", "certified"),
        ("passive", "live_minimum", 0.5),
    ],
)
def test_a_bad_value_is_named_with_its_place(section: str, key: str, value: object) -> None:
    changed = values()
    changed[section][key] = value
    with pytest.raises(PolicyError, match=f"verification.{section}"):
        verification_policy(changed)


def test_a_missing_key_has_no_silent_default() -> None:
    changed = values()
    del changed["screen"]["moire_max"]
    with pytest.raises(PolicyError, match=r"verification\.screen\.moire_max"):
        verification_policy(changed)


def test_a_policy_cannot_be_changed_after_loading() -> None:
    policy = load_verification_policy(FILE)
    with pytest.raises(ValueError, match="frozen"):
        policy.passive.live_min = 0.1  # type: ignore[misc]


def test_a_file_that_is_not_there_or_not_toml_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_verification_policy(tmp_path / "none.toml")
    (tmp_path / "policy.toml").write_text("verification = [")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_verification_policy(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_text("[other]")
    with pytest.raises(PolicyError, match="no \\[verification\\]"):
        load_verification_policy(tmp_path / "policy.toml")


def test_a_ramp_scores_both_ways_and_stays_within_its_range() -> None:
    assert [Ramp(zero=0, full=10).score(raw) for raw in (-5, 0, 5, 10, 99)] == [0, 0, 50, 100, 100]
    assert [Ramp(zero=10, full=0).score(raw) for raw in (0, 5, 10)] == [100, 50, 0]
