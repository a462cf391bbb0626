"""`lifecert evaluate claims`: hospitals ranked by files of claims; figures against labels; what was learned from is never counted."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.detection.anomaly.provider_claims import write_claims, write_labels
from tests.verify.real_data import data_file

KEYS = ["claims", "entities", "auc", "average_precision", "precision_at", "rules", "cpu_s", "peak_mb"]


Run = Callable[..., Any]


@pytest.fixture
def run(command: Command) -> Run:
    """Standard output as JSON, or standard error where it fails as it should."""

    def of(*arguments: object, code: int = 0) -> Any:
        done = command("evaluate", "claims", *arguments)
        assert done.code == code, done.err
        return done.json if code == 0 else done.err

    return of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bool]]:
    path = tmp_path_factory.mktemp("claims") / "claims.csv"
    return path, write_claims(path)


def test_planted_hospitals_are_ranked_first_without_labels_to_learn_from(
    run: Run, made: tuple[Path, dict[str, bool]], tmp_path: Path
) -> None:
    path, bad = made
    labels = write_labels(tmp_path / "labels.csv", bad | {"NOWHERE": True})
    out = tmp_path / "ranking.csv"
    found = run("--claims", path, "--mapping", "us_inpatient", "--labels", labels, "--entity", "provider", "--out", out, "--json")
    assert list(found)[: len(KEYS)] == KEYS
    assert found["entities"] == len(bad)
    assert found["kind"] == "unsupervised"
    assert found["auc"] > 0.9
    assert found["intervals"]["auc"][0] <= found["auc"] <= found["intervals"]["auc"][1]
    assert found["labels"]["without_claims"] == 1
    assert found["precision_at"]["50"] > 0.5
    assert {"fired", "entities"} == set(found["rules"]["H3"])
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(bad)
    assert bad[rows[0]["entity"]]
    assert float(rows[0]["percentile"]) == 1.0
    assert "median" in rows[0]["feature_1"]


def test_claims_in_one_file_or_two_give_the_same_figures_and_without_labels_there_are_none(
    run: Run, made: tuple[Path, dict[str, bool]], tmp_path: Path
) -> None:
    path, _ = made
    head, *rows = path.read_text().splitlines()
    halves = [tmp_path / "a.csv", tmp_path / "b.csv"]
    halves[0].write_text("\n".join((head, *rows[:500])))
    halves[1].write_text("\n".join((head, *rows[500:])))
    one, two = run("--claims", path, "--mapping", "us_inpatient", "--json"), run("--claims", *halves, "--mapping", "us_inpatient", "--json")
    assert one["claims"] == len(rows)
    measured = {"cpu_s", "peak_mb", "wall_s"}
    assert {name: one[name] for name in one if name not in measured} == {name: two[name] for name in two if name not in measured}
    assert (one["auc"], one["average_precision"], one["precision_at"]) == (None, None, {"50": None, "100": None})


def test_providers_that_were_learned_from_are_never_counted(run: Run, made: tuple[Path, dict[str, bool]], tmp_path: Path) -> None:
    path, bad = made
    learned = {name: fraud for place, (name, fraud) in enumerate(bad.items()) if place < 130}
    tested = {name: fraud for place, (name, fraud) in enumerate(bad.items()) if place >= 100}
    train, test = write_labels(tmp_path / "train.csv", learned), write_labels(tmp_path / "test.csv", tested)
    found = run("--claims", path, "--mapping", "us_inpatient", "--labels", test, "--labels-train", train, "--json")
    assert found["kind"] == "supervised"
    assert found["labels"]["left_out_as_trained_on"] == 30
    assert found["labels"]["counted"] == 30
    assert found["labels"]["trained_on"] == 130
    assert found["auc"] > 0.9
    message = run("--claims", path, "--mapping", "us_inpatient", "--labels", train, "--labels-train", train, "--json", code=2)
    assert "never counted" in message


def test_too_few_labels_are_refused(run: Run, made: tuple[Path, dict[str, bool]], tmp_path: Path) -> None:
    path, bad = made
    few = write_labels(tmp_path / "few.csv", dict(list(bad.items())[:20]))
    message = run("--claims", path, "--mapping", "us_inpatient", "--labels-train", few, "--json", code=2)
    assert "too few labels" in message
    assert "5 fraud and 15 not fraud" in message


def test_bad_input_says_what_and_where(run: Run, made: tuple[Path, dict[str, bool]], tmp_path: Path) -> None:
    path, _ = made
    labels = tmp_path / "labels.csv"
    labels.write_text("provider,fraud\nH001,maybe\n")
    assert "row 2, column 'fraud'" in run("--claims", path, "--mapping", "us_inpatient", "--labels", labels, code=2)
    assert "us_inpatient" in run("--claims", path, "--mapping", "unknown", code=2)
    strangers = write_labels(tmp_path / "strangers.csv", {"X1": True, "X2": False})
    assert "none of the providers has claims" in run("--claims", path, "--mapping", "us_inpatient", "--labels", strangers, code=2)
    assert "folder does not exist" in run("--claims", path, "--mapping", "us_inpatient", "--out", tmp_path / "no" / "x.csv", code=2)


def test_published_claims_are_ranked_as_well_as_documented(run: Run) -> None:
    """Floors a little under docs/evaluation/claims.md."""
    claims, labels = data_file("claims", "inpatient_dev.csv"), data_file("claims", "providers_labels.csv")
    found = run("--claims", claims, "--mapping", "us_inpatient", "--labels", labels, "--json")
    assert (found["claims"], found["entities"]) == (21_121, 1_049)
    assert found["labels"]["counted"] == 1_049
    assert found["labels"]["fraud"] == 214
    assert found["auc"] > 0.88
    assert found["average_precision"] > 0.72
    assert found["rules"]["H3"]["fired"] > 0
