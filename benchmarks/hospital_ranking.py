"""Cross-validation of the rankings of `lifecert evaluate claims`:

    python -m benchmarks.hospital_ranking CLAIMS MAPPING LABELS [--repeats N].

Stratified folds over hospitals, repeated; what each group of features adds; and the hospitals that no choice was made on (--kept-out: a
stratified 30%, drawn with seed 777).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from api.policy import load_policy
from api.settings import load_settings
from detection.anomaly.provider_features import BY_NAME, LEARNED, RANKING, Group, ProviderMatrix, provider_matrix
from detection.anomaly.provider_figures import ranking_figures
from detection.anomaly.provider_labels import read_provider_labels
from detection.anomaly.provider_ranking import Ranking, predicted, rank_without_labels
from detection.claims.claim_files import read_claim_files
from detection.claims.claim_mapping import load_claim_mapping
from detection.claims.snapshot import tables_of
from detection.compute import EngineName, Limits, open_compute

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
KEPT_OUT_SHARE, KEPT_OUT_SEED = 0.3, 777


def folded(inputs: Floats, fraud: Bools, *, repeats: int, folds: int, seeds: int) -> list[Floats]:
    """Predictions out of fold of each repeat."""
    found = []
    for repeat in range(repeats):
        values = np.zeros(len(fraud))
        for learn, ask in StratifiedKFold(folds, shuffle=True, random_state=repeat).split(inputs, fraud):
            values[ask] = predicted(inputs[learn], fraud[learn], inputs[ask], seeds, repeat)
        found.append(values)
    return found


def told(name: str, fraud: Bools, suspicions: list[Floats]) -> None:
    """A row of a table in Markdown: means over the repeats; the interval is that of the mean prediction."""
    each = [ranking_figures(fraud, one, bootstraps=100, seed=1) for one in suspicions]
    spread = ranking_figures(fraud, np.mean(suspicions, axis=0), bootstraps=2_000, seed=1)["intervals"]
    cells = [
        f"{np.mean([one[key] for one in each]):.3f} ({spread[key][0]:.3f}-{spread[key][1]:.3f})" for key in ("auc", "average_precision")
    ]
    for cut in ("50", "100"):
        values = [one["precision_at"][cut] for one in each]
        cells.append("-" if None in values else f"{np.mean(values):.2f}")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", type=Path)
    parser.add_argument("mapping")
    parser.add_argument("labels", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--kept-out", action="store_true", help="also the hospitals that no choice was made on")
    asked = parser.parse_args()
    whole = load_policy(load_settings().policy_file)
    policy, seed = whole.anomaly.providers, whole.anomaly.random_seed
    rows = read_claim_files([asked.claims], load_claim_mapping(asked.mapping))
    with tempfile.TemporaryDirectory() as name:
        rows.write(Path(name))
        with open_compute(EngineName.DUCKDB, Limits(whole.claims.memory_mb, whole.claims.threads), Path(name)) as compute:
            matrix = provider_matrix(tables_of(compute, Path(name), {}), compute, policy)
    labels = read_provider_labels(asked.labels)
    names = [rows.providers[place - 1] for place in matrix.institution_ids]
    known = np.array([place for place, one in enumerate(names) if one in labels])
    fraud = np.array([labels[names[place]] for place in known])
    chosen, kept_out = train_test_split(
        np.arange(len(known)), test_size=KEPT_OUT_SHARE, stratify=fraud.astype(int), random_state=KEPT_OUT_SEED
    )
    print("| | AUC | average precision | precision at 50 | at 100 |\n| --- | --- | --- | --- | --- |")
    plain = rank_without_labels(matrix, policy, seed).suspicion[known]
    began = time.process_time()
    _tables(matrix, known, fraud, plain, asked.repeats, policy.folds, ranked=lambda keep: rank_without_labels(matrix, policy, seed, keep))
    if asked.kept_out:
        told("kept out: total alone", fraud[kept_out], [matrix.columns(("amount",))[known][kept_out, 0]])
        told("kept out: without labels", fraud[kept_out], [plain[kept_out]])
        inputs = matrix.columns(LEARNED)[known]
        told("kept out: with labels", fraud[kept_out], [predicted(inputs[chosen], fraud[chosen], inputs[kept_out], policy.seeds, seed)])
    print(f"\n{time.process_time() - began:.0f} CPU-s")


def _tables(
    matrix: ProviderMatrix,
    known: NDArray[np.int64],
    fraud: Bools,
    plain: Floats,
    repeats: int,
    folds: int,
    *,
    ranked: Callable[[tuple[str, ...]], Ranking],
) -> None:
    told("total alone", fraud, [matrix.columns(("amount",))[known][:, 0]])
    told("without labels", fraud, [plain])
    for group in Group:
        keep = tuple(name for name in RANKING if BY_NAME[name].group is not group)
        if len(keep) < len(RANKING):
            told(f"without labels, without {group}", fraud, [ranked(keep).suspicion[known]])
    told("with labels", fraud, folded(matrix.columns(LEARNED)[known], fraud, repeats=repeats, folds=folds, seeds=1))
    for group in Group:
        keep = tuple(name for name in LEARNED if BY_NAME[name].group is not group)
        if len(keep) < len(LEARNED):
            told(f"with labels, without {group}", fraud, folded(matrix.columns(keep)[known], fraud, repeats=1, folds=folds, seeds=1))


if __name__ == "__main__":
    main()
