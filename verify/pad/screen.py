"""Screen evidence: a display's pixel grid beats with the camera's and leaves peaks in the spectrum.

The peak over the median shows strong moire only: a fine display, in focus, square to the camera, passes.
"""

from __future__ import annotations

from collections.abc import Sequence

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.policy import VerificationPolicy


def screen(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:  # noqa: ARG001
    """Do the frames show the marks of a display? share: frames whose spectrum has a peak above policy."""
    peaks = [observation.moire for observation in observations if observation.moire is not None]
    if len(peaks) < policy.screen.frames_min:
        # A face too small for a spectrum is not the same as no face: then nothing can be said.
        small = sum(observation.box is not None for observation in observations) >= policy.screen.frames_min
        return Evidence(
            EvidenceKind.SCREEN,
            EvidenceState.ABSENT if small else EvidenceState.INSUFFICIENT,
            (Reason.EVIDENCE_NOT_MEASURED if small else Reason.TOO_FEW_FRAMES,),
            (Measure("frames", len(peaks), policy.screen.frames_min, "frames"),),
        )
    share = sum(1 for peak in peaks if peak > policy.screen.moire_max) / len(peaks)
    measures = (
        Measure("moire_share", share, policy.screen.share_max),
        Measure("moire_median", sorted(peaks)[len(peaks) // 2], policy.screen.moire_max, "peak over median"),
    )
    if share > policy.screen.share_max:
        return Evidence(EvidenceKind.SCREEN, EvidenceState.CONTRADICTED, (Reason.SCREEN,), measures)
    return Evidence(EvidenceKind.SCREEN, EvidenceState.PASSED, (), measures)
