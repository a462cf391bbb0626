"""A test double: it reads what it is to observe from a band of black and white cells painted below the picture.

It recognises no faces and refuses to load unless it is told that test doubles are allowed. ``sample_data.captures`` draws pictures
for it. The band survives JPEG at quality 70, a colour cast, and resizing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from verify.engines.protocol import Capability, Embedding, Face, Image, Mesh
from verify.errors import EngineError

COLUMNS, ROWS = 40, 4
BAND_SHARE = 0.125  # of the picture's height, at its lower edge
_MARK = (1, 0, 1, 0, 0, 1, 1, 0)
_CRC_BITS = 16
EMBEDDING_SIZE = 64
POINTS = 478
_HEAD_WIDTH = 0.75  # of the head's height
# a few landmarks of MediaPipe's mesh on a unit head (x to the image's right, y up); the others are spread evenly
_NAMED_POINTS = {
    1: (0.0, -0.1), 4: (0.0, -0.1), 10: (0.0, 0.95), 152: (0.0, -0.95), 33: (-0.55, 0.2), 133: (-0.22, 0.2), 362: (0.22, 0.2),
    263: (0.55, 0.2), 61: (-0.33, -0.45), 291: (0.33, -0.45), 13: (0.0, -0.42), 14: (0.0, -0.48), 234: (-0.97, 0.0), 454: (0.97, 0.0),
    50: (-0.55, -0.15), 280: (0.55, -0.15), 468: (-0.38, 0.2), 473: (0.38, 0.2),
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """What one scripted picture shows.

    identity: 0-65535. faces: 0-3. yaw, pitch, roll in whole degrees, signs as in Mesh. likeness: 0-15, cosine of the embedding with
    the identity's own is likeness / 15. blink, jaw_open, presence, detector_score: 0-15, fifteenths. passive: 0-255, in 255ths.
    centre_x, centre_y, height: 0-255, the head's centre and height as shares (in 255ths) of the picture's width, height and height.
    """

    identity: int = 1
    faces: int = 1
    yaw: int = 0
    pitch: int = 0
    roll: int = 0
    likeness: int = 15
    blink: int = 1
    jaw_open: int = 0
    presence: int = 15
    detector_score: int = 14
    passive: int = 245
    centre_x: int = 128
    centre_y: int = 110
    height: int = 130


_BITS = {
    "identity": 16, "faces": 2, "yaw": 8, "pitch": 8, "roll": 8, "likeness": 4, "blink": 4, "jaw_open": 4, "presence": 4,
    "detector_score": 4, "passive": 8, "centre_x": 8, "centre_y": 8, "height": 8,
}  # fmt: skip
_SIGNED = frozenset({"yaw", "pitch", "roll"})
assert list(_BITS) == [f.name for f in fields(Scene)]  # noqa: S101 - the order is the format
_PAYLOAD_BITS = sum(_BITS.values())


def encode_band(scene: Scene) -> NDArray[np.uint8]:
    """(ROWS, COLUMNS) of 0 and 1: mark, fields, checksum, padding. Raises ValueError for a field out of range."""
    bits: list[int] = []
    for name, width in _BITS.items():
        value = getattr(scene, name) + ((1 << (width - 1)) if name in _SIGNED else 0)
        if not 0 <= value < 1 << width:
            raise ValueError(f"Scene.{name} is {getattr(scene, name)}, which does not fit its {width} bits")
        bits += [value >> i & 1 for i in reversed(range(width))]
    check = _checksum(bits)
    bits = [*_MARK, *bits, *(check >> i & 1 for i in reversed(range(_CRC_BITS)))]
    bits += [i & 1 for i in range(ROWS * COLUMNS - len(bits))]
    return np.array(bits, dtype=np.uint8).reshape(ROWS, COLUMNS)


def decode_band(image: Image) -> Scene | None:
    """The scene in a picture, None when there is no band or its checksum is wrong."""
    height, width = image.shape[:2]
    if height < ROWS * 8 or width < COLUMNS * 2:
        return None
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    top, cell_h, cell_w = height * (1 - BAND_SHARE), height * BAND_SHARE / ROWS, width / COLUMNS
    means = np.empty((ROWS, COLUMNS), dtype=np.float32)
    for row in range(ROWS):
        y0, y1 = round(top + (row + 0.25) * cell_h), max(round(top + (row + 0.75) * cell_h), round(top + (row + 0.25) * cell_h) + 1)
        for column in range(COLUMNS):
            x0 = round((column + 0.25) * cell_w)
            x1 = max(round((column + 0.75) * cell_w), x0 + 1)
            means[row, column] = grey[y0:y1, x0:x1].mean()
    marks = means.ravel()[: len(_MARK)]
    mark = np.array(_MARK, dtype=bool)
    black, white = marks[~mark].mean(), marks[mark].mean()
    if white - black < 60:
        return None
    bits = (means.ravel() > (black + white) / 2).astype(int).tolist()
    start = len(_MARK)
    payload, check = bits[start : start + _PAYLOAD_BITS], bits[start + _PAYLOAD_BITS : start + _PAYLOAD_BITS + _CRC_BITS]
    if tuple(bits[:start]) != _MARK or int("".join(map(str, check)), 2) != _checksum(payload):
        return None
    values, position = {}, 0
    for name, size in _BITS.items():
        value = int("".join(map(str, payload[position : position + size])), 2)
        values[name] = value - ((1 << (size - 1)) if name in _SIGNED else 0)
        position += size
    return Scene(**values)


def _checksum(bits: list[int]) -> int:
    return zlib.crc32(bytes(bits)) & 0xFFFF


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """(3, 3) rotation of a head (x right, y up, z to the camera) with the signs of Mesh."""
    yaw, pitch, roll = np.radians([yaw_deg, -pitch_deg, -roll_deg])
    ry = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    rx = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    rz = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turned: NDArray[np.float64] = ry @ rx @ rz
    return turned


def head_points() -> NDArray[np.float64]:
    """(478, 3) points on the front of a head of height 2: x right, y up, z to the camera."""
    index = np.arange(POINTS)
    radius = np.sqrt((index + 0.5) / POINTS) * 0.98
    angle = index * np.pi * (3 - np.sqrt(5))
    plane = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    for point, place in _NAMED_POINTS.items():
        plane[point] = place
    return on_head(plane)


def on_head(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of the head's surface over (n, 2) places in the unit disc."""
    depth = np.sqrt(np.clip(1 - (plane**2).sum(axis=1), 0, None)) * 0.8
    return np.column_stack([plane[:, 0] * _HEAD_WIDTH, plane[:, 1], depth])


def project(points: NDArray[np.float64], scene: Scene, width_px: int, height_px: int) -> NDArray[np.float64]:
    """(n, 3) image coordinates (x, y, z negative towards the camera) of (n, 3) points of the head."""
    turned = points @ rotation(scene.yaw, scene.pitch, scene.roll).T
    radius = scene.height / 255 * height_px / 2
    centre = np.array([scene.centre_x / 255 * width_px, scene.centre_y / 255 * height_px, 0.0])
    placed: NDArray[np.float64] = turned * np.array([radius, -radius, -radius]) + centre
    return placed


class ScriptedEngine:
    """See ``verify.engines.protocol.Engine``: what the band says, whatever the rest of the picture shows."""

    name = "scripted"
    version = "scripted-1"
    embedding_size = EMBEDDING_SIZE
    capabilities = frozenset({Capability.PASSIVE, Capability.MESH})

    def __init__(self, *, allow_test_double: bool = False) -> None:
        if not allow_test_double:
            raise EngineError(
                "the scripted engine is a test double and recognises nobody: it does not run in production. Choose onnx or dlib"
            )

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See Engine."""
        scene = decode_band(image)
        if scene is None:
            return ()
        height, width = image.shape[:2]
        landmarks = project(
            on_head(np.array([[-0.38, 0.2], [0.38, 0.2], [0.0, -0.1], [-0.33, -0.45], [0.33, -0.45]])), scene, width, height
        )
        head = scene.height / 255 * height
        size = np.array([head * _HEAD_WIDTH, head])
        corner = np.array([scene.centre_x / 255 * width, scene.centre_y / 255 * height]) - size / 2
        faces = []
        for index in range(scene.faces):
            factor = 0.8**index  # the others stand behind, to the image's right
            shift = np.array([index * head * 0.9, 0.0])
            box = np.concatenate([corner + shift, size * factor]).astype(np.float32)
            points = ((landmarks[:, :2] - corner) * factor + corner + shift).astype(np.float32)
            faces.append(Face(box, points, scene.detector_score / 15))
        return tuple(faces)

    def _scene(self, image: Image) -> Scene:
        scene = decode_band(image)
        if scene is None:
            raise EngineError("the picture has no scripted band: detect finds no face in it")
        return scene

    def embed(self, image: Image, face: Face) -> Embedding:  # noqa: ARG002
        """See Engine."""
        return scripted_embedding(self._scene(image))

    def similarity(self, left: Embedding, right: Embedding) -> NDArray[np.float32]:
        """Cosine; see Engine."""
        cosine: NDArray[np.float32] = np.atleast_2d(left) @ np.atleast_2d(right).T
        return cosine

    def passive(self, image: Image, face: Face) -> float:  # noqa: ARG002
        """See Engine."""
        return self._scene(image).passive / 255

    def mesh(self, image: Image, face: Face) -> Mesh:  # noqa: ARG002
        """See Engine; blendshapes other than eyes and jaw are 0."""
        from verify.engines.face_mesh import BLENDSHAPE_NAMES

        scene = self._scene(image)
        height, width = image.shape[:2]
        shapes = dict.fromkeys(BLENDSHAPE_NAMES, 0.0)
        shapes["eyeBlinkLeft"] = shapes["eyeBlinkRight"] = scene.blink / 15
        shapes["jawOpen"] = scene.jaw_open / 15
        points = project(head_points(), scene, width, height).astype(np.float32)
        return Mesh(points, scene.presence / 15, shapes, float(scene.yaw), float(scene.pitch), float(scene.roll))


def scripted_embedding(scene: Scene) -> Embedding:
    """(64,) unit vector of the identity, turned away from it as far as ``likeness`` says, always in the same direction."""
    own = _unit(scene.identity)
    cosine = scene.likeness / 15
    other = _unit(scene.identity + (1 << 16))
    other = other - (other @ own) * own
    other /= np.linalg.norm(other)
    embedding: Embedding = (cosine * own + np.sqrt(1 - cosine * cosine) * other).astype(np.float32)
    return embedding


def _unit(seed: int) -> NDArray[np.float64]:
    vector = np.random.default_rng([20_260_101, seed]).standard_normal(EMBEDDING_SIZE)
    unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit
