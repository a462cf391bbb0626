"""Record linkage measured on generated records, beside Splink's own example settings and recordlinkage.

    python -m benchmarks.linkage --folder FOLDER                       what Lifecert does (FOLDER as benchmarks.linkage_people made it)
    python -m benchmarks.linkage --folder FOLDER --with splink         the settings of Splink's first example: 5 rules, simple comparisons
    python -m benchmarks.linkage --folder FOLDER --with recordlinkage  5 blocks, comparisons as in its documentation, ECM
    python -m benchmarks.linkage --folder FOLDER --labels 400          a threshold from clerical labels, judged on the pairs not labelled

Prints JSON: records, pairs of the truth, precision and recall, wall, CPU and greatest memory of this process from its first import on;
of Lifecert also the CPU seconds of the linkage alone: without comparing its result with the truth here, which is not its work.
recordlinkage asks for an older pandas: `uv venv FOLDER/recordlinkage`, `uv pip install recordlinkage pyarrow` there, and run this file
by its path with that environment's python.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

COLUMNS = ("resident_id", "full_name", "sex", "birth_date", "region_code", "phone", "bank_account", "address")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--with", dest="tool", choices=["lifecert", "splink", "recordlinkage"], default="lifecert")
    parser.add_argument("--labels", type=int, default=0, help="clerical labels to choose the threshold by (Lifecert)")
    arguments = parser.parse_args()
    started, cpu = time.perf_counter(), time.process_time()
    if arguments.tool == "splink":
        found = splink_example(arguments.folder)
    elif arguments.tool == "recordlinkage":
        found = recordlinkage_example(arguments.folder)
    else:
        found = lifecert(arguments.folder, arguments.labels)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found |= {
        "wall_s": round(time.perf_counter() - started, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }
    print(json.dumps({"tool": arguments.tool} | found, indent=1))


def _truth(folder: Path) -> set[tuple[str, str]]:
    import pyarrow.csv

    pairs = pyarrow.csv.read_csv(folder / "truth.csv")
    return {(min(pair), max(pair)) for pair in zip(pairs["left"].to_pylist(), pairs["right"].to_pylist(), strict=True)}


def _scores(found: set[tuple[str, str]], truth: set[tuple[str, str]]) -> dict[str, float]:
    right = len(found & truth)
    precision, recall = right / max(len(found), 1), right / len(truth)
    return {
        "pairs": len(found),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
    }


def lifecert(folder: Path, labels: int) -> dict[str, Any]:
    """The linkage of detection/, with the policy file's settings."""
    from api.policy import load_policy
    from detection.linkage.link import link
    from detection.linkage.mapping import load_mapping
    from detection.linkage.source import read_records

    policy = load_policy(Path(__file__).parents[1] / "policy.toml").linkage
    imported = time.process_time()
    mapping = load_mapping(folder / "mapping.toml")
    records = read_records(folder / "records.parquet", mapping, id_column="record_id")
    with tempfile.TemporaryDirectory() as work:
        linked = link(records, mapping, policy, work_folder=Path(work))
    linkage_cpu = time.process_time()
    truth = _truth(folder)
    kept = linked.pairs.select(["left", "right", "weight", "left_row", "right_row"])
    keys = [(min(pair), max(pair)) for pair in zip(kept["left"].to_pylist(), kept["right"].to_pylist(), strict=True)]
    weights = kept["weight"].to_pylist()
    threshold = linked.threshold.weight if linked.threshold.weight is not None else policy.threshold_weight_min
    groups: dict[int, list[str]] = {}
    for record, cluster in zip(linked.clusters["id"].to_pylist(), linked.clusters["cluster"].to_pylist(), strict=True):
        groups.setdefault(cluster, []).append(record)
    together = {
        (min(a, b), max(a, b))
        for members in groups.values()
        if len(members) > 1
        for place, a in enumerate(members)
        for b in members[:place]
    }
    result: dict[str, Any] = {
        "records": records.num_rows,
        "truth": len(truth),
        "threshold_weight": round(threshold, 2),
        "pair": _scores({key for key, weight in zip(keys, weights, strict=True) if weight >= threshold}, truth),
        "cluster": _scores(together, truth),
        "figures": linked.figures,
        "imports_cpu_s": round(imported, 1),
        "linkage_cpu_s": round(linkage_cpu, 1),
    }
    if labels:
        result["labelled"] = _labelled(keys, weights, truth, labels, policy)
    return result


def _labelled(keys: list[tuple[str, str]], weights: list[float], truth: set[tuple[str, str]], count: int, policy: Any) -> dict[str, Any]:
    """A threshold from labels of kept pairs, and how the pairs that were not labelled come out at it."""
    from random import Random

    from detection.linkage.threshold import labelled_threshold

    random = Random(policy.seed)
    drawn = set(random.sample(range(len(keys)), min(count, len(keys))))
    chosen = labelled_threshold(
        [weights[place] for place in sorted(drawn)],
        [keys[place] in truth for place in sorted(drawn)],
        precision_target=policy.precision_target,
        confidence=policy.label_confidence,
        labels_min=policy.labels_min,
    )
    left = {
        keys[place] for place in range(len(keys)) if place not in drawn and chosen.weight is not None and weights[place] >= chosen.weight
    }
    unlabelled = truth - {keys[place] for place in drawn}
    return {
        "labels": len(drawn),
        "weight": chosen.weight,
        "precision_at_least": round(chosen.precision, 4),
        "reason": chosen.reason.value,
        "held_out": _scores(left, unlabelled),
    }


def splink_example(folder: Path) -> dict[str, Any]:
    """Splink as its first example sets it up, on these columns: 5 blocking rules, u by sampling, EM on two of them, threshold 0.9."""
    import logging

    import duckdb
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.disable(logging.WARNING)
    connection = duckdb.connect(config={"threads": 2})
    listed = ", ".join(COLUMNS)
    path = folder / "records.parquet"
    made = f"SELECT record_id AS unique_id, {listed}, substr(full_name, 1, 1) AS surname FROM '{path}'"  # noqa: S608 - our own names
    connection.execute(f"CREATE TABLE people AS {made}")
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("full_name", [0.9, 0.7]),
            cl.LevenshteinAtThresholds("birth_date", 1),
            cl.ExactMatch("region_code").configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("resident_id", 2),
            cl.ExactMatch("phone"),
            cl.ExactMatch("bank_account"),
            cl.LevenshteinAtThresholds("address", 2),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("resident_id"),
            block_on("full_name", "birth_date"),
            block_on("surname", "birth_date", "region_code"),
            block_on("phone"),
            block_on("bank_account"),
        ],
    )
    linker = Linker(DuckDBAPI(connection).register("people"), settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("resident_id"), block_on("full_name", "birth_date")], recall=0.7
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=5e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("full_name", "birth_date"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("phone"))
    predicted = linker.inference.predict(threshold_match_probability=0.01)
    table = connection.execute(
        f"SELECT unique_id_l, unique_id_r, match_probability AS p FROM {predicted.physical_name}"  # noqa: S608 - a name that Splink made
    ).to_arrow_table()
    pairs = list(zip(table["unique_id_l"].to_pylist(), table["unique_id_r"].to_pylist(), table["p"].to_pylist(), strict=True))
    truth = _truth(folder)
    at = {limit: _scores({(min(a, b), max(a, b)) for a, b, p in pairs if p >= limit}, truth) for limit in (0.5, 0.9, 0.99)}
    count = connection.execute("SELECT count(*) FROM people").fetchall()[0][0]
    return {"records": count, "truth": len(truth), "pair_at_probability": at}


def recordlinkage_example(folder: Path) -> dict[str, Any]:
    """recordlinkage as its documentation shows deduplication: blocks, compared columns, ECM without labels."""
    import pandas as pd
    import recordlinkage as rl

    people = pd.read_parquet(folder / "records.parquet", columns=["record_id", *COLUMNS]).set_index("record_id")
    people["surname"] = people["full_name"].str[:1]
    indexer = rl.Index()
    for block in ("resident_id", "phone", "bank_account", ["full_name", "birth_date"], ["surname", "birth_date", "region_code"]):
        indexer.block(block)
    candidates = indexer.index(people)
    compare = rl.Compare()
    compare.string("full_name", "full_name", method="jarowinkler", threshold=0.85)
    compare.exact("birth_date", "birth_date")
    compare.string("resident_id", "resident_id", method="levenshtein", threshold=0.85)
    compare.exact("phone", "phone")
    compare.exact("bank_account", "bank_account")
    compare.string("address", "address", method="levenshtein", threshold=0.85)
    vectors = compare.compute(candidates, people)
    matches = rl.ECMClassifier(binarize=0.8).fit_predict(vectors)
    truth = _truth(folder)
    found = {(min(pair), max(pair)) for pair in matches}
    return {"records": len(people), "truth": len(truth), "candidates": len(candidates), "pair": _scores(found, truth)}


if __name__ == "__main__":
    main()
