"""What a derived column of a record is good for: how to block on it and how to compare it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FeatureKind(StrEnum):
    """How a derived column is used.

    EXACT       text; equal or not, rare values weigh more (core of a resident ID). Blocked on.
    CODE        text; a key of equal length whose beginnings mean something (region code, postcode). Equal, or equal in the first half. Blocked on.
    IDENTIFIER  text; nearly one for one person, mistyped at times (phone, account). Equal, one or two edits apart. Blocked on whole and in parts.
    PHONETIC    text; how the column `of` sounds (pinyin). A level of that comparison below its equality, and blocked on together with others.
    NORMAL      text; the column `of` in a normal form (simplified, variants mapped). A level of that comparison, and blocked on.
    ALTERNATIVE_DATE  text YYYY-MM-DD; another day that the column `of` may mean (lunar and solar). A level of that comparison, and blocked on.
    TOKENS      list of text; parts of the column `of` (address). Compared by overlap, rare tokens weigh more. Blocked on its rare tokens.
    KEY         text; only blocked on, together with nothing else: as narrow as its maker made it.
    """

    EXACT = "exact"
    CODE = "code"
    IDENTIFIER = "identifier"
    PHONETIC = "phonetic"
    NORMAL = "normal"
    ALTERNATIVE_DATE = "alternative_date"
    TOKENS = "tokens"
    KEY = "key"


@dataclass(frozen=True)
class FeatureColumn:
    """A derived column. name: of the column in the table, null where there is no value. of: the canonical column that it says something about."""

    name: str
    kind: FeatureKind
    of: str | None = None
