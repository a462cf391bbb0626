"""The noise gate: the estimate finds the noise that was added, and noisy pictures are asked for again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.verify.observations import POLICY, frame
from verify.evidence import EvidenceState, Reason
from verify.observe import noise_sigma
from verify.pad.noise import noise


def scene(sigma: float) -> np.ndarray:
    """A smooth scene with edges, and white noise."""
    picture = np.zeros((200, 160), np.float32) + 90
    cv2.circle(picture, (80, 100), 60, 160, -1)
    cv2.rectangle(picture, (10, 10), (60, 40), 40, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.2) + np.linspace(0, 50, 160)[None]
    return np.clip(picture + np.random.default_rng(1).normal(0, sigma, picture.shape) + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0, 12.0])
def test_the_estimate_finds_the_noise_that_is_there(sigma: float) -> None:
    assert noise_sigma(scene(sigma)) == pytest.approx(sigma, rel=0.12, abs=0.25)


def test_edges_are_not_taken_for_noise() -> None:
    assert (noise_sigma(scene(0.0)) or 0) < 0.6


def test_a_region_too_small_says_nothing() -> None:
    assert noise_sigma(np.zeros((12, 40), np.uint8)) is None


def test_noisy_pictures_are_asked_for_again() -> None:
    limit = POLICY.noise.sigma_max
    noisy = noise([frame(i, noise_sigma=limit + 0.1) for i in range(6)], None, POLICY)
    assert (noisy.state, noisy.reasons) == (EvidenceState.INSUFFICIENT, (Reason.NOISY_PICTURE,))
    assert noise([frame(i, noise_sigma=limit) for i in range(6)], None, POLICY).state is EvidenceState.PASSED
    assert noise([frame(i, noise_sigma=50.0 if i == 0 else 1.0) for i in range(6)], None, POLICY).state is EvidenceState.PASSED


def test_no_face_gives_no_estimate() -> None:
    piece = noise([frame(i, noise_sigma=None) for i in range(6)], None, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,))
