"""Flash evidence: the face answers the page's random colours, in their order; a recording cannot know them.

Each frame's face colour is taken relative to the background (which the small screen hardly lights, while the camera's white balance
moves both) and to the same person without a flash. The answer is the correlation between the chroma shown and the chroma seen over
all colours; its p-value is the share of all sequences that could have been drawn and would have fitted as well.

Not measured on recordings of real people: policy reports it until that is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.observe import BACKGROUND_REGIONS, FACE_REGIONS
from verify.pad.challenge import Challenge
from verify.policy import FlashPolicy, VerificationPolicy


def flash(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:
    """Did the face answer the colours? Not required by policy: an unanswered flash is reported and does not gate."""
    rules = policy.flash
    if challenge is None or not challenge.colours:
        return Evidence(EvidenceKind.FLASH, EvidenceState.ABSENT, (Reason.EVIDENCE_NOT_MEASURED,))
    seen = responses(observations, challenge, rules)
    if seen is None:
        state = EvidenceState.INSUFFICIENT if rules.required else EvidenceState.ABSENT
        return Evidence(EvidenceKind.FLASH, state, (Reason.EVIDENCE_NOT_MEASURED,))
    correlation, p_value = answer(seen, challenge.colours, rules)
    measures = (
        Measure("correlation", correlation, rules.correlation_min if rules.required else None),
        Measure("p_value", p_value, rules.p_value_max if rules.required else None),
    )
    answered = correlation >= rules.correlation_min and p_value <= rules.p_value_max
    if answered:
        return Evidence(EvidenceKind.FLASH, EvidenceState.PASSED, (), measures)
    state = EvidenceState.CONTRADICTED if rules.required else EvidenceState.ABSENT
    return Evidence(EvidenceKind.FLASH, state, (Reason.FLASH_NOT_ANSWERED,), measures)


def chroma(bgr: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 2) log red over green and log blue over green of (..., 3) mean BGR."""
    logs = np.log(np.maximum(np.asarray(bgr, np.float64), 1.0))
    return np.stack([logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1]], axis=-1)


def _relative(observation: Observation) -> NDArray[np.float64] | None:
    """Chroma of the face less that of the background (where there is one in view)."""
    if observation.colour_means is None:
        return None
    face = np.nanmean(chroma(observation.colour_means[list(FACE_REGIONS)]), axis=0)
    behind = observation.colour_means[list(BACKGROUND_REGIONS)]
    behind = behind[~np.isnan(behind).any(axis=1)]
    return face - chroma(behind).mean(axis=0) if len(behind) else face


def responses(observations: Sequence[Observation], challenge: Challenge, rules: FlashPolicy) -> NDArray[np.float64] | None:
    """(F, 2) change of relative chroma under each colour against the frames without one; None when a colour has no frame."""
    first = len(challenge.prompts)
    frontal = [
        observation
        for observation in observations
        if observation.step < first and abs(observation.yaw_deg or 0.0) < rules.baseline_yaw_max_deg
    ]
    baseline = [value for observation in frontal if (value := _relative(observation)) is not None]
    if not baseline:
        return None
    rows = []
    for index, colour in enumerate(challenge.colours):
        frames = [o for o in observations if o.step == first + index and o.colour == colour]
        # The screen, its camera and the exposure need a moment to follow a change.
        settled = [o for o in frames if o.captured_at_ms - frames[0].captured_at_ms >= rules.settle_ms]
        values = [value for observation in settled if (value := _relative(observation)) is not None]
        if not values:
            return None
        rows.append(np.median(values, axis=0))
    return np.stack(rows) - np.median(baseline, axis=0)


def answer(seen: NDArray[np.float64], colours: Sequence[str], rules: FlashPolicy) -> tuple[float, float]:
    """(correlation in [-1, 1], p-value in (0, 1]) of the (F, 2) responses with the colours shown."""
    names = sorted(rules.colours)
    shown = {name: chroma(np.array(rules.colours[name][::-1])) for name in names}
    given = _correlation(seen, np.stack([shown[name] for name in colours]))
    possible = [s for s in product(names, repeat=len(colours)) if all(a != b for a, b in pairwise(s))]
    fitting = sum(_correlation(seen, np.stack([shown[name] for name in sequence])) >= given - 1e-12 for sequence in possible)
    return given, max(1, fitting) / len(possible)


def _correlation(seen: NDArray[np.float64], shown: NDArray[np.float64]) -> float:
    a, b = (seen - seen.mean(axis=0)).ravel(), (shown - shown.mean(axis=0)).ravel()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b / size) if size > 0 else 0.0
