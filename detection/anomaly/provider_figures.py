"""How well a ranking finds the hospitals that were decided to be fraudulent, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CUTS = (50, 100)
LEVEL = 0.95


def ranking_figures(fraud: Bools, suspicion: Floats, *, bootstraps: int, seed: int) -> dict[str, Any]:
    """auc, average_precision and precision among the first 50 and 100 (None where there are no two kinds, or fewer hospitals), and their
    95% intervals by bootstrap over hospitals.
    """
    if not fraud.any() or fraud.all():
        return {"auc": None, "average_precision": None, "precision_at": {str(cut): None for cut in CUTS}, "intervals": None}
    found = {name: float(values[0]) for name, values in measures(fraud, suspicion, np.ones((1, len(fraud)))).items()}
    random = np.random.default_rng(seed)
    draws = random.multinomial(len(fraud), np.full(len(fraud), 1 / len(fraud)), size=bootstraps).astype(np.float64)
    both = (draws[:, fraud].sum(axis=1) > 0) & (draws[:, ~fraud].sum(axis=1) > 0)
    tail = (1 - LEVEL) / 2
    intervals = {
        name: [round(float(one), 4) for one in np.quantile(values, [tail, 1 - tail])]
        for name, values in measures(fraud, suspicion, draws[both]).items()
    }
    return {
        "auc": round(found["auc"], 6),
        "average_precision": round(found["average_precision"], 6),
        "precision_at": {str(cut): None if (one := found.get(_at(cut))) is None else round(one, 6) for cut in CUTS},
        "intervals": intervals,
    }


def measures(fraud: Bools, suspicion: Floats, times: Floats) -> dict[str, Floats]:
    """auc, average_precision, precision_at_50 and _100, one for each row of ``times``: how often each hospital counts.

    Hospitals of one suspicion are one step of the curves; of those at a cut chance takes its share. Area by trapezoids, average precision
    as the sum of steps, as scikit-learn has both.
    """
    order = np.argsort(-suspicion, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(suspicion[order]) != 0, True))
    yes = np.cumsum(times[:, order] * fraud[order], axis=1)[:, ends]
    no = np.cumsum(times[:, order] * ~fraud[order], axis=1)[:, ends]
    yes, no = (np.column_stack([np.zeros(len(times)), one]) for one in (yes, no))
    both = yes + no
    precision = np.divide(yes, both, out=np.zeros_like(yes), where=both > 0)
    found = {
        "auc": (np.diff(no, axis=1) * (yes[:, 1:] + yes[:, :-1]) / 2).sum(axis=1) / (yes[:, -1] * no[:, -1]),
        "average_precision": (np.diff(yes, axis=1) * precision[:, 1:]).sum(axis=1) / yes[:, -1],
    }
    for cut in CUTS:
        if cut <= len(fraud):
            found[_at(cut)] = np.array([np.interp(cut, steps, hits) for steps, hits in zip(both, yes, strict=True)]) / cut
    return found


def _at(cut: int) -> str:
    return f"precision_at_{cut}"
