"""Figures of linkage against a known truth. It is only counted against: it never reaches the model, the threshold or the clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detection.linkage.engines import EngineName
from detection.linkage.errors import LinkageInputError
from detection.linkage.link import Linked, link
from detection.linkage.mapping import load_mapping
from detection.linkage.source import CLUSTER, ID, LabelledPairs, read_labels, read_records
from detection.linkage.threshold import probability_of
from models.policy_detection import LinkagePolicy

Progress = Callable[[str, int, int], None]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """Which pairs are of one person. groups: by row, or None; pairs: keys of matching pairs, sorted, or None. count: of matching pairs."""

    rows: int
    left_rows: int
    two_files: bool
    groups: Ints | None
    pairs: Ints | None
    count: int

    def holds(self, left: Ints, right: Ints) -> NDArray[np.bool_]:
        """Whether each pair of rows (left below right) is a match."""
        if self.groups is not None:
            return np.asarray((self.groups[left] == self.groups[right]) & (self.groups[left] >= 0))
        return np.isin(left * self.rows + right, _no_pairs() if self.pairs is None else self.pairs)


def _no_pairs() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Inputs:
    """The files of a run, read."""

    records: pa.Table
    right: pa.Table | None
    truth: Truth | None
    linked: Linked


def run_linkage(
    records: Path,
    columns: Path,
    policy: LinkagePolicy,
    *,
    id_column: str,
    work_folder: Path,
    records_b: Path | None = None,
    cluster_column: str | None = None,
    truth: Path | None = None,
    engine: EngineName = EngineName.DUCKDB,
    progress: Progress | None = None,
) -> Inputs:
    """Read the files and link them.

    Raises:
        LinkageInputError: a file, a column, the mapping or the truth cannot be used.
        LinkageEngineError: the engine cannot be started.
        OSError: a file cannot be read.
    """
    mapping = load_mapping(columns)
    left = read_records(records, mapping, id_column, cluster_column)
    right = read_records(records_b, mapping, id_column, cluster_column) if records_b is not None else None
    known = None
    if cluster_column is not None:
        known = truth_of_clusters(left, right)
    elif truth is not None:
        known = truth_of_pairs(truth, read_labels(truth), left, right)
    linked = link(
        left, mapping, policy, right=right, work_folder=work_folder, engine=engine, progress=progress, keep_compared=known is not None
    )
    return Inputs(left, right, known, linked)


def truth_of_clusters(left: pa.Table, right: pa.Table | None) -> Truth:
    """Matching pairs are those whose records have the same cluster; a record without one matches none."""
    values = left[CLUSTER].to_pylist() + (right[CLUSTER].to_pylist() if right is not None else [])
    numbers: dict[str, int] = {}
    groups = np.array([-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
    return Truth(len(values), left.num_rows, right is not None, groups, None, _pairs_within(groups, left.num_rows, right is not None))


def truth_of_pairs(path: Path, labels: LabelledPairs, left: pa.Table, right: pa.Table | None) -> Truth:
    """Matching pairs are those that the file lists as such; all others are counted as none.

    Raises:
        LinkageInputError: an id that the records do not have.
    """
    left_rows = {value: row for row, value in enumerate(left[ID].to_pylist())}
    right_rows = left_rows if right is None else {value: row + left.num_rows for row, value in enumerate(right[ID].to_pylist())}
    rows = left.num_rows + (right.num_rows if right is not None else 0)
    keys = set()
    for number, (one, other, is_match) in enumerate(zip(labels.left, labels.right, labels.is_match, strict=True), start=2):
        if right is not None and one not in left_rows and one in right_rows and other in left_rows:
            one, other = other, one
        for value, known, name in ((one, left_rows, "records"), (other, right_rows, "records" if right is None else "records-b")):
            if value not in known:
                raise LinkageInputError(f"{path.name}, row {number}: {value!r} is no id of the {name} file")
        a, b = sorted((left_rows[one], right_rows[other]))
        if is_match and a != b:
            keys.add(a * rows + b)
    return Truth(rows, left.num_rows, right is not None, None, np.array(sorted(keys), dtype=np.int64), len(keys))


def _pairs_within(groups: Ints, left_rows: int, two_files: bool) -> int:
    known = groups >= 0
    most = int(groups.max(initial=0)) + 1
    if two_files:
        left = np.bincount(groups[:left_rows][known[:left_rows]], minlength=most)
        right = np.bincount(groups[left_rows:][known[left_rows:]], minlength=most)
        return int((left * right).sum())
    sizes = np.bincount(groups[known], minlength=most)
    return int((sizes * (sizes - 1) // 2).sum())


def figures(inputs: Inputs) -> dict[str, Any]:
    """The figures that `lifecert evaluate linkage` reports, without its times. Without a truth only counts and the threshold."""
    linked = inputs.linked
    weight = linked.pairs["weight"].to_numpy()
    cut = linked.threshold.weight if linked.threshold.weight is not None else float("inf")
    result: dict[str, Any] = {
        "records": linked.figures["records"],
        "threshold": probability_of(cut) if np.isfinite(cut) else None,
        "blocking_recall": None,
        "pairs_scored": linked.figures["pairs_compared"],
        "pair": None,
        "cluster": None,
    }
    truth = inputs.truth
    if truth is None:
        return result
    left, right = linked.pairs["left_row"].to_numpy(), linked.pairs["right_row"].to_numpy()
    is_match = truth.holds(left, right)
    seen = linked.compared
    # a pair below the kept weight may have been compared again inside its component
    unique = None if seen is None else np.unique(np.stack([seen["l"].to_numpy(), seen["r"].to_numpy()]), axis=1)
    compared = 0 if unique is None else int(truth.holds(unique[0], unique[1]).sum())
    result["blocking_recall"] = _ratio(compared, truth.count)
    called = weight >= cut
    best_f1, best_weight = _best(weight, is_match, truth.count)
    result["pair"] = _scores(int((is_match & called).sum()), int(called.sum()), truth.count) | {
        "best_f1": best_f1,
        "best_threshold": None if best_weight is None else probability_of(best_weight),
    }
    result["cluster"] = _cluster_scores(linked.clusters["cluster"].to_numpy(), truth)
    return result


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _scores(right: int, called: int, true: int) -> dict[str, float]:
    return {"precision": _ratio(right, called), "recall": _ratio(right, true), "f1": _ratio(2 * right, called + true)}


def _best(weight: NDArray[np.float64], is_match: NDArray[np.bool_], true: int) -> tuple[float, float | None]:
    if not len(weight) or not true:
        return 0.0, None
    order = np.argsort(-weight, kind="stable")
    right = np.cumsum(is_match[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + true)
    f1[:-1][weight[order][1:] == weight[order][:-1]] = -1  # a threshold takes all pairs of its weight
    best = int(np.argmax(f1))
    return round(float(f1[best]), 6), float(weight[order][best])


def _cluster_scores(clusters: Ints, truth: Truth) -> dict[str, float]:
    called = _pairs_within(np.unique(clusters, return_inverse=True)[1], truth.left_rows, truth.two_files)
    if truth.groups is not None:
        both = np.where(truth.groups >= 0, truth.groups * (truth.rows + 1) + clusters, -1)
        joint = np.full(len(both), -1, dtype=np.int64)
        joint[both >= 0] = np.unique(both[both >= 0], return_inverse=True)[1]
        right = _pairs_within(joint, truth.left_rows, truth.two_files)
    else:
        known = _no_pairs() if truth.pairs is None else truth.pairs
        right = int((clusters[known // truth.rows] == clusters[known % truth.rows]).sum())
    return _scores(right, called, truth.count)
