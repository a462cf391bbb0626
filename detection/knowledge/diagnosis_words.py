"""Words of indications and the ICD-10 codes that they mean, from ``diagnosis_words.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from detection.knowledge.parse_text import normalised

_RANGE = re.compile(r"^([A-Z])(\d\d)-\1(\d\d)$")
_CODE = re.compile(r"^[A-Z]\d{0,5}$")


@dataclass(frozen=True)
class DiagnosisWords:
    """codes: word -> beginnings of codes, without dots. pattern: any of the words, the longest first. fillers: what limits nothing.

    history: names illnesses that are not what the limit allows. signs: what an unknown indication looks like. not_signs: words that look
    like one and are none. exempt: code of a rule -> diagnoses of persons whom it leaves out.
    """

    codes: dict[str, tuple[str, ...]]
    pattern: re.Pattern[str]
    fillers: re.Pattern[str]
    history: re.Pattern[str]
    signs: re.Pattern[str]
    not_signs: re.Pattern[str]
    exempt: dict[str, tuple[str, ...]]


def _any_of(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def prefixes(codes: list[str]) -> tuple[str, ...]:
    """Beginnings of codes with ranges written out. Raises ValueError naming what is neither a code nor a range."""
    found: list[str] = []
    for code in codes:
        span = _RANGE.match(code)
        if span:
            found += [f"{span[1]}{number:02d}" for number in range(int(span[2]), int(span[3]) + 1)]
        elif _CODE.match(code):
            found.append(code)
        else:
            raise ValueError(f"{code} is neither the beginning of an ICD-10 code nor a range of three-character codes")
    return tuple(found)


def shortest(codes: set[str]) -> tuple[str, ...]:
    """The same beginnings without those that a shorter one covers, in order."""
    return tuple(sorted(code for code in codes if not any(code != other and code.startswith(other) for other in codes)))


@lru_cache(maxsize=1)
def diagnosis_words() -> DiagnosisWords:
    """The table, read once."""
    content = tomllib.loads(files(__package__).joinpath("diagnosis_words.toml").read_text(encoding="utf-8"))
    codes = {normalised(word): prefixes(found) for word, found in content["words"].items()}
    fillers = [normalised(word) for word in content["fillers"]["words"]]
    signs = content["disease_signs"]
    return DiagnosisWords(
        codes,
        re.compile(_any_of(list(codes))),
        re.compile(f"{_any_of(fillers)}|{content['fillers']['abbreviations']}"),
        re.compile("|".join(content["history"]["patterns"])),
        re.compile(signs["pattern"]),
        re.compile(_any_of([normalised(word) for word in signs["not_signs"]])),
        {rule: prefixes(found) for rule, found in content["exempt"].items()},
    )
