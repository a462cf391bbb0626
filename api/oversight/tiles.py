"""A map without outside tiles: one equal tile a city or county, in the order of the division codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS_MIN, COLUMNS_MAX = 3, 7
TONES = 7
"""Tones of the style sheet, 0 for the lowest shares."""
PROVINCE_HELD = "90"
"""Third and fourth digit of counties that the province holds itself (省直辖县级行政区划, GB/T 2260)."""


@dataclass(frozen=True)
class Place:
    """Where the tile of a division stands. column, row: from 1, left to right and top to bottom."""

    code: str
    column: int
    row: int


def columns_for(tiles: int) -> int:
    """So many tiles stand side by side: a little wider than high, as pages are."""
    return min(COLUMNS_MAX, max(COLUMNS_MIN, math.ceil(math.sqrt(1.6 * tiles))))


def places(codes: Sequence[str]) -> tuple[Place, ...]:
    """The place of each division, by code: the same codes always stand in the same places.

    Codes follow the old order of the divisions in a province, the capital first; counties that the province holds itself begin a row of
    their own. Codes that are there twice are one tile.
    """
    ordered = sorted(set(codes))
    width = columns_for(len(ordered))
    found: list[Place] = []
    column, row, before = 0, 1, False
    for code in ordered:
        held = code[2:4] == PROVINCE_HELD
        if column == width or (held and not before and column):
            column, row = 0, row + 1
        column, before = column + 1, held
        found.append(Place(code, column, row))
    return tuple(found)


def tone(per_mille: int | None, steps: Sequence[float]) -> int | None:
    """Tone of a share in thousandths, 0 to ``TONES - 1``; None where there is no share. steps: rising shares at which it changes."""
    if per_mille is None:
        return None
    return tone_of_class(sum(per_mille >= round(1000 * step) for step in steps), len(steps))


def tone_of_class(number: int, steps: int) -> int:
    """Tone of one of the classes, 0 for the lowest; they are spread over all tones. steps: one less than there are classes."""
    return round(number * (TONES - 1) / steps)
