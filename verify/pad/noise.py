"""Noise gate: sensor noise of sigma 8 let 20 of 118 printed photographs past the passive network, so such pictures are asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.policy import VerificationPolicy


def noise(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:  # noqa: ARG001
    """Is the picture quiet enough to be judged? Median of the frames' noise, in 8-bit grey levels."""
    sigmas = [observation.noise_sigma for observation in observations if observation.noise_sigma is not None]
    value = median(sigmas) if sigmas else None
    measures = (
        Measure("noise_sigma", value, policy.noise.sigma_max, "grey levels"),
        Measure("frames", len(sigmas), policy.noise.frames_min, "frames"),
    )
    if value is None or len(sigmas) < policy.noise.frames_min:
        return Evidence(EvidenceKind.NOISE, EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,), measures)
    if value > policy.noise.sigma_max:
        return Evidence(EvidenceKind.NOISE, EvidenceState.INSUFFICIENT, (Reason.NOISY_PICTURE,), measures)
    return Evidence(EvidenceKind.NOISE, EvidenceState.PASSED, (), measures)
