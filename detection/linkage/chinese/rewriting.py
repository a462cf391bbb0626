"""Writes every character of a column anew, for millions of values at once: each distinct character is looked up once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_FIRST = 0x110000  # one past the last code point: where the first characters of values are kept apart
_NOT_ASKED, _NOT_ONE = -1, -2


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

    def only(self, kept: NDArray[np.bool_]) -> Codes:
        """The values with those of their code points that are kept."""
        left = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)))
        return Codes(self.points[kept], left[self.ends])


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


def text_of(codes: Codes) -> pa.Array:
    """The text of code points."""
    points = codes.points
    bytes_each = 1 + (points > 0x7F).view(np.int8) + (points > 0x7FF).view(np.int8) + (points > 0xFFFF).view(np.int8)
    offsets = np.zeros(len(codes.ends) + 1, np.int64)
    if points.size:
        offsets[1:] = np.concatenate((np.zeros(1, np.int64), np.cumsum(bytes_each, dtype=np.int64)))[codes.ends]
    data = points.tobytes().decode("utf-32-le").encode("utf-8")
    return pa.LargeStringArray.from_buffers(len(codes.ends), pa.py_buffer(offsets), pa.py_buffer(data)).cast(pa.string())


def rewritten_codes(values: pa.Array, form: Callable[[str], str]) -> Codes:
    """As ``rewritten``, as code points."""
    codes = codes_of(values)
    made = _one_for_one(codes.points, form)
    return codes_of(_rewritten(values, codes, form, None)) if made is None else Codes(made, codes.ends)


def _one_for_one(points: NDArray[np.int32], form: Callable[[str], str]) -> NDArray[np.int32] | None:
    """The code points of the forms; None where the form of one of the characters is not one character."""
    table = _forms_table(form)
    made = table.take(points)
    unknown = points[made == _NOT_ASKED]
    if unknown.size:
        for code in np.flatnonzero(np.bincount(unknown)).tolist():
            written = form(chr(code))
            table[code] = ord(written) if len(written) == 1 else _NOT_ONE
        made = table.take(points)
    return None if (made == _NOT_ONE).any() else made


@cache
def _forms_table(form: Callable[[str], str]) -> NDArray[np.int32]:
    del form  # each has a table of its own
    return np.full(_FIRST, _NOT_ASKED, dtype=np.int32)


def rewritten(values: pa.Array, form: Callable[[str], str], *, form_of_first: Callable[[str], str] | None = None) -> pa.Array:
    """Each value (text without null) with each of its characters replaced by its form, any number of characters.

    form_of_first: the form of the first character of values with two characters and more, where it has one of its own.
    """
    codes = codes_of(values)
    if form_of_first is None:
        made = _one_for_one(codes.points, form)
        if made is not None:
            return text_of(Codes(made, codes.ends))
    return _rewritten(values, codes, form, form_of_first)


def _rewritten(values: pa.Array, codes: Codes, form: Callable[[str], str], form_of_first: Callable[[str], str] | None) -> pa.Array:
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
    return _spelled_out(place[points], spelled, codes.ends)


def _spelled_out(places: NDArray[np.int32], spelled: list[str], ends: NDArray[np.int64]) -> pa.Array:
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
