"""How records are compared: levels of comparisons, keys that records may share, and what is derived for them; pieces of SQL for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from detection.linkage.feature_columns import FeatureColumn, FeatureKind

TOKEN_FACTOR = 4294967296
"""A weighted token is one integer, 1000 x its weight (nats) x TOKEN_FACTOR + its number: equal tokens are equal, sums are weights."""

IDENTIFYING_SHARE = 0.3
"""Distinct values by records from which a column of codes is taken for one that identifies."""


@dataclass(frozen=True)
class Level:
    """One level of a comparison, above "anything else". condition: SQL with {functions}. tf: column whose frequency weighs an agreement.

    near: the values need not be equal; the more frequent one counts then, against what equal ones have. against: never speaks for one
    person, however common it is among the pairs that match.
    """

    label: str
    condition: str
    tf: str | None = None
    near: bool = False
    against: bool = False


@dataclass(frozen=True)
class ComparisonPlan:
    """Levels from the closest on. name: of the output. feature: for people. variables: columns of the mapping that it reads."""

    name: str
    feature: str
    null: str
    levels: tuple[Level, ...]
    variables: frozenset[str]

    @property
    def against(self) -> list[int]:
        """Comparison-vector values of the levels that never speak for one person."""
        return [len(self.levels) - place for place, level in enumerate(self.levels) if level.against]


@dataclass(frozen=True)
class Atom:
    """A key that records may share. sql: over the table of records, null where there is none. many: an array, each element a key.

    typo: chance that it survives a slip of the pen in its column. implies: names of coarser atoms that are equal whenever this one is.
    """

    name: str
    sql: str
    variable: str
    typo: float
    implies: frozenset[str] = frozenset()
    many: bool = False
    alone: bool = True


@dataclass
class Plan:
    """derived: column -> SQL over ``cleaned``. token_columns: column -> SQL of the array of words that become weighted tokens.

    missing: variable -> share of records without a value. identifying: columns whose values are nearly one for each person.
    apart: condition of pairs that must not come into one cluster, or None.
    """

    derived: dict[str, str] = field(default_factory=dict)
    token_columns: dict[str, str] = field(default_factory=dict)
    comparisons: list[ComparisonPlan] = field(default_factory=list)
    atoms: list[Atom] = field(default_factory=list)
    missing: dict[str, float] = field(default_factory=dict)
    identifying: set[str] = field(default_factory=set)
    apart: str | None = None


def either_null(column: str) -> str:
    """SQL: one side says nothing."""
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def same(column: str) -> str:
    """SQL: both sides say the same."""
    return f"{column}_l = {column}_r"


def alike(column: str, at_least: float) -> str:
    """SQL: Jaro-Winkler similarity of at least so much, 0 to 1."""
    return f"{{jaro_winkler}}({column}_l, {column}_r) >= {at_least}"


def edits(column: str, at_most: int) -> str:
    """SQL: at most so many slips of the pen; a transposition is one."""
    # the plain distance is several times cheaper, and a transposition is two of its edits
    pair = f"({column}_l, {column}_r)"
    near = f"abs(length({column}_l) - length({column}_r)) <= {at_most} AND levenshtein{pair} <= {2 * at_most}"
    return f"{near} AND {{edits}}{pair} <= {at_most}"


def feature_levels(own: Sequence[FeatureColumn], kinds: set[FeatureKind]) -> list[Level]:
    """A level for each feature of these kinds: it agrees."""
    return [
        Level(f"same {feature.name.removeprefix(f'{feature.of}_').replace('_', ' ')}", same(feature.name))
        for feature in own
        if feature.kind in kinds
    ]


def pattern_levels(own: Sequence[FeatureColumn]) -> list[Level]:
    """Levels for names of which a character could not be written."""
    normal = next((feature.name for feature in own if feature.kind is FeatureKind.NORMAL), None)
    return [
        Level("same but for what could not be written", f"{normal}_l LIKE {feature.name}_r OR {normal}_r LIKE {feature.name}_l")
        for feature in own
        if feature.kind is FeatureKind.PATTERN and normal is not None
    ]


def feature_atoms(plan: Plan, own: Sequence[FeatureColumn], variable: str) -> None:
    """Add the keys that features give."""
    for feature in own:
        if feature.kind in {FeatureKind.ALTERNATIVE_DATE, FeatureKind.TOKENS}:
            continue
        plan.derived[feature.name] = feature.name
        if feature.kind in {FeatureKind.EXACT, FeatureKind.NORMAL, FeatureKind.PHONETIC, FeatureKind.CODE}:
            typo = {FeatureKind.PHONETIC: 0.6, FeatureKind.NORMAL: 0.3}.get(feature.kind, 0.2)
            plan.atoms.append(Atom(feature.name, feature.name, variable, typo))
        elif feature.kind is FeatureKind.IDENTIFIER:
            plan.atoms += halves(feature.name, feature.name, variable)


def halves(name: str, column: str, variable: str) -> list[Atom]:
    """Keys of a number: either half, and the whole."""
    return [
        Atom(
            f"{name}_a",
            f"CASE WHEN length({column}) >= 6 THEN substr({column}, 1, CAST(floor(length({column}) / 2) AS INT)) END",
            variable,
            0.5,
        ),
        Atom(
            f"{name}_b",
            f"CASE WHEN length({column}) >= 6 THEN substr({column}, 1 + CAST(floor(length({column}) / 2) AS INT)) END",
            variable,
            0.5,
        ),
        Atom(name, column, variable, 0.0, frozenset({f"{name}_a", f"{name}_b"})),
    ]
