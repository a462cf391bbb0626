"""Words of the papers about a person's data, in both languages, from privacy_words.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("privacy_words.toml")
LANGUAGES = ("en", "zh")
ACRONYMS = {"id": "number", "fen": "(fen)", "deg": "(degrees)", "m": "(metres)", "sha256": "digest", "drg": "DRG"}


@cache
def _words() -> dict[str, dict[str, list[str] | str]]:
    content: dict[str, dict[str, list[str] | str]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return content


def words(section: str, code: str, language: str) -> str:
    """The words of a table, purpose, reason or kind of deletion. Raises KeyError for one without."""
    pair = _words()[section][code]
    return str(pair[LANGUAGES.index(language)])


def column_words(column: str, language: str) -> str:
    """The words of a column: Chinese from the file, English from its name. Raises KeyError for one without."""
    if language == "zh":
        return str(_words()["columns"][column])
    text = " ".join(ACRONYMS.get(part, part) for part in column.removesuffix("_sealed").removeprefix("public_").split("_"))
    return text[:1].upper() + text[1:]
