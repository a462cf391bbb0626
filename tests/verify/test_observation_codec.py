"""Observations as bytes and back."""

from __future__ import annotations

import contextlib
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.observations import frame
from verify.evidence import Reason
from verify.observation import Quality, QualityComponent
from verify.observation_codec import ObservationCodecError, decode_observation, encode_observation

FULL = frame(
    3,
    colour="blue",
    step=4,
    mesh_points=np.random.default_rng(1).normal(300, 60, (478, 3)).astype(np.float32),
    quality=Quality((QualityComponent("sharpness", 80, 4.5, "variance"),), (Reason.MOVE_CLOSER,)),
    picture_hash=(1 << 64) - 1,
)


@pytest.mark.parametrize(
    "observation", [FULL, frame(0, box=None, landmarks=None, patch=None, embedding=None, quality=None, colour_means=None)]
)
def test_everything_comes_back(observation: object) -> None:
    again = decode_observation(encode_observation(observation))  # type: ignore[arg-type]
    for field in fields(again):
        before, after = getattr(observation, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype, field.name
            if field.name == "mesh_points":
                assert np.abs(after - before).max() < 0.15
            else:
                assert np.array_equal(after, before), field.name
        else:
            assert after == before, field.name


def test_a_background_out_of_the_picture_survives() -> None:
    means = np.full((5, 3), np.nan, np.float32)
    assert np.isnan(decode_observation(encode_observation(frame(0, colour_means=means))).colour_means).all()


def test_it_stays_compact() -> None:
    assert len(encode_observation(FULL)) < 45_000


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_damage_is_an_error_of_this_module_or_another_value_but_never_a_crash(position: int, change: int) -> None:
    data = bytearray(encode_observation(FULL))
    data[position % 1500] ^= change
    with contextlib.suppress(ObservationCodecError):
        assert decode_observation(bytes(data)).width_px is not None


@pytest.mark.parametrize("data", [b"", b"LCO", b"LCO\x02" + bytes(50), b"\x80\x04\x95pickle", encode_observation(FULL)[:-200]])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ObservationCodecError):
        decode_observation(data)
