"""Verification figures from files (ISO/IEC 19795-1), and calibration from a folder of photographs.

Decisions behind the figures: a picture that cannot be read or shows no face is a failure to acquire; its pairs are left out of accuracy,
EER, AUC and the rates, and count in ``generalised``, where a pair that cannot be compared is never a match. Accuracy is that of ten-fold
cross-validation, as in the protocol of LFW: the threshold of each fold is chosen on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.calibration import Calibration, Person, calibrate, level_key
from verify.calibration_file import read_calibration, write_calibration
from verify.engines.protocol import Engine
from verify.errors import CalibrationError
from verify.evaluation_files import Acquisition, ProgressCallback, acquire, check_files
from verify.policy import VerificationPolicy
from verify.rates import area_under_curve, cross_validated_accuracy, equal_error_rate, proportion_interval, threshold_at_fmr
from verify.tables import raise_mistakes, read_table

FMR_LEVELS = (0.01, 0.001)
_SAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Pair:
    """One row of pairs.csv."""

    reference: str
    probe: str
    same: bool
    group: str


def read_pairs(path: Path, images_dir: Path) -> list[Pair]:
    """Rows of ``reference,probe,same[,group]``. Raises TableError naming each row that is wrong."""
    rows = read_table(path, ("reference", "probe", "same"))
    mistakes = [f"row {r.number}: same is {r.values['same']!r}, must be 1 or 0" for r in rows if r.values["same"].lower() not in _SAME]
    raise_mistakes(path, mistakes)
    check_files(path, images_dir, ((r.number, c, r.values[c]) for r in rows for c in ("reference", "probe")))
    return [Pair(v["reference"], v["probe"], _SAME[v["same"].lower()], v.get("group", "")) for v in (r.values for r in rows)]


def read_people(path: Path, images_dir: Path) -> list[tuple[str, Person]]:
    """Rows of ``file,sex,age_band[,group]``, one picture a person. Raises TableError naming each row that is wrong."""
    rows = read_table(path, ("file", "sex", "age_band"))
    mistakes: list[str] = []
    first: dict[str, int] = {}
    for row in rows:
        name = row.values["file"]
        if name in first:
            mistakes.append(f"row {row.number}: {name!r} is already in row {first[name]}; there must be one picture a person")
        first.setdefault(name, row.number)
    raise_mistakes(path, mistakes)
    check_files(path, images_dir, ((r.number, "file", r.values["file"]) for r in rows))
    return [(v["file"], Person(v["sex"].lower(), v["age_band"], v.get("group", ""))) for v in (r.values for r in rows)]


def run_evaluate(
    pairs_csv: Path,
    images_dir: Path,
    engine: Engine,
    *,
    policy: VerificationPolicy,
    calibration: Path | None = None,
    threshold_fmr: float | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """What ``lifecert evaluate verification`` prints, as plain JSON values.

    Scores are normalised when the calibration says so. threshold_fmr: a level of the calibration or, without one, the false match
    rate on these very pairs. Without it the operating point is the calibration's accept level, else the engine's provisional threshold.

    Raises TableError or CalibrationError.
    """
    pairs = read_pairs(pairs_csv, images_dir)
    used = None
    if calibration is not None:
        used = read_calibration(calibration)
        used.require_engine(engine.name, engine.version)
        if threshold_fmr is not None:
            used.threshold(threshold_fmr)  # before the long work: a level that is not there is an error
    acquired = acquire(engine, images_dir, (name for p in pairs for name in (p.reference, p.probe)), progress, flip=_flips(engine, policy))
    compared = [p for p in pairs if p.reference in acquired.templates and p.probe in acquired.templates]
    scores = np.array([_score(engine, used, acquired, p) for p in compared], dtype=np.float64)
    same = np.array([p.same for p in compared], dtype=bool)
    genuine, impostor = scores[same], scores[~same]
    threshold, source = _operating_threshold(engine, used, policy, threshold_fmr, impostor)
    return {
        "engine": engine.name,
        "engine_version": engine.version,
        "pairs": len(pairs),
        "genuine": sum(p.same for p in pairs),
        "impostor": sum(not p.same for p in pairs),
        "images": acquired.images,
        "fta": acquired.failure_rate,
        "fta_images": len(acquired.failed),
        "fta_files": dict(list(acquired.failed.items())[:20]),
        "pairs_compared": len(compared),
        "accuracy": cross_validated_accuracy(scores, same) if len(compared) else None,
        **_curve_figures(genuine, impostor),
        "operating_point": {"threshold": threshold, **_rates(genuine, impostor, threshold), "source": source},
        "generalised": _generalised(pairs, genuine, impostor, threshold),
        "normalised": used is not None and used.cohort is not None,
        "calibration": None if used is None else {"references": used.references, "created_at": used.created_at.isoformat()},
        "images_per_cpu_s": acquired.images_per_cpu_s,
        "groups": _groups(compared, scores, same, threshold),
    }


def _flips(engine: Engine, policy: VerificationPolicy) -> bool:
    return engine.name in policy.matching.flip_stills


def _score(engine: Engine, calibration: Calibration | None, acquired: Acquisition, pair: Pair) -> float:
    left, right = acquired.templates[pair.reference], acquired.templates[pair.probe]
    if calibration is not None:
        return calibration.score(engine.similarity, left, right)
    return float(engine.similarity(left, right)[0, 0])


def _operating_threshold(
    engine: Engine, calibration: Calibration | None, policy: VerificationPolicy, fmr: float | None, impostor: NDArray[np.float64]
) -> tuple[float | None, str]:
    if calibration is not None:
        levels = [level.fmr for level in calibration.levels]
        accept = policy.matching.accept_fmr
        # a small calibration may lack policy's level: its strictest one then
        level = fmr if fmr is not None else (accept if accept in levels else min(levels))
        return calibration.threshold(level), f"calibration, false match rate {level_key(level)} in its worst group"
    if fmr is not None:
        if not impostor.size:
            return None, "no impostor pair to set a threshold on"
        return threshold_at_fmr(impostor, fmr), f"false match rate {level_key(fmr)} on these pairs themselves"
    provisional = policy.matching.provisional_for(engine.name)
    return provisional.accept, f"provisional: {provisional.source}"


def _curve_figures(genuine: NDArray[np.float64], impostor: NDArray[np.float64]) -> dict[str, Any]:
    keys = [level_key(level) for level in FMR_LEVELS]
    if not genuine.size or not impostor.size:  # a curve needs both kinds
        return {"eer": None, "auc": None, "fnmr_at_fmr": dict.fromkeys(keys), "fnmr_at_fmr_ci95": dict.fromkeys(keys)}
    errors = [int((genuine < threshold_at_fmr(impostor, level)).sum()) for level in FMR_LEVELS]
    return {
        "eer": equal_error_rate(genuine, impostor),
        "auc": area_under_curve(genuine, impostor),
        "fnmr_at_fmr": {key: count / genuine.size for key, count in zip(keys, errors, strict=True)},
        "fnmr_at_fmr_ci95": {key: list(proportion_interval(count, genuine.size)) for key, count in zip(keys, errors, strict=True)},
    }


def _rates(genuine: NDArray[np.float64], impostor: NDArray[np.float64], threshold: float | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, scores, matching_is_wrong in (("fmr", impostor, True), ("fnmr", genuine, False)):
        if threshold is None or not scores.size:
            result[name], result[f"{name}_ci95"] = None, None
            continue
        errors = int(((scores >= threshold) == matching_is_wrong).sum())
        result[name], result[f"{name}_ci95"] = errors / scores.size, list(proportion_interval(errors, scores.size))
    return result


def _generalised(
    pairs: Sequence[Pair], genuine: NDArray[np.float64], impostor: NDArray[np.float64], threshold: float | None
) -> dict[str, float | None]:
    """Generalised rates (ISO/IEC 19795-1): a genuine pair that could not be compared is a rejection, an impostor pair is none."""
    all_genuine = sum(p.same for p in pairs)
    all_impostor = len(pairs) - all_genuine
    if threshold is None:
        return {"gfar": None, "gfrr": None}
    return {
        "gfar": int((impostor >= threshold).sum()) / all_impostor if all_impostor else None,
        "gfrr": (all_genuine - int((genuine >= threshold).sum())) / all_genuine if all_genuine else None,
    }


def _groups(compared: Sequence[Pair], scores: NDArray[np.float64], same: NDArray[np.bool_], threshold: float | None) -> dict[str, Any]:
    result = {}
    for name in sorted({p.group for p in compared if p.group}):
        inside = np.array([p.group == name for p in compared])
        genuine, impostor = scores[inside & same], scores[inside & ~same]
        result[name] = {
            "pairs": int(inside.sum()),
            "genuine": genuine.size,
            "impostor": impostor.size,
            **_rates(genuine, impostor, threshold),
        }
    return result


def run_calibrate(
    images_dir: Path,
    people_csv: Path,
    engine: Engine,
    *,
    policy: VerificationPolicy,
    out: Path | None = None,
    progress: ProgressCallback | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """What ``lifecert calibrate`` prints, as plain JSON values; writes FILE and FILE.key when out is given.

    Raises TableError or CalibrationError.
    """
    people = read_people(people_csv, images_dir)
    acquired = acquire(engine, images_dir, (name for name, _ in people), progress, flip=_flips(engine, policy))
    usable = [(acquired.templates[name], person) for name, person in people if name in acquired.templates]
    if len(usable) < 2:
        raise CalibrationError(f"{len(people)} pictures, {len(usable)} with a face that could be read: at least two are needed")
    calibration = calibrate(
        np.stack([template for template, _ in usable]),
        [person for _, person in usable],
        similarity=engine.similarity,
        engine_name=engine.name,
        engine_version=engine.version,
        policy=policy.calibration,
        references_min=policy.matching.references_min,
        now=now or datetime.now(UTC),
        progress=(lambda done, total: progress("comparing", done, total)) if progress else None,
    )
    if out is not None:
        write_calibration(calibration, out)
    missing = dict.fromkeys(level_key(fmr) for fmr in policy.calibration.levels)
    return {
        "engine": engine.name,
        "engine_version": engine.version,
        "images": acquired.images,
        "fta": acquired.failure_rate,
        "fta_images": len(acquired.failed),
        "fta_files": dict(list(acquired.failed.items())[:20]),
        "references": calibration.references,
        "impostor_pairs": calibration.impostor_pairs,
        "provisional": calibration.provisional,
        # every level of the policy has its key; null: too few pairs to say
        "threshold": {**missing, **{level_key(level.fmr): level.threshold for level in calibration.levels}},
        "threshold_set_by": {level_key(level.fmr): {"group": level.group, "pairs": level.pairs} for level in calibration.levels},
        "fmr_by_group": {
            **_wider_groups(calibration),
            **{
                group.name: {
                    **missing,
                    **{key: rate.fmr for key, rate in group.rates.items()},
                    "pairs": group.pairs,
                    "persons": group.persons,
                    "ci95": {key: list(rate.ci95) for key, rate in group.rates.items()},
                    "ci95_persons": {key: list(rate.ci95_persons) if rate.ci95_persons else None for key, rate in group.rates.items()},
                }
                for group in calibration.groups
            },
        },
        "normalisation": {
            **calibration.comparison_of_scores,
            "cohort": 0 if calibration.cohort is None else len(calibration.cohort.members),
            "nearest": policy.calibration.normalisation.nearest,
            "skip": policy.calibration.normalisation.skip,
        },
        "images_per_cpu_s": acquired.images_per_cpu_s,
    }


def _wider_groups(calibration: Calibration) -> dict[str, dict[str, Any]]:
    """Rates of the groups that the list of people names, over all their pairs of one sex and age band; empty without such groups."""
    wider: dict[str, dict[str, Any]] = {}
    for name in sorted({group.part_of for group in calibration.groups if group.part_of}):
        parts = [group for group in calibration.groups if group.part_of == name]
        pairs = sum(group.pairs for group in parts)
        errors = {key: sum(round(group.rates[key].fmr * group.pairs) for group in parts) for key in parts[0].rates}
        wider[name] = {
            **{key: count / pairs if pairs else 0.0 for key, count in errors.items()},
            "pairs": pairs,
            "persons": sum(group.persons for group in parts),
            "ci95": {key: list(proportion_interval(count, pairs)) for key, count in errors.items()},
        }
    return wider
