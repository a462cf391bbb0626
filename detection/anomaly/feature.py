"""What a feature is: a number about an entity in a month, with unit, the direction that is suspicious, and words in both languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import ibis.expr.types as ir

from models.anomaly_model import EntityKind


class Unit(StrEnum):
    """What a feature is counted in. INDEX: 1 is as expected. DEVIATION: mean distance of shares, 0 to 1."""

    COUNT = "count"
    FEN = "fen"
    DAYS = "days"
    SHARE = "share"
    INDEX = "index"
    DEVIATION = "deviation"


class Direction(IntEnum):
    """Which side is suspicious."""

    LOW = -1
    EITHER = 0
    HIGH = 1


class FeatureGroup(StrEnum):
    """What a feature is about; figures are shown group by group."""

    VOLUME = "volume"
    COST = "cost"
    STAY = "stay"
    NETWORK = "network"
    DIGITS = "digits"
    MIX = "mix"
    IDENTITY = "identity"


Measure = Callable[[ir.Table], ir.Value]
"""Rows of ``claim_measures`` of one entity and month -> one value; NULL where it cannot be said."""
Behind = Callable[[ir.Table], ir.Value]
"""A row of ``claim_measures`` -> how much it has to do with the feature; 0 or NULL nothing, the greatest are named first."""


@dataclass(frozen=True)
class Feature:
    """One feature. description_en, description_zh: one sentence that is published. spread: its distribution has a long tail, so that
    peers are compared by the logarithm of 1 + value. behind: which claims it rests on. measure: None for what ``EntityFeatures.joined``
    brings under the feature's name.
    """

    name: str
    group: FeatureGroup
    unit: Unit
    direction: Direction
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    measure: Measure | None
    behind: Behind
    spread: bool = False

    def title(self, language: str) -> str:
        """language: zh, or anything else for English."""
        return self.title_zh if language == "zh" else self.title_en

    def description(self, language: str) -> str:
        """What it counts."""
        return self.description_zh if language == "zh" else self.description_en


@dataclass(frozen=True)
class EntityFeatures:
    """The features of one kind of entity. keys: columns of ``claim_measures`` that name one; a claim where one of them is NULL names none.

    ref: of the rows of one entity and month, how it is called; with the keys by name. narrow, wide: its peers, of the same rows; wide ones
    where the narrow ones are too few. joined: further features, (rows, keys) -> month and keys with the features by their names.
    """

    kind: EntityKind
    features: tuple[Feature, ...]
    keys: tuple[str, ...]
    ref: Measure
    narrow: Measure
    wide: Measure
    joined: tuple[Callable[[ir.Table, tuple[str, ...]], ir.Table], ...] = ()


def names(features: Sequence[Feature]) -> tuple[str, ...]:
    """Names of features, in order."""
    return tuple(feature.name for feature in features)
