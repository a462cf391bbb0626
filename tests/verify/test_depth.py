"""Depth from optical flow: a solid that turns against a flat picture that is tilted."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tests.verify.observations import POLICY, frame, texture
from verify.engines.alignment import ARCFACE_POINTS
from verify.evidence import EvidenceState, Reason
from verify.pad.depth import depth, pair_relief

SIZE = 192
GATING = POLICY.model_copy(update={"depth": POLICY.depth.model_copy(update={"gating": True})})


def nose(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of a cone in the middle of the face, in patch pixels."""
    return 60 * np.exp(-(((x - 96) / 16) ** 2) - ((y - 100) / 22) ** 2)


def turned(yaw_deg: float, *, solid: bool) -> np.ndarray:
    """The texture on a plane, or on a plane with a nose, turned by yaw under parallel projection (small angles)."""
    x, y = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32))
    yaw = math.radians(yaw_deg)
    height = nose(x, y) if solid else np.zeros_like(x)
    source_x = 96 + (x - 96 - height * math.sin(yaw)) / math.cos(yaw)
    return cv2.remap(texture(3), source_x.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def observed(seq: int, yaw_deg: float, *, solid: bool) -> object:
    """A frame whose mesh claims a nose, as the mesh does on photographs as well."""
    grid = np.stack(np.meshgrid(np.linspace(10, 182, 22), np.linspace(10, 182, 22)), axis=-1).reshape(-1, 2)[:478]
    points = np.column_stack([grid, -nose(grid[:, 0], grid[:, 1])]).astype(np.float32)
    landmarks = (ARCFACE_POINTS * SIZE / 112).astype(np.float32)
    return frame(seq, yaw=yaw_deg, patch=turned(yaw_deg, solid=solid), mesh_points=points, landmarks=landmarks)


def test_a_solid_shows_more_relief_than_a_flat_picture() -> None:
    solid = pair_relief(observed(0, 0, solid=True), observed(1, 10, solid=True))
    flat = pair_relief(observed(0, 0, solid=False), observed(1, 10, solid=False))
    assert solid is not None
    assert flat is not None
    assert solid > 0.3 > flat + 0.1


def test_policy_reports_depth_without_holding_it_against_anybody() -> None:
    flat = [observed(i, yaw, solid=False) for i, yaw in enumerate((0, 10, 0, 12))]
    piece = depth(flat, None, POLICY)
    assert piece.state is EvidenceState.PASSED
    assert piece.measure("relief") is not None
    assert next(m for m in piece.measures if m.name == "relief").threshold is None


def test_a_policy_that_gates_refers_a_flat_face_and_passes_a_solid_one() -> None:
    flat = depth([observed(i, yaw, solid=False) for i, yaw in enumerate((0, 10, 0, 10))], None, GATING)
    solid = depth([observed(i, yaw, solid=True) for i, yaw in enumerate((0, 10, 0, 10))], None, GATING)
    assert (flat.state, flat.reasons) == (EvidenceState.BORDERLINE, (Reason.PHOTOGRAPH,))
    assert solid.state is EvidenceState.PASSED


def test_without_a_turn_depth_is_not_measured() -> None:
    assert depth([observed(i, 0, solid=True) for i in range(4)], None, POLICY).state is EvidenceState.ABSENT
    assert depth([], None, GATING).state is EvidenceState.ABSENT
