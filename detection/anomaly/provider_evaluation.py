"""``lifecert evaluate claims``: claims of files, the rules over them, hospitals ranked, and figures where labels are given."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from detection.anomaly.provider_features import BY_NAME, ProviderMatrix, provider_matrix
from detection.anomaly.provider_figures import ranking_figures
from detection.anomaly.provider_labels import read_provider_labels
from detection.anomaly.provider_ranking import Ranking, check_enough, rank_with_labels, rank_without_labels
from detection.anomaly.provider_rules import run_rules
from detection.claims.claim_files import ClaimRows, read_claim_files
from detection.claims.claim_mapping import ClaimFilesError, load_claim_mapping
from detection.claims.rule import Window
from detection.claims.snapshot import tables_of
from detection.compute import EngineName, Limits, open_compute
from models.policy_anomaly import AnomalyPolicy
from models.policy_claims import ClaimsPolicy

Progress = Callable[[str, int, int], None]
PROVIDER_ENTITY = "provider"


@dataclass(frozen=True)
class Asked:
    """What is evaluated. labels: of the hospitals that are counted against. labels_train: of those that are learned from."""

    claims: Sequence[Path]
    mapping: str
    labels: Path | None = None
    labels_train: Path | None = None


@dataclass(frozen=True)
class Evaluation:
    """figures: as printed. providers, ranking, matrix: one entry a hospital, in the same order."""

    figures: dict[str, Any]
    providers: list[str]
    ranking: Ranking
    matrix: ProviderMatrix


def evaluate_claims(
    asked: Asked,
    claims_policy: ClaimsPolicy,
    policy: AnomalyPolicy,
    folder: Path,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Evaluation:
    """Read, run the rules, rank, count. folder: for what does not fit into memory.

    Raises:
        ClaimFilesError: a file cannot be used.
        TooFewLabelsError: there is too little to learn from.
        RunFailedError: memory or disk did not suffice.
    """
    mapping = load_claim_mapping(asked.mapping)
    tested = read_provider_labels(asked.labels) if asked.labels is not None else {}
    learned = read_provider_labels(asked.labels_train) if asked.labels_train is not None else None
    rows = read_claim_files(asked.claims, mapping, progress)
    _check(rows, tested, learned, policy)
    rows.write(folder)
    with open_compute(EngineName.DUCKDB, Limits(claims_policy.memory_mb, claims_policy.threads), folder) as compute:
        tables = tables_of(compute, folder, {})
        matrix = provider_matrix(tables, compute, policy.providers)
        rules = run_rules(tables, compute, claims_policy, _window(rows), rows.present(), progress, icd10=mapping.icd10)
    providers = [rows.providers[place - 1] for place in matrix.institution_ids]
    if learned is None:
        progress("ranking", 0, 1)
        ranking = rank_without_labels(matrix, policy.providers, policy.random_seed)
        progress("ranking", 1, 1)
    else:
        ranking = _supervised(providers, learned, matrix, policy, progress)
    figures = _figures(rows, providers, tested, learned, ranking, policy)
    figures["rules"] = rules
    return Evaluation(figures, providers, ranking, matrix)


def _check(rows: ClaimRows, tested: dict[str, bool], learned: dict[str, bool] | None, policy: AnomalyPolicy) -> None:
    """What would only show after the work. Raises ClaimFilesError, TooFewLabelsError."""
    known = set(rows.providers)
    if learned is not None:
        check_enough(np.array([fraud for one, fraud in learned.items() if one in known], dtype=bool), policy.providers)
    if tested and not (set(tested) & known) - set(learned or {}):
        raise ClaimFilesError(
            "labels: none of the providers has claims in the files"
            + (" and is not among those of --labels-train, which are never counted" if learned else "")
            + ": check that the mapping's provider column and the labels name them alike"
        )


def _window(rows: ClaimRows) -> Window:
    days = pc.min_max(rows.claim["to_date"]).as_py()
    return Window(days["min"], days["max"])


def _supervised(
    providers: list[str], learned: dict[str, bool], matrix: ProviderMatrix, policy: AnomalyPolicy, progress: Progress
) -> Ranking:
    trained = np.array([place for place, provider in enumerate(providers) if provider in learned], dtype=np.int64)
    fraud = np.array([learned[providers[place]] for place in trained], dtype=bool)
    return rank_with_labels(matrix, trained, fraud, policy.providers, policy.random_seed, progress)


def _figures(
    rows: ClaimRows,
    providers: list[str],
    tested: dict[str, bool],
    learned: dict[str, bool] | None,
    ranking: Ranking,
    policy: AnomalyPolicy,
) -> dict[str, Any]:
    known = set(providers)
    # who was learned from is never counted
    counted = [place for place, one in enumerate(providers) if one in tested and one not in (learned or {})]
    fraud = np.array([tested[providers[place]] for place in counted], dtype=bool)
    found = ranking_figures(fraud, ranking.suspicion[counted], bootstraps=policy.providers.bootstraps, seed=policy.random_seed)
    return {
        "claims": rows.claim.num_rows,
        "entities": len(providers),
        "auc": found["auc"],
        "average_precision": found["average_precision"],
        "precision_at": found["precision_at"],
        "rules": {},
        "intervals": found["intervals"],
        "kind": "unsupervised" if learned is None else "supervised",
        "labels": {
            "counted": len(counted),
            "fraud": int(fraud.sum()),
            "without_claims": len(set(tested) - known),
            "left_out_as_trained_on": len(set(tested) & set(learned or {}) & known),
            "claims_without_label": len(known - set(tested)) if tested else None,
            "trained_on": None if learned is None else len(known & set(learned)),
        },
        "rows": {"read": rows.rows, "rejected": rows.rejected, "first": rows.first, "columns_absent": rows.absent},
    }


def write_ranking(evaluation: Evaluation, target: Path, told: int) -> None:
    """CSV entity,percentile,probability and the features in which each is most above the others; there wholly or not at all."""
    ranking, matrix = evaluation.ranking, evaluation.matrix
    draft = target.with_name(f"{target.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(["entity", "percentile", "probability", *(f"feature_{place}" for place in range(1, told + 1))])
            middle = np.nanmedian(matrix.columns(ranking.names), axis=0)
            for place in np.lexsort((np.arange(len(ranking.suspicion)), -ranking.suspicion)):
                first = np.argsort(-ranking.scores[place], kind="stable")[:told]
                probability = "" if ranking.probability is None else f"{ranking.probability[place]:.4f}"
                reasons = [_reason(ranking.names[one], matrix.columns(ranking.names)[place, one], middle[one]) for one in first]
                out.writerow([evaluation.providers[place], f"{ranking.percentile[place]:.4f}", probability, *reasons])
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _reason(name: str, value: float, middle: float) -> str:
    return f"{BY_NAME[name].english}: {value:.6g} (median {middle:.6g})"
