"""The policy file: what comes with the project is usable, and every way of getting it wrong is named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from api.policy import Policy, PolicyFileError, load_policy
from tests.conftest import ROOT

TEXT = (ROOT / "policy.toml").read_text(encoding="utf-8")


def written(path: Path, *changes: tuple[str, str]) -> Path:
    text = TEXT
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_of_the_project_is_usable_and_its_hash_is_of_its_bytes() -> None:
    policy = load_policy(ROOT / "policy.toml")
    assert policy.hash == hashlib.sha256((ROOT / "policy.toml").read_bytes()).hexdigest()[:16]


def test_a_comment_changes_the_hash_too(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path / "p.toml", ("# The one", "# the one"))).hash != load_policy(ROOT / "policy.toml").hash


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Every field of the model and of the sections in it."""
    for name, field in model.model_fields.items():
        yield name, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation)


def test_no_threshold_has_a_default_in_code() -> None:
    """What is left out stops the service; the list of cycles may be empty, because there is a default cycle."""
    with_default = {name for name, field in fields(Policy) if not field.is_required()}
    assert with_default == {"cycles"}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("probe_frames = 5", "probe_frames = 0", "verification.probe_frames"),
        ("probe_frames = 5", 'probe_frames = "five"', "verification.probe_frames"),
        ("probe_frames = 5", "probe_framse = 5", "verification.probe_framse"),
        ("probe_frames = 5 # best frames averaged into the probe\n", "", "verification.probe_frames"),
        ("detector_score_min = 0.8", "detector_score_min = 1.5", "verification.frame.detector_score_min"),
        ("accept_fmr = 0.001", "accept_fmr = 0.1", "refer_fmr"),
        ("levels = [0.01, 0.001, 0.0001]", "levels = [0.001, 0.01]", "levels must fall"),
        ("accept = 0.50", "accept = 0.10", "must not be above accept"),
        ('time_zone = "Asia/Shanghai"', 'time_zone = "Asia/Nowhere"', "is not a time zone"),
        ('face = "conclusive"', 'death_record = "conclusive"', "can never certify"),
        ("audit_days = 1095", "audit_days = 30", "retention.audit_days"),
        ("first_wait_s = 30", "first_wait_s = 5", "retry.first_wait_s"),
        ("longest_wait_s = 3600", "longest_wait_s = 30\n[unknown]", "unknown"),
        ('reference_image = "2026-01"', "", "reference_image"),
        ("[retry]", "[retries]", "retry"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, says: str) -> None:
    with pytest.raises(PolicyFileError, match=says) as raised:
        load_policy(written(tmp_path / "mine.toml", (before, after)))
    assert "mine.toml" in str(raised.value)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.toml", ("probe_frames = 5", "probe_frames = 0"), ("audit_days = 1095", "audit_days = 1"))
    with pytest.raises(PolicyFileError) as raised:
        load_policy(path)
    assert "verification.probe_frames" in str(raised.value)
    assert "retention.audit_days" in str(raised.value)


@pytest.mark.parametrize("content", [b"[verification", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_what_is_not_toml_in_utf_8_is_said_to_be_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(PolicyFileError, match="is not TOML in UTF-8"):
        load_policy(tmp_path / "mine.toml")


def test_a_file_that_is_not_there_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match="LIFECERT_POLICY_FILE"):
        load_policy(tmp_path / "none.toml")
