"""Trees of a fitted model as plain arrays: what an artefact holds, and what scores, so that neither depends on a version of scikit-learn.

A forest (IsolationForest) and boosted trees (HistGradientBoosting) are one form here: the sum over all trees of the value of the leaf that
a row comes to. A test holds both equal to scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.anomaly.peers import Floats

LEAF = -1
ROWS_AT_ONCE = 65_536
EULER = 0.5772156649015329


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees, one after the other. roots: first node of each. feature: LEAF in a leaf. A row goes left where its value is at
    most the threshold, where it is unknown as unknown_left says. value: of a leaf. left and right point to later nodes.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    unknown_left: NDArray[np.bool_]
    value: NDArray[np.float64]

    def check(self, features: int) -> None:
        """That walking the trees ends and stays inside. Raises ValueError."""
        count = len(self.feature)
        inner = np.flatnonzero(self.feature != LEAF)
        same = {len(one) for one in (self.threshold, self.left, self.right, self.unknown_left, self.value)}
        if same != {count} or not count or not len(self.roots):
            raise ValueError("the arrays of the trees do not belong together")
        if self.feature.max() >= features or self.feature.min() < LEAF or self.roots.min() < 0 or self.roots.max() >= count:
            raise ValueError("the trees name features or nodes that there are not")
        for child in (self.left[inner], self.right[inner]):
            if (child <= inner).any() or (child >= count).any():
                raise ValueError("the trees do not end")
        if not np.isfinite(self.value).all() or np.isnan(self.threshold[inner]).any():
            raise ValueError("the trees hold values that are no numbers")

    def sums(self, rows: Floats) -> Floats:
        """Sum of the leaves' values of each row. rows: a column a feature; NaN unknown."""
        total = np.zeros(len(rows))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            columns = [np.ascontiguousarray(some[:, place]) for place in range(some.shape[1])]
            out = total[start : start + ROWS_AT_ONCE]
            for root in self.roots:
                self._add(columns, int(root), out)
        return total

    def _add(self, columns: list[Floats], root: int, out: Floats) -> None:
        """Add one tree's leaves to the sums: each node splits the places of the rows that come to it."""
        waiting = [(root, np.arange(len(out)))]
        while waiting:
            node, places = waiting.pop()
            if not len(places):
                continue
            feature = self.feature[node]
            if feature == LEAF:
                out[places] += self.value[node]
                continue
            seen = columns[feature][places]
            left = seen <= self.threshold[node]  # never of an unknown value
            if self.unknown_left[node]:
                left |= np.isnan(seen)
            waiting += [(int(self.left[node]), places[left]), (int(self.right[node]), places[~left])]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, for an artefact."""
        return dict(vars(self))


def of_forest(forest: Any) -> Trees:
    """Trees of a fitted sklearn IsolationForest over all features. A leaf's value: length of the path, with what its rows would take on
    (Liu, Ting, Zhou 2008); ``forest_unusual`` makes a measure of the sum.
    """
    nodes = [_forest_nodes(tree.tree_) for tree in forest.estimators_]
    return _joined(nodes)


def forest_unusual(sums: Floats, trees: int, tree_rows: int) -> Floats:
    """0 to 1 from the sums of a forest: higher is more unusual (the opposite sign of sklearn's ``score_samples``)."""
    expected = path_length(np.array([tree_rows], np.float64))[0]
    return np.power(2.0, -sums / (trees * max(expected, 1e-12)))


def path_length(rows: Floats) -> Floats:
    """Average length of an unsuccessful search in a tree of so many rows."""
    many = np.maximum(rows, 2.0)
    found = 2.0 * (np.log(many - 1.0) + EULER) - 2.0 * (many - 1.0) / many
    return np.where(rows <= 1, 0.0, np.where(rows <= 2, 1.0, found))


def _forest_nodes(tree: Any) -> dict[str, NDArray[Any]]:
    leaf = tree.children_left == LEAF
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(~leaf):
        depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    return {
        "feature": np.where(leaf, LEAF, tree.feature).astype(np.int32),
        # sklearn compares values as 32-bit floats
        "threshold": np.where(leaf, 0.0, tree.threshold).astype(np.float64),
        "left": tree.children_left.astype(np.int32),
        "right": tree.children_right.astype(np.int32),
        "unknown_left": np.zeros(tree.node_count, np.bool_),
        "value": np.where(leaf, depth + path_length(tree.n_node_samples.astype(np.float64)), 0.0),
    }


def of_boosting(model: Any) -> tuple[Trees, float]:
    """Trees of a fitted sklearn HistGradientBoostingClassifier of two classes, and the log-odds that its sums begin with."""
    nodes = []
    for (predictor,) in model._predictors:  # there is no public way to the trees
        raw = predictor.nodes
        leaf = raw["is_leaf"].astype(bool)
        nodes.append(
            {
                "feature": np.where(leaf, LEAF, raw["feature_idx"]).astype(np.int32),
                "threshold": np.where(leaf, 0.0, raw["num_threshold"]).astype(np.float64),
                "left": np.where(leaf, LEAF, raw["left"].astype(np.int64)).astype(np.int32),
                "right": np.where(leaf, LEAF, raw["right"].astype(np.int64)).astype(np.int32),
                "unknown_left": raw["missing_go_to_left"].astype(np.bool_),
                "value": np.where(leaf, raw["value"], 0.0).astype(np.float64),
            }
        )
    return _joined(nodes), float(np.ravel(model._baseline_prediction)[0])


def _joined(nodes: list[dict[str, NDArray[Any]]]) -> Trees:
    sizes = np.array([len(one["feature"]) for one in nodes])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    moved = [
        {**one, **{side: np.where(one[side] == LEAF, LEAF, one[side] + first).astype(np.int32) for side in ("left", "right")}}
        for one, first in zip(nodes, roots, strict=True)
    ]
    joined = {name: np.concatenate([one[name] for one in moved]) for name in nodes[0]}
    return Trees(roots=roots.astype(np.int32), **joined)
