"""Region codes of rows: those of the store, those in force, and retired ones mapped forward."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from detection.intake import divisions, rules
from detection.intake.cells import number_text
from detection.intake.own_divisions import OwnDivisions
from detection.intake.rules import RowRejected
from models.region import region_prefix

COUNTY_DIGITS = 6
LONGER_CODES = (9, 12)
"""Codes of townships and villages begin with the county's."""


class RegionBook:
    """Looks region codes up. stored: codes of the store's own table, which count whatever the national table says; own: the operator's.

    A name stands for a code where only one division has it, alone (江岸区) or behind its city and province (武汉市江岸区).
    """

    def __init__(self, stored: Collection[str], own: OwnDivisions | None = None) -> None:
        self._stored = frozenset(stored)
        self._own = own or OwnDivisions()
        self._known: dict[str, str] = {}

    def resolve(self, field: str, text: str) -> str:
        """The code in force. Raises RowRejected: REGION_UNKNOWN, REGION_RETIRED, EXCEL_LEADING_ZERO_LOST, EXCEL_PRECISION_LOST."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._look_up(field, text)
        return found

    def _look_up(self, field: str, text: str) -> str:
        code = number_text(field, text)
        if not code.isdigit():
            named = divisions.code_of_name(text)
            if named is None:
                raise RowRejected(rules.REGION_UNKNOWN, field, text[:20])
            return named
        if len(code) in LONGER_CODES:
            code = code[:COUNTY_DIGITS]
        if len(code) in {2, 4}:
            code = code.ljust(COUNTY_DIGITS, "0")
        if len(code) in {3, 5}:
            raise RowRejected(rules.EXCEL_LEADING_ZERO_LOST, field, code)
        code = self._own.successors.get(code, code)
        if code in self._stored or code in self._own.names:
            return code
        following = divisions.successor(code)
        if following is not None:
            return following
        raise RowRejected(rules.REGION_RETIRED if divisions.known(code) else rules.REGION_UNKNOWN, field, code[:12])


@lru_cache(maxsize=8_192)
def city_of(code: str) -> str:
    """The city that a report counts a region under: 420106 -> 420100; a municipality as a whole; a county without a city is its own."""
    if code[:2] in divisions.MUNICIPALITIES:
        return f"{code[:2]}0000"
    city = f"{code[:4]}00"
    return code if code[2:4] == "90" and city not in divisions.in_force() else city


def within(code: str, region: str | None) -> bool:
    """True when the code lies in the region given by its code; None is everywhere."""
    return region is None or code.startswith(region_prefix(region))
