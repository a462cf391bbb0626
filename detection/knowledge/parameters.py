"""What a knowledge point bounds, as rules read it: the columns of the table "point" of ``detection.claims.tables``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from detection.errors import DetectionError


class ParametersError(DetectionError):
    """The parameters that a point states itself cannot be used; the message names the key and the rule."""

    code = "knowledge_parameters"


class Checkable(StrEnum):
    """How much of a point's limit a claim can show."""

    FULL = "full"
    PART = "part"
    BY_HAND = "by_hand"


@dataclass(frozen=True)
class Parameters:
    """The bounds of one point; what it does not bound is None. Ages in days, both ends inside.

    first_codes: None for all codes of the item, otherwise those that other_codes are held against. item_alone: that the item was charged is
    the whole limit. lacks_own: the bound that the rule's test is about could not be read. untested: what the limit says besides, in its
    own words: a claim does not show it.
    """

    sex: str | None = None
    age_min_days: int | None = None
    age_max_days: int | None = None
    diagnoses: tuple[str, ...] | None = None
    diagnoses_not: tuple[str, ...] | None = None
    procedures: tuple[str, ...] | None = None
    levels: tuple[str, ...] | None = None
    settings: tuple[str, ...] | None = None
    departments: tuple[str, ...] | None = None
    schemes: tuple[str, ...] | None = None
    first_codes: tuple[str, ...] | None = None
    other_codes: tuple[str, ...] | None = None
    group_name: str | None = None
    days_max: int | None = None
    interval_days_min: int | None = None
    quantity_max: float | None = None
    period: str | None = None
    period_days: int | None = None
    unit_price_max_fen: int | None = None
    amount_max_fen: int | None = None
    share_max: float | None = None
    item_alone: bool = False
    lacks_own: bool = False
    untested: tuple[str, ...] = ()

    @property
    def by_hand(self) -> bool:
        """True when a person has to look, because the claim does not tell all that the limit says."""
        return bool(self.untested)

    @property
    def bounds(self) -> dict[str, Any]:
        """The columns of the table "point" that this point fills."""
        return {name: value for name in COLUMNS if (value := getattr(self, name)) is not None}

    @property
    def checkable(self) -> Checkable:
        """What of the limit a claim shows. item_alone: that the item was charged is the whole limit."""
        tested = not self.lacks_own and bool(self.bounds.keys() - {"period", "period_days"} or self.item_alone)
        if not self.untested and tested:
            return Checkable.FULL
        return Checkable.PART if tested else Checkable.BY_HAND

    def as_json(self) -> dict[str, Any]:
        """For the store and for pages: only what is there."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value not in (None, (), False)
        }


def from_json(stored: Mapping[str, Any]) -> Parameters:
    """The parameters as ``as_json`` gave them; "given" names those that the point states itself."""
    names = {one.name for one in fields(Parameters)}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in names}
    return Parameters(**values)


COLUMNS = (
    "sex", "age_min_days", "age_max_days", "diagnoses", "diagnoses_not", "procedures", "levels", "settings", "departments", "schemes",
    "other_codes", "group_name", "days_max", "interval_days_min", "quantity_max", "period", "period_days", "unit_price_max_fen",
    "amount_max_fen", "share_max",
)  # fmt: skip
"""Columns of the table "point" that parameters fill."""
