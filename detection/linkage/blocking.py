"""Which pairs are compared: many narrow rules, chosen by what they should find for what they cost, each held to its share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.linkage.engines import DuckDbEngine, Engine
from detection.linkage.plan import Atom
from detection.linkage.preparation import ROW, sample_clause

SAMPLE_ROWS = 60_000
SIMULATED = 4_000
RULES_LONGEST = 60
"""Rules have a bit each in one integer."""

INTACT, SLIPPED = 0.55, 0.27
"""Of the simulated pairs of one person: values that agree, and that differ by a slip; the others differ wholly. Worse than most files."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Rule:
    """Records that share all atoms are compared. expected: comparisons, estimated on a sample."""

    atoms: tuple[Atom, ...]
    expected: float

    @property
    def variables(self) -> frozenset[str]:
        """Columns that pairs of this rule agree on in part or whole."""
        return frozenset(atom.variable for atom in self.atoms)

    @property
    def label(self) -> str:
        """For figures and logs."""
        return " + ".join(atom.name for atom in self.atoms)


@dataclass(frozen=True)
class BlockedRule:
    """What a rule came to. comparisons: pairs made. left_out: comparisons in blocks that were too big."""

    label: str
    comparisons: int
    left_out: int


def choose_rules(
    duck: DuckDbEngine,
    atoms: Sequence[Atom],
    missing: dict[str, float],
    *,
    records: int,
    two_files: bool,
    pairs_max: int,
    rules_max: int,
    seed: int,
) -> list[Rule]:
    """Rules for this table: the ones that find most of simulated pairs of one person for the comparisons that they cost."""
    kept = sample_clause(records, SAMPLE_ROWS)
    scalar = [atom for atom in atoms if not atom.many]
    selected = ", ".join(
        f"CAST(hash({atom.sql}) >> 1 AS BIGINT) AS a{place}, ({atom.sql}) IS NULL AS b{place}" for place, atom in enumerate(scalar)
    )
    columns = duck.connection.execute(f"SELECT {selected} FROM records WHERE {kept} ORDER BY {ROW}").fetchnumpy() if scalar else {}
    keys = {
        atom.name: (np.asarray(columns[f"a{place}"]).astype(np.int64), ~np.asarray(columns[f"b{place}"]).astype(bool))
        for place, atom in enumerate(scalar)
    }
    sampled = len(next(iter(keys.values()))[0]) if keys else 1
    scale = (records / max(sampled, 1)) ** 2 * (0.5 if two_files else 1.0)
    many = {atom.name: _many_collisions(duck, atom, kept) * scale for atom in atoms if atom.many}
    total = records * (records - 1) / 2
    per_rule = max(pairs_max / 8, 1.0)
    candidates: list[Rule] = []
    for size in (1, 2, 3):
        for combination in itertools.combinations(atoms, size):
            if len({atom.variable for atom in combination}) < size or (size == 1 and not combination[0].alone):
                continue
            arrays = [atom for atom in combination if atom.many]
            if len(arrays) > 1 or _implied(combination, candidates):
                continue
            cost = _cost([atom for atom in combination if not atom.many], keys) * scale
            if arrays:
                cost = many[arrays[0].name] * (cost / total if size > 1 else 1.0)
            if size == 3 and cost > per_rule * 30:
                continue
            if cost <= per_rule:
                candidates.append(Rule(combination, cost))
        if len(candidates) > 6000:
            break
    if not candidates:  # nothing is narrow enough: the narrowest there is, whose blocks are then held to a size
        alone = [Rule((atom,), per_rule) for atom in atoms if not atom.many]
        candidates = alone[:3]
    return _greedy(candidates, missing, pairs_max=pairs_max, rules_max=min(rules_max, RULES_LONGEST), seed=seed)


def _implied(combination: tuple[Atom, ...], candidates: Sequence[Rule]) -> bool:
    # a coarser rule that can be afforded finds whatever this one would find
    known = {atom.name for atom in combination} | {name for atom in combination for name in atom.implies}
    return any(all(atom.name in known for atom in rule.atoms) for rule in candidates)


def _cost(atoms: Sequence[Atom], keys: dict[str, tuple[NDArray[np.int64], NDArray[np.bool_]]]) -> float:
    # pairs that share all atoms, within the sample
    if not atoms:
        rows = len(next(iter(keys.values()))[0]) if keys else 0
        return rows * (rows - 1) / 2
    mixed = np.zeros_like(keys[atoms[0].name][0])
    there = np.ones(len(mixed), dtype=bool)
    for atom in atoms:
        key, filled = keys[atom.name]
        mixed = mixed * np.int64(1_000_003) + key
        there &= filled
    ordered = np.sort(mixed[there])
    if not len(ordered):
        return 0.0
    edges = np.flatnonzero(np.diff(ordered)) + 1
    sizes = np.diff(np.concatenate(([0], edges, [len(ordered)]))).astype(float)
    return float((sizes * (sizes - 1) / 2).sum())


def _many_collisions(duck: DuckDbEngine, atom: Atom, kept: str) -> float:
    found = duck.rows(
        f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM "
        f"(SELECT k, count(*) AS n FROM (SELECT unnest({atom.sql}) AS k FROM records WHERE {kept}) "
        f"GROUP BY k HAVING count(*) <= 200)"
    )[0][0]
    return float(found)


def _greedy(candidates: list[Rule], missing: dict[str, float], *, pairs_max: int, rules_max: int, seed: int) -> list[Rule]:
    random = np.random.default_rng(seed)
    atoms = {atom.name: atom for rule in candidates for atom in rule.atoms}
    agree = _simulate(list(atoms.values()), missing, random)
    found = np.stack([np.logical_and.reduce([agree[atom.name] for atom in rule.atoms]) for rule in candidates])
    costs = np.array([rule.expected for rule in candidates])
    # a pair that several rules find is safer than one that hangs on one: each further find counts half as much
    worth = np.ones(found.shape[1])
    chosen: list[Rule] = []
    spent = 0.0
    open_ = np.ones(len(candidates), dtype=bool)
    while len(chosen) < rules_max and open_.any():
        open_ &= costs <= max(pairs_max - spent, 0) + 1
        if not open_.any():
            break
        gains = (found @ worth) / (costs + pairs_max / 25)
        gains[~open_] = -1
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        chosen.append(candidates[best])
        spent += costs[best]
        open_[best] = False
        worth[found[best]] *= 0.35
    return chosen


def _simulate(atoms: Sequence[Atom], missing: dict[str, float], random: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    variables = sorted({atom.variable for atom in atoms})
    state = {variable: random.random(SIMULATED) for variable in variables}
    gone = {variable: random.random(SIMULATED) < 1 - (1 - missing.get(variable, 0.0)) ** 2 for variable in variables}
    agree: dict[str, NDArray[np.bool_]] = {}
    for atom in sorted(atoms, key=lambda one: -len(one.implies)):
        value = state[atom.variable]
        intact = value < INTACT
        slipped = (value >= INTACT) & (value < INTACT + SLIPPED)
        agree[atom.name] = (intact | (slipped & (random.random(SIMULATED) < atom.typo))) & ~gone[atom.variable]
    return agree


def block(engine: Engine, rules: Sequence[Rule], *, two_files: bool, pairs_max: int, progress: Progress | None = None) -> list[BlockedRule]:
    """Make the table ``pairs`` (l < r, found: a bit for each rule that found the pair) of ``records``."""
    done: list[BlockedRule] = []
    share = max(pairs_max // 5, 1000)
    tables = []
    for place, rule in enumerate(rules):
        if progress:
            progress("comparisons chosen", place, len(rules))
        _keyed(engine, rule)
        side = "count(*) FILTER (WHERE source = 0)"
        made = f"{side} * (count(*) - {side})" if two_files else "count(*) * (count(*) - 1) / 2"
        engine.create("blocks", f"SELECT k, CAST({made} AS BIGINT) AS n FROM keyed GROUP BY k HAVING count(*) >= 2 AND {made} > 0")
        sizes = engine.rows("SELECT n, count(*) FROM blocks GROUP BY n ORDER BY n")
        limit = min(share, int(3 * rule.expected) + 1000 + pairs_max // 50)
        largest, total, left_out = 0, 0, 0
        for size, count in sizes:
            if total + size * count <= limit:
                largest, total = size, total + size * count
            else:
                left_out += size * count
        if total:
            across = "a.source < b.source" if two_files else f"a.{ROW} < b.{ROW}"
            pair = f"least(a.{ROW}, b.{ROW}) AS l, greatest(a.{ROW}, b.{ROW}) AS r" if two_files else f"a.{ROW} AS l, b.{ROW} AS r"
            engine.create("kept", f"SELECT keyed.* FROM keyed JOIN blocks ON keyed.k = blocks.k WHERE blocks.n <= {largest}")
            engine.create(
                f"pairs_{place}",
                f"SELECT {pair}, CAST({1 << place} AS BIGINT) AS found FROM kept AS a JOIN kept AS b ON a.k = b.k AND {across}",
            )
            tables.append(f"pairs_{place}")
        done.append(BlockedRule(rule.label, total, left_out))
    union = " UNION ALL ".join(f"SELECT l, r, found FROM {table}" for table in tables)
    if union:
        engine.create("pairs", f"SELECT l, r, bit_or(found) AS found FROM ({union}) AS found_pairs GROUP BY l, r")
    else:
        engine.create("pairs", "SELECT CAST(0 AS BIGINT) AS l, CAST(0 AS BIGINT) AS r, CAST(0 AS BIGINT) AS found WHERE 1 = 0")
    for table in (*tables, "keyed", "blocks", "kept"):
        engine.drop(table)
    if progress:
        progress("comparisons chosen", len(rules), len(rules))
    return done


def _keyed(engine: Engine, rule: Rule) -> None:
    array = next((atom for atom in rule.atoms if atom.many), None)
    scalar = [f"({atom.sql})" for atom in rule.atoms if not atom.many]
    there = " AND ".join(f"{sql} IS NOT NULL" for sql in scalar) or "1 = 1"
    hashed = engine.functions["hash"]
    if array is None:
        engine.create("keyed", f"SELECT {ROW}, source, {hashed}({', '.join(scalar)}) AS k FROM records WHERE {there}")
        return
    parts = ", ".join(["w", *(f"s{place}" for place in range(len(scalar)))])
    taken = "".join(f", {sql} AS s{place}" for place, sql in enumerate(scalar))
    exploded = f"SELECT {ROW}, source, {engine.functions['explode']}({array.sql}) AS w{taken} FROM records WHERE {there}"
    engine.create("keyed", f"SELECT {ROW}, source, {hashed}({parts}) AS k FROM ({exploded}) AS exploded")
