"""Addresses of records: without province, city and county in front, numerals in one form, words and numbers apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detection.linkage.chinese.characters import UNKNOWN, normal_character
from detection.linkage.chinese.distinct import for_distinct, or_null
from detection.linkage.chinese.rewriting import Codes, codes_of, rewritten, spelled_out

_DIGITS = dict(zip("〇零一二三四五六七八九两壹贰叁肆伍陆柒捌玖", "00123456789" + "2" + "123456789", strict=True))
_PUNCTUATION = frozenset(" ·,，。、;；:：()（）[]【】\"'“”/\\-—_")
_TENS = re.compile(r"(\d?)十(\d?)")
_HUNDREDS = re.compile(r"(\d)百(0?)(?:(\d?)十(\d?)|(\d?))")

_DIVISIONS = "省市县区"
"""Characters that end the name of a province, city, county or district."""

_NO_DISTRICT = "小社园校厂库景"
"""Before 区 they make a word of their own: 小区, 社区."""

_STREET = "路街道巷弄镇乡村屯组队园寓0123456789"
"""With one of these the street, village or number has begun: no division comes after it."""

_HOUSE = "号栋幢座层楼室房户门元#"
"""Words of house numbers, written or left out at will."""

_ENDING = "路街道巷弄镇乡村屯组队园寓区"
"""Characters with which a word of an address ends."""


@dataclass(frozen=True)
class AddressForms:
    """The forms of each address, null where there is none.

    normal: words and numbers, a blank between them, from the street or the village on. tokens: the same as a list. numbers: the numbers in
    their order, a dash between them (12-3-501), null where there is none.
    """

    normal: pa.Array
    tokens: pa.Array
    numbers: pa.Array


def address_forms(values: pa.Array) -> AddressForms:
    """The forms of each address. values: text, null where there is none."""
    return AddressForms(*for_distinct(values, _forms))


def _character(character: str) -> str:
    normal = normal_character(character)
    if normal in _PUNCTUATION or normal == UNKNOWN:
        return " "
    return _DIGITS.get(normal, normal) or " "


def _forms(distinct: pa.Array) -> Sequence[pa.Array]:
    text = pc.replace_substring(rewritten(distinct, _character), "单元", "元")
    counted = pc.match_substring_regex(text, "[十百]")
    if pc.any(counted).as_py():
        words = [count_words(value) for value in pc.filter(text, counted).to_pylist()]
        text = pc.replace_with_mask(text, counted, pa.array(words, pa.string()))
    tokens = _tokens(_without_divisions(codes_of(text)))
    normal = pc.binary_join(tokens, " ")
    some = pc.not_equal(normal, "")
    return [or_null(normal, some), or_null(tokens, some), _numbers(tokens)]


def _among(points: NDArray[np.int32], characters: str) -> NDArray[np.bool_]:
    return _table(characters)[points]


@cache
def _table(characters: str) -> NDArray[np.bool_]:
    table = np.zeros(0x110000, dtype=bool)
    table[[ord(each) for each in characters]] = True
    return table


def _without_divisions(codes: Codes) -> Codes:
    """The values without what goes up to the last division that comes before the street; whole where nothing would be left."""
    points, owners, starts, ends = codes.points, codes.owners, codes.starts, codes.ends
    if points.size == 0:
        return codes
    at = np.arange(len(points), dtype=np.int64)
    begun = ends.copy()
    streets = np.flatnonzero(_among(points, _STREET))[::-1]
    begun[owners[streets]] = streets  # written from the last to the first, so that the first stays
    before = np.concatenate((np.zeros(1, np.int32), points[:-1]))
    dividing = _among(points, _DIVISIONS) & ~((points == ord("区")) & _among(before, _NO_DISTRICT)) & (at < begun[owners])
    places = np.flatnonzero(dividing)
    cut = starts.copy()
    cut[owners[places]] = places + 1
    cut[cut >= ends] = starts[cut >= ends]
    return codes.without_beginnings(cut - starts)


def _tokens(codes: Codes) -> pa.Array:
    """Lists of words and numbers: a word ends with what ends a street or a village, and where digits begin or end."""
    points = codes.points
    if points.size == 0:
        return pa.array([[]] * len(codes.ends), pa.list_(pa.string()))
    numeric = (points < 0x80) & (points != ord(" "))
    changed = np.concatenate((np.zeros(1, bool), numeric[1:] != numeric[:-1]))
    present = np.flatnonzero(np.bincount(points)).tolist()
    forms = [" " if chr(code) in _HOUSE else chr(code) + (" " if chr(code) in _ENDING else "") for code in present]
    place: NDArray[np.int32] = np.zeros(present[-1] + 1, dtype=np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    apart = spelled_out(
        place[points] + np.where(changed, np.int32(len(present)), np.int32(0)), forms + [" " + form for form in forms], codes.ends
    )
    return pc.utf8_split_whitespace(pc.utf8_trim_whitespace(apart))


def _numbers(tokens: pa.Array) -> pa.Array:
    flat = pc.list_flatten(tokens)
    numeric = pc.match_substring_regex(flat, "^[0-9a-z]").to_numpy(zero_copy_only=False)
    kept = np.concatenate((np.zeros(1, np.int64), np.cumsum(numeric)))
    ends = np.cumsum(pc.list_value_length(tokens).fill_null(0).to_numpy(zero_copy_only=False))
    offsets = kept[np.concatenate((np.zeros(1, np.int64), ends))]
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pc.filter(flat, pa.array(numeric)))
    text = pc.binary_join(lists, "-")
    return or_null(text, pc.not_equal(text, ""))


def count_words(text: str) -> str:
    """Tens and hundreds as numbers: 2十3 is 23, 十 is 10, 1百05 is 105, 3百5 is 350. Text whose digits are written 0-9 already."""
    text = _HUNDREDS.sub(_hundred, text)
    return _TENS.sub(lambda found: f"{found[1] or 1}{found[2] or 0}", text)


def _hundred(found: re.Match[str]) -> str:
    hundreds, zero, tens, ones, alone = found.groups()
    if alone is None:
        return f"{hundreds}{tens or 1}{ones or 0}"
    if alone == "":
        return f"{hundreds}00"
    return f"{hundreds}0{alone}" if zero else f"{hundreds}{alone}0"
