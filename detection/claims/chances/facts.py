"""What the tests of ``detection.claims.chances`` look at: the values of one claim, beside the other claims of its person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from detection.knowledge.families import coded
from detection.knowledge.families.codes import coding

Row = Mapping[str, Any]

_CLAIM = (
    "id",
    "institution_id",
    "setting",
    "scheme",
    "from_date",
    "to_date",
    "settled_at",
    "uploaded_at",
    "principal_diagnosis",
    "diagnoses",
    "procedures",
    "identity_check",
    "total_fen",
    "fund_fen",
)
_LINE = ("claim_id", "item_code", "category", "days")


@dataclass(frozen=True)
class Points:
    """What knowledge points name. items: codes; beginnings: of diagnoses and procedures, by length."""

    items: frozenset[str]
    beginnings: Mapping[int, frozenset[str]]


def points_named(points: pa.Table) -> Points:
    """What these points name, with the codes that the rules know without points."""
    items, codes = set[str](), set[str]()
    for row in points.select(["rule_code", "item_code", "other_codes", "diagnoses", "procedures"]).to_pylist():
        items |= {row["item_code"], *(row["other_codes"] or ())}
        if row["rule_code"] in coded.CODES:
            codes |= {*(row["diagnoses"] or ()), *(row["procedures"] or ())}
    known = coding()
    codes |= {*known.female, *known.male, *known.male_procedures, *known.female_procedures}
    codes |= {code for age in known.ages for code in age.codes} | {code for one in known.related for code in one.procedures}
    by_length: dict[int, set[str]] = {}
    for code in codes:
        by_length.setdefault(len(code), set()).add(code)
    return Points(frozenset(items - {""}), {length: frozenset(those) for length, those in by_length.items()})


@dataclass(frozen=True)
class Facts:
    """A claim beside the other claims of its person. tables: those of ``detection.claims.screening.LOADED``. hit: codes of the rules beside
    whose points a line of the claim is.
    """

    tables: Mapping[str, pa.Table]
    claim_id: int
    points: Points
    hit: frozenset[str] = frozenset()

    @cached_property
    def claims(self) -> list[Row]:
        """All claims of the person."""
        rows: list[Row] = self.tables["claim"].select(_CLAIM).to_pylist()
        return rows

    @cached_property
    def claim(self) -> Row:
        """The one that is asked about."""
        return next(row for row in self.claims if row["id"] == self.claim_id)

    @cached_property
    def others(self) -> list[Row]:
        """The other claims."""
        return [row for row in self.claims if row["id"] != self.claim_id]

    @cached_property
    def lines(self) -> list[Row]:
        """The lines of the claim."""
        line = self.tables["line"]
        rows: list[Row] = line.filter(pc.equal(line["claim_id"], self.claim_id)).to_pylist()
        return rows

    @cached_property
    def every_line(self) -> list[Row]:
        """The lines of all claims, as far as they are asked for."""
        rows: list[Row] = self.tables["line"].select(_LINE).to_pylist()
        return rows

    @property
    def named(self) -> bool:
        """Whether a line is of an item that a point names."""
        return any(line["item_code"] in self.points.items for line in self.lines)

    def of(self, *settings: str) -> list[Row]:
        """Claims of these settings."""
        return [row for row in self.claims if row["setting"] in settings]

    def charged(self, *categories: str) -> int:
        """Sum of the lines of these categories, in fen; of all without any."""
        return sum(line["amount_fen"] or 0 for line in self.lines if not categories or line["category"] in categories)
