"""Words that go into a file which people open with a spreadsheet."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """The words so that no spreadsheet runs them: what begins like a formula gets an apostrophe before it."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text
