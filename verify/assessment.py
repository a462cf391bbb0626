"""All evidence of one attempt, and the decision on it. No database, no picture: observations in, decision out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.decision import decide
from verify.engines.protocol import Embedding
from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.active import active
from verify.pad.challenge import Challenge
from verify.pad.continuity import continuity
from verify.pad.depth import depth
from verify.pad.flash import flash
from verify.pad.integrity import EarlierSession, integrity
from verify.pad.noise import noise
from verify.pad.passive import passive
from verify.pad.screen import screen
from verify.policy import VerificationPolicy


def assess(
    observations: Sequence[Observation],
    challenge: Challenge | None,
    *,
    match: Evidence | None,
    policy: VerificationPolicy,
    tries_left: int,
    earlier: Sequence[EarlierSession] = (),
    camera_label: str | None = None,
    foreign_frames: int = 0,
    expired: bool = False,
) -> Decision:
    """Judge one attempt.

    observations: in the order in which they arrived. match: the comparison's evidence, None when there was none. earlier: what is
    kept of this person's earlier sessions. camera_label: the name of the camera as the browser gave it. foreign_frames: frames
    refused because their step token was of another session or step. expired: the challenge ran out before it was finished.
    """
    pieces = [
        integrity(observations, challenge, policy, earlier=earlier, foreign_frames=foreign_frames, expired=expired),
        continuity(observations, challenge, policy, camera_label=camera_label),
        active(observations, challenge, policy),
        passive(observations, challenge, policy),
        screen(observations, challenge, policy),
        noise(observations, challenge, policy),
        depth(observations, challenge, policy),
        flash(observations, challenge, policy),
        session_quality(observations, policy),
        match or Evidence(EvidenceKind.MATCH, EvidenceState.ABSENT, (Reason.EVIDENCE_NOT_MEASURED,)),
    ]
    return decide(pieces, policy, tries_left)


def session_quality(observations: Sequence[Observation], policy: VerificationPolicy) -> Evidence:
    """Enough frames of good quality to compare with. Reasons are those seen most often, the commonest first."""
    measured = [observation for observation in observations if observation.quality is not None]
    good = sum(1 for observation in measured if observation.quality is not None and not observation.quality.reasons)
    measures = (
        Measure("good_frames", good, policy.quality.good_frames_min, "frames"),
        Measure("frames_with_face", len(measured), None, "frames"),
        Measure("frames", len(observations), None, "frames"),
    )
    if good >= policy.quality.good_frames_min:
        return Evidence(EvidenceKind.QUALITY, EvidenceState.PASSED, (), measures)
    seen: dict[Reason, int] = {}
    for observation in measured:
        for reason in observation.quality.reasons if observation.quality is not None else ():
            seen[reason] = seen.get(reason, 0) + 1
    if len(observations) - len(measured) > len(measured):
        seen[Reason.NO_FACE] = len(observations) - len(measured)
    reasons = tuple(sorted(seen, key=lambda reason: -seen[reason])) or (Reason.TOO_FEW_FRAMES,)
    return Evidence(EvidenceKind.QUALITY, EvidenceState.INSUFFICIENT, reasons, measures)


def best_frames(observations: Sequence[Observation], count: int) -> tuple[Observation, ...]:
    """The frames with an embedding that are best to compare: good quality first, then the most frontal, then the sharpest."""
    usable = [observation for observation in observations if observation.embedding is not None]
    return tuple(sorted(usable, key=_worth, reverse=True)[:count])


def _worth(observation: Observation) -> tuple[bool, float, float]:
    quality = observation.quality
    turned = abs(observation.yaw_deg) if observation.yaw_deg is not None else 0.0
    # In steps of five degrees, so that among frontal frames the sharper one wins.
    return (
        quality is not None and not quality.reasons,
        -(turned // 5),
        float(quality.overall) if quality is not None else observation.detector_score,
    )


def probe_embedding(observations: Sequence[Observation], policy: VerificationPolicy) -> Embedding | None:
    """Mean of the best frames' embeddings, scaled to their mean length (unit length for cosine engines); None without any."""
    best = best_frames(observations, policy.probe_frames)
    if not best:
        return None
    stack = np.stack([observation.embedding for observation in best if observation.embedding is not None]).astype(np.float64)
    mean = stack.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length == 0:
        return None
    return (mean * (np.linalg.norm(stack, axis=1).mean() / length)).astype(np.float32)
