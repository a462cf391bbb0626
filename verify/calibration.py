"""Thresholds of one engine version from the own population: every two different persons of one group are an impostor pair.

Pure: embeddings in, a ``Calibration`` out. Groups are cells of sex and age band (and a further group where it is given), so that only
persons who could pass for each other are compared. The threshold of a false match rate level is that of the worst group with enough
pairs; every such group then lies at or under the level.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.errors import CalibrationError
from verify.impostors import GroupScores, impostor_scores
from verify.normalisation import Cohort, Similarity, StrangerStatistics, stranger_statistics
from verify.policy_matching import CalibrationPolicy
from verify.rates import proportion_interval

FORMAT = "lifecert-calibration-1"
POOLED = "all"


@dataclass(frozen=True)
class Person:
    """Who an embedding belongs to, as far as grouping needs it. Empty strings are unknown and form groups of their own."""

    sex: str
    age_band: str
    group: str = ""

    @property
    def cell(self) -> str:
        """Name of the group of persons this one is compared with."""
        return " ".join(part for part in (self.group, self.sex, self.age_band) if part) or "unknown"


@dataclass(frozen=True)
class GroupRate:
    """False match rate of one group at one level's threshold. ci95: Clopper-Pearson over pairs, as if pairs were independent.
    ci95_persons: from the spread between persons, as each is in many pairs; None under 10 persons."""

    fmr: float
    ci95: tuple[float, float]
    ci95_persons: tuple[float, float] | None


@dataclass(frozen=True)
class Level:
    """One false match rate level: scores at or above the threshold count as a match. group: the one that set the threshold."""

    fmr: float
    threshold: float
    group: str
    pairs: int
    expected_errors: float


@dataclass(frozen=True)
class Group:
    """One group: persons, impostor pairs, and its rate at each level (key: the level as text, e.g. ``0.001``).

    part_of: the wider group that the list of people names, empty without one.
    """

    name: str
    persons: int
    pairs: int
    rates: dict[str, GroupRate]
    part_of: str = ""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was learnt of one engine version on one population. cohort None: scores are the engine's similarities themselves.

    comparison_of_scores: why normalisation is used or not, with the figures it was decided on.
    """

    engine_name: str
    engine_version: str
    created_at: datetime
    references: int
    impostor_pairs: int
    levels: tuple[Level, ...]
    groups: tuple[Group, ...]
    cohort: Cohort | None
    provisional: bool
    comparison_of_scores: dict[str, Any]

    def threshold(self, fmr: float) -> float:
        """Threshold of a level. Raises CalibrationError naming the levels that there are."""
        for level in self.levels:
            if abs(level.fmr - fmr) < 1e-12:
                return level.threshold
        known = ", ".join(level_key(level.fmr) for level in self.levels) or "none"
        raise CalibrationError(f"the calibration has no threshold for a false match rate of {fmr:g}; it has: {known}")

    def score(self, similarity: Similarity, left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
        """Score of one (d,) pair on the scale of the thresholds."""
        if self.cohort is None:
            return float(similarity(left, right)[0, 0])
        return self.cohort.normalise(similarity, left, right)

    def require_engine(self, name: str, version: str) -> None:
        """Raises CalibrationError when this is the calibration of another engine or version."""
        if (self.engine_name, self.engine_version) != (name, version):
            raise CalibrationError(
                f"the calibration is of engine {self.engine_name} {self.engine_version}, the running one is {name} {version}: scores of "
                "different engines cannot be compared. Calibrate again"
            )

    def to_bytes(self) -> bytes:
        """JSON with the cohort in it (half precision): biometric, to be sealed before it is stored."""
        cohort = None
        if self.cohort is not None:
            cohort = {
                "size": list(self.cohort.members.shape),
                "members": base64.b64encode(self.cohort.members.astype("<f2").tobytes()).decode("ascii"),
                "nearest": self.cohort.nearest,
                "skip": self.cohort.skip,
                "identical": self.cohort.identical,
            }
        return json.dumps({**self.summary(), "format": FORMAT, "cohort": cohort}, ensure_ascii=False).encode()

    def summary(self) -> dict[str, Any]:
        """Everything but the cohort, as plain JSON values; holds nothing of any one person."""
        return {
            "engine": self.engine_name,
            "engine_version": self.engine_version,
            "created_at": self.created_at.isoformat(),
            "references": self.references,
            "impostor_pairs": self.impostor_pairs,
            "provisional": self.provisional,
            "levels": [vars(level) for level in self.levels],
            "groups": [
                {
                    "name": g.name,
                    "persons": g.persons,
                    "pairs": g.pairs,
                    "part_of": g.part_of,
                    "rates": {k: vars(r) for k, r in g.rates.items()},
                }
                for g in self.groups
            ],
            "comparison_of_scores": self.comparison_of_scores,
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Calibration:
        """Inverse of ``to_bytes``. Raises CalibrationError for anything else."""
        try:
            values = json.loads(data)
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}")
            stored = values["cohort"]
            cohort = None
            if stored is not None:
                members = np.frombuffer(base64.b64decode(stored["members"], validate=True), dtype="<f2").astype(np.float32)
                cohort = Cohort(members.reshape(stored["size"]), stored["nearest"], stored["skip"], stored["identical"])
            return cls(
                values["engine"],
                values["engine_version"],
                datetime.fromisoformat(values["created_at"]),
                values["references"],
                values["impostor_pairs"],
                tuple(Level(**level) for level in values["levels"]),
                tuple(
                    Group(g["name"], g["persons"], g["pairs"], {k: _rate(r) for k, r in g["rates"].items()}, g.get("part_of", ""))
                    for g in values["groups"]
                ),
                cohort,
                values["provisional"],
                values["comparison_of_scores"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CalibrationError(f"this is not a calibration of the expected format ({error}): calibrate again") from error


def _rate(values: dict[str, Any]) -> GroupRate:
    persons = values["ci95_persons"]
    return GroupRate(values["fmr"], tuple(values["ci95"]), tuple(persons) if persons else None)


def level_key(fmr: float) -> str:
    """A level as it is written in JSON keys: 0.01, 0.001, 0.0001."""
    return f"{fmr:.10f}".rstrip("0")


def calibrate(
    embeddings: NDArray[np.float32],
    persons: Sequence[Person],
    *,
    similarity: Similarity,
    engine_name: str,
    engine_version: str,
    policy: CalibrationPolicy,
    references_min: int,
    now: datetime,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Find thresholds from (n, d) float32 embeddings of n different persons.

    seed: draws the cohort, and the sample of groups larger than policy says. now: aware UTC. progress: blocks done and in all.
    Raises CalibrationError when there is not a single impostor pair.
    """
    if len(embeddings) != len(persons):
        raise ValueError(f"{len(embeddings)} embeddings for {len(persons)} persons")
    rng = np.random.default_rng(seed)
    cells = _cells(persons, policy.persons_max, rng)
    if not cells:
        raise CalibrationError(
            f"{len(persons)} usable references, but no two of them share sex and age band: there is no impostor pair to calibrate on"
        )
    cohort, statistics = _draw_cohort(embeddings, persons, similarity, policy, rng)
    passes = 1 if cohort is None else 2
    done = 0

    def report(blocks: int, of: int) -> None:
        if progress:
            progress(done * of + blocks, passes * of)

    raw = impostor_scores(embeddings, cells, similarity, None, policy, report)
    if not any(g.pairs for g in raw):
        raise CalibrationError("all usable references are the same picture: there is no impostor pair to calibrate on")
    chosen, comparison = raw, {"used": False, "reason": _why_not(len(persons), policy)}
    if cohort is not None:
        done = 1
        normalised = impostor_scores(embeddings, cells, similarity, statistics, policy, report)
        chosen, comparison = _choose(raw, normalised, policy)
        if chosen is raw:
            cohort = None
    levels = _levels(chosen, policy)
    return Calibration(
        engine_name,
        engine_version,
        now,
        len(persons),
        sum(g.pairs for g in chosen),
        levels,
        _groups(chosen, levels, {person.cell: person.group for person in persons}),
        cohort,
        len(persons) < references_min,
        comparison,
    )


def _cells(persons: Sequence[Person], persons_max: int, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    members: dict[str, list[int]] = {}
    for place, person in enumerate(persons):
        members.setdefault(person.cell, []).append(place)
    cells: dict[str, NDArray[np.int64]] = {}
    for name in sorted(members):
        index = np.array(members[name], dtype=np.int64)
        if index.size > persons_max:
            index = np.sort(rng.choice(index, persons_max, replace=False))
        if index.size > 1:
            cells[name] = index
    return cells


def _draw_cohort(
    embeddings: NDArray[np.float32], persons: Sequence[Person], similarity: Similarity, policy: CalibrationPolicy, rng: np.random.Generator
) -> tuple[Cohort | None, StrangerStatistics | None]:
    rules = policy.normalisation
    if not rules.allowed or len(persons) < rules.cohort_min:
        return None, None
    index = rng.permutation(len(persons))
    if index.size > rules.cohort_max:  # every cell gives its share, so that small groups have near strangers too
        order = np.argsort(np.array([p.cell for p in persons], dtype=object)[index].astype(str), kind="stable")
        index = index[order][np.linspace(0, index.size - 1, rules.cohort_max).round().astype(np.int64)]
    members = embeddings[index].astype("<f2").astype(np.float32)  # as they will be read back
    cohort = Cohort(members, rules.nearest, rules.skip, policy.identical_similarity)
    return cohort, stranger_statistics(similarity, embeddings, cohort, index)


def _why_not(count: int, policy: CalibrationPolicy) -> str:
    if not policy.normalisation.allowed:
        return "switched off by policy"
    return f"{count} references, fewer than the {policy.normalisation.cohort_min} that a cohort needs"


def _choose(
    raw: tuple[GroupScores, ...], normalised: tuple[GroupScores, ...], policy: CalibrationPolicy
) -> tuple[tuple[GroupScores, ...], dict[str, Any]]:
    """Normalise when it brings the worst group nearer to all groups together, at the highest level that groups can show."""
    level = policy.levels[0]
    able = [g.name for g in raw if g.pairs * level >= policy.expected_errors_min]
    worst = {}
    for name, scores in (("raw", raw), ("normalised", normalised)):
        pooled = _pooled_threshold(scores, level)
        worst[name] = max((g.rate(pooled) for g in scores if g.name in able), default=level)
    figures = {
        "at_pooled_fmr": level,
        "worst_group_fmr_raw": worst["raw"],
        "worst_group_fmr_normalised": worst["normalised"],
        "groups_compared": len(able),
    }
    if len(able) < 2:
        return raw, {
            "used": False,
            "reason": "fewer than two groups with enough pairs: there is no difference between groups to mend",
            **figures,
        }
    if worst["normalised"] < worst["raw"]:
        return normalised, {"used": True, "reason": "it brings the worst group's false match rate down at equal overall rate", **figures}
    return raw, {"used": False, "reason": "it does not bring the worst group's false match rate down at equal overall rate", **figures}


def _pooled_threshold(scores: Sequence[GroupScores], level: float) -> float:
    top = np.sort(np.concatenate([g.highest for g in scores]))[::-1]
    allowed = int(np.floor(level * sum(g.pairs for g in scores) + 1e-9))
    # beyond what was kept of some group its rate is only known to be higher than what was kept, which is what matters here
    return float(np.nextafter(top[min(allowed, top.size - 1)], np.inf))


def _levels(scores: Sequence[GroupScores], policy: CalibrationPolicy) -> tuple[Level, ...]:
    levels = []
    pairs = sum(g.pairs for g in scores)
    for fmr in policy.levels:
        found = [
            Level(fmr, g.threshold(fmr), g.name, g.pairs, g.pairs * fmr) for g in scores if g.pairs * fmr >= policy.expected_errors_min
        ]
        if pairs * fmr >= 1:  # small groups count together, so that they are not forgotten
            found.append(Level(fmr, _pooled_threshold(scores, fmr), POOLED, pairs, pairs * fmr))
        if found:
            levels.append(max(found, key=lambda level: level.threshold))
    if not levels:
        raise CalibrationError(
            f"{pairs} impostor pairs are too few for a false match rate of {policy.levels[0]:g}: at least "
            f"{int(np.ceil(1 / policy.levels[0]))} are needed. Enrol more references"
        )
    # a stricter level can be set by another group with a lower threshold; levels must not cross
    thresholds = np.maximum.accumulate([level.threshold for level in levels])
    return tuple(Level(x.fmr, float(t), x.group, x.pairs, x.expected_errors) for x, t in zip(levels, thresholds, strict=True))


def _groups(scores: Sequence[GroupScores], levels: Sequence[Level], part_of: Mapping[str, str]) -> tuple[Group, ...]:
    groups = []
    for g in scores:
        rates = {}
        for level in levels:
            errors = g.errors(level.threshold)
            persons = g.persons_interval(level.threshold)
            rates[level_key(level.fmr)] = GroupRate(errors / g.pairs if g.pairs else 0.0, proportion_interval(errors, g.pairs), persons)
        groups.append(Group(g.name, g.persons, g.pairs, rates, part_of[g.name]))
    first = level_key(levels[0].fmr)
    return tuple(sorted(groups, key=lambda g: (-g.rates[first].fmr, g.name)))
