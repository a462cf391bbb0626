"""Liveness figures from files, as ISO/IEC 30107-3 defines them.

An attempt is classified on the enabled evidence alone, without a match: as bona fide when every piece passed (or policy lets it be
absent), as an attack when a piece contradicts or would go to a person, and it is a non-response when the pictures were not good enough
(too few usable frames, too much noise, a second face). APCER and BPCER are shares of all attempts of their kind; a non-response is
neither, since it is asked for again, and is reported as APNRR and BPNRR. AUC and EER are over attempts with a response.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from verify.assessment import session_quality
from verify.decision import outcome_of
from verify.engines.protocol import Engine
from verify.evaluation_media import MediaAttempt, challenge_for, read_attempts
from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Outcome, Reason
from verify.observation import Observation
from verify.observe import FrameStamp, observe
from verify.pad.active import active
from verify.pad.challenge import Challenge
from verify.pad.continuity import continuity
from verify.pad.depth import depth
from verify.pad.flash import flash
from verify.pad.integrity import integrity
from verify.pad.noise import noise
from verify.pad.passive import passive, passive_scores
from verify.pad.screen import screen
from verify.pad.turning import gated
from verify.policy import VerificationPolicy
from verify.rates import area_under_curve, equal_error_rate, proportion_interval
from verify.tables import TableError

UNPROMPTED = (EvidenceKind.PASSIVE, EvidenceKind.SCREEN, EvidenceKind.NOISE, EvidenceKind.CONTINUITY, EvidenceKind.INTEGRITY)
PROMPTED = (*UNPROMPTED, EvidenceKind.ACTIVE)
_SELECTABLE = tuple(kind for kind in EvidenceKind if kind is not EvidenceKind.MATCH)
FRAMES_MAX = 40
ProgressCallback = Callable[[str, int, int], None]


class Classification(StrEnum):
    """What an attempt was taken for."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    NON_RESPONSE = "non_response"


@dataclass(frozen=True)
class AttemptResult:
    """One attempt's outcome. fused: [-7, 1], higher is more bona fide; None without a passive score. acquired: enough usable frames."""

    name: str
    label: str
    species: str
    classification: Classification
    reasons: tuple[Reason, ...]
    fused: float | None
    acquired: bool
    frames: int


def parse_evidence(names: Sequence[str] | None) -> tuple[EvidenceKind, ...] | None:
    """The kinds named on the command line, None for the default. Raises TableError for an unknown one."""
    if names is None:
        return None
    unknown = [name for name in names if name not in {kind.value for kind in _SELECTABLE}]
    if unknown or not names:
        allowed = ", ".join(kind.value for kind in _SELECTABLE)
        raise TableError(f"--evidence: {', '.join(unknown) or 'nothing'} is not a kind of evidence; choose of {allowed}")
    return tuple(dict.fromkeys(EvidenceKind(name) for name in names))


def run_evaluate(
    attempts_csv: Path,
    media_dir: Path,
    engine: Engine,
    *,
    policy: VerificationPolicy,
    evidence: Sequence[str] | None = None,
    frames_max: int = FRAMES_MAX,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """What ``lifecert evaluate liveness`` prints, as plain JSON values.

    evidence: names of EvidenceKind; None takes passive, screen, noise, continuity and integrity, and active as well for prompted
    attempts. Naming depth or flash makes them gate, whatever policy says, so that they can be measured. frames_max: longer attempts
    are thinned evenly to this many frames; one attempt is held in memory at a time.

    Raises TableError naming row and value.
    """
    kinds = parse_evidence(evidence)
    attempts = read_attempts(attempts_csv, media_dir)
    if frames_max < policy.passive.frames_min:
        raise TableError(f"frames_max is {frames_max}; it must be at least {policy.passive.frames_min}")
    started = process_time()
    results, unreadable = [], []
    for number, attempt in enumerate(attempts, start=1):
        observations, broken = observe_attempt(attempt, engine, policy, frames_max)
        unreadable += broken
        results.append(classify(attempt, observations, policy, kinds))
        if progress is not None:
            progress(attempt.name, number, len(attempts))
    frames = sum(result.frames for result in results)
    return {
        "engine": engine.name,
        "engine_version": engine.version,
        "evidence": [kind.value for kind in kinds or PROMPTED],
        **_figures(results),
        "unreadable_files": unreadable[:20],
        "frames": frames,
        "frames_per_cpu_s": round(frames / max(process_time() - started, 1e-9), 1),
    }


def observe_attempt(
    attempt: MediaAttempt, engine: Engine, policy: VerificationPolicy, frames_max: int = FRAMES_MAX
) -> tuple[list[Observation], list[str]]:
    """(observations, names of files that are not pictures)."""
    observations, broken = [], []
    for seq, frame in enumerate(attempt.frames(frames_max)):
        if frame.image is None or frame.image.ndim != 3:
            broken.append(frame.file)
            continue
        # Frames are known by their pixels here: files of one picture may be written with different headers.
        sha256 = hashlib.sha256(frame.image.tobytes()).hexdigest()
        stamp = FrameStamp(seq, frame.at_ms, frame.at_ms, frame.step, frame.colour or None, sha256)
        observations.append(observe(frame.image, engine, stamp, policy, embed=True, passive=True, texture=True))
    return observations, broken


def classify(
    attempt: MediaAttempt, observations: Sequence[Observation], policy: VerificationPolicy, kinds: tuple[EvidenceKind, ...] | None
) -> AttemptResult:
    """Classify one attempt on the given kinds of evidence, None for the default ones."""
    challenge = challenge_for(attempt)
    if kinds is None:
        kinds = UNPROMPTED if challenge is None else PROMPTED
    pieces = [judge(kind, observations, challenge, policy) for kind in kinds]
    usable = sum(o.box is not None and o.detector_score > policy.frame.detector_score_min for o in observations)
    acquired = usable >= policy.passive.frames_min
    # Without enough frames nothing was measured, and without any evidence nothing speaks for a live person.
    outcomes = [(outcome_of(piece, policy), piece) for piece in pieces if piece.state is not EvidenceState.ABSENT]
    reasons = tuple(dict.fromkeys(reason for outcome, piece in outcomes if outcome is not Outcome.CERTIFIED for reason in piece.reasons))
    if any(outcome in (Outcome.REFUSED, Outcome.REFER) for outcome, _ in outcomes):
        classification = Classification.ATTACK
    elif not acquired or not outcomes or any(outcome is Outcome.RETRY for outcome, _ in outcomes):
        classification = Classification.NON_RESPONSE
    else:
        classification = Classification.BONA_FIDE
    if not acquired:
        reasons = tuple(dict.fromkeys((*reasons, Reason.NO_FACE if usable == 0 else Reason.TOO_FEW_FRAMES)))
    fused = fused_score(observations, pieces, policy)
    return AttemptResult(attempt.name, attempt.label, attempt.species, classification, reasons, fused, acquired, len(observations))


def judge(kind: EvidenceKind, observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:
    """One kind of evidence on recorded frames."""
    if kind is EvidenceKind.ACTIVE and challenge is None:
        return both_sides(observations, policy)
    if kind is EvidenceKind.INTEGRITY:
        return _repetition_only(integrity(observations, challenge, policy))
    if kind is EvidenceKind.QUALITY:
        return session_quality(observations, policy)
    if kind is EvidenceKind.DEPTH:
        return depth(observations, challenge, policy.model_copy(update={"depth": policy.depth.model_copy(update={"gating": True})}))
    if kind is EvidenceKind.FLASH:
        return flash(observations, challenge, policy.model_copy(update={"flash": policy.flash.model_copy(update={"required": True})}))
    judges = {
        EvidenceKind.ACTIVE: active,
        EvidenceKind.PASSIVE: passive,
        EvidenceKind.SCREEN: screen,
        EvidenceKind.NOISE: noise,
        EvidenceKind.CONTINUITY: continuity,
    }
    return judges[kind](observations, challenge, policy)


def _repetition_only(piece: Evidence) -> Evidence:
    """Files say nothing of a network's order and delay: only repeated frames count, and few frames are a failure to acquire."""
    if piece.state is EvidenceState.CONTRADICTED and Reason.REPEATED_FRAMES in piece.reasons:
        return Evidence(piece.kind, piece.state, (Reason.REPEATED_FRAMES,), piece.measures)
    return Evidence(piece.kind, EvidenceState.PASSED, (), piece.measures)


def both_sides(observations: Sequence[Observation], policy: VerificationPolicy) -> Evidence:
    """For attempts without prompts: did the head turn far enough to both sides of its frontal baseline at all?"""
    yaws = [observation.yaw_deg for observation in observations if gated(observation, policy) and observation.yaw_deg is not None]
    if len(yaws) < policy.active.frontal_frames:
        return Evidence(EvidenceKind.ACTIVE, EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,))
    frontal = [yaw for yaw in yaws if abs(yaw) <= policy.active.frontal_yaw_max_deg]
    baseline = median(frontal or yaws)
    left, right = max(yaws) - baseline, baseline - min(yaws)
    limit = policy.active.turn_min_deg
    measures = (Measure("left", left, limit, "deg"), Measure("right", right, limit, "deg"))
    if min(left, right) >= limit:
        return Evidence(EvidenceKind.ACTIVE, EvidenceState.PASSED, (), measures)
    return Evidence(EvidenceKind.ACTIVE, EvidenceState.BORDERLINE, (Reason.TURN_FURTHER,), measures)


def fused_score(observations: Sequence[Observation], pieces: Sequence[Evidence], policy: VerificationPolicy) -> float | None:
    """Passive median less one for every piece, other than passive, that speaks for an attack; None without a passive score."""
    scores = passive_scores(observations, policy)
    if not scores:
        return None
    against = (EvidenceState.CONTRADICTED, EvidenceState.BORDERLINE)
    return median(scores) - sum(piece.state in against for piece in pieces if piece.kind is not EvidenceKind.PASSIVE)


def _figures(results: Sequence[AttemptResult]) -> dict[str, Any]:
    genuine = [result for result in results if result.label == "bona_fide"]
    attacks = [result for result in results if result.label == "attack"]
    species = {name: [r for r in attacks if r.species == name] for name in sorted({r.species for r in attacks})}
    rows = {name: _species_row(members) for name, members in species.items()}
    called_attack = sum(result.classification is Classification.ATTACK for result in genuine)
    scored = [result for result in results if result.classification is not Classification.NON_RESPONSE and result.fused is not None]
    positive = np.array([r.fused for r in scored if r.label == "bona_fide"], np.float64)
    negative = np.array([r.fused for r in scored if r.label == "attack"], np.float64)
    comparable = positive.size > 0 and negative.size > 0
    failed = sum(not result.acquired for result in results)
    return {
        "attempts": len(results),
        "bona_fide": len(genuine),
        "attacks": len(attacks),
        "bpcer": called_attack / len(genuine) if genuine else None,
        "bpcer_ci95": list(proportion_interval(called_attack, len(genuine))) if genuine else None,
        "bpnrr": _share(genuine, Classification.NON_RESPONSE),
        "apcer_worst": max((row["apcer"] for row in rows.values()), default=None),
        "species": rows,
        "auc": area_under_curve(positive, negative) if comparable else None,
        "eer": equal_error_rate(positive, negative) if comparable else None,
        "scored": len(scored),
        "fta": failed / len(results) if results else None,
        "fta_attempts": failed,
        "reasons": dict(Counter(reason.value for result in results for reason in result.reasons).most_common()),
    }


def _species_row(members: Sequence[AttemptResult]) -> dict[str, Any]:
    accepted = sum(result.classification is Classification.BONA_FIDE for result in members)
    return {
        "attempts": len(members),
        "apcer": accepted / len(members),
        "apcer_ci95": list(proportion_interval(accepted, len(members))),
        "apnrr": _share(members, Classification.NON_RESPONSE),
    }


def _share(results: Sequence[AttemptResult], classification: Classification) -> float | None:
    return sum(result.classification is classification for result in results) / len(results) if results else None
