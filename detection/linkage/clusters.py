"""From scored pairs to clusters: average linkage inside each component, so that one false pair does not weld two people together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet, fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClusterRule:
    """How pairs become clusters. All weights are match weights (log2 of the odds).

    cut: clusters are joined while the average weight between them is at least this. edge: weight that connects a component. unknown: weight
    of a pair that was not compared. clip: weights count at most that much, either way. most: records in a component, before edge is raised.
    """

    cut: float
    edge: float
    unknown: float
    clip: float
    most: int


def components(left: Ints, right: Ints, weight: Floats, records: int, rule: ClusterRule) -> Ints:
    """Component of each record: connected by pairs of at least rule.edge, components that are too big by pairs of a higher weight."""
    edge = rule.edge
    keep = weight >= edge
    rows, columns = left[keep], right[keep]
    labels = _connected(rows, columns, records)
    while True:
        sizes = np.bincount(labels, minlength=int(labels.max(initial=0)) + 1)
        big = sizes > rule.most
        if not big.any() or edge > 200:
            return labels
        edge += 2.0
        inside = big[labels[left]] & (weight >= edge)
        others = ~big[labels[left]] & (weight >= rule.edge)
        # small components stay as they are: each is held together by an edge of every record to its first
        small = np.flatnonzero(~big[labels])
        first = np.full(len(sizes), -1, dtype=np.int64)
        first[labels[small][::-1]] = small[::-1]
        rows = np.concatenate([left[inside], small])
        columns = np.concatenate([right[inside], first[labels[small]]])
        del others
        labels = _connected(rows, columns, records)


def _connected(rows: Ints, columns: Ints, records: int) -> Ints:
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(records, records))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def missing_pairs(labels: Ints, left: Ints, right: Ints, *, size_most: int, pairs_most: int) -> tuple[Ints, Ints]:
    """Pairs inside components that were not compared yet, of components of 3 to size_most records, the smallest components first."""
    compared = {(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)} if len(left) < 3_000_000 else None
    key = None if compared is not None else np.sort(left * (len(labels) + 1) + right)
    lefts: list[int] = []
    rights: list[int] = []
    for members in _members(labels, 3, size_most):
        if len(lefts) > pairs_most:
            break
        ordered = np.sort(members)
        a, b = np.triu_indices(len(ordered), 1)
        one, other = ordered[a], ordered[b]
        if compared is not None:
            fresh = [pair for pair in zip(one.tolist(), other.tolist(), strict=True) if pair not in compared]
            lefts += [pair[0] for pair in fresh]
            rights += [pair[1] for pair in fresh]
        elif key is not None:
            wanted = one * (len(labels) + 1) + other
            place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
            absent = key[place] != wanted
            lefts += one[absent].tolist()
            rights += other[absent].tolist()
    return np.array(lefts, dtype=np.int64), np.array(rights, dtype=np.int64)


def _members(labels: Ints, least: int, most: int) -> Iterator[Ints]:
    sizes = np.bincount(labels)
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)))
    wanted = np.flatnonzero((sizes >= least) & (sizes <= most))
    for component in wanted[np.argsort(sizes[wanted], kind="stable")]:
        yield order[starts[component] : starts[component + 1]]


BEYOND_CLIP = 0.01
"""What a weight beyond the clip counts of the rest, so that of two sure pairs the surer one is joined first."""
APART = -1000.0
"""Weight of a pair that must not be in one cluster."""


def inside_pairs(labels: Ints, *, size_most: int) -> tuple[Ints, Ints]:
    """All pairs of records inside components of 3 to size_most records, the lower record first."""
    pairs = [(ordered[a], ordered[b]) for ordered, (a, b) in _triangles(labels, size_most)]
    if not pairs:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([left for left, _ in pairs]), np.concatenate([right for _, right in pairs])


def _triangles(labels: Ints, size_most: int) -> Iterator[tuple[Ints, tuple[Ints, Ints]]]:
    for members in _members(labels, 3, size_most):
        ordered = np.sort(members)
        a, b = np.triu_indices(len(ordered), 1)
        yield ordered, (a, b)


def cluster(
    left: Ints, right: Ints, weight: Floats, labels: Ints, rule: ClusterRule, apart: tuple[Ints, Ints] | None = None
) -> tuple[Ints, Floats]:
    """(cluster of each record, numbered by its first record; by pair, the average weight at which the two come together).

    Pairs across components are not looked at; they and pairs of a component of two have their own weight as the average.
    apart: pairs of components of three and more that must not come into one cluster, because something says that they are two.
    """
    given = len(left)
    if apart is not None:
        left, right = np.concatenate([left, apart[0]]), np.concatenate([right, apart[1]])
        weight = np.concatenate([weight, np.full(len(apart[0]), APART)])
    result = np.arange(len(labels), dtype=np.int64)
    joined = weight.copy()
    sizes = np.bincount(labels, minlength=int(labels.max(initial=0)) + 1)
    inside = np.flatnonzero(labels[left] == labels[right])
    # pairs that must be apart come last, over what else is known of them
    inside = inside[np.argsort(labels[left[inside]], kind="stable")]
    of_component = labels[left[inside]]
    twos = inside[(sizes[of_component] == 2) & (weight[inside] >= rule.cut)]
    result[right[twos]] = left[twos]
    starts = np.searchsorted(of_component, np.arange(len(sizes) + 1))
    position = np.zeros(len(labels), dtype=np.int64)
    top = rule.clip + 1.0
    _threes(left, right, weight, labels, inside, rule, result, joined)
    for members in _members(labels, 4, len(labels)):
        component = labels[members[0]]
        pairs = inside[starts[component] : starts[component + 1]]
        members = np.sort(members)
        position[members] = np.arange(len(members))
        matrix = np.full((len(members), len(members)), rule.unknown)
        a, b = position[left[pairs]], position[right[pairs]]
        matrix[a, b] = matrix[b, a] = _counted(weight[pairs], rule.clip)
        tree = linkage(top - matrix[np.triu_indices(len(members), 1)], "average")
        found = fcluster(tree, top - rule.cut, criterion="distance")
        low, high = np.minimum(a, b), np.maximum(a, b)
        joined[pairs] = top - cophenet(tree)[len(members) * low - low * (low + 1) // 2 + high - low - 1]
        firsts: dict[int, int] = {}
        for member, number in zip(members, found, strict=True):
            result[member] = firsts.setdefault(int(number), int(member))
    return result, joined[:given]


def _threes(left: Ints, right: Ints, weight: Floats, labels: Ints, inside: Ints, rule: ClusterRule, result: Ints, joined: Floats) -> None:
    """The same for components of three records, which are most of those that are more than a pair, all at once."""
    sizes = np.bincount(labels)
    members = np.argsort(labels, kind="stable")
    members = members[sizes[labels[members]] == 3].reshape(-1, 3)
    if not len(members):
        return
    row = np.full(len(sizes), -1, dtype=np.int64)
    row[labels[members[:, 0]]] = np.arange(len(members))
    pairs = inside[row[labels[left[inside]]] >= 0]
    rows = row[labels[left[pairs]]]
    one = (members[rows] == left[pairs][:, None]).argmax(axis=1)
    other = (members[rows] == right[pairs][:, None]).argmax(axis=1)
    place = one + other - 1  # of the pairs 0-1, 0-2, 1-2
    found = np.full((len(members), 3), rule.unknown)
    found[rows, place] = _counted(weight[pairs], rule.clip)
    best = found.argmax(axis=1)
    highest = found.max(axis=1)
    rest = (found.sum(axis=1) - highest) / 2
    joined[pairs] = np.where(place == best[rows], highest[rows], rest[rows])
    whole = rest >= rule.cut
    result[members[whole]] = members[whole, :1]
    two = ~whole & (highest >= rule.cut)
    first, second = np.array([0, 0, 1])[best[two]], np.array([1, 2, 2])[best[two]]
    result[members[two, second]] = members[two, first]


def _counted(weight: Floats, clip: float) -> Floats:
    clipped = np.clip(weight, -clip, clip)
    return np.asarray(np.where(weight == APART, APART, clipped + BEYOND_CLIP * (np.clip(weight, -100, 100) - clipped)))
