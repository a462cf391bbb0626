"""Depth evidence: during a head turn near points move further than far ones, which no smooth warp of a flat picture imitates.

Points are tracked between two aligned faces of different yaw. Their flow is fitted with a quadratic in x and y, which a moved, tilted
or gently bent print obeys, and then with a further term along the mesh's depth. relief is the share of the quadratic's residual
that the depth term explains. It separates at large turns only (0.125-0.17 real, up to 0.045 prints), so policy reports it and does
not gate on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.alignment import ARCFACE_POINTS, ARCFACE_SIZE_PX, similarity_2d
from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.pad.turning import gated
from verify.policy import VerificationPolicy

_POINTS = 120
_POINTS_MIN = 25


def depth(observations: Sequence[Observation], challenge: Challenge | None, policy: VerificationPolicy) -> Evidence:  # noqa: ARG001
    """Did the face move like a solid? Absent without a pair of frames far enough apart in yaw."""
    rules = policy.depth
    pairs = _pairs(observations, policy)
    reliefs = [relief for left, right in pairs if (relief := pair_relief(left, right)) is not None]
    if not reliefs:
        return Evidence(EvidenceKind.DEPTH, EvidenceState.ABSENT, (Reason.EVIDENCE_NOT_MEASURED,))
    value = median(reliefs)
    measures = (Measure("relief", value, rules.relief_min if rules.gating else None), Measure("pairs", len(reliefs), None, "pairs"))
    if rules.gating and value < rules.relief_min:
        return Evidence(EvidenceKind.DEPTH, EvidenceState.BORDERLINE, (Reason.PHOTOGRAPH,), measures)
    return Evidence(EvidenceKind.DEPTH, EvidenceState.PASSED, (), measures)


def _pairs(observations: Sequence[Observation], policy: VerificationPolicy) -> list[tuple[Observation, Observation]]:
    """Pairs within the span of yaw that tracks survive, the largest differences first."""
    rules = policy.depth
    usable = [
        observation
        for observation in observations
        if observation.patch is not None and observation.mesh_points is not None and gated(observation, policy)
    ]
    thinned = usable[:: max(1, len(usable) // 40)]
    pairs = [
        (left, right)
        for left, right in combinations(thinned, 2)
        if rules.yaw_difference_min_deg <= abs(left.yaw_deg - right.yaw_deg) <= rules.yaw_difference_max_deg  # type: ignore[operator]
    ]
    pairs.sort(key=lambda pair: -abs(pair[0].yaw_deg - pair[1].yaw_deg))  # type: ignore[operator]
    return pairs[: rules.pairs_max]


def pair_relief(left: Observation, right: Observation) -> float | None:
    """Share of the flow's residual that depth explains, [0, 1]; None when too few points can be tracked."""
    if left.patch is None or right.patch is None or left.mesh_points is None or left.landmarks is None:
        return None
    corners = cv2.goodFeaturesToTrack(left.patch, _POINTS, 0.005, 5)
    if corners is None:
        return None
    size_px = left.patch.shape[0]
    there, found, _ = cv2.calcOpticalFlowPyrLK(left.patch, right.patch, corners, None, winSize=(21, 21), maxLevel=3)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(right.patch, left.patch, there, None, winSize=(21, 21), maxLevel=3)
    alive = (found.ravel() == 1) & (found_back.ravel() == 1) & (np.linalg.norm(back - corners, axis=2).ravel() < 1.5)
    points = corners[alive, 0].astype(np.float64)
    flow = (there[alive, 0] - corners[alive, 0]).astype(np.float64)
    z, inside = _depth_at(points, left, size_px)
    points, flow, z = points[inside], flow[inside], z[inside]
    if len(points) < _POINTS_MIN:
        return None
    xy = points / size_px - 0.5
    quadratic = np.column_stack([np.ones(len(xy)), xy, xy[:, :1] * xy[:, 1:], xy**2])
    flat = _residual(quadratic, flow)
    solid = _residual(np.column_stack([quadratic, z]), flow)
    return float(1 - solid / flat) if flat > 0 else None


def _depth_at(points: NDArray[np.float64], observation: Observation, size_px: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mesh depth (in face heights) at each patch point, mean of its three nearest vertices; and which points lie on the mesh."""
    matrix = similarity_2d(observation.landmarks, ARCFACE_POINTS * (size_px / ARCFACE_SIZE_PX))  # type: ignore[arg-type]
    mesh = observation.mesh_points.astype(np.float64)  # type: ignore[union-attr]
    placed = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1])) / size_px
    distance = np.linalg.norm(points[:, None] - placed[None], axis=2)
    nearest = np.argsort(distance, axis=1)[:, :3]
    z = mesh[nearest, 2].mean(axis=1) * scale
    return z, np.take_along_axis(distance, nearest[:, :1], axis=1).ravel() < size_px * 0.06


def _residual(design: NDArray[np.float64], flow: NDArray[np.float64]) -> float:
    """Sum of squares that a linear fit of both flow components leaves, outliers clipped by one reweighting."""
    solution = np.linalg.lstsq(design, flow, rcond=None)[0]
    error = np.linalg.norm(flow - design @ solution, axis=1)
    weight = np.minimum(1.0, 3 * np.median(error) / np.maximum(error, 1e-9))[:, None]
    solution = np.linalg.lstsq(design * weight, flow * weight, rcond=None)[0]
    return float((((flow - design @ solution) * weight) ** 2).sum())
