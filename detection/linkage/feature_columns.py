"""What a derived column of a record is good for: how to block on it and how to compare it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FeatureKind(StrEnum):
    """How a derived column is used.

    EXACT       text; equal or not, rare values weigh more (core of a resident ID). Blocked on.
    CODE        text; a key of equal length whose beginnings mean something (region code). Equal, or equal in the first half. Blocked on.
    IDENTIFIER  text; nearly one for one person, mistyped at times (phone). Equal, one or two edits apart. Blocked on whole and in parts.
    PHONETIC    text; how the column `of` sounds (pinyin). A level of that comparison below equality, and blocked on together with others.
    NORMAL      text; the column `of` in a normal form (simplified, variants mapped). A level of that comparison, and blocked on.
    ALTERNATIVE_DATE  text YYYY-MM-DD; another day that the column `of` may mean (lunar, solar). A level of that comparison; blocked on.
    TOKENS      list of text; parts of the column `of` (address). Compared by overlap, rare tokens weigh more. Blocked on rare tokens.
    VERIFIED    whole number; the column `of` where it proves itself right (by a check character), else null. Two different ones tell of two
                persons: a level of that comparison below equality and above nearness, with little or negative weight.
    PATTERN     text for LIKE, on the NORMAL column of `of`; null for all but values that lack something (李_). A level of that
                comparison: the pattern of either side fits the normal form of the other.
    KEY         text; only blocked on, together with nothing else: as narrow as its maker made it. Where there are keys, they and the
                equality of EXACT and IDENTIFIER columns find what is to be found; further rules on what they come from add little.
    """

    EXACT = "exact"
    CODE = "code"
    IDENTIFIER = "identifier"
    PHONETIC = "phonetic"
    NORMAL = "normal"
    ALTERNATIVE_DATE = "alternative_date"
    TOKENS = "tokens"
    VERIFIED = "verified"
    PATTERN = "pattern"
    KEY = "key"


@dataclass(frozen=True)
class FeatureColumn:
    """A derived column. name: of the column in the table, null where there is no value. of: the canonical column that it is about.

    also: further canonical columns that a KEY is made of. hashed: only ever asked whether two are equal, and so kept as a number of 8 bytes
    in place of its text.
    """

    name: str
    kind: FeatureKind
    of: str | None = None
    also: tuple[str, ...] = ()
    hashed: bool = False
