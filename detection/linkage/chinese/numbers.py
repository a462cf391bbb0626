"""Phones, bank accounts and region codes of records, in one form each."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from detection.intake.divisions import successor
from detection.linkage.chinese.distinct import for_distinct, or_null

_FULL_WIDTH = str.maketrans({chr(0xFF01 + place): chr(0x21 + place) for place in range(94)} | {"　": " "})
_EXTENSION = re.compile(r"(?:转|分机|ext\.?|[#*])\s*\d+\s*$", re.IGNORECASE)
_BETWEEN = re.compile(r"[/、,;，；|]|或|\s{2,}")
_PREFIX = re.compile(r"^(?:\+|00)?86(?=1[3-9]\d{9}$|0?\d{9,11}$)|^(?:17951|12593|17911)(?=1[3-9]\d{9}$)|^0(?=1[3-9]\d{9}$)")
_MOBILE = re.compile(r"^1[3-9]\d{9}$")


def looks_like_chinese_phones(values: pa.Array) -> bool:
    """True when most values are mobile numbers of 11 digits or numbers with an area code, with whatever is typed around them."""
    digits = pc.replace_substring_regex(values, "[^0-9]", "")
    shaped = pc.match_substring_regex(digits, r"^(?:0{0,2}86)?(?:1[0-9]{10}|0[1-9][0-9]{8,10})$")
    return len(values) > values.null_count and bool(pc.mean(shaped.cast(pa.int8())).as_py() > 0.5)


def phone_numbers(values: pa.Array) -> pa.Array:
    """The digits of each phone, without country code, dialling prefix and extension; of several in a cell the first mobile number."""
    plain = pc.fill_null(pc.match_substring_regex(values, r"^[1][0-9]{10}$"), True)
    odd = [phone_number(value) for value in pc.filter(values, pc.invert(plain)).to_pylist()]
    return pc.replace_with_mask(values, pc.invert(plain), pa.array(odd, pa.string())) if odd else values


def phone_number(text: str) -> str | None:
    """The digits of one phone, as ``phone_numbers``."""
    found: list[str] = []
    for part in _BETWEEN.split(_EXTENSION.sub("", text.translate(_FULL_WIDTH))):
        digits = "".join(character for character in part if character.isascii() and character.isdigit())
        digits = _PREFIX.sub("", digits)
        if len(digits) >= 7 and set(digits) != {"0"}:
            found.append(digits)
    mobile = [number for number in found if _MOBILE.match(number)]
    return next(iter(mobile or found), None)


def account_numbers(values: pa.Array) -> pa.Array:
    """The digits of each bank account or card, null where fewer than eight are left."""
    plain = pc.fill_null(pc.match_substring_regex(values, "^[0-9]*$"), True)
    if not pc.all(plain).as_py():
        odd = [account_number(value) for value in pc.filter(values, pc.invert(plain)).to_pylist()]
        values = pc.replace_with_mask(values, pc.invert(plain), pa.array(odd, pa.string()))
    return or_null(values, pc.greater_equal(pc.utf8_length(values), 8))


def account_number(text: str) -> str | None:
    """The digits of one account; None of one in scientific notation, whose last digits are lost."""
    plain = text.translate(_FULL_WIDTH)
    if re.fullmatch(r"[\d.]+[eE]\+\d+", plain.strip()):
        return None
    return "".join(character for character in plain if character.isascii() and character.isalnum()).upper() or None


def looks_like_region_codes(values: pa.Array) -> bool:
    """True when most values have six digits (or twelve, of a village) and begin as a province does."""
    shaped = pc.match_substring_regex(values, r"^[1-8][0-9]{5}(?:[0-9]{6})?$")
    return len(values) > values.null_count and bool(pc.mean(shaped.cast(pa.int8())).as_py() > 0.5)


def regions_in_force(values: pa.Array) -> pa.Array:
    """The six-digit code in force that each code stands for today (GB/T 2260); codes that nobody took over stay as they are."""
    return for_distinct(pc.utf8_slice_codeunits(values, 0, 6), _successors)[0]


def _successors(distinct: pa.Array) -> Sequence[pa.Array]:
    return [pa.array([successor(code) or code if code.isdigit() else None for code in distinct.to_pylist()], pa.string())]
