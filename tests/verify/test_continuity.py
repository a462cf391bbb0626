"""One take of one face: changes of face, cuts, second faces and virtual cameras."""

from __future__ import annotations

import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, embedding, frame, session, texture
from verify.evidence import EvidenceState, Outcome, Reason
from verify.pad.continuity import continuity, is_virtual_camera, lowest_similarity, track_share

PASSED, CONTRADICTED, INSUFFICIENT, BORDERLINE = (
    EvidenceState.PASSED,
    EvidenceState.CONTRADICTED,
    EvidenceState.INSUFFICIENT,
    EvidenceState.BORDERLINE,
)


def take(count: int = 12, **changes: object) -> list[object]:
    return [frame(i, **changes) for i in range(count)]


def test_one_take_of_one_face_passes() -> None:
    observations, challenge = session(LEFT, RIGHT)
    piece = continuity(observations, challenge, POLICY)
    assert piece.state is PASSED
    assert piece.reasons == ()


def test_a_face_that_changes_mid_way_is_noticed() -> None:
    observations = [frame(i, person=0 if i < 6 else 1) for i in range(12)]
    piece = continuity(observations, None, POLICY)
    assert piece.state is CONTRADICTED
    assert piece.reasons[0] is Reason.FACE_CHANGED


def test_a_change_of_face_on_unembedded_frames_is_noticed_by_the_next_embedded_one() -> None:
    observations = [frame(i, embedding=embedding(i // 6, seed=i) if i % 2 == 0 else None, patch=None) for i in range(12)]
    assert continuity(observations, None, POLICY).reasons == (Reason.FACE_CHANGED,)


def test_one_spoilt_frame_is_no_change_of_face_but_two_faces_in_turn_are() -> None:
    one = [frame(i, embedding=embedding(7 if i == 5 else 0, seed=i)) for i in range(12)]
    assert continuity(one, None, POLICY).state is PASSED
    in_turn = [frame(i, embedding=embedding(i % 2, seed=i)) for i in range(12)]
    assert Reason.FACE_CHANGED in continuity(in_turn, None, POLICY).reasons
    last = [frame(i, embedding=embedding(7 if i == 11 else 0, seed=i)) for i in range(12)]
    assert Reason.FACE_CHANGED in continuity(last, None, POLICY).reasons


def test_a_cut_to_another_picture_of_the_same_person_is_noticed() -> None:
    observations = [frame(i, patch=np.roll(texture(0 if i < 6 else 5), i % 2, axis=0)) for i in range(12)]
    piece = continuity(observations, None, POLICY)
    assert (piece.state, piece.reasons) == (CONTRADICTED, (Reason.CUT,))


@pytest.mark.parametrize("changes", [{"at_ms": 3000}, {"yaw": 40.0}])
def test_after_a_gap_or_a_large_turn_lost_tracks_are_no_cut(changes: dict[str, object]) -> None:
    first = [frame(i) for i in range(6)]
    later = [
        frame(6 + i, patch=texture(5), **{"at_ms": 750 + 125 * i, **({"at_ms": 3000 + 125 * i} if "at_ms" in changes else changes)})
        for i in range(6)
    ]
    assert Reason.CUT not in continuity([*first, *later], None, POLICY).reasons


def test_tracks_survive_small_motion_and_not_another_picture() -> None:
    assert (track_share(texture(1), np.roll(texture(1), 3, axis=1)) or 0) > 0.6
    assert (track_share(texture(0), texture(5)) or 0) < POLICY.continuity.tracks_min
    assert track_share(np.full((192, 192), 90, np.uint8), texture(2)) is None


def test_a_second_face_is_asked_to_leave_and_a_small_one_in_the_distance_is_not() -> None:
    piece = continuity(take(second_face_ratio=0.6, faces=2), None, POLICY)
    assert (piece.state, piece.reasons) == (INSUFFICIENT, (Reason.TWO_FACES,))
    assert continuity(take(second_face_ratio=0.05, faces=2), None, POLICY).state is PASSED


def test_no_face_is_named() -> None:
    piece = continuity(take(box=None, embedding=None, patch=None, faces=0), None, POLICY)
    assert (piece.state, piece.reasons) == (INSUFFICIENT, (Reason.NO_FACE,))


@pytest.mark.parametrize(
    "label", ["OBS Virtual Camera", "obs virtual camera (m-de:vice)", "ManyCam Virtual Webcam", "v4l2loopback: Dummy video device"]
)
def test_known_virtual_cameras_are_flagged(label: str) -> None:
    assert is_virtual_camera(label, POLICY.continuity)
    piece = continuity(take(), None, POLICY, camera_label=label)
    assert (piece.state, piece.reasons) == (BORDERLINE, (Reason.VIRTUAL_CAMERA,))


@pytest.mark.parametrize("label", [None, "", "camera2 1, facing front", "FaceTime HD Camera", "前置摄像头"])
def test_real_cameras_are_not(label: str | None) -> None:
    assert continuity(take(), None, POLICY, camera_label=label).state is PASSED


def test_policy_can_refuse_virtual_cameras() -> None:
    strict = POLICY.model_copy(update={"continuity": POLICY.continuity.model_copy(update={"virtual_camera_outcome": Outcome.REFUSED})})
    assert continuity(take(), None, strict, camera_label="ManyCam").state is CONTRADICTED


def test_the_limit_fits_the_engine_by_the_length_of_its_templates() -> None:
    def dlib_like(person: int, seed: int) -> np.ndarray:
        return (
            np.ones(128) / 11
            + 0.6 * np.random.default_rng(person).normal(size=128) / 11
            + 0.01 * np.random.default_rng(seed).normal(size=128)
        ).astype(np.float32)

    same = [frame(i, embedding=dlib_like(1, i)) for i in range(8)]
    changed = [frame(i, embedding=dlib_like(i // 4, i)) for i in range(8)]
    assert continuity(same, None, POLICY).state is PASSED
    assert (lowest_similarity(changed, POLICY) or 0) > 0.5
    assert continuity(changed, None, POLICY).reasons == (Reason.FACE_CHANGED,)
