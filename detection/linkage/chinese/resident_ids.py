"""Resident IDs (GB 11643) that may be mistyped: the core that the 15- and 18-digit forms share, and parts that survive errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detection.linkage.chinese.dates import days_of
from detection.linkage.chinese.distinct import joined, or_null
from models.identifiers import CHECK_CHARACTERS, WEIGHTS

CORE = 17
_LETTERS = {"O": "0", "I": "1", "L": "1", "Z": "2", "B": "8"}  # what is typed for digits; none of them is in a number
_FULL_WIDTH = {chr(0xFF10 + digit): str(digit) for digit in range(10)} | {"Ｘ": "X", "×": "X", "＊": "X", "*": "X", "Х": "X"}
_YEARS = (1880, 2060)


@dataclass(frozen=True)
class ResidentIdForms:
    """The forms of each number, null where there is none.

    core: region, birth date and sequence, 17 digits; of a number with too few or too many digits what there is.
    legacy: true for numbers of the old form, with 15 digits. checked: the core of numbers whose check character fits.
    region, birth, sequence: its parts. ordered: the digits of birth and sequence in order, which two transposed digits leave as they are.
    birth_date: YYYY-MM-DD, null where the number holds no day that a calendar has.
    """

    core: pa.Array
    legacy: pa.Array
    checked: pa.Array
    region: pa.Array
    birth: pa.Array
    sequence: pa.Array
    ordered: pa.Array
    birth_date: pa.Array

    @property
    def birth_and_sequence(self) -> pa.Array:
        """What a wrong region leaves."""
        return joined(self.birth, self.sequence)

    @property
    def without_day(self) -> pa.Array:
        """Region, year and sequence: what a wrong month and day leave."""
        return joined(self.region, pc.utf8_slice_codeunits(self.birth, 0, 4), self.sequence)

    @property
    def without_year(self) -> pa.Array:
        """Region, month, day and sequence: what a wrong year leaves."""
        return joined(self.region, pc.utf8_slice_codeunits(self.birth, 4, 8), self.sequence)

    @property
    def without_sequence(self) -> pa.Array:
        """Region and birth date."""
        return joined(self.region, self.birth)


def looks_like_resident_ids(values: pa.Array) -> bool:
    """True when most values have the length and the characters of a number."""
    shaped = pc.match_substring_regex(values, r"^[0-9]{14}[0-9]?(?:[0-9]{2}[0-9Xx])?$")
    return len(values) > values.null_count and bool(pc.mean(shaped.cast(pa.int8())).as_py() > 0.5)


def resident_id_forms(values: pa.Array) -> ResidentIdForms:
    """The forms of each number. values: text, null where there is none."""
    clean = _clean(values)
    length = pc.utf8_length(clean)
    legacy = pc.fill_null(pc.equal(length, 15), False)
    of_18 = pc.fill_null(pc.equal(length, 18), False)
    core = pc.if_else(of_18, pc.utf8_slice_codeunits(clean, 0, CORE), clean)
    if pc.any(legacy).as_py():
        short = pc.filter(clean, legacy)
        century = pc.binary_join_element_wise(pc.utf8_slice_codeunits(short, 0, 6), pc.utf8_slice_codeunits(short, 6, 15), "19")
        core = pc.replace_with_mask(core, legacy, century)
    digits, full = _digits(core)
    possible = _birth_possible(digits)
    fits = _check_fits(clean, digits) & possible
    # a number that Excel rounded lost its last three digits; what is left is region, birth and the first digit of the sequence
    rounded = pc.and_(pc.and_(pc.fill_null(pc.ends_with(clean, "000"), False), pa.array(~(fits & full))), of_18)
    core = pc.if_else(rounded, pc.utf8_slice_codeunits(clean, 0, 15), core)
    full = full & ~rounded.to_numpy(zero_copy_only=False)
    whole_enough = pa.array(full)
    dated = pa.array(full & possible)
    ordered = np.sort(digits[:, 6:], axis=1) + np.uint8(48)
    begun = pc.greater_equal(pc.utf8_length(core), 14)
    birth = pc.utf8_slice_codeunits(core, 6, 14)
    other = pc.and_(pc.fill_null(begun, False), pc.invert(dated))
    # of numbers that are cut off, or hold no possible day
    others = pc.filter(birth, other)
    others = or_null(others, pc.match_substring_regex(others, r"^(?:19|20)[0-9]{6}$"))
    birth = pc.replace_with_mask(or_null(birth, dated), other, others)
    return ResidentIdForms(
        core=core,
        legacy=legacy,
        checked=or_null(core, pa.array(fits & full)),
        region=or_null(pc.utf8_slice_codeunits(core, 0, 6), begun),
        birth=birth,
        sequence=or_null(pc.utf8_slice_codeunits(core, 14, CORE), whole_enough),
        ordered=or_null(_fixed_text(ordered), whole_enough),
        birth_date=pc.replace_with_mask(_birth_dates(digits, dated), other, days_of(others)),
    )


def _fixed_text(characters: NDArray[np.uint8]) -> pa.Array:
    """Text of rows of ASCII, all of one length."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters)))


def _birth_dates(digits: NDArray[np.uint8], dated: pa.Array) -> pa.Array:
    """YYYY-MM-DD of the rows that are dated, where a calendar has the day."""
    year, month, day = _birth_parts(digits)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int32)
    there = day <= days[np.minimum(month, 12)] + (leap & (month == 2))
    written = np.full((len(digits), 10), ord("-"), dtype=np.uint8)
    for place, part in ((0, digits[:, 6:10]), (5, digits[:, 10:12]), (8, digits[:, 12:14])):
        written[:, place : place + part.shape[1]] = part + np.uint8(48)
    return or_null(_fixed_text(written), pc.and_(dated, pa.array(there)))


def _clean(values: pa.Array) -> pa.Array:
    """Digits and X only; null where fewer than 12 are left, as of a number in scientific notation."""
    right = pc.fill_null(pc.match_substring_regex(values, r"^[0-9]{14}[0-9](?:[0-9]{2}[0-9X])?$"), True)
    if not pc.all(right).as_py():
        odd = [_clean_one(value) for value in pc.filter(values, pc.invert(right)).to_pylist()]
        values = pc.replace_with_mask(values, pc.invert(right), pa.array(odd, pa.string()))
    return values


def _clean_one(value: str) -> str | None:
    text = "".join(_FULL_WIDTH.get(character, character) for character in value).upper()
    if "E+" in text:
        return None
    text = "".join(_LETTERS.get(character, character) for character in text)
    kept = "".join(character for character in text if character.isascii() and (character.isdigit() or character == "X"))
    kept = kept[:-1].replace("X", "") + kept[-1:]
    return kept if len(kept) >= 12 else None


def _digits(core: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The 17 digits of each core, and which rows have them; zeros elsewhere."""
    full = pc.fill_null(pc.and_(pc.equal(pc.utf8_length(core), CORE), pc.match_substring_regex(core, "^[0-9]*$")), False)
    filled = pc.if_else(full, core, "0" * CORE)
    data = np.frombuffer(b"".join([filled.cast(pa.binary()).cast(pa.binary(CORE)).buffers()[1] or b""]), dtype=np.uint8)
    return (data[: len(core) * CORE].reshape(len(core), CORE) - np.uint8(48)), full.to_numpy(zero_copy_only=False)


def _check_fits(clean: pa.Array, digits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    expected = np.array([ord(each) for each in CHECK_CHARACTERS], dtype=np.uint8)[
        (digits.astype(np.int32) @ np.array(WEIGHTS, dtype=np.int32)) % 11
    ]
    given = pc.fill_null(pc.utf8_slice_codeunits(clean, CORE, CORE + 1), "")
    last = pc.if_else(pc.equal(pc.fill_null(pc.utf8_length(clean), 0), 18), given, " ")
    codes = np.frombuffer(last.cast(pa.binary()).cast(pa.binary(1)).buffers()[1] or b"", dtype=np.uint8)[: len(clean)]
    return np.asarray(codes == expected)


def _birth_possible(digits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    year, month, day = _birth_parts(digits)
    return np.asarray((year >= _YEARS[0]) & (year < _YEARS[1]) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31))


def _birth_parts(digits: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    year, month, day = (digits[:, begin:end].astype(np.int32) for begin, end in ((6, 10), (10, 12), (12, 14)))
    return year @ np.array([1000, 100, 10, 1], dtype=np.int32), month[:, 0] * 10 + month[:, 1], day[:, 0] * 10 + day[:, 1]
