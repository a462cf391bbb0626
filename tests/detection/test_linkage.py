"""Linkage from records to clusters, on real engines: what is found, that it is found again, and figures against a truth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from api.policy import load_policy
from detection.linkage.engines import EngineName
from detection.linkage.errors import LinkageInputError
from detection.linkage.evaluation import figures, run_linkage
from detection.linkage.link import Linked, link
from detection.linkage.mapping import load_mapping, mapping_of
from detection.linkage.model import load_model, save_model
from detection.linkage.source import read_records
from models.policy_detection import LinkagePolicy
from tests.conftest import ROOT
from tests.detection.linkage_people import HEADER, MAPPING, people, write_csv, write_mapping
from tests.detection.spark import on_spark, quick_start


@pytest.fixture(scope="module")
def policy() -> LinkagePolicy:
    return load_policy(ROOT / "policy.toml").linkage.model_copy(
        update={"training_pairs": 20_000, "random_pairs": 20_000, "pairs_most": 60_000, "all_pairs_records": 50}
    )


def linked(folder: Path, rows: list[list[str]], policy: LinkagePolicy, *, columns: str = MAPPING, **options: object) -> Linked:
    path = write_csv(folder / "people.csv", HEADER, rows)
    mapping = load_mapping(write_mapping(folder, columns))
    return link(read_records(path, mapping, "rec"), mapping, policy, work_folder=folder / "work", **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, policy: LinkagePolicy) -> Linked:
    return linked(tmp_path_factory.mktemp("linkage"), people(600, seed=1), policy)


def test_most_of_what_belongs_together_is_found_and_little_else(tmp_path: Path, policy: LinkagePolicy) -> None:
    records = write_csv(tmp_path / "people.csv", HEADER, people(600, seed=1))
    inputs = run_linkage(records, write_mapping(tmp_path), policy, id_column="rec", work_folder=tmp_path / "work", cluster_column="who")
    result = figures(inputs)
    assert result["records"] == 600
    assert result["blocking_recall"] > 0.98
    assert result["pairs_scored"] < 600 * 599 / 2 * 0.6
    assert result["pair"]["f1"] > 0.93
    assert result["pair"]["best_f1"] >= result["pair"]["f1"]
    assert result["cluster"]["f1"] > 0.95
    assert not list((tmp_path / "work").iterdir()), "temporary files are left behind"


def test_the_same_records_give_the_same_pairs_again(outcome: Linked, tmp_path: Path, policy: LinkagePolicy) -> None:
    again = linked(tmp_path, people(600, seed=1), policy)
    assert again.pairs.select(["left", "right"]).equals(outcome.pairs.select(["left", "right"]))
    assert np.allclose(again.pairs["weight"].to_numpy(), outcome.pairs["weight"].to_numpy(), atol=1e-6)
    assert again.clusters.equals(outcome.clusters)


def test_the_steps_of_a_waterfall_add_up_and_hold_no_value_of_a_person(outcome: Linked) -> None:
    written = {value for row in people(600, seed=1) for value in row[1:6] if value}
    for pair in range(0, outcome.pairs.num_rows, 37):
        steps = outcome.steps(pair)
        total = sum(step.weight + step.frequency_weight for step in steps)
        assert total == pytest.approx(outcome.pairs["weight"][pair].as_py(), abs=0.01)
        assert not written & {part for step in steps for part in (step.feature, step.level)}


def test_probabilities_follow_from_weights(outcome: Linked) -> None:
    for weight, probability in zip(outcome.pairs["weight"].to_pylist(), outcome.pairs["probability"].to_pylist(), strict=True):
        assert probability == pytest.approx(1 / (1 + 2.0**-weight), abs=1e-9)


def test_a_saved_model_gives_the_same_weights_without_training(outcome: Linked, tmp_path: Path, policy: LinkagePolicy) -> None:
    save_model(outcome.model, tmp_path / "model.json")
    again = linked(tmp_path, people(600, seed=1), policy, model=load_model(tmp_path / "model.json"))
    assert "training" not in again.figures
    assert np.allclose(again.pairs["weight"].to_numpy(), outcome.pairs["weight"].to_numpy(), atol=1e-6)
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(LinkageInputError, match="not a saved model"):
        load_model(tmp_path / "wrong.json")


def test_a_model_of_other_columns_is_refused(outcome: Linked, tmp_path: Path, policy: LinkagePolicy) -> None:
    mapping = mapping_of({"full_name": "name"})
    records = pa.table({"id": ["1", "2", "3"], "full_name": ["ann lee", "anna lee", "bo ray"]})
    with pytest.raises(LinkageInputError, match="other columns"):
        link(records, mapping, policy, work_folder=tmp_path, model=outcome.model)


def test_two_files_are_linked_to_each_other_only(tmp_path: Path, policy: LinkagePolicy) -> None:
    rows = people(500, seed=2)
    left = write_csv(tmp_path / "a.csv", HEADER, rows[:250])
    right = write_csv(tmp_path / "b.csv", HEADER, rows[250:], delimiter=";")
    inputs = run_linkage(
        left, write_mapping(tmp_path), policy, id_column="rec", work_folder=tmp_path / "work", records_b=right, cluster_column="who"
    )
    lefts, rights = {row[0] for row in rows[:250]}, {row[0] for row in rows[250:]}
    assert set(inputs.linked.pairs["left"].to_pylist()) <= lefts
    assert set(inputs.linked.pairs["right"].to_pylist()) <= rights
    assert figures(inputs)["pair"]["f1"] > 0.9


@pytest.mark.parametrize("column", ["town", "post"])
def test_a_column_that_is_empty_or_always_the_same_does_no_harm(tmp_path: Path, policy: LinkagePolicy, column: str) -> None:
    place = HEADER.index(column)
    rows = [[*row[:place], "" if column == "town" else "same", *row[place + 1 :]] for row in people(300, seed=3)]
    assert linked(tmp_path, rows, policy).pairs.num_rows > 0


@pytest.mark.parametrize("count", [2, 3, 40])
def test_a_handful_of_records_can_be_linked(tmp_path: Path, policy: LinkagePolicy, count: int) -> None:
    result = linked(tmp_path, people(count, seed=4), policy)
    assert result.clusters.num_rows == count
    assert all(math.isfinite(weight) for weight in result.pairs["weight"].to_pylist())


def test_records_of_which_no_column_says_anything_are_refused(tmp_path: Path, policy: LinkagePolicy) -> None:
    records = pa.table({"id": ["1", "2"], "full_name": pa.array([None, None], pa.string())})
    with pytest.raises(LinkageInputError, match="no mapped column says anything"):
        link(records, mapping_of({"full_name": "name"}), policy, work_folder=tmp_path)
    with pytest.raises(LinkageInputError, match="no records"):
        link(records.slice(0, 0), mapping_of({"full_name": "name"}), policy, work_folder=tmp_path)


def test_columns_named_like_words_of_sql_or_with_quotation_marks_are_no_trouble(tmp_path: Path, policy: LinkagePolicy) -> None:
    rows = people(120, seed=5)
    header = ["rec", 'given "name"', "select", "born", "order by", "l", "r", "who"]
    path = write_csv(tmp_path / "people.csv", header, rows)
    mapping = mapping_of(
        {"given_name": 'given "name"', "surname": "select"}, {"born": "date", "order by": "exact", "l": "exact", "r": "number"}
    )
    assert link(read_records(path, mapping, "rec"), mapping, policy, work_folder=tmp_path / "work").pairs.num_rows > 0


def test_texts_are_linked_by_their_rare_words(tmp_path: Path, policy: LinkagePolicy) -> None:
    words = [f"w{number}x" for number in range(400)]
    random = np.random.default_rng(6)
    titles = [" ".join(["the", "a", *random.choice(words, 6, replace=False)]) for _ in range(200)]
    left = pa.table({"id": [f"a{i}" for i in range(200)], "title": titles})
    shuffled = [" ".join(random.permutation(title.split())[:-1]) for title in titles]
    right = pa.table({"id": [f"b{i}" for i in range(200)], "title": shuffled})
    result = link(left, mapping_of({}, {"title": "text"}), policy, work_folder=tmp_path, right=right)
    sure = result.pairs.filter(pa.compute.greater(result.pairs["probability"], 0.9))
    assert sum(one[1:] == other[1:] for one, other in zip(sure["left"].to_pylist(), sure["right"].to_pylist(), strict=True)) >= 180


@pytest.mark.thorough  # two minutes in which Spark compiles what Splink asks of it
@on_spark
def test_spark_gives_what_duckdb_gives(tmp_path: Path, policy: LinkagePolicy) -> None:
    rows = people(400, seed=7)
    # few columns: most of its time Spark compiles what is asked of each
    columns = '[columns]\ngiven_name = "given"\nbirth_date = "born"\n[other]\ntown = "exact"\n'
    one = linked(tmp_path, rows, policy, columns=columns)
    with quick_start():
        other = linked(tmp_path, rows, policy, columns=columns, engine=EngineName.SPARK)

    def weights(result: Linked) -> dict[tuple[str, str], float]:
        return {(row["left"], row["right"]): row["weight"] for row in result.pairs.select(["left", "right", "weight"]).to_pylist()}

    duck, spark = weights(one), weights(other)
    sure = {pair for pair, weight in duck.items() if weight > 4}
    assert len(sure & {pair for pair, weight in spark.items() if weight > 2}) >= 0.99 * len(sure)
    assert one.figures["pairs_compared"] == pytest.approx(other.figures["pairs_compared"], rel=0.02)


def test_the_mapping_of_the_tests_names_columns_of_the_made_up_people() -> None:
    assert all(f'"{name}"' in MAPPING or f"{name} =" in MAPPING for name in HEADER[1:-1])
