"""Writes every character of a column anew, for millions of values at once: each distinct character is looked up once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_FIRST = 0x110000  # one past the last code point: where the first characters of values are kept apart


@dataclass(frozen=True)
class Codes:
    """The code points of many values one after another. ends: where each value ends among them."""

    points: NDArray[np.int32]
    ends: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each value begins."""
        return np.concatenate((np.zeros(1, np.int64), self.ends[:-1]))

    @property
    def owners(self) -> NDArray[np.int32]:
        """The place of the value that each code point belongs to."""
        return np.repeat(np.arange(len(self.ends), dtype=np.int32), self.ends - self.starts)

    def without_beginnings(self, lengths: NDArray[np.int64]) -> Codes:
        """The values without so many code points at their beginnings."""
        sizes = self.ends - self.starts
        within = np.arange(len(self.points)) - np.repeat(self.starts, sizes)
        return Codes(self.points[within >= np.repeat(lengths, sizes)], np.cumsum(sizes - lengths))


def codes_of(values: pa.Array) -> Codes:
    """The code points of text without null."""
    large = values.cast(pa.large_string())
    ends = np.cumsum(pc.utf8_length(large).to_numpy(zero_copy_only=False), dtype=np.int64)
    _, offsets, data = large.buffers()
    if data is None or len(large) == 0:
        return Codes(np.empty(0, np.int32), ends)
    bounds = np.frombuffer(offsets, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    text = bytes(memoryview(data)[int(bounds[0]) : int(bounds[-1])]).decode("utf-8")
    return Codes(np.frombuffer(text.encode("utf-32-le"), dtype=np.int32).copy(), ends)


def rewritten(values: pa.Array, form: Callable[[str], str], *, form_of_first: Callable[[str], str] | None = None) -> pa.Array:
    """Each value (text without null) with each of its characters replaced by its form, any number of characters.

    form_of_first: the form of the first character of values with two characters and more, where it has one of its own.
    """
    codes = codes_of(values)
    if codes.points.size == 0:
        return values
    points = codes.points
    if form_of_first is not None:
        starts = codes.starts
        points[starts[(codes.ends - starts) > 1]] += _FIRST
    present = np.flatnonzero(np.bincount(points)).tolist()
    spelled = [form_of_first(chr(code - _FIRST)) if code >= _FIRST and form_of_first is not None else form(chr(code)) for code in present]
    place: NDArray[np.int32] = np.zeros(present[-1] + 1, dtype=np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    return spelled_out(place[points], spelled, codes.ends)


def spelled_out(places: NDArray[np.int32], spelled: list[str], ends: NDArray[np.int64]) -> pa.Array:
    """Text of which each piece is one of ``spelled``; ``ends`` tells after how many pieces each value ends."""
    pieces = [each.encode("utf-8", "replace") for each in spelled]
    lengths = np.array([len(each) for each in pieces], dtype=np.int32)
    begins = np.concatenate((np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)[:-1]))
    sizes = lengths[places]
    piece_ends = np.cumsum(sizes, dtype=np.int64)
    steps = np.arange(int(piece_ends[-1]) if piece_ends.size else 0, dtype=np.int32)
    steps += np.repeat((begins[places] - (piece_ends - sizes)).astype(np.int32), sizes)
    data = np.frombuffer(b"".join(pieces), dtype=np.uint8)[steps]
    offsets = np.concatenate((np.zeros(1, np.int64), piece_ends))[np.concatenate((np.zeros(1, np.int64), ends))]
    return pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data)).cast(pa.string())
