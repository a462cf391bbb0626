"""Probe against reference: a score, the false match rate level that it reaches, and what policy makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from verify.calibration import Calibration
from verify.engines.protocol import Embedding, Engine
from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.policy_matching import MatchingPolicy


class MatchState(StrEnum):
    """What a comparison comes to."""

    ACCEPT = "accept"
    REFER = "refer"
    DIFFERENT = "different"


class ThresholdSource(StrEnum):
    """Where the thresholds of a comparison come from."""

    PROVISIONAL = "provisional"  # policy, until the own population has enough references
    OWN_POPULATION = "own_population"


@dataclass(frozen=True)
class Comparison:
    """The outcome of one comparison.

    similarity: the engine's own. score: what was held against the thresholds, normalised when the calibration says so (then in
    standard deviations). fmr_level: the strictest calibrated false match rate whose threshold the score reaches; None without a
    calibration or below all of them. source and calibrated_at say which thresholds were used.
    """

    state: MatchState
    similarity: float
    score: float
    normalised: bool
    accept_from: float
    refer_from: float
    fmr_level: float | None
    source: ThresholdSource
    engine_name: str
    engine_version: str
    calibrated_at: str | None

    def evidence(self) -> Evidence:
        """The comparison as a piece of evidence."""
        state, reasons = {
            MatchState.ACCEPT: (EvidenceState.PASSED, ()),
            MatchState.REFER: (EvidenceState.BORDERLINE, (Reason.MATCH_UNSURE,)),
            MatchState.DIFFERENT: (EvidenceState.CONTRADICTED, (Reason.FACE_NOT_MATCHING,)),
        }[self.state]
        unit = "standard deviations" if self.normalised else "similarity"
        measures = (
            Measure("score", self.score, self.accept_from, unit),
            Measure("refer_from", self.refer_from, None, unit),
            Measure("similarity", self.similarity, None, "similarity"),
            Measure("fmr_level", self.fmr_level, None, "false match rate"),
            Measure("own_population", float(self.source is ThresholdSource.OWN_POPULATION), None, "yes or no"),
        )
        return Evidence(EvidenceKind.MATCH, state, reasons, measures)


def compare(
    engine: Engine,
    reference: Embedding,
    probe: Embedding,
    calibration: Calibration | None,
    policy: MatchingPolicy,
    *,
    trust_small: bool = False,
) -> Comparison:
    """Compare a (d,) probe with the (d,) reference of the same engine version.

    A calibration on fewer references than policy asks for is not used (trust_small: it is, for evaluations), nor is one without the
    levels that policy names. Raises CalibrationError when the calibration is of another engine version.
    """
    similarity = float(engine.similarity(reference, probe)[0, 0])
    if calibration is not None:
        calibration.require_engine(engine.name, engine.version)
        thresholds = {level.fmr: level.threshold for level in calibration.levels}
        usable = trust_small or (calibration.references >= policy.references_min and not calibration.provisional)
        if usable and policy.accept_fmr in thresholds and policy.refer_fmr in thresholds:
            score = calibration.score(engine.similarity, reference, probe)
            reached = [fmr for fmr, threshold in thresholds.items() if score >= threshold]
            return Comparison(
                state=_state(score, thresholds[policy.accept_fmr], thresholds[policy.refer_fmr]),
                similarity=similarity,
                score=score,
                normalised=calibration.cohort is not None,
                accept_from=thresholds[policy.accept_fmr],
                refer_from=thresholds[policy.refer_fmr],
                fmr_level=min(reached, default=None),
                source=ThresholdSource.OWN_POPULATION,
                engine_name=engine.name,
                engine_version=engine.version,
                calibrated_at=calibration.created_at.isoformat(),
            )
    provisional = policy.provisional_for(engine.name)
    return Comparison(
        state=_state(similarity, provisional.accept, provisional.refer),
        similarity=similarity,
        score=similarity,
        normalised=False,
        accept_from=provisional.accept,
        refer_from=provisional.refer,
        fmr_level=None,
        source=ThresholdSource.PROVISIONAL,
        engine_name=engine.name,
        engine_version=engine.version,
        calibrated_at=None,
    )


def _state(score: float, accept: float, refer: float) -> MatchState:
    if score >= accept:
        return MatchState.ACCEPT
    return MatchState.REFER if score >= refer else MatchState.DIFFERENT
