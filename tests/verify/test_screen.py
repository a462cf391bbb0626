"""A display before the camera: its grid shows in the spectrum when it is in focus (simulated displays)."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.verify.observations import POLICY, frame, texture
from verify.attack_media import Display, camera, on_display
from verify.evidence import EvidenceState, Reason
from verify.observe import spectral_peak
from verify.pad.screen import screen

LIMIT = POLICY.screen.moire_max


def face_like() -> np.ndarray:
    """(360, 480, 3) smooth picture with texture."""
    grey = cv2.resize(texture(5), (480, 360), interpolation=cv2.INTER_CUBIC)
    return cv2.merge([(grey * 0.7).astype(np.uint8), (grey * 0.8).astype(np.uint8), grey])


def peak(image: np.ndarray, quality: int = 88) -> float:
    compressed = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    value = spectral_peak(np.ascontiguousarray(compressed[80:280, 140:340, 1]))
    assert value is not None
    return value


@pytest.mark.parametrize("quality", [50, 75, 92])
def test_a_picture_before_the_camera_has_no_peak_at_any_compression(quality: int) -> None:
    assert peak(camera(face_like(), np.random.default_rng(2)), quality) < LIMIT


@pytest.mark.parametrize("pitch_px", [1.3, 1.6, 2.0, 2.5])
def test_a_display_in_focus_has_one(pitch_px: float) -> None:
    shown = on_display(face_like(), Display(pitch_px, 2.0, 0.3))
    assert peak(camera(shown, np.random.default_rng(2))) > LIMIT


def test_a_display_out_of_focus_has_none_and_this_is_known() -> None:
    assert peak(camera(on_display(face_like(), Display(1.1, 2.0, 0.9)), np.random.default_rng(2))) < LIMIT


def test_the_share_of_frames_decides() -> None:
    marked = [frame(i, moire=LIMIT + 1 if i % 2 else 4.0) for i in range(10)]
    piece = screen(marked, None, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.CONTRADICTED, (Reason.SCREEN,))
    single = [frame(i, moire=LIMIT + 1 if i == 4 else 4.0) for i in range(10)]
    assert screen(single, None, POLICY).state is EvidenceState.PASSED


def test_a_face_too_small_for_a_spectrum_is_not_measured_and_no_face_is_asked_again() -> None:
    assert spectral_peak(np.zeros((40, 40), np.uint8)) is None
    assert screen([frame(i, moire=None) for i in range(9)], None, POLICY).state is EvidenceState.ABSENT
    assert screen([frame(i, moire=None, box=None) for i in range(9)], None, POLICY).state is EvidenceState.INSUFFICIENT
