"""YuNet on OpenVINO gives the rows that OpenCV's own runner gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.verify.real_data import data_file, engine
from verify.engines.onnx import DetectorConfig, OpenCvYuNet, YuNetDetector
from verify.engines.yunet import OpenVinoYuNet
from verify.weights import locate


@pytest.fixture(scope="module")
def config() -> DetectorConfig:
    engine("onnx")  # skips where the weights are not here
    return DetectorConfig.of(locate().require()["yunet"])


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (213, 319)])
@pytest.mark.parametrize("threshold", [0.6, 0.3])
def test_its_rows_are_those_of_opencv(config: DetectorConfig, size: tuple[int, int], threshold: float) -> None:
    ours, theirs = OpenVinoYuNet(config.path, config.nms_threshold), OpenCvYuNet(config)
    for path in sorted(data_file("faces", "images").iterdir())[:25]:
        picture = cv2.resize(cv2.imread(str(path)), size)
        np.testing.assert_allclose(ours.detect(picture, threshold), theirs.detect(picture, threshold), atol=1e-3)


def test_a_picture_without_a_face_has_no_rows(config: DetectorConfig) -> None:
    assert OpenVinoYuNet(config.path, config.nms_threshold).detect(np.full((240, 320, 3), 90, np.uint8), 0.6).shape == (0, 15)


def test_without_openvino_opencv_finds_the_same_faces(config: DetectorConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.imread(str(data_file("faces", "images", "Ana_Palacio_0006.jpg")))
    with_openvino = YuNetDetector(config)(picture)

    def missing(*_arguments: object) -> None:
        raise ImportError("no openvino")

    monkeypatch.setattr("verify.engines.onnx.OpenVinoYuNet", missing)
    without = YuNetDetector(config)(picture)
    assert len(with_openvino) == len(without) > 0
    np.testing.assert_allclose(with_openvino[0].box, without[0].box, atol=0.01)
