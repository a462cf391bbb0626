"""The whole way: records -> cleaned and derived columns -> pairs to compare -> a trained model -> scored pairs -> clusters."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detection.linkage import blocking
from detection.linkage.chinese.comparisons import replaced_columns, with_chinese
from detection.linkage.chinese.features import chinese_columns, prepare
from detection.linkage.clusters import ClusterRule, cluster, components, inside_pairs, missing_pairs
from detection.linkage.engines import DuckDbEngine, Engine, EngineName, open_duckdb, open_spark
from detection.linkage.errors import LinkageInputError
from detection.linkage.feature_columns import FeatureColumn
from detection.linkage.features import plan_features
from detection.linkage.mapping import ColumnKind, Mapping
from detection.linkage.model import Model, shape_of
from detection.linkage.plan import ComparisonPlan, Plan
from detection.linkage.preparation import ROW, clean, facts_of
from detection.linkage.records import make_records
from detection.linkage.scoring import Scorer, columns_in, condition_in
from detection.linkage.source import ID
from detection.linkage.threshold import Threshold, ThresholdReason, balanced_threshold, probabilities_of
from detection.linkage.training import Training, train
from detection.linkage.waterfall import Step, waterfall
from models.policy_detection import LinkagePolicy

Progress = Callable[[str, int, int], None]
STEPS = 6
PREPARED = 500_000
"""Records prepared at a time, so that their forms are not all there beside the engine's copy of them."""
_HASH = "(l * 7919 + r * 104729) % 1000003"
"""Draws the same sample of pairs on every engine."""


@dataclass(frozen=True)
class Linked:
    """What came of it.

    pairs: left, right (ids), probability, weight, others (the part of weight that the other records of the component add) and by comparison
    w_* and t_*; only pairs whose weight is at least the policy's kept_weight_min.
    left_row, right_row: places of the two in the records (right-hand records after the left-hand ones).
    clusters: id, source (0 left, 1 right), cluster (number of its first record). figures: counts and seconds by step, for
    reports. compared: rows (l, r) of all pairs that were compared, when asked for.
    """

    pairs: pa.Table
    clusters: pa.Table
    threshold: Threshold
    model: Model
    comparisons: tuple[ComparisonPlan, ...]
    figures: dict[str, Any]
    compared: pa.Table | None = None

    def steps(self, pair: int) -> list[Step]:
        """The waterfall of a pair, by its place in pairs."""
        return waterfall(self.pairs.slice(pair, 1).to_pylist()[0], self.comparisons, self.model.parameters)


@dataclass
class _Run:
    policy: LinkagePolicy
    progress: Progress | None
    figures: dict[str, Any] = field(default_factory=dict)
    done: int = 0
    started: float = field(default_factory=time.perf_counter)

    def step(self, name: str) -> None:
        self.done += 1
        now = time.perf_counter()
        self.figures.setdefault("seconds", {})[name] = round(now - self.started, 3)
        self.started = now
        if self.progress:
            self.progress("linkage", self.done, STEPS)


def link(
    records: pa.Table,
    mapping: Mapping,
    policy: LinkagePolicy,
    *,
    work_folder: Path,
    engine: EngineName = EngineName.DUCKDB,
    right: pa.Table | None = None,
    model: Model | None = None,
    progress: Progress | None = None,
    keep_compared: bool = False,
) -> Linked:
    """Link the records of one table among themselves, or two tables with each other.

    records, right: ``id`` and text columns under the mapping's names (as source.read_records gives them). model: a trained one for the same
    columns; without it one is trained. Temporary files go below work_folder and are removed.

    Raises:
        LinkageInputError: no column says anything, a table is empty, or the model is for other columns.
        LinkageEngineError: the engine cannot be started.
    """
    tables = [records] if right is None else [records, right]
    if any(not table.num_rows for table in tables):
        raise LinkageInputError("there are no records to link")
    if sum(table.num_rows for table in tables) < 2:
        raise LinkageInputError("there is one record only: at least two are needed")
    run = _Run(policy, progress)
    names = mapping.renamed()
    whole = pa.concat_tables([table.select([ID, *(item.name for item in names.mapped)]) for table in tables])
    source = np.concatenate([np.full(table.num_rows, place, dtype=np.int32) for place, table in enumerate(tables)])
    with ExitStack() as stack:
        # what was there before is no garbage of this run: it need not be looked through each time that many small objects were made
        gc.freeze()
        stack.callback(gc.unfreeze)
        duck = stack.enter_context(open_duckdb(work_folder, memory_mb=policy.memory_mb, threads=policy.threads))
        plan, rules = _prepared(duck, whole, source, names)
        if not plan.comparisons:
            raise LinkageInputError("no mapped column says anything: each is empty or always the same")
        run.step("preparation")
        rules = rules or _rules(duck, plan, whole.num_rows, policy, two_files=right is not None)
        worker: Engine = duck
        if engine is EngineName.SPARK:
            worker = stack.enter_context(open_spark(work_folder, memory_mb=policy.memory_mb, threads=policy.threads))
            worker.load("records", duck.arrow("SELECT * FROM records"))
        return _link(run, worker, plan, rules, tables, source, model, keep_compared=keep_compared)


def _prepared(duck: DuckDbEngine, whole: pa.Table, source: NDArray[np.int32], mapping: Mapping) -> tuple[Plan, list[blocking.Rule]]:
    chinese = chinese_columns(whole, mapping.columns)
    # the order of day and month is read off all dates, so that only what has none left to clean is worked on in parts
    parts = bool(chinese & {"full_name", "resident_id"}) and all(
        item.kind is not ColumnKind.DATE or item.name == "birth_date" for item in mapping.mapped
    )
    extra: list[FeatureColumn] = []
    covered: frozenset[str] = frozenset()
    left = mapping
    for start in range(0, whole.num_rows, PREPARED if parts else whole.num_rows):
        part = whole.slice(start, PREPARED if parts else whole.num_rows)
        raw, extra = prepare(part.drop_columns([ID]), mapping.columns, chinese)
        rows = np.arange(start, start + part.num_rows, dtype=np.int64)
        raw = raw.append_column(ROW, pa.array(rows)).append_column("source", pa.array(source[rows]))
        # what the features of a language cover is compared and blocked by them; cleaning is for the other columns
        covered = replaced_columns(extra)
        left = Mapping(tuple(item for item in mapping.mapped if item.name not in covered))
        duck.connection.register("raw", raw.drop_columns(sorted(covered & set(raw.column_names))))
        clean(duck, left, extra, append=start > 0)
        duck.connection.unregister("raw")
        del raw
    pa.default_memory_pool().release_unused()
    facts = facts_of(duck, left)
    plan, rules = with_chinese(plan_features(facts, () if covered else extra), extra)
    if plan.comparisons:
        make_records(duck, plan)
    return plan, rules


def _rules(duck: DuckDbEngine, plan: Plan, records: int, policy: LinkagePolicy, *, two_files: bool) -> list[blocking.Rule]:
    fewer = max(1 / 3, min(1.0, math.sqrt(100_000 / records)))
    return blocking.choose_rules(
        duck,
        plan.atoms,
        plan.missing,
        records=records,
        two_files=two_files,
        pairs_max=_pairs_max(policy, records),
        rules_max=max(4, int(policy.rules_most * fewer)),
        seed=policy.seed,
    )


def _pairs_max(policy: LinkagePolicy, records: int) -> int:
    return max(policy.pairs_most, int(policy.pairs_per_record * records))


def _link(
    run: _Run,
    engine: Engine,
    plan: Plan,
    rules: list[blocking.Rule],
    tables: list[pa.Table],
    source: NDArray[np.int32],
    model: Model | None,
    *,
    keep_compared: bool,
) -> Linked:
    policy, records, two_files = run.policy, len(source), len(tables) == 2
    blocked = blocking.block(engine, rules, two_files=two_files, pairs_max=_pairs_max(policy, records), progress=run.progress)
    run.figures["rules"] = [{"rule": rule.label, "comparisons": rule.comparisons, "left_out": rule.left_out} for rule in blocked]
    compared = int(engine.rows("SELECT count(*) FROM pairs")[0][0])
    all_pairs = engine.arrow("SELECT l, r FROM pairs") if keep_compared else None
    if plan.apart is not None:
        # what the plan says are two persons is compared by that alone, and is most of what a shared address finds
        engine.create(
            "possible", f"SELECT l, r, found FROM {_sides(plan.apart, 'pairs', found=True)} WHERE NOT {condition_in(engine, plan.apart)}"
        )
        engine.create("pairs", "SELECT l, r, found FROM possible")
        engine.drop("possible")
    run.step("blocking")
    scorer = Scorer(engine, plan.comparisons, frozenset(plan.identifying))
    if model is None:
        training = _trained(engine, scorer, plan, rules, tables, source, policy)
        parameters = training.parameters
        run.figures["training"] = {"iterations": training.iterations, "matching_pairs": [round(one, 1) for one in training.matching_pairs]}
    elif model.fits(plan.comparisons):
        parameters = model.parameters
    else:
        raise LinkageInputError("the saved model is for other columns, or columns of another kind: train it anew")
    run.step("training")
    everything = records <= policy.all_pairs_records
    if everything:
        across = "a.source < b.source" if two_files else f"a.{ROW} < b.{ROW}"
        engine.create("pairs", f"SELECT a.{ROW} AS l, b.{ROW} AS r FROM records AS a JOIN records AS b ON {across}")
        compared = int(engine.rows("SELECT count(*) FROM pairs")[0][0])
        all_pairs = engine.arrow("SELECT l, r FROM pairs") if keep_compared else None
    scorer.score("pairs", parameters, "scored", weight_min=policy.kept_weight_min)
    scored = engine.arrow("SELECT * FROM scored")
    run.step("scoring")
    rule = ClusterRule(
        policy.cluster_weight,
        policy.component_weight,
        policy.cluster_unknown_weight,
        policy.cluster_clip_weight,
        policy.cluster_records_most,
    )
    left, right, weight = (scored[name].to_numpy() for name in ("l", "r", "weight"))
    labels = components(left, right, weight, records, rule)
    if not everything or two_files:
        # of two files also records of one side: how alike they are says whether they may be one person's
        scored, further = _completed(engine, scorer, scored, labels, parameters, policy)
        if two_files:
            further = further.filter(pa.array(source[further["l"].to_numpy()] != source[further["r"].to_numpy()]))
        compared += further.num_rows
        all_pairs = pa.concat_tables([all_pairs, further]) if all_pairs is not None else None
        left, right, weight = (scored[name].to_numpy() for name in ("l", "r", "weight"))
    apart = _apart(engine, plan, labels, policy)
    clusters, joined = cluster(left, right, weight, labels, rule, apart)
    # what the other records of a component say of a pair is a further step of its waterfall
    others = policy.cluster_share * (joined - weight)
    scored = scored.append_column("others", pa.array(others)).append_column("linked", pa.array(weight + others))
    if two_files:
        scored = scored.filter(pa.array(source[left] != source[right]))
    threshold = (
        Threshold(model.threshold_weight, policy.precision_target, 0, ThresholdReason.EXPECTED_F1)
        if model is not None
        else balanced_threshold(scored["linked"].to_numpy(), policy.threshold_weight_min)
    )
    cut = threshold.weight if threshold.weight is not None else policy.threshold_weight_min
    run.step("clusters")
    run.figures |= {"records": records, "pairs_compared": compared, "pairs_kept": scored.num_rows}
    return Linked(
        pairs=_with_ids(scored, tables, source),
        clusters=pa.table(
            {
                ID: pa.concat_arrays([chunk for table in tables for chunk in table[ID].chunks]),
                "source": pa.array(source),
                "cluster": pa.array(clusters),
            }
        ),
        threshold=threshold,
        model=Model(shape_of(plan.comparisons), parameters, cut),
        comparisons=tuple(plan.comparisons),
        figures=run.figures,
        compared=all_pairs,
    )


def _trained(
    engine: Engine,
    scorer: Scorer,
    plan: Plan,
    rules: list[blocking.Rule],
    tables: list[pa.Table],
    source: NDArray[np.int32],
    policy: LinkagePolicy,
) -> Training:
    records = len(source)
    sizes = [table.num_rows for table in tables]
    total = float(sizes[0] * sizes[1]) if len(sizes) == 2 else records * (records - 1) / 2
    random = np.random.default_rng(policy.seed)
    wanted = int(min(policy.random_pairs, 4 * total + 10))
    one = random.integers(0, sizes[0] if len(sizes) == 2 else records, wanted)
    other = random.integers(sizes[0], records, wanted) if len(sizes) == 2 else random.integers(0, records, wanted)
    places = np.unique((np.minimum(one, other) * records + np.maximum(one, other))[one != other])
    engine.load("drawn", pa.table({"l": places // records, "r": places % records}))
    alike = ("alike",) if _namesakes(engine, plan, policy) else ()
    found = int(engine.rows("SELECT count(*) FROM pairs")[0][0])
    share = min(1.0, policy.training_pairs / max(found, 1))
    engine.create("seen", f"SELECT l, r, found FROM pairs WHERE {_HASH} < {int(1_000_003 * share) + 1}")
    samples = ("drawn", *alike, "seen")
    (random_vectors, *of_namesakes, vectors), bits = scorer.vectors(samples)
    usable = np.zeros(vectors.shape, dtype=bool)
    for place, comparison in enumerate(plan.comparisons):
        mask = sum(1 << number for number, rule in enumerate(rules) if not rule.variables & comparison.variables)
        usable[:, place] = (bits & np.int64(mask)) != 0
    for name in samples:
        engine.drop(name)
    return train(
        vectors,
        usable,
        np.ones(len(vectors)),
        random_vectors,
        of_namesakes[0] if of_namesakes else random_vectors[:0],
        [len(comparison.levels) + 1 for comparison in plan.comparisons],
        total_pairs=total,
        seen_share=len(vectors) / max(found, 1),
        prior_pairs=min(sizes) / 2,
        against={place: comparison.against for place, comparison in enumerate(plan.comparisons) if comparison.against},
    )


def _namesakes(engine: Engine, plan: Plan, policy: LinkagePolicy) -> bool:
    """Make the table ``alike`` of pairs at random of records with one name; False where names have no normal form."""
    name = "full_name_normal"
    if name not in plan.derived:
        return False
    groups = f"SELECT CAST(count(*) AS DOUBLE) AS n FROM records WHERE {name} IS NOT NULL GROUP BY {name}"
    there = float(engine.rows(f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM ({groups}) AS each_name")[0][0])
    share = min(1.0, policy.random_pairs / max(there, 1.0))
    # drawn on one side, so that the join makes no more pairs than are wanted, however common a name is
    drawn = f"(SELECT * FROM records WHERE {ROW} * 7919 % 1000003 < {int(1_000_003 * share) + 1})"
    engine.create(
        "alike",
        f"SELECT a.{ROW} AS l, b.{ROW} AS r FROM {drawn} AS a JOIN records AS b ON a.{name} = b.{name} AND a.{ROW} < b.{ROW}",
    )
    return True


def _completed(
    engine: Engine, scorer: Scorer, scored: pa.Table, labels: NDArray[np.int64], parameters: Any, policy: LinkagePolicy
) -> tuple[pa.Table, pa.Table]:
    # pairs inside a component that no rule found are compared too: the average between two groups then knows all of its pairs
    left, right = missing_pairs(
        labels, scored["l"].to_numpy(), scored["r"].to_numpy(), size_most=policy.cluster_records_most, pairs_most=policy.pairs_most // 2
    )
    if not len(left):
        return scored, pa.table({"l": left, "r": right})
    wanted = pa.table({"l": left, "r": right})
    engine.load("further", wanted)
    scorer.score("further", parameters, "scored_further", weight_min=-1000.0)
    further = engine.arrow("SELECT * FROM scored_further")
    engine.drop("further")
    return pa.concat_tables([scored, further.cast(scored.schema)]), wanted


def _apart(
    engine: Engine, plan: Plan, labels: NDArray[np.int64], policy: LinkagePolicy
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Pairs inside components of which the plan says that they are of two persons."""
    if plan.apart is None:
        return None
    left, right = inside_pairs(labels, size_most=policy.cluster_records_most)
    if not len(left):
        return None
    engine.load("inside", pa.table({"l": left, "r": right}))
    found = engine.arrow(f"SELECT l, r FROM {_sides(plan.apart, 'inside')} WHERE {condition_in(engine, plan.apart)}")
    engine.drop("inside")
    return found["l"].to_numpy(), found["r"].to_numpy()


def _sides(condition: str, pairs: str, *, found: bool = False) -> str:
    """SQL of pairs (l, r) with what a condition looks at of both records."""
    columns = columns_in(condition)
    read = {side: ", ".join(f"{side}s.{name} AS {name}_{side}" for name in columns) for side in "lr"}
    return (
        f"(SELECT one.l AS l, one.r AS r{', one.found AS found' if found else ''}, {read['l']}, {read['r']} FROM {pairs} AS one "
        f"JOIN records AS ls ON one.l = ls.{ROW} JOIN records AS rs ON one.r = rs.{ROW}) AS sides"
    )


def _with_ids(scored: pa.Table, tables: list[pa.Table], source: NDArray[np.int32]) -> pa.Table:
    ids = pa.concat_arrays([chunk for table in tables for chunk in table[ID].chunks])
    left, right = scored["l"].to_numpy(), scored["r"].to_numpy()
    order = np.lexsort((right, left))
    weight = scored["linked"].to_numpy()[order]
    columns = {
        "left": ids.take(pa.array(left[order])),
        "right": ids.take(pa.array(right[order])),
        "probability": pa.array(probabilities_of(weight)),
        "weight": pa.array(weight),
        "left_row": pa.array(left[order]),
        "right_row": pa.array(right[order]),
        "others": pa.array(scored["others"].to_numpy()[order]),
    }
    del source
    taken = scored.take(pa.array(order))
    return pa.table(columns | {name: taken[name] for name in scored.column_names if name.startswith(("w_", "t_"))})
