"""Chinese characters: one form for variants, full width and traditional ones, and how each one sounds."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import opencc

UNKNOWN = "?"
"""Stands for a character that the sender could not write: ?, □, ■, *, ●, 〓, the replacement character, the private area."""

DOT = "·"
"""Stands between the parts of a name, whichever of the dots was typed."""

_UNKNOWN_MARKS = "?？□■▢◇◆○●◯〇〓*＊×\ufffd_＿#"
_DOTS = "·•．.・‧∙⋅･。‐–—-᛫﹒"
_HAN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x3FFFF), (0xF900, 0xFAFF), (0x2E80, 0x2FDF), (0x3007, 0x3007))
_PRIVATE = ((0xE000, 0xF8FF), (0xF0000, 0x10FFFD))
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_FINALS = (("ang", "an"), ("eng", "en"), ("ing", "in"))


@dataclass(frozen=True)
class CharacterTables:
    """The tables of characters.toml."""

    private_use: dict[str, str]
    variants: dict[str, str]
    lookalikes: dict[str, str]
    components: dict[str, str]
    readings: dict[str, str]
    surnames: dict[str, str]


@cache
def tables() -> CharacterTables:
    """The tables, read once."""
    content: dict[str, Any] = tomllib.loads((files("detection.linkage.chinese") / "characters.toml").read_text(encoding="utf-8"))
    return CharacterTables(**content)


@cache
def _simplifier() -> Any:  # opencc has no types
    return opencc.OpenCC("t2s")


@cache
def _readings() -> dict[int, str]:
    """Readings by code point of pypinyin: its table alone, because the package reads its phrases too, a third of a second of them."""
    package = find_spec("pypinyin")
    places = (package and package.submodule_search_locations) or []
    table = next((spec_from_file_location("pinyin_table", Path(place) / "pinyin_dict.py") for place in places), None)
    if table is None or table.loader is None:
        raise ImportError("the table of readings of the package pypinyin is not there")
    module = module_from_spec(table)
    table.loader.exec_module(module)
    readings: dict[int, str] = module.pinyin_dict
    return readings


def is_han(character: str) -> bool:
    """True for a Chinese character of any plane, radicals included."""
    code = ord(character)
    return any(first <= code <= last for first, last in _HAN)


@cache
def normal_character(character: str) -> str:
    """The one form of a character: half width, lower case, simplified, no variant; UNKNOWN and DOT for them. May be empty."""
    if character in _DOTS:
        return DOT
    if character in _UNKNOWN_MARKS:
        return UNKNOWN
    character = tables().private_use.get(character, character)
    if any(first <= ord(character) <= last for first, last in _PRIVATE):
        return UNKNOWN
    folded = unicodedata.normalize("NFKC", character).lower()
    if len(folded) != 1:
        return "".join(normal_character(each) for each in folded) if folded != character else folded
    if is_han(folded):
        folded = _simplifier().convert(folded)
        return tables().variants.get(folded, folded)
    if unicodedata.category(folded) in {"Zs", "Cc", "Cf", "Mn"}:
        return " " if unicodedata.category(folded) == "Zs" or folded in "\t\r" else ""
    return folded


@cache
def syllable(character: str) -> str:
    """How a character is read, without its tone: 伟 -> wei, 女 -> nv. Itself where it has no reading."""
    known = tables().readings.get(character)
    readings = _readings().get(ord(character), "") if is_han(character) else ""
    return known or _toneless(readings.split(",")[0]) or character


def _toneless(reading: str) -> str:
    # tones are combining marks of the decomposed letters; the two dots of ü are none
    letters = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(letter for letter in letters if letter.isascii())


@cache
def loose_syllable(sound: str) -> str:
    """A syllable without what many speakers do not tell apart: zh/z, ch/c, sh/s, n/l in front; ang/an, eng/en, ing/in at the end."""
    for clear, loose in _INITIALS:
        if sound.startswith(clear) and len(sound) > len(clear):
            sound = loose + sound[len(clear) :]
            break
    for clear, loose in _FINALS:
        if sound.endswith(clear):
            return sound[: -len(clear)] + loose
    return sound


@cache
def syllables() -> frozenset[str]:
    """Every syllable that a common character has: to tell pinyin in a name from other Latin letters."""
    return frozenset(syllable(chr(code)) for code in range(0x4E00, 0x9FA6))


def spoken(character: str) -> str:
    """A blank and how the character is read; nothing for dots and blanks."""
    return "" if character in {DOT, " "} else " " + syllable(character)


def spoken_as_surname(character: str) -> str:
    """As ``spoken``, of the first character of a name: 单 is shan there."""
    sound = tables().surnames.get(character)
    return " " + sound if sound else spoken(character)


def loosely_spoken(character: str) -> str:
    """As ``spoken``, of the character that looks like it and is better known, without what is confused."""
    return "" if character in {DOT, " "} else " " + loose_syllable(syllable(lookalike(character)))


def loosely_spoken_as_surname(character: str) -> str:
    """As ``loosely_spoken``, of the first character of a name."""
    sound = tables().surnames.get(lookalike(character))
    return " " + loose_syllable(sound) if sound else loosely_spoken(character)


def lookalike(character: str) -> str:
    """The common character that is typed for a rare one because it looks like it; the character itself where there is none."""
    return tables().lookalikes.get(character, character)
