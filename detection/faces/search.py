"""Candidate pairs: faces of two human beings that are as alike as one person's own (1:N over all enrolled references)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detection.faces.index import VectorIndex
from detection.faces.matching import NEAR_THE_THRESHOLD, Matching, ScoreScale, Values
from detection.faces.metric import Vectors
from detection.faces.people import UNKNOWN, FacePeople
from models.policy_faces import FacesPolicy

PROBES_AT_ONCE = 1_000
PAIRS_AT_ONCE = 10_000
Rows = NDArray[np.int64]
Progress = Callable[[str, int, int], None]


class SexAgreement(StrEnum):
    """Whether both records name the same sex."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FacePair:
    """Two faces of two human beings. left, right: rows; the human being of left has the smaller id.

    similarity: exact, in float32. score: what was held against the threshold. rank: the better of the places that each has among the
    other's candidates, from 1. years_apart: of birth, None when one is unknown.
    """

    left: int
    right: int
    similarity: float
    score: float
    rank: int
    sex: SexAgreement
    years_apart: int | None


@dataclass(frozen=True, eq=False)
class Hits:
    """Candidates of probes that reached the threshold, one row each, seen from the probe."""

    probe: Rows
    candidate: Rows
    similarity: Vectors
    score: Values
    rank: Rows


class FaceSearch:
    """The search over one set of templates. Touches no database.

    templates: (n, d) float32 of one engine version; rows as in people. index: holds them under ``people.reference``.
    """

    def __init__(self, templates: Vectors, people: FacePeople, matching: Matching, policy: FacesPolicy, index: VectorIndex) -> None:
        if templates.shape != (len(people), matching.size) or templates.dtype != np.float32:
            raise ValueError(f"templates are {templates.shape} {templates.dtype}, expected ({len(people)}, {matching.size}) float32")
        self.templates = templates
        self.people = people
        self.matching = matching
        self.policy = policy
        self._index = index
        self.scale = ScoreScale.of(templates, matching)

    def with_threshold(self, threshold: float) -> FaceSearch:
        """The same search with another threshold."""
        other = object.__new__(FaceSearch)
        other.__dict__.update(self.__dict__)
        other.matching = replace(self.matching, threshold=threshold)
        return other

    def pairs_of(self, rows: Rows) -> list[FacePair]:
        """Pairs in which one of these rows finds another human being; each pair of human beings once, the most alike first."""
        best: dict[tuple[int, int], FacePair] = {}
        for start in range(0, len(rows), PROBES_AT_ONCE):
            hits = self._exactly(self.hits(rows[start : start + PROBES_AT_ONCE]))
            for pair in self._pairs(self._first_of_each(hits)):
                humans = (int(self.people.human[pair.left]), int(self.people.human[pair.right]))
                known = best.get(humans)
                if known is None:
                    best[humans] = pair
                else:
                    best[humans] = replace(max(known, pair, key=lambda p: p.score), rank=min(known.rank, pair.rank))
        return sorted(best.values(), key=lambda pair: (-pair.score, pair.left, pair.right))

    def hits(self, rows: Rows) -> Hits:
        """Candidates of these rows at or above the threshold, compared exactly; normalised scores are nearly exact."""
        people, policy = self.people, self.policy
        ids, _rough = self._index.search(self.templates[rows], policy.rescored + 1)  # the face itself is its own nearest
        found = people.rows_of(ids)
        probe = np.repeat(rows, found.shape[1])
        candidate = found.reshape(-1)
        usable = candidate >= 0
        usable &= people.human[probe] != people.human[candidate]
        usable &= _near_birth_years(people, probe, candidate, policy.birth_years)
        probe, candidate = probe[usable], candidate[usable]
        similarity = self._similarity(probe, candidate)
        rank = _rank_within(probe, similarity)
        near = rank <= policy.neighbours
        probe, candidate, similarity, rank = probe[near], candidate[near], similarity[near], rank[near]
        agree = (people.sex[probe] == people.sex[candidate]) & (people.sex[probe] != UNKNOWN)
        score = self.scale.scores(similarity, probe, candidate)
        floor = self.matching.threshold - (NEAR_THE_THRESHOLD if self.matching.normalisation else 0.0)
        kept = (agree | (rank <= policy.contradicting_rank)) & (score >= floor)
        return Hits(probe[kept], candidate[kept], similarity[kept], score[kept], rank[kept])

    def _similarity(self, left: Rows, right: Rows) -> Vectors:
        """Exact similarities of pairs of rows, some at a time: each of them takes a copy of two templates."""
        parts = [
            self.matching.metric.paired(
                self.templates[left[start : start + PAIRS_AT_ONCE]], self.templates[right[start : start + PAIRS_AT_ONCE]]
            )
            for start in range(0, len(left), PAIRS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _exactly(self, hits: Hits) -> Hits:
        normalisation = self.matching.normalisation
        if normalisation is None:
            return hits
        pairs = zip(hits.probe, hits.candidate, strict=True)
        score = np.array([normalisation.exact(self.templates[left], self.templates[right]) for left, right in pairs], dtype=np.float64)
        kept = score >= self.matching.threshold
        return Hits(hits.probe[kept], hits.candidate[kept], hits.similarity[kept], score[kept], hits.rank[kept])

    def _first_of_each(self, hits: Hits) -> Hits:
        kept = _rank_within(hits.probe, hits.score) <= self.policy.pairs_per_person
        return Hits(hits.probe[kept], hits.candidate[kept], hits.similarity[kept], hits.score[kept], hits.rank[kept])

    def _pairs(self, hits: Hits) -> Iterator[FacePair]:
        people = self.people
        for probe, candidate, similarity, score, rank in zip(
            hits.probe.tolist(), hits.candidate.tolist(), hits.similarity.tolist(), hits.score.tolist(), hits.rank.tolist(), strict=True
        ):
            left, right = (probe, candidate) if people.human[probe] < people.human[candidate] else (candidate, probe)
            yield FacePair(left, right, similarity, score, rank, _sex(people, left, right), _years_apart(people, left, right))


def find_pairs(
    templates: Vectors,
    people: FacePeople,
    policy: FacesPolicy,
    index: VectorIndex,
    progress: Progress = lambda _stage, _done, _total: None,
    *,
    matching: Matching,
) -> list[FacePair]:
    """Every candidate pair among (n, d) float32 templates, the most alike first. index: holds them under ``people.reference``."""
    search = FaceSearch(templates, people, matching, policy, index)
    pairs: dict[tuple[int, int], FacePair] = {}
    for start in range(0, len(people), PROBES_AT_ONCE):
        progress("faces", start, len(people))
        for pair in search.pairs_of(np.arange(start, min(start + PROBES_AT_ONCE, len(people)))):
            humans = (int(people.human[pair.left]), int(people.human[pair.right]))
            known = pairs.get(humans)
            pairs[humans] = pair if known is None else replace(max(known, pair, key=lambda p: p.score), rank=min(known.rank, pair.rank))
    progress("faces", len(people), len(people))
    return sorted(pairs.values(), key=lambda pair: (-pair.score, pair.left, pair.right))


def _near_birth_years(people: FacePeople, left: Rows, right: Rows, years: int) -> NDArray[np.bool_]:
    a, b = people.birth_year[left].astype(np.int32), people.birth_year[right].astype(np.int32)
    near: NDArray[np.bool_] = (np.abs(a - b) <= years) | (a == 0) | (b == 0)
    return near


def _rank_within(group: Rows, value: NDArray[np.floating]) -> Rows:
    """(n,) places from 1 by falling value, within equal values of group."""
    order = np.lexsort((-value, group))
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if ordered.size else np.empty(0, dtype=np.int64)
    lengths = np.diff(np.r_[starts, ordered.size])
    rank = np.empty(group.size, dtype=np.int64)
    rank[order] = np.arange(group.size) - np.repeat(starts, lengths) + 1
    return rank


def _sex(people: FacePeople, left: int, right: int) -> SexAgreement:
    a, b = people.sex[left], people.sex[right]
    if UNKNOWN in {a, b}:
        return SexAgreement.UNKNOWN
    return SexAgreement.SAME if a == b else SexAgreement.DIFFERENT


def _years_apart(people: FacePeople, left: int, right: int) -> int | None:
    a, b = int(people.birth_year[left]), int(people.birth_year[right])
    return None if 0 in {a, b} else abs(a - b)
