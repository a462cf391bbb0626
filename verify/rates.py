"""Error rates of comparisons and their intervals, as ISO/IEC 19795-1 defines them. Scores: higher means more alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def proportion_interval(errors: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a proportion; (0, 1) without any trial. It takes trials as independent."""
    if trials == 0:
        return 0.0, 1.0
    from scipy.special import betaincinv  # slow to import, and the service does without

    tail = (1 - level) / 2
    low = 0.0 if errors == 0 else float(betaincinv(errors, trials - errors + 1, tail))
    high = 1.0 if errors == trials else float(betaincinv(errors + 1, trials - errors, 1 - tail))
    return low, high


def threshold_at_fmr(impostor: Floats, fmr: float) -> float:
    """Lowest threshold at which at most this share of the impostor scores match (a score at or above the threshold matches)."""
    ordered = np.sort(impostor)[::-1]
    allowed = int(np.floor(fmr * ordered.size + 1e-9))
    if allowed >= ordered.size:
        return float(ordered[-1])
    return float(np.nextafter(ordered[allowed], np.inf))


def equal_error_rate(genuine: Floats, impostor: Floats) -> float:
    """Rate at which FMR and FNMR are equal, on the straight line between the two thresholds where they cross."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    thresholds = np.append(thresholds, np.nextafter(thresholds[-1], np.inf))
    fnmr = np.searchsorted(np.sort(genuine), thresholds, side="left") / genuine.size
    fmr = 1.0 - np.searchsorted(np.sort(impostor), thresholds, side="left") / impostor.size
    after = int(np.argmax(fnmr >= fmr))
    if after == 0:
        return float((fnmr[0] + fmr[0]) / 2)
    gap_before, gap_after = fmr[after - 1] - fnmr[after - 1], fnmr[after] - fmr[after]
    share = gap_before / (gap_before + gap_after)
    return float(fmr[after - 1] + share * (fmr[after] - fmr[after - 1]))


def area_under_curve(genuine: Floats, impostor: Floats) -> float:
    """Chance that a genuine pair scores above an impostor pair, ties counting half (Mann-Whitney)."""
    from sklearn.metrics import roc_auc_score  # slow to import, and the service does without

    same = np.repeat([True, False], [genuine.size, impostor.size])
    return float(roc_auc_score(same, np.concatenate([genuine, impostor])))


def cross_validated_accuracy(scores: Floats, same: NDArray[np.bool_], folds: int = 10, seed: int = 0) -> float:
    """Share of right decisions at thresholds chosen on the other folds (the protocol of LFW, with folds drawn at random by class).

    With fewer than two pairs of a class in a fold, the best threshold on all pairs is used instead.
    """
    if min(int(same.sum()), int((~same).sum())) < 2 * folds:
        return float(((scores >= _best_threshold(scores, same)) == same).mean())
    rng = np.random.default_rng(seed)
    fold = np.empty(scores.size, dtype=np.int64)
    for value in (True, False):
        index = rng.permutation(np.flatnonzero(same == value))
        fold[index] = np.arange(index.size) % folds
    right = 0
    for number in range(folds):
        test = fold == number
        threshold = _best_threshold(scores[~test], same[~test])
        right += int(((scores[test] >= threshold) == same[test]).sum())
    return right / scores.size


def _best_threshold(scores: Floats, same: NDArray[np.bool_]) -> float:
    """Middle of the widest gap among thresholds of highest accuracy."""
    order = np.argsort(scores, kind="stable")
    ordered, labels = scores[order], same[order]
    # decision "match from place i on": genuine at or after i and impostors before i are right
    right = np.concatenate([[0], np.cumsum(~labels)]) + np.concatenate([np.cumsum(labels[::-1])[::-1], [0]])
    distinct = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    places = np.flatnonzero(distinct & (right == right[distinct].max()))
    edges = np.concatenate([[ordered[0] - 1.0], ordered, [ordered[-1] + 1.0]])
    widths = edges[places + 1] - edges[places]
    place = int(places[np.argmax(widths)])
    return float((edges[place] + edges[place + 1]) / 2)
