"""Continuity evidence: one and the same face, in one uncut take, alone before a real camera.

Measured: the cosine of consecutive frames stays at or above 0.5 in all of 5,080 live pairs and misses 0.03% of changes to another
person; a cut to another picture of the same person leaves no optical-flow track alive, a live pair 38-114.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Outcome, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.pad.turning import gated
from verify.policy import ContinuityPolicy, VerificationPolicy

_TRACKS = 80
_BACK_AND_FORTH_PX = 1.0
_FLOW = {"winSize": (21, 21), "maxLevel": 3, "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.03)}


def continuity(
    observations: Sequence[Observation],
    challenge: Challenge | None,  # noqa: ARG001
    policy: VerificationPolicy,
    *,
    camera_label: str | None = None,
) -> Evidence:
    """Is it one take of one face?

    contradicted: the face changed, the take was cut, or policy refuses the camera. insufficient: a second face in view, or too few
    frames. borderline: a virtual camera that policy wants a person to look at.
    """
    rules = policy.continuity
    faces = [observation for observation in observations if observation.box is not None]
    similarity = lowest_similarity(observations, policy)
    tracks = lowest_track_share(observations, policy)
    second = sum(observation.second_face_ratio > rules.second_face_ratio_max for observation in observations)
    virtual = is_virtual_camera(camera_label, rules)
    limit = similarity_limit(observations, rules)
    measures = (
        Measure("frames_with_face", len(faces), rules.frames_min, "frames"),
        Measure("lowest_similarity", similarity, limit),
        Measure("lowest_track_share", tracks, rules.tracks_min),
        Measure("frames_with_second_face", second, rules.second_face_frames, "frames"),
        Measure("virtual_camera", float(virtual), 0),
    )
    against = [
        reason
        for reason, found in (
            (Reason.FACE_CHANGED, similarity is not None and limit is not None and similarity < limit),
            (Reason.CUT, tracks is not None and tracks < rules.tracks_min),
            (Reason.VIRTUAL_CAMERA, virtual and rules.virtual_camera_outcome == Outcome.REFUSED),
        )
        if found
    ]
    if against:
        return Evidence(EvidenceKind.CONTINUITY, EvidenceState.CONTRADICTED, tuple(against), measures)
    if second >= rules.second_face_frames:
        return Evidence(EvidenceKind.CONTINUITY, EvidenceState.INSUFFICIENT, (Reason.TWO_FACES,), measures)
    if len(faces) < rules.frames_min:
        reasons = (Reason.NO_FACE,) if observations else (Reason.TOO_FEW_FRAMES,)
        return Evidence(EvidenceKind.CONTINUITY, EvidenceState.INSUFFICIENT, reasons, measures)
    if virtual:
        return Evidence(EvidenceKind.CONTINUITY, EvidenceState.BORDERLINE, (Reason.VIRTUAL_CAMERA,), measures)
    return Evidence(EvidenceKind.CONTINUITY, EvidenceState.PASSED, (), measures)


def is_virtual_camera(camera_label: str | None, rules: ContinuityPolicy) -> bool:
    """True when the camera's name holds a known virtual camera's, whatever the case."""
    return camera_label is not None and any(label.casefold() in camera_label.casefold() for label in rules.virtual_camera_labels)


def similarity_limit(observations: Sequence[Observation], rules: ContinuityPolicy) -> float | None:
    """The lowest acceptable cosine for embeddings of this length: dlib's 128 numbers are all much alike."""
    size = next((len(observation.embedding) for observation in observations if observation.embedding is not None), None)
    return None if size is None else rules.similarity_min.get(str(size), rules.similarity_min["default"])


def lowest_similarity(observations: Sequence[Observation], policy: VerificationPolicy) -> float | None:
    """Lowest cosine of consecutive embedded frames with a sure face, [-1, 1]; None with fewer than two.

    One spoilt frame (a hand, a blur) does not count where its neighbours agree with each other across it.
    """
    embeddings = [
        observation.embedding
        for observation in observations
        if observation.embedding is not None and observation.detector_score > policy.frame.detector_score_min
    ]
    if len(embeddings) < 2:
        return None
    stack = np.stack(embeddings).astype(np.float64)
    stack /= np.maximum(np.linalg.norm(stack, axis=1, keepdims=True), 1e-9)
    direct = (stack[:-1] * stack[1:]).sum(axis=1)
    if len(direct) < 3:
        return float(direct.min())
    across = (stack[:-2] * stack[2:]).sum(axis=1)
    # Leaving out inner frame i turns the links i-1 and i into one; only one frame of a session may be left out, or two faces in turn
    # would pass.
    spoilt = 1 + int(np.minimum(direct[:-1], direct[1:]).argmin())
    without = np.concatenate([direct[: spoilt - 1], across[spoilt - 1 : spoilt], direct[spoilt + 1 :]])
    return float(max(direct.min(), without.min()))


def lowest_track_share(observations: Sequence[Observation], policy: VerificationPolicy) -> float | None:
    """Lowest share of tracked points that survive from one frame to the next, [0, 1]; None when no pair can be compared.

    Pairs far apart in time or pose are left out: there tracks die in live takes as well.
    """
    rules = policy.continuity
    usable = [
        observation
        for observation in observations
        if observation.patch is not None
        and (observation.mesh_presence is None or gated(observation, policy))
        and observation.detector_score > policy.frame.detector_score_min
    ]
    shares = [
        share
        for left, right in itertools.pairwise(usable)
        if right.captured_at_ms - left.captured_at_ms <= rules.tracks_max_gap_ms
        and _turned_deg(left, right) <= rules.tracks_max_turn_deg
        and (share := track_share(left.patch, right.patch)) is not None  # type: ignore[arg-type]
    ]
    return min(shares, default=None)


def _turned_deg(left: Observation, right: Observation) -> float:
    angles = ((left.yaw_deg, right.yaw_deg), (left.pitch_deg, right.pitch_deg))
    return max((abs(a - b) for a, b in angles if a is not None and b is not None), default=0.0)


def track_share(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float | None:
    """Share of corners of one aligned patch that are found in the other and back again, [0, 1]; None in a patch without corners."""
    corners = cv2.goodFeaturesToTrack(left, _TRACKS, 0.01, 7)
    if corners is None or len(corners) < 10:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(left, right, corners, None, **_FLOW)  # type: ignore[call-overload]
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(right, left, there, None, **_FLOW)  # type: ignore[call-overload]
    error = np.linalg.norm(back - corners, axis=2).ravel()
    alive = (found.ravel() == 1) & (found_back.ravel() == 1) & (error < _BACK_AND_FORTH_PX)
    return float(alive.mean())
