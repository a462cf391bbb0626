"""Addresses of records: without province, city and county in front, numerals in one form, words and numbers apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detection.linkage.chinese.characters import UNKNOWN, normal_character
from detection.linkage.chinese.distinct import for_distinct, or_null
from detection.linkage.chinese.rewriting import Codes, codes_of, rewritten_codes, text_of

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

_IS_DIVISION, _IS_STREET, _IS_HOUSE, _IS_ENDING, _IS_COUNTED = (1 << bit for bit in range(5))
_BLANK, _DASH = ord(" "), ord("-")


def _classes() -> NDArray[np.uint8]:
    table: NDArray[np.uint8] = np.zeros(0x110000, dtype=np.uint8)
    sets = ((_IS_DIVISION, _DIVISIONS), (_IS_STREET, _STREET), (_IS_HOUSE, _HOUSE), (_IS_ENDING, _ENDING), (_IS_COUNTED, "十百"))
    for bit, characters in sets:
        table[[ord(each) for each in characters]] |= bit
    return table


_CLASSES = _classes()


@dataclass(frozen=True)
class AddressForms:
    """The forms of each address, null where there is none.

    normal: words and numbers, a blank between them, from the street or the village on. numbers: the numbers in their order, a dash
    between them (12-3-501), null where there is none.
    """

    normal: pa.Array
    numbers: pa.Array

    @property
    def tokens(self) -> pa.Array:
        """The words and numbers as a list."""
        return pc.split_pattern(self.normal, " ")


def address_forms(values: pa.Array) -> AddressForms:
    """The forms of each address. values: text, null where there is none."""
    return AddressForms(*for_distinct(values, _forms))


def _character(character: str) -> str:
    normal = normal_character(character)
    if normal in _PUNCTUATION or normal == UNKNOWN or normal.isspace():
        return " "
    return _DIGITS.get(normal, normal) or " "


def _forms(distinct: pa.Array) -> Sequence[pa.Array]:
    codes = _without_units(rewritten_codes(distinct, _character))
    if (_CLASSES.take(codes.points) & _IS_COUNTED).any():
        text = text_of(codes)
        counted = pc.match_substring_regex(text, "[十百]")
        worked_out = [count_words(value) for value in pc.filter(text, counted).to_pylist()]
        codes = codes_of(pc.replace_with_mask(text, counted, pa.array(worked_out, pa.string())))
    words, numbers = _words_and_numbers(_without_divisions(codes))
    return [or_null(text, pc.not_equal(text, "")) for text in (text_of(words), text_of(numbers))]


def _without_units(codes: Codes) -> Codes:
    """单元 becomes 元, as which it is one of the words of house numbers."""
    points = codes.points
    if points.size == 0:
        return codes
    left_out = np.zeros(len(points), dtype=bool)
    left_out[:-1] = (points[:-1] == ord("单")) & (points[1:] == ord("元"))
    left_out[codes.ends[codes.ends > codes.starts] - 1] = False  # the next one is of the next value
    return codes.only(~left_out) if left_out.any() else codes


def _without_divisions(codes: Codes) -> Codes:
    """The values without what goes up to the last division that comes before the street; whole where nothing would be left."""
    points, owners, starts, ends = codes.points, codes.owners, codes.starts, codes.ends
    if points.size == 0:
        return codes
    classes = _CLASSES.take(points)
    begun = ends.copy()
    streets = np.flatnonzero(classes & _IS_STREET)[::-1]
    begun[owners[streets]] = streets  # written from the last to the first, so that the first stays
    places = np.flatnonzero(classes & _IS_DIVISION)
    places = places[places < begun[owners[places]]]
    before = np.where(places > starts[owners[places]], points[places - 1], 0)
    places = places[~((points[places] == ord("区")) & np.isin(before, [ord(each) for each in _NO_DISTRICT]))]
    cut = starts.copy()
    cut[owners[places]] = places + 1
    cut[cut >= ends] = starts[cut >= ends]
    return codes.only(np.arange(len(points), dtype=np.int64) >= cut[owners])


def _words_and_numbers(codes: Codes) -> tuple[Codes, Codes]:
    """(words and numbers with blanks between them, the numbers alone with dashes).

    A word ends with what ends a street or a village, with a word of house numbers, which is left out, and where digits begin or end.
    """
    points = codes.points
    if points.size == 0:
        return codes, codes
    classes = _CLASSES.take(points)
    numeric = (points < 0x80) & (points != _BLANK)
    seen = (points != _BLANK) & (classes & _IS_HOUSE == 0)
    places = np.flatnonzero(seen)
    left = codes.only(seen)
    first = np.zeros(len(places), dtype=bool)
    first[left.starts[left.ends > left.starts]] = True
    apart = np.ones(len(places), dtype=bool)
    apart[1:] = (
        (places[1:] != places[:-1] + 1) | (numeric[places[1:]] != numeric[places[1:] - 1]) | (classes[places[:-1]] & _IS_ENDING != 0)
    )
    words = _with_between(left, apart & ~first, _BLANK)
    begins = apart | first
    leading = left.points[begins]
    a_number = ((leading >= ord("0")) & (leading <= ord("9"))) | ((leading >= ord("a")) & (leading <= ord("z")))
    token = np.cumsum(begins) - 1
    in_number = a_number[token]
    numbers = left.only(in_number)
    between = begins[in_number]
    between[numbers.starts[numbers.ends > numbers.starts]] = False
    return words, _with_between(numbers, between, _DASH)


def _with_between(codes: Codes, before: NDArray[np.bool_], point: int) -> Codes:
    """The values with one more code point before some of theirs."""
    if codes.points.size == 0:
        return codes
    places = np.arange(len(codes.points), dtype=np.int64) + np.cumsum(before)
    written = np.full(int(places[-1]) + 1, point, dtype=np.int32)
    written[places] = codes.points
    ends = np.concatenate((np.zeros(1, np.int64), places + 1))[codes.ends]
    return Codes(written, ends)


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
