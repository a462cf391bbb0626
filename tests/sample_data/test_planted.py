"""Every planted finding is found with its months and its money, and nothing is said about look-alikes and about everybody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from api import detection
from api.context import open_context
from api.settings import load_settings
from benchmarks import county, county_labels, county_people
from models.database import Database
from models.detection import DetectionKind
from models.policy import RecordsPolicy
from sample_data import planted_payments
from sample_data.planted import CASES, LOOKALIKES

PERSONS, SEED, MONTHS = 2_000, 7, 12
CODES = {"P1", "P2", "P3", "P4", "P5", "P5 account", "P6", "P7", "D1", "D2", "D4", "D5", "B1", "B2", "B3", "B4"}
KINDS = (DetectionKind.DUPLICATES, DetectionKind.BENEFITS, DetectionKind.PAYMENTS)


@pytest.fixture
def home(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    values = {"HOME": str(folder), "DATABASE_URL": database.url, "ENVIRONMENT": "test", "ENGINE": "scripted"}
    for name, value in values.items():
        monkeypatch.setenv(f"LIFECERT_{name}", value)
    return folder


def test_what_is_planted_is_found_and_nothing_else(home: Path) -> None:
    context = open_context(load_settings())
    background, planned = county.draw(PERSONS, SEED, MONTHS)
    county.make(context.database.url, background, planned, context.keyring)
    for kind in KINDS:
        detection.detect(context, kind, county_people.AS_OF, by="test")
    with context.database.read_scope() as session:
        found = county_labels.found_in(session)
    scores = {score.code: score for score in county_labels.score(planned, found)}
    context.database.dispose()
    for code in sorted(CODES):
        score = scores.pop(code)
        assert (score.code, score.wrong, score.missed) == (code, (), ())
        assert score.right == score.months_right == score.fen_right == score.labelled >= county.CASES_MIN
    # two thousand people teach the linkage little: what it finds of D3 must be right, months and money too
    linked = scores.pop("D3")
    assert linked.wrong == ()
    assert linked.months_right == linked.fen_right == linked.right > 0
    assert scores == {}
    assert not list(home.glob("detection/work/*"))


def test_every_case_and_look_alike_is_planted() -> None:
    _, planned = county.draw(PERSONS, SEED, MONTHS)
    named = {case.rsplit(" ", 1)[0] for case in planned.cases.values()}
    assert named == {*CASES, *LOOKALIKES, "second record"}
    labelled = {row.case.rsplit(" ", 1)[0] for row, _, _ in planned.labels}
    assert labelled == {*CASES, "second record"}


def test_the_labels_go_by_the_policy_that_is_in_force(records_policy: RecordsPolicy) -> None:
    rules = records_policy.rules
    assert (rules.P4.grace_days, rules.P4.months_ahead) == (planted_payments.GRACE_DAYS, planted_payments.MONTHS_AHEAD)
    assert rules.P5.months == planted_payments.ACCOUNT_MONTHS + 1
    assert rules.P5.many <= planted_payments.MANY
    assert (rules.B1.offset_months, rules.D5.days_after_death, rules.D2.transfer_months) == (1, 30, 1)


def test_bounds_of_a_share_are_those_of_wilson() -> None:
    low, high = county_labels.wilson(98, 100)  # 0.930 to 0.994, as tables have it
    assert (round(low, 3), round(high, 3)) == (0.930, 0.994)
    assert county_labels.wilson(0, 0) == (0.0, 1.0)
    assert county_labels.wilson(10, 10)[1] == pytest.approx(1.0)
