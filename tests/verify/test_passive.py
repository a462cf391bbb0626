"""Passive evidence: what its median comes to, and when it may not speak at all."""

from __future__ import annotations

import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, frame, play, session
from verify.attack_session import challenge_of
from verify.evidence import EvidenceState, Reason
from verify.pad.passive import passive, passive_scores


def frames(*scores: float, **changes: object) -> list[object]:
    return [frame(i, passive=score, **changes) for i, score in enumerate(scores)]


def test_the_median_decides_and_not_single_frames() -> None:
    assert passive(frames(0.9, 0.9, 0.1, 0.9, 0.8), None, POLICY).state is EvidenceState.PASSED
    assert passive(frames(0.1, 0.2, 0.9, 0.1, 0.9), None, POLICY).state is EvidenceState.BORDERLINE


def test_a_low_score_alone_goes_to_a_person() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    low = play(challenge)
    low = [frame(o.seq, at_ms=o.captured_at_ms, yaw=o.yaw_deg or 0, step=o.step, passive=0.05) for o in low]
    piece = passive(low, challenge, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.BORDERLINE, (Reason.PHOTOGRAPH,))


def test_a_low_score_of_one_who_did_not_turn_is_a_photograph() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda _prompt, _since: {"passive": 0.05, "yaw_deg": 0.0}, most_ms=5000)
    assert passive(observations, challenge, POLICY).state is EvidenceState.CONTRADICTED


def test_under_noise_neither_verdict_counts() -> None:
    noisy = POLICY.noise.sigma_max + 1
    for score in (0.01, 0.99):
        piece = passive(frames(*[score] * 6, noise_sigma=noisy), None, POLICY)
        assert (piece.state, piece.reasons) == (EvidenceState.INSUFFICIENT, (Reason.NOISY_PICTURE,))


def test_unsure_detections_do_not_count() -> None:
    assert passive(frames(*[0.99] * 8, detector_score=0.5), None, POLICY).state is EvidenceState.INSUFFICIENT


def test_frontal_frames_count_and_turned_ones_only_where_there_are_too_few() -> None:
    frontal = [frame(i, passive=0.9) for i in range(5)]
    turned = [frame(10 + i, passive=0.1, yaw=40.0 + i) for i in range(9)]
    assert passive_scores([*frontal, *turned], POLICY) == [0.9] * 5
    assert sorted(passive_scores([*frontal[:3], *turned], POLICY)) == [0.1, 0.1, 0.9, 0.9, 0.9]


@pytest.mark.parametrize(
    ("observations", "state"),
    [
        ([], EvidenceState.INSUFFICIENT),
        ([frame(0, box=None, passive=None)], EvidenceState.INSUFFICIENT),
        ([frame(i, passive=None) for i in range(9)], EvidenceState.ABSENT),
        ([frame(i) for i in range(4)], EvidenceState.INSUFFICIENT),
    ],
)
def test_too_little_is_asked_again_and_an_engine_without_it_is_absent(observations: list[object], state: EvidenceState) -> None:
    assert passive(observations, None, POLICY).state is state


def test_a_live_session_passes() -> None:
    observations, challenge = session(LEFT, RIGHT)
    assert passive(observations, challenge, POLICY).state is EvidenceState.PASSED
