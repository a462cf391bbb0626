"""Names of persons: one form for what is written in many ways, how a name sounds, what is left where a character could not be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from detection.linkage.chinese.characters import (
    DOT,
    UNKNOWN,
    is_han,
    lookalike,
    loose_syllable,
    loosely_spoken,
    loosely_spoken_as_surname,
    normal_character,
    spoken,
    spoken_as_surname,
    syllable,
    syllables,
    tables,
)
from detection.linkage.chinese.distinct import for_distinct, or_null
from detection.linkage.chinese.rewriting import rewritten

LONG = 5
"""Characters from which a name is one of a minority or a foreigner, and may have been cut off."""

START = 4
"""Characters that a name that was cut off has surely left."""

_TOKEN = re.compile(r"[a-zü]+|[^a-zü]")


@dataclass(frozen=True)
class NameForms:
    """The forms of each name, null where there is none.

    normal: simplified, no variants, dots or blanks.
    shape: rare characters as the common ones that look like them.
    sound: syllables, a blank between them. loose: the same of the shape, without what is confused.
    pattern: the normal form with _ for what could not be written, of names that lack something.
    parts: the parts of a name with a dot in alphabetical order. start: the first characters of a long name.
    surname: the loose sound of the first character, where there are others.
    """

    normal: pa.Array
    shape: pa.Array
    sound: pa.Array
    loose: pa.Array
    pattern: pa.Array
    parts: pa.Array
    start: pa.Array
    surname: pa.Array


def name_forms(names: pa.Array) -> NameForms:
    """The forms of each name. names: text, null where there is none."""
    return NameForms(*for_distinct(names, _forms))


def _forms(distinct: pa.Array) -> Sequence[pa.Array]:
    lines = rewritten(distinct, normal_character)
    for written, meant in tables().components.items():
        if pc.any(pc.match_substring(lines, written)).as_py():
            lines = pc.replace_substring(lines, written, meant)
    lines = pc.utf8_trim(lines, f" {DOT}")
    normal = pc.replace_substring(pc.replace_substring(lines, " ", ""), DOT, "")
    sound = pc.utf8_ltrim_whitespace(rewritten(lines, spoken, form_of_first=spoken_as_surname))
    loose = pc.utf8_ltrim_whitespace(rewritten(lines, loosely_spoken, form_of_first=loosely_spoken_as_surname))
    sound, loose, pattern = _with_latin(lines, sound, loose)
    made = [normal, rewritten(normal, lookalike), sound, loose, pattern, _parts(lines), _start(normal), _surname(loose)]
    return [or_null(each, pc.not_equal(each, "")) for each in made]


def _with_latin(lines: pa.Array, sound: pa.Array, loose: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Sound, loose sound and pattern, with those of the few names that hold Latin letters or unknown characters worked out one by one."""
    special = pc.match_substring_regex(lines, r"[a-zü?]")
    places = pc.indices_nonzero(special)
    if len(places) == 0:
        return sound, loose, pa.nulls(len(lines), pa.string())
    sounds, patterns = [], []
    for line in pc.take(lines, places).to_pylist():
        tokens = [(token, pinyin_syllables(token)) for token in _TOKEN.findall(line) if token not in {DOT, " "}]
        heard = [" ".join(found) if found else syllable(token) if len(token) == 1 else token for token, found in tokens]
        if heard and len(line) > 1:
            heard[0] = tables().surnames.get(line[0], heard[0])
        sounds.append(" ".join(heard))
        some_han = any(is_han(character) for character in line)
        written = "".join("_" if token == UNKNOWN else "_" * len(found) if found else token for token, found in tokens)
        patterns.append(written if some_han else None)
    loosened = [" ".join(loose_syllable(each) for each in one.split(" ")) for one in sounds]
    pattern = pc.replace_with_mask(pa.nulls(len(lines), pa.string()), special, pa.array(patterns, pa.string()))
    return (
        pc.replace_with_mask(sound, special, pa.array(sounds, pa.string())),
        pc.replace_with_mask(loose, special, pa.array(loosened, pa.string())),
        pattern,
    )


def pinyin_syllables(letters: str) -> list[str]:
    """The syllables of a run of Latin letters, the fewest that make it up: zhewei -> zhe wei. Empty where it is no pinyin."""
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for begin in range(max(0, end - 6), end):
            before = best[begin]
            if before is not None and letters[begin:end] in syllables():
                now = best[end]
                if now is None or len(before) + 1 < len(now):
                    best[end] = [*before, letters[begin:end]]
    return best[-1] or []


def _parts(lines: pa.Array) -> pa.Array:
    # a blank parts the names of minorities too; in a short name it only fills the line: 张 伟
    several = pc.or_(pc.match_substring(lines, DOT), pc.and_(pc.match_substring(lines, " "), pc.greater(pc.utf8_length(lines), LONG)))
    rows = pc.filter(lines, several).to_pylist()
    ordered = [DOT.join(sorted(part for part in re.split(rf"[{DOT} ]+", row) if part)) for row in rows]
    return pc.replace_with_mask(pa.nulls(len(lines), pa.string()), several, pa.array(ordered, pa.string()))


def _start(normal: pa.Array) -> pa.Array:
    return or_null(pc.utf8_slice_codeunits(normal, 0, START), pc.greater_equal(pc.utf8_length(normal), LONG))


def _surname(loose: pa.Array) -> pa.Array:
    return pc.struct_field(pc.extract_regex(loose, r"^(?P<surname>[^ ]+) ."), "surname")
