"""The text of a limit while it is read: what a reader takes is gone, what nobody takes stays, and is what a claim cannot show."""

from __future__ import annotations

import re
import unicodedata

GONE = "\u2022"
"""Stands where something was taken, so that what stood on both sides of it does not become a word."""
_SPACE = re.compile(r"\s+")
_PIECE = re.compile(rf"[{GONE},.;:。、!?()\[\]<>\"'“”/+\-—~～·]+")


def normalised(text: str) -> str:
    """One way of writing: full-width signs, Roman numerals and radicals in their plain forms (NFKC), no spaces."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text))


class Reading:
    """A text that is read bit by bit."""

    def __init__(self, text: str) -> None:
        self.text = normalised(text)

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Every place that matches; they are gone afterwards."""
        found = list(pattern.finditer(self.text))
        if found:
            self.text = pattern.sub(GONE, self.text)
        return found

    def left(self) -> tuple[str, ...]:
        """What nobody took, piece by piece."""
        return tuple(piece for piece in _PIECE.split(self.text) if piece)
