"""Quality components and the reasons a person can act on, on generated pictures and on a real one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.verify.observations import POLICY
from tests.verify.real_data import data_file, engine
from verify.engines.protocol import Face, Image, Mesh
from verify.evidence import Reason
from verify.observation import Quality
from verify.quality import Purpose, assess_quality

BOX = np.array([220, 100, 200, 260], np.float32)
POINTS = np.array([[275, 200], [365, 200], [320, 255], [285, 305], [355, 305]], np.float32)
FACE = Face(BOX, POINTS, 0.95)


def mesh(**changes: float) -> Mesh:
    values = {"yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0, "blink": 0.05, "jaw": 0.02, "presence": 0.99, **changes}
    shapes = {"eyeBlinkLeft": values["blink"], "eyeBlinkRight": values["blink"], "jawOpen": values["jaw"]}
    return Mesh(np.zeros((478, 3), np.float32), values["presence"], shapes, values["yaw_deg"], values["pitch_deg"], values["roll_deg"])


def portrait() -> Image:
    """A drawn face of skin colour on an even wall."""
    image = np.full((480, 640, 3), (150, 150, 150), np.uint8)
    cv2.ellipse(image, (320, 230), (105, 140), 0, 0, 360, (120, 150, 195), -1)
    for x in (275, 365):
        cv2.ellipse(image, (x, 200), (18, 8), 0, 0, 360, (60, 50, 40), -1)
        cv2.line(image, (x - 22, 178), (x + 22, 178), (50, 60, 70), 5)
    cv2.line(image, (320, 210), (315, 258), (90, 115, 160), 4)
    cv2.ellipse(image, (320, 305), (35, 9), 0, 0, 360, (80, 80, 160), -1)
    grain = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def assessed(image: Image | None = None, face: Face = FACE, shape: Mesh | None = None, purpose: Purpose = Purpose.ENROLMENT) -> Quality:
    return assess_quality(portrait() if image is None else image, face, shape or mesh(), POLICY, purpose)


def test_a_good_picture_has_no_reason_and_every_component() -> None:
    quality = assessed()
    assert quality.reasons == ()
    assert {component.name for component in quality.components} == set(type(POLICY.quality.scale).model_fields)
    assert all(0 <= component.score <= 100 and np.isfinite(component.raw) for component in quality.components)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda image: cv2.GaussianBlur(image, (0, 0), 7), Reason.BLURRED),
        (lambda image: (image * 0.12).astype(np.uint8), Reason.TOO_DARK),
        (lambda image: np.clip(image.astype(int) + 120, 0, 255).astype(np.uint8), Reason.TOO_BRIGHT),
        (lambda image: (image * np.where(np.arange(640) < 320, 1.0, 0.3)[None, :, None]).astype(np.uint8), Reason.UNEVEN_LIGHT),
        (lambda image: cv2.rectangle(image.copy(), (210, 225), (430, 380), (200, 60, 30), -1), Reason.FACE_COVERED),
    ],
)
def test_what_is_wrong_with_the_picture_is_named(change: object, reason: Reason) -> None:
    assert reason in assessed(change(portrait())).reasons  # type: ignore[operator]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"yaw_deg": 40.0}, Reason.LOOK_STRAIGHT),
        ({"yaw_deg": -40.0}, Reason.LOOK_STRAIGHT),
        ({"pitch_deg": 45.0}, Reason.LOOK_STRAIGHT),
        ({"roll_deg": -35.0}, Reason.LOOK_STRAIGHT),
        ({"blink": 0.85}, Reason.OPEN_EYES),
        ({"jaw": 0.75}, Reason.CLOSE_MOUTH),
        ({"presence": 0.5}, Reason.FACE_COVERED),
    ],
)
def test_what_is_wrong_with_the_posture_is_named(shape: dict[str, float], reason: Reason) -> None:
    assert assessed(shape=mesh(**shape)).reasons == (reason,)


def test_turns_and_blinks_are_fine_in_a_frame_of_a_session() -> None:
    assert assessed(shape=mesh(yaw_deg=40.0, blink=0.9), purpose=Purpose.FRAME).reasons == ()


def scaled(factor: float, shift: float = 0.0) -> Face:
    centre = np.array([320, 230], np.float32)
    box = BOX.copy()
    box[2:] *= factor
    box[:2] = centre - box[2:] / 2 + (shift, 0)
    return Face(box, (POINTS - centre) * np.float32(factor) + centre + np.array([shift, 0], np.float32), 0.95)


def test_distance_and_place_are_named() -> None:
    assert Reason.MOVE_CLOSER in assessed(face=scaled(0.2)).reasons
    assert Reason.MOVE_BACK in assessed(face=scaled(2.5)).reasons
    assert Reason.CENTRE_FACE in assessed(face=scaled(1.0, shift=-280)).reasons


def test_without_a_mesh_the_other_components_remain() -> None:
    quality = assess_quality(portrait(), FACE, None, POLICY)
    names = {component.name for component in quality.components}
    assert names >= {"sharpness", "inter_eye_distance", "head_pose_roll", "background_uniformity"}
    assert not names & {"head_pose_yaw", "eyes_open", "mouth_closed"}
    assert quality.reasons == ()
    with pytest.raises(KeyError):
        quality.score("eyes_open")


def test_a_sharper_picture_scores_higher_whatever_the_light() -> None:
    def sharpness(image: Image) -> float:
        return next(c.raw for c in assessed(image).components if c.name == "sharpness")

    for light in (1.0, 0.5):
        dimmed = (portrait() * light).astype(np.uint8)
        assert sharpness(dimmed) > 2 * sharpness(cv2.GaussianBlur(dimmed, (0, 0), 3))


def test_a_busy_background_is_reported() -> None:
    busy = portrait()
    busy[:, :200] = np.random.default_rng(0).integers(0, 2, (480, 200, 1)) * 255
    assert assessed(busy).score("background_uniformity") < 30 < assessed().score("background_uniformity")


def test_a_real_selfie_is_good_enough_to_enrol() -> None:
    path = data_file("pad", "image_T1.jpg")
    onnx = engine("onnx")
    image = cv2.imread(str(path))
    face = onnx.detect(image)[0]
    quality = assess_quality(image, face, onnx.mesh(image, face), POLICY)
    assert quality.reasons == ()
