"""Head pose from a dense mesh: a weighted similarity fit of x, y and z to MediaPipe's canonical face model.

A fit of all three coordinates, and not a perspective-n-point solution of x and y: the latter reads a face that is moved aside as a
face that turns, and a photograph that is moved about then shows turns of up to 45 degrees.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.errors import EngineError

CANONICAL_POINTS = 468
_VERTEX_FLOATS = 5  # x, y, z, u, v


@dataclass(frozen=True, eq=False)
class CanonicalFace:
    """points: (468, 3) float64 in centimetres, x to the image's right, y up, z towards the camera. weights: (468,), sum 1."""

    points: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """Degrees, signs as in ``verify.engines.protocol.Mesh``. residual: root mean square of the fit over the face's size."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    residual: float


def read_canonical_face(data: bytes) -> CanonicalFace:
    """The canonical face of a serialised ``GeometryPipelineMetadata`` (MediaPipe, geometry_pipeline_metadata.proto and mesh_3d.proto).

    Raises EngineError when the bytes are not one.
    """
    vertices: list[float] = []
    basis: list[tuple[int, float]] = []
    try:
        for number, value in _fields(data):
            if number == 1 and isinstance(value, bytes):  # canonical_mesh
                for inner, item in _fields(value):
                    if inner == 3 and isinstance(item, bytes):  # vertex_buffer
                        vertices.extend(struct.unpack(f"<{len(item) // 4}f", item))
            elif number == 2 and isinstance(value, bytes):  # procrustes_landmark_basis
                parts = dict(_fields(value))
                basis.append((int(parts.get(1, 0)), struct.unpack("<f", parts[2])[0]))  # type: ignore[arg-type]
    except (struct.error, IndexError, KeyError, ValueError, TypeError) as error:
        raise EngineError(f"the canonical face model cannot be read ({error}): fetch the weights again") from error
    if len(vertices) != CANONICAL_POINTS * _VERTEX_FLOATS or not basis or max(i for i, _ in basis) >= CANONICAL_POINTS:
        raise EngineError(
            f"the canonical face model has {len(vertices) // _VERTEX_FLOATS} vertices and {len(basis)} weights instead of 468"
        )
    weights = np.zeros(CANONICAL_POINTS)
    for index, weight in basis:
        weights[index] = weight
    points = np.array(vertices).reshape(CANONICAL_POINTS, _VERTEX_FLOATS)[:, :3]
    return CanonicalFace(points, weights / weights.sum())


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field number and raw value of each field of one protobuf message (wire format, developers' guide 'Encoding')."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == 2:
            length, position = _varint(data, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if position + length > len(data):
            raise ValueError("cut short")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def head_pose(points: NDArray[np.float32], canonical: CanonicalFace) -> Pose:
    """Pose of an (n >= 468, 3) mesh in image coordinates (x right, y down, z negative towards the camera)."""
    used = canonical.weights > 0
    weight = canonical.weights[used][:, None]
    observed = np.asarray(points[:CANONICAL_POINTS][used], dtype=np.float64) * (1.0, -1.0, -1.0)
    model = canonical.points[used]
    model = model - (weight * model).sum(axis=0)
    observed = observed - (weight * observed).sum(axis=0)
    u, s, vt = np.linalg.svd((weight * observed).T @ model)
    sign = 1.0 if np.linalg.det(u @ vt) > 0 else -1.0
    rotation = u @ np.diag([1.0, 1.0, sign]) @ vt
    size = float((weight * observed * observed).sum())
    spread = float((weight * model * model).sum())
    explained = (s[0] + s[1] + sign * s[2]) ** 2 / spread
    residual = float(np.sqrt(max(size - explained, 0.0) / size)) if size > 0 else 1.0
    # rotation = Ry(yaw) Rx(-pitch) Rz(-roll); its third column is where the face looks
    forward = rotation[:, 2]
    yaw = np.degrees(np.arctan2(forward[0], forward[2]))
    pitch = np.degrees(np.arcsin(np.clip(forward[1], -1.0, 1.0)))
    roll = -np.degrees(np.arctan2(rotation[1, 0], rotation[1, 1]))
    return Pose(float(yaw), float(pitch), float(roll), residual)
