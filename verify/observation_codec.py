"""Observations as compact bytes and back, for the store: JSON for the numbers, plain bytes for the patch, half floats for the mesh.

No pickle: bytes from a store must never be able to run code. Layout: 4 bytes ``LCO`` and the version, 4 bytes length of the JSON
header (big endian), the header, then the arrays one after the other as the header's ``arrays`` lists them.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.errors import VerifyError
from verify.evidence import Reason
from verify.observation import Observation, Quality, QualityComponent

_MAGIC = b"LCO\x02"
# Stored type of each array. Mesh points within a picture of 2048 px keep a quarter of a pixel or better relative to the box.
_ARRAYS = {
    "box": "<f4",
    "landmarks": "<f4",
    "mesh_points": "<f2",
    "patch": "u1",  # as it is: a PNG would take longer to make than the face to align
    "colour_means": "<f4",
    "embedding": "<f4",
}
_SPECIAL = {"quality", *_ARRAYS}


class ObservationCodecError(VerifyError):
    """The bytes are not an observation of this version."""

    code = "observation_codec_error"


def encode_observation(observation: Observation) -> bytes:
    """Bytes of one observation, about 42 kB with a patch. Mesh points lose precision below about 1/2000 of the face; nothing else does."""
    header: dict[str, Any] = {f.name: getattr(observation, f.name) for f in fields(observation) if f.name not in _SPECIAL}
    if observation.quality is not None:
        header["quality"] = {
            "components": [[c.name, c.score, c.raw, c.unit] for c in observation.quality.components],
            "reasons": [reason.value for reason in observation.quality.reasons],
        }
    layout: list[list[Any]] = []
    blobs: list[bytes] = []
    for name, kind in _ARRAYS.items():
        array = getattr(observation, name)
        if array is None:
            continue
        if name == "mesh_points":
            header["mesh_origin"], header["mesh_unit"], array = _normalised(array)
        blob = np.ascontiguousarray(array).astype(kind).tobytes()
        layout.append([name, list(array.shape), len(blob)])
        blobs.append(blob)
    header["arrays"] = layout
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join((_MAGIC, struct.pack(">I", len(text)), text, *blobs))


def decode_observation(data: bytes) -> Observation:
    """Inverse of ``encode_observation``.

    Raises:
        ObservationCodecError: for anything that it did not write.
    """
    if data[:4] != _MAGIC:
        raise ObservationCodecError("the stored observation has another format or version; the session must be started again")
    try:
        (length,) = struct.unpack_from(">I", data, 4)
        header = json.loads(data[8 : 8 + length])
        position = 8 + length
        arrays: dict[str, Any] = {}
        for name, shape, size in header.pop("arrays"):
            blob = data[position : position + size]
            position += size
            kind = _ARRAYS[name]
            array = np.frombuffer(blob, kind)
            arrays[name] = (array if kind == "u1" else array.astype(np.float32)).reshape(shape)
        if "mesh_points" in arrays:
            arrays["mesh_points"] = arrays["mesh_points"] * np.float32(header.pop("mesh_unit")) + np.array(
                header.pop("mesh_origin"), np.float32
            )
        quality = header.pop("quality", None)
        if quality is not None:
            quality = Quality(
                tuple(QualityComponent(*component) for component in quality["components"]),
                tuple(Reason(reason) for reason in quality["reasons"]),
            )
        return Observation(**header, **arrays, quality=quality)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise ObservationCodecError("the stored observation is damaged; the session must be started again") from error


def _normalised(points: NDArray[np.float32]) -> tuple[list[float], float, NDArray[np.float32]]:
    """Origin, unit and points of order one, where half floats are finest."""
    origin = points.mean(axis=0)
    unit = float(np.abs(points - origin).max()) or 1.0
    return [float(value) for value in origin], unit, (points - origin) / unit
