from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from models import policy
from models.errors import PolicyError
from models.policy import RecordsPolicy, RetryPolicy

FILE = Path(__file__).parents[2] / "policy.toml"


def changed(old: str, new: str) -> bytes:
    text = FILE.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("[retry]", "[retry]\nfailures = 3", r"\[retry\] failures"),
        ("[retry]", "[retries]", r"no section \[retry\]"),
        ("first_wait_s = 30", "first_wait_s = 29", r"\[retry\] first_wait_s"),
        ("failures_before_wait = 5", "failures_before_wait = 6", r"\[retry\] failures_before_wait"),
        ("longest_wait_s = 3600", "longest_wait_s = 3600.5", r"\[retry\] longest_wait_s"),
        ("audit_days = 1095", "audit_days = 100", r"\[retention\] audit_days"),
        ('face = "conclusive"', 'face = "strong"', r"\[certification\] certifying.face"),
        ('face = "conclusive"', 'death_record = "conclusive"', "death_record can never certify"),
        ('time_zone = "Asia/Shanghai"', 'time_zone = "Asia/Atlantis"', "Atlantis"),
        ('scheme = "resident_pension"', 'scheme = "pension"', r"cycles\.0\.scheme"),
        ('reference_image = "2026-01"', "", "reference_image"),
        ("[consent]", "[consent", "not TOML"),
    ],
)
def test_a_wrong_policy_is_refused_by_section_and_key(old: str, new: str, match: str) -> None:
    with pytest.raises(PolicyError, match=match):
        policy.parse(changed(old, new))


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.toml"):
        policy.load(tmp_path / "absent.toml")


def test_the_hash_changes_with_any_byte(records_policy: RecordsPolicy) -> None:
    assert policy.parse(FILE.read_bytes() + b"\n# more\n").sha256 != records_policy.sha256 == policy.load(FILE).sha256


def test_the_day_is_that_of_the_policys_zone(records_policy: RecordsPolicy) -> None:
    certification = records_policy.certification
    assert certification.today(datetime(2026, 3, 14, 15, 59, tzinfo=UTC)) == date(2026, 3, 14)
    assert certification.today(datetime(2026, 3, 14, 16, 0, tzinfo=UTC)) == date(2026, 3, 15)
    with pytest.raises(ValueError, match="aware"):
        certification.today(datetime(2026, 3, 14))  # noqa: DTZ001


@pytest.mark.parametrize("pad", [False, True])
def test_waits_begin_at_the_limit_with_30_seconds_then_grow_and_are_capped(records_policy: RecordsPolicy, pad: bool) -> None:
    retry = records_policy.retry
    limit = 10 if pad else 5
    waits = [retry.wait_s(failed, pad=pad) for failed in range(40)]
    assert set(waits[:limit]) == {0}
    assert waits[limit] == 30
    assert waits == sorted(waits)
    assert waits[-1] == retry.longest_wait_s == retry.wait_s(100_000, pad=pad)


def test_retry_limits_contradicting_each_other_are_refused(records_policy: RecordsPolicy) -> None:
    values = records_policy.retry.model_dump()
    with pytest.raises(ValueError, match="longest_wait_s"):
        RetryPolicy(**(values | {"first_wait_s": 60, "longest_wait_s": 40}))
    with pytest.raises(ValueError, match="refer_after"):
        RetryPolicy(**(values | {"refer_after": 1, "offer_other_ways_after": 2}))
