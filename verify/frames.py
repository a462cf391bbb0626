"""Observations in the store: the numbers that guidance needs in clear, everything that is made of a face sealed.

Associated data of a sealed observation is the verification and the frame's number, so that no row can stand in for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from models.keys import KeyRing, Sealed
from models.templates import frame_data
from models.verification import VerificationFrame
from verify.observation import Observation
from verify.observation_codec import decode_observation, encode_observation

# what challenge.progress and the hints need of earlier frames: no face can be made from these
_CLEAR = (
    "captured_at_ms",
    "received_at_ms",
    "step",
    "colour",
    "width_px",
    "height_px",
    "faces",
    "second_face_ratio",
    "detector_score",
    "mesh_presence",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "blink",
    "jaw_open",
    "passive",
    "noise_sigma",
    "moire",
)


def measures_of(observation: Observation) -> dict[str, Any]:
    """The clear part of an observation, for the JSON column."""
    values = {name: getattr(observation, name) for name in _CLEAR}
    values["box"] = None if observation.box is None else [round(float(v), 1) for v in observation.box]
    values["picture_hash"] = None if observation.picture_hash is None else f"{observation.picture_hash:016x}"
    values["quality"] = (
        None if observation.quality is None else {c.name: [c.score, round(c.raw, 4)] for c in observation.quality.components}
    )
    values["hints"] = [] if observation.quality is None else [reason.value for reason in observation.quality.reasons]
    return values


def light_observations(rows: Iterable[tuple[int, int, bytes, dict[str, Any]]]) -> Iterator[tuple[int, Observation]]:
    """(row, observation) of rows as ``frame_measures`` reads them: row, number, digest, measures."""
    return ((row_id, _light(seq, digest, measures)) for row_id, seq, digest, measures in rows)


def _light(seq: int, digest: bytes, measures: Mapping[str, Any]) -> Observation:
    """An observation without its sealed part: enough for ``challenge.progress``."""
    box, picture_hash = measures["box"], measures["picture_hash"]
    return Observation(
        seq=seq,
        sha256=digest.hex(),
        box=None if box is None else np.asarray(box, np.float32),
        picture_hash=None if picture_hash is None else int(picture_hash, 16),
        **{name: measures[name] for name in _CLEAR},
    )


def seal_observation(keyring: KeyRing, verification_id: str, observation: Observation) -> Sealed:
    """Seal the whole observation."""
    return keyring.seal(encode_observation(observation), frame_data(verification_id, observation.seq, "observation"))


def open_observation(keyring: KeyRing, frame: VerificationFrame) -> Observation | None:
    """The whole observation of a frame, None when it was deleted under the retention policy."""
    return open_observation_of(keyring, frame.verification_id, frame.seq, frame.observation)


def open_observation_of(keyring: KeyRing, verification_id: str, seq: int, sealed: Sealed | None) -> Observation | None:
    """The same from its parts. Raises UnsealError, ObservationCodecError."""
    if sealed is None:
        return None
    return decode_observation(keyring.unseal(sealed, frame_data(verification_id, seq, "observation")))
