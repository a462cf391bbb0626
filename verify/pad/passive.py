"""Passive evidence: the median of the passive network's scores over gated frames.

Measured on real photographs in front of a camera: 0 of 118 attacks accepted, 0 of 25 live refused at 0.5. It says nothing about
screens and injected video, and sensor noise fools it (``pad.noise`` gates that).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge, progress
from verify.pad.noise import noise
from verify.pad.turning import PromptStatus
from verify.policy import VerificationPolicy


def passive_scores(observations: Sequence[Observation], policy: VerificationPolicy) -> list[float]:
    """Live probabilities of the frames that count: a sure detection that is not turned far away.

    Where too few are as frontal as policy asks, the most frontal ones there are count instead.
    """
    sure = [o for o in observations if o.passive is not None and o.detector_score > policy.frame.detector_score_min]
    sure.sort(key=lambda observation: abs(observation.yaw_deg or 0.0))
    frontal = sum(abs(observation.yaw_deg or 0.0) <= policy.passive.yaw_max_deg for observation in sure)
    counted = sure[: max(frontal, policy.passive.frames_min)]
    return [observation.passive for observation in counted if observation.passive is not None]


def passive(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:
    """Does the skin look live?

    A low median alone goes to a person, since single real people score low. It contradicts when the prompts were not followed
    either: then two independent observations speak of a photograph.
    """
    if not any(observation.passive is not None for observation in observations):
        state = EvidenceState.INSUFFICIENT if not any(observation.box is not None for observation in observations) else EvidenceState.ABSENT
        reason = Reason.TOO_FEW_FRAMES if state is EvidenceState.INSUFFICIENT else Reason.EVIDENCE_NOT_MEASURED
        return Evidence(EvidenceKind.PASSIVE, state, (reason,))
    scores = passive_scores(observations, policy)
    value = median(scores) if scores else None
    measures = (
        Measure("live_median", value, policy.passive.live_min),
        Measure("frames", len(scores), policy.passive.frames_min, "frames"),
    )
    if value is None or len(scores) < policy.passive.frames_min:
        return Evidence(EvidenceKind.PASSIVE, EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,), measures)
    if noise(observations, challenge, policy).state is EvidenceState.INSUFFICIENT:
        # Under noise the network errs both ways, so that neither verdict counts.
        return Evidence(EvidenceKind.PASSIVE, EvidenceState.INSUFFICIENT, (Reason.NOISY_PICTURE,), measures)
    if value >= policy.passive.live_min:
        return Evidence(EvidenceKind.PASSIVE, EvidenceState.PASSED, (), measures)
    state = EvidenceState.BORDERLINE if _followed(observations, challenge, policy) else EvidenceState.CONTRADICTED
    return Evidence(EvidenceKind.PASSIVE, state, (Reason.PHOTOGRAPH,), measures)


def _followed(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> bool:
    if challenge is None:
        return True  # nothing was asked: a low score stands alone
    reached = progress(challenge, observations, policy)
    return reached.step >= len(challenge.prompts) and all(prompt.status is PromptStatus.DONE for prompt in reached.judged)
