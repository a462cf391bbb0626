"""From what the columns look like to what is derived from them, how pairs are compared and what they are blocked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from detection.linkage.feature_columns import FeatureColumn, FeatureKind
from detection.linkage.mapping import ColumnKind
from detection.linkage.preparation import ColumnFacts

TOKEN_FACTOR = 4294967296
"""A weighted token is one integer, 1000 x its weight (nats) x TOKEN_FACTOR + its number: equal tokens are equal, sums are weights."""

PAIR = "CASE WHEN n_given < n_surname THEN n_given || '|' || n_surname ELSE n_surname || '|' || n_given END"
"""Both names, whichever is which."""

IDENTIFYING_SHARE = 0.3
"""Distinct values by records from which a column of codes is taken for one that identifies."""


@dataclass(frozen=True)
class Level:
    """One level of a comparison, above "anything else". condition: SQL with {functions}. tf: column whose frequency weighs an agreement.

    near: the values need not be equal; the more frequent one counts then, against what equal ones have.
    """

    label: str
    condition: str
    tf: str | None = None
    near: bool = False


@dataclass(frozen=True)
class ComparisonPlan:
    """Levels from the closest on. name: of the output. feature: for people. variables: columns of the mapping that it reads."""

    name: str
    feature: str
    null: str
    levels: tuple[Level, ...]
    variables: frozenset[str]


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


def plan_features(facts: Sequence[ColumnFacts], extra: Sequence[FeatureColumn] = ()) -> Plan:
    """One configuration for the columns that are there. Columns that are empty or always the same are left out.

    extra: derived columns of the features of a language; they are columns of ``cleaned`` too.
    """
    plan = Plan()
    useful = [fact for fact in facts if fact.filled > 0 and fact.distinct > 1]
    by_kind: dict[ColumnKind, ColumnFacts] = {
        fact.kind: fact for fact in useful if fact.kind in {ColumnKind.FULL_NAME, ColumnKind.GIVEN_NAME, ColumnKind.SURNAME}
    }
    extras: dict[str, list[FeatureColumn]] = {}
    for feature in extra:
        if feature.kind is FeatureKind.KEY:
            continue
        extras.setdefault(feature.of or feature.name, []).append(feature)
    if by_kind:
        _names(plan, by_kind, extras)
    for fact in useful:
        own = extras.get(fact.name, [])
        if fact.kind in {ColumnKind.FULL_NAME, ColumnKind.GIVEN_NAME, ColumnKind.SURNAME}:
            continue
        plan.missing[fact.variable] = 1 - fact.filled
        match fact.kind:
            case ColumnKind.DATE:
                _date(plan, fact, own)
            case ColumnKind.POSTCODE:
                _postcode(plan, fact)
            case ColumnKind.REGION:
                _region(plan, fact, own)
            case ColumnKind.SEX:
                _simple(plan, fact, fuzzy=False, block=False)
            case ColumnKind.NUMBER:
                _number(plan, fact)
            case ColumnKind.EMAIL:
                _email(plan, fact)
            case ColumnKind.IDENTIFIER:
                _identifier(plan, fact, own)
            case ColumnKind.EXACT:
                if fact.distinct_share >= IDENTIFYING_SHARE and fact.mean_length >= 5 and fact.mean_tokens < 1.2:
                    _identifier(plan, fact, own)
                else:
                    _simple(plan, fact, fuzzy=fact.mean_length >= 4 and fact.distinct > 20, block=True)
            case _:
                _text(plan, fact, own)
    _keys(plan, [feature for feature in extra if feature.kind is FeatureKind.KEY])
    return plan


def _keys(plan: Plan, keys: Sequence[FeatureColumn]) -> None:
    for key in keys:
        plan.derived[key.name] = key.name
        plan.atoms.append(Atom(key.name, key.name, key.name, 0.3))


def _null(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _same(column: str) -> str:
    return f"{column}_l = {column}_r"


def _alike(column: str, at_least: float) -> str:
    return f"{{jaro_winkler}}({column}_l, {column}_r) >= {at_least}"


def _edits(column: str, at_most: int) -> str:
    # the plain distance is several times cheaper, and a transposition is two of its edits
    pair = f"({column}_l, {column}_r)"
    near = f"abs(length({column}_l) - length({column}_r)) <= {at_most} AND levenshtein{pair} <= {2 * at_most}"
    return f"{near} AND {{edits}}{pair} <= {at_most}"


def _feature_levels(own: Sequence[FeatureColumn], kinds: set[FeatureKind]) -> list[Level]:
    return [
        Level(f"same {feature.name.removeprefix(f'{feature.of}_').replace('_', ' ')}", _same(feature.name))
        for feature in own
        if feature.kind in kinds
    ]


def _pattern_levels(own: Sequence[FeatureColumn]) -> list[Level]:
    normal = next((feature.name for feature in own if feature.kind is FeatureKind.NORMAL), None)
    return [
        Level("same but for what could not be written", f"{normal}_l LIKE {feature.name}_r OR {normal}_r LIKE {feature.name}_l")
        for feature in own
        if feature.kind is FeatureKind.PATTERN and normal is not None
    ]


def _feature_atoms(plan: Plan, own: Sequence[FeatureColumn], variable: str) -> None:
    for feature in own:
        if feature.kind in {FeatureKind.ALTERNATIVE_DATE, FeatureKind.TOKENS}:
            continue
        plan.derived[feature.name] = feature.name
        if feature.kind in {FeatureKind.EXACT, FeatureKind.NORMAL, FeatureKind.PHONETIC, FeatureKind.CODE}:
            typo = {FeatureKind.PHONETIC: 0.6, FeatureKind.NORMAL: 0.3}.get(feature.kind, 0.2)
            plan.atoms.append(Atom(feature.name, feature.name, variable, typo))
        elif feature.kind is FeatureKind.IDENTIFIER:
            plan.atoms += _halves(feature.name, feature.name, variable)


def _names(plan: Plan, by_kind: dict[ColumnKind, ColumnFacts], extras: dict[str, list[FeatureColumn]]) -> None:
    full, given, surname = (by_kind.get(kind) for kind in (ColumnKind.FULL_NAME, ColumnKind.GIVEN_NAME, ColumnKind.SURNAME))
    written = extras.get("full_name", [])
    if full is None and written and surname is not None:
        # names of one or two characters a part say more as one: as they are spoken and written
        plan.derived["n_full"] = f"nullif(coalesce({surname.variable}, '') || coalesce({given.variable if given else 'NULL'}, ''), '')"
        _whole_name(plan, replace(surname, name="full_name", variable="n_full"), written)
        return
    split = full is not None and full.mean_tokens >= 1.5 and not written
    if full is not None and not split and (written or (given is None and surname is None)):
        _whole_name(plan, full, written)
        return
    first = f"nullif(split_part({full.variable}, ' ', 1), '')" if full and split else "NULL"
    last = f"CASE WHEN contains({full.variable}, ' ') THEN split_part({full.variable}, ' ', -1) END" if full and split else "NULL"
    parts = [fact.variable for fact in (full if split else None, given, surname) if fact is not None]
    missing = {}
    for role, fact, otherwise in (("given", given, first), ("surname", surname, last)):
        if fact is None and otherwise == "NULL":
            continue
        plan.derived[f"n_{role}"] = f"coalesce({fact.variable}, {otherwise})" if fact is not None else otherwise
        missing[role] = 1 - max(fact.filled if fact else 0.0, full.filled if full and split else 0.0)
    latin = max(fact.latin for fact in by_kind.values()) > 0.5
    several = (
        any(fact.mean_tokens >= (1.05 if fact.kind is not ColumnKind.FULL_NAME else 2.1) for fact in by_kind.values()) or len(parts) > 2
    )
    if several:
        joined = " || ' ' || ".join(f"coalesce({part}, '')" for part in parts)
        words = f"list_distinct(list_filter(str_split({joined}, ' '), lambda w: length(w) > 1))"
        plan.derived["n_words"] = f"CASE WHEN len({words}) > 0 THEN {words} END"
    for role in missing:
        _name_part(plan, role, missing, latin=latin, several=several, own=extras.get("given_name" if role == "given" else "surname", []))
    if len(missing) == 2:
        plan.atoms.append(
            Atom(
                "both names",
                "n_pair",
                "given",
                0.1,
            )
        )
    if several:
        plan.atoms.append(Atom("n_words", "n_words", "surname" if "surname" in missing else "given", 0.5, many=True, alone=False))
    if full is not None and not split:
        _whole_name(plan, full, written)


def _name_part(plan: Plan, role: str, missing: dict[str, float], *, latin: bool, several: bool, own: Sequence[FeatureColumn]) -> None:
    column = f"n_{role}"
    plan.missing[role] = missing[role]
    other = next((f"n_{name}" for name in missing if name != role), None)
    levels = [Level("same", _same(column), column), *_feature_levels(own, {FeatureKind.NORMAL})]
    null = _null(column)
    if other is not None:
        # a swap is one event, not two agreements: it counts with the given name, by how frequent the two names are together
        swapped = "n_given_l = n_surname_r AND n_surname_l = n_given_r AND n_given_l <> n_surname_l"
        crossed = "(n_given_l = n_surname_r OR n_given_r = n_surname_l) AND n_surname_l <> n_surname_r"
        if role == "given":
            plan.derived["n_pair"] = PAIR
            levels.append(Level("given name and surname swapped", swapped, "n_pair"))
        else:
            null = f"{null} OR ({crossed})"
    levels.append(Level("very alike", _alike(column, 0.92), column, near=True))
    if other is not None and role == "given":
        levels.append(Level("is the other's surname", crossed, column, near=True))
    levels += _feature_levels(own, {FeatureKind.PHONETIC})
    if role == "given":
        levels.append(
            Level(
                "short form or initial",
                f"substr({column}_l, 1, 1) = substr({column}_r, 1, 1) AND (length({column}_l) = 1 OR length({column}_r) = 1 "
                f"OR substr({column}_l, 1, 3) = substr({column}_r, 1, 3))",
            )
        )
    if latin:
        plan.derived[f"{column}_sound"] = f"sound({column})"
        levels.append(Level("sounds the same", _same(f"{column}_sound")))
    levels.append(Level("alike", _alike(column, 0.85)))
    if several:
        words = "n_words"
        levels.append(Level("is among the other's names", f"{{contains}}({words}_l, {column}_r) OR {{contains}}({words}_r, {column}_l)"))
    levels.append(Level("a little alike", _alike(column, 0.72)))
    variables = frozenset({role}) | (frozenset(missing) if several else frozenset())
    plan.comparisons.append(ComparisonPlan(column, "given name" if role == "given" else "surname", null, tuple(levels), variables))
    coarse = {f"{column}_1"}
    plan.atoms.append(Atom(f"{column}_1", f"substr({column}, 1, 1)", role, 0.9, alone=False))
    plan.atoms.append(Atom(f"{column}_3", f"substr({column}, 1, 3)", role, 0.7, frozenset(coarse)))
    if latin:
        plan.atoms.append(Atom(f"{column}_sound", f"{column}_sound", role, 0.5, frozenset()))
    plan.atoms.append(Atom(column, column, role, 0.0, frozenset({f"{column}_1", f"{column}_3", *([f"{column}_sound"] if latin else [])})))
    if own:
        _feature_atoms(plan, own, role)


def _whole_name(plan: Plan, full: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    column = full.variable
    plan.derived.setdefault(column, column)
    plan.missing[column] = 1 - full.filled
    levels = [Level("same", _same(column), column), *_feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT})]
    levels += _pattern_levels(own)
    levels += _feature_levels(own, {FeatureKind.PHONETIC})
    levels.append(Level("very alike", _alike(column, 0.92)))
    levels.append(Level("one character differs", f"length({column}_l) >= 3 AND {_edits(column, 1)}"))
    levels.append(
        Level("one character differs, or one is more", f"substr({column}_l, 1, 1) = substr({column}_r, 1, 1) AND {_edits(column, 1)}")
    )
    levels.append(Level("alike", _alike(column, 0.75)))
    levels.append(Level("same beginning", f"substr({column}_l, 1, 1) = substr({column}_r, 1, 1)"))
    plan.comparisons.append(ComparisonPlan(column, full.name.replace("_", " "), _null(column), tuple(levels), frozenset({column})))
    plan.atoms.append(Atom(f"{column}_1", f"substr({column}, 1, 1)", column, 0.8, alone=False))
    plan.atoms.append(Atom(f"{column}_2", f"substr({column}, 1, 2)", column, 0.5, frozenset({f"{column}_1"})))
    plan.atoms.append(Atom(f"{column}_e", f"substr({column}, -2)", column, 0.5))
    plan.atoms.append(Atom(column, column, column, 0.0, frozenset({f"{column}_1", f"{column}_2", f"{column}_e"})))
    _feature_atoms(plan, own, column)


def _date(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    year, month, day = f"substr({c}_{{side}}, 1, 4)", f"substr({c}_{{side}}, 5, 2)", f"substr({c}_{{side}}, 7, 2)"

    def equal(*parts: str) -> str:
        return " AND ".join(f"{part.format(side='l')} = {part.format(side='r')}" for part in parts)

    gap = f"abs(CAST({year.format(side='l')} AS INT) - CAST({year.format(side='r')} AS INT))"
    alternatives = [feature for feature in own if feature.kind is FeatureKind.ALTERNATIVE_DATE]
    plan.comparisons.append(
        ComparisonPlan(
            c,
            fact.name.replace("_", " "),
            _null(c),
            (
                Level("same day", _same(c), c),
                *_feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT}),
                *(
                    Level("the same day in another calendar", f"{c}_l = {feature.name}_r OR {c}_r = {feature.name}_l")
                    for feature in alternatives
                ),
                Level(
                    "day and month swapped",
                    f"{equal(year)} AND {month.format(side='l')} = {day.format(side='r')} "
                    f"AND {day.format(side='l')} = {month.format(side='r')}",
                ),
                Level(
                    "one slip in the day or month",
                    f"{equal(year)} AND levenshtein({c}_l, {c}_r) <= 1 AND substr({c}_l, 5, 4) <> '0101' AND substr({c}_r, 5, 4) <> '0101'",
                ),
                Level(
                    "one slip in the year",
                    f"substr({c}_l, 5, 4) = substr({c}_r, 5, 4) AND substr({c}_l, 5, 4) NOT IN ('0101', '0000') "
                    f"AND levenshtein({c}_l, {c}_r) <= 1",
                ),
                Level("day and month agree", f"substr({c}_l, 5, 4) = substr({c}_r, 5, 4) AND substr({c}_l, 5, 4) NOT IN ('0101', '0000')"),
                Level(
                    "year and month, or year and day agree",
                    f"{equal(year)} AND (({equal(month)} AND {month.format(side='l')} <> '00') "
                    f"OR ({equal(day)} AND {day.format(side='l')} NOT IN ('00', '01')))",
                ),
                Level(
                    "only one tells more than the year, which agrees",
                    f"{equal(year)} AND (substr({c}_l, 5, 4) IN ('0101', '0000') OR substr({c}_r, 5, 4) IN ('0101', '0000'))",
                ),
                Level("two slips", f"levenshtein({c}_l, {c}_r) <= 2"),
                Level("year agrees", equal(year)),
                Level("one year apart", f"{gap} <= 1"),
                Level("a few years apart", f"{gap} <= 5"),
                Level("decade or so apart", f"{gap} <= 15"),
            ),
            frozenset({c}),
        )
    )
    plan.atoms += [
        Atom(f"{c}_y", f"substr({c}, 1, 4)", c, 0.6),
        Atom(f"{c}_md", f"CASE WHEN substr({c}, 5, 4) NOT IN ('0101', '0000') THEN substr({c}, 5, 4) END", c, 0.4),
        Atom(f"{c}_ym", f"substr({c}, 1, 6)", c, 0.4, frozenset({f"{c}_y"})),
        Atom(f"{c}_yd", f"substr({c}, 1, 4) || substr({c}, 7, 2)", c, 0.4, frozenset({f"{c}_y"})),
        Atom(
            f"{c}_swap",
            f"substr({c}, 1, 4) || CASE WHEN substr({c}, 5, 2) < substr({c}, 7, 2) THEN substr({c}, 5, 4) "
            f"ELSE substr({c}, 7, 2) || substr({c}, 5, 2) END",
            c,
            0.2,
            frozenset({f"{c}_y"}),
        ),
        Atom(c, c, c, 0.0, frozenset({f"{c}_y", f"{c}_ym", f"{c}_yd", f"{c}_swap"})),
    ]
    _feature_atoms(plan, own, c)
    for feature in alternatives:
        plan.derived[feature.name] = feature.name
        plan.derived[f"{feature.name}_days"] = f"CASE WHEN {feature.name} IS NULL THEN [{c}] ELSE [{c}, {feature.name}] END"
        plan.atoms.append(Atom(f"{feature.name}_days", f"{feature.name}_days", c, 0.3, many=True))


def _postcode(plan: Plan, fact: ColumnFacts) -> None:
    c = fact.variable
    plan.derived[c] = c
    lettered = fact.digits < 0.5
    size = max(int(fact.mean_length + 0.5), 2)
    near, far = (
        (f"substr({c}{{0}}, 1, length({c}{{0}}) - 2)", f"substr({c}{{0}}, 1, length({c}{{0}}) - 3)")
        if lettered
        else (
            f"substr({c}{{0}}, 1, {max(size - 1, 1)})",
            f"substr({c}{{0}}, 1, {max(size // 2, 1)})",
        )
    )
    levels = [
        Level("same", _same(c), c),
        Level("one slip", _edits(c, 1)),
        Level("next to each other", f"{near.format('_l')} = {near.format('_r')}"),
        Level("same district", f"{far.format('_l')} = {far.format('_r')}"),
    ]
    if lettered:
        levels.append(Level("same area", f"substr({c}_l, 1, 2) = substr({c}_r, 1, 2)"))
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), _null(c), tuple(levels), frozenset({c})))
    plan.atoms += [
        Atom(f"{c}_far", f"nullif({far.format('')}, '')", c, 0.7),
        Atom(f"{c}_near", f"nullif({near.format('')}, '')", c, 0.5, frozenset({f"{c}_far"})),
        Atom(c, c, c, 0.0, frozenset({f"{c}_far", f"{c}_near"})),
    ]


def _region(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    plan.comparisons.append(
        ComparisonPlan(
            c,
            fact.name.replace("_", " "),
            _null(c),
            (
                Level("same", _same(c), c),
                *_feature_levels(own, {FeatureKind.NORMAL, FeatureKind.CODE, FeatureKind.EXACT}),
                Level("same city", f"length({c}_l) >= 4 AND substr({c}_l, 1, 4) = substr({c}_r, 1, 4)"),
                Level("same province", f"length({c}_l) >= 4 AND substr({c}_l, 1, 2) = substr({c}_r, 1, 2)"),
            ),
            frozenset({c}),
        )
    )
    plan.atoms += [Atom(f"{c}_4", f"substr({c}, 1, 4)", c, 0.6, alone=False), Atom(c, c, c, 0.0, frozenset({f"{c}_4"}), alone=False)]
    _feature_atoms(plan, own, c)


def _simple(plan: Plan, fact: ColumnFacts, *, fuzzy: bool, block: bool) -> None:
    c = fact.variable
    plan.derived[c] = c
    levels = [Level("same", _same(c), c)]
    if fuzzy:
        levels += [Level("very alike", _alike(c, 0.92)), Level("alike", _alike(c, 0.82))]
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), _null(c), tuple(levels), frozenset({c})))
    plan.atoms.append(Atom(c, c, c, 0.0, alone=block))
    if fuzzy:
        plan.atoms.append(Atom(f"{c}_3", f"substr({c}, 1, 3)", c, 0.7))
        plan.atoms[-2] = Atom(c, c, c, 0.0, frozenset({f"{c}_3"}), alone=block)


def _number(plan: Plan, fact: ColumnFacts) -> None:
    c = fact.variable
    plan.derived[c] = c
    # the scale: what is between the middle halves of the values; of their logarithms where they spread over magnitudes
    gap = f"abs({c}_l - {c}_r)"
    ratio = f"abs({c}_l - {c}_r) / greatest(abs({c}_l), abs({c}_r), 0.000001)"
    plan.derived[f"{c}_spread"] = f"(SELECT greatest(quantile_cont({c}, 0.75) - quantile_cont({c}, 0.25), 0.000001) FROM cleaned)"
    spread = f"{c}_spread_l"
    plan.comparisons.append(
        ComparisonPlan(
            c,
            fact.name.replace("_", " "),
            _null(c),
            (
                Level("same", _same(c), c),
                Level("nearly the same", f"{gap} <= 0.01 * {spread} OR {ratio} <= 0.0005"),
                Level("close", f"{gap} <= 0.08 * {spread} AND {ratio} <= 0.1"),
                Level("near", f"{gap} <= 0.26 * {spread} OR {ratio} <= 0.05"),
                Level("not far", f"{gap} <= 0.6 * {spread} OR {ratio} <= 0.2"),
            ),
            frozenset({c}),
        )
    )
    plan.atoms.append(Atom(c, f"CAST({c} AS VARCHAR(60))", c, 0.0, alone=False))


def _email(plan: Plan, fact: ColumnFacts) -> None:
    c = fact.variable
    plan.derived[c] = c
    plan.identifying |= {c, f"{c}_user"}
    plan.derived[f"{c}_user"] = f"nullif(split_part({c}, '@', 1), '')"
    user = f"{c}_user"
    plan.comparisons.append(
        ComparisonPlan(
            c,
            fact.name.replace("_", " "),
            _null(c),
            (
                Level("same", _same(c), c),
                Level("same before the @", _same(user), user),
                Level("one slip", _edits(c, 1)),
                Level("two slips", _edits(c, 2)),
                Level("very alike before the @", _alike(user, 0.9)),
                Level("alike before the @", _alike(user, 0.8)),
            ),
            frozenset({c}),
        )
    )
    plan.atoms += [
        Atom(f"{c}_5", f"substr({c}, 1, 5)", c, 0.7),
        Atom(user, user, c, 0.4, frozenset({f"{c}_5"})),
        Atom(c, c, c, 0.0, frozenset({f"{c}_5", user})),
    ]


def _halves(name: str, column: str, variable: str) -> list[Atom]:
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


def _identifier(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    levels = [Level("same", _same(c), c), *_feature_levels(own, {FeatureKind.EXACT, FeatureKind.NORMAL, FeatureKind.IDENTIFIER})]
    # two numbers that both prove themselves right are two numbers, however near they are
    levels += [
        Level("different, and both prove themselves right", f"{feature.name}_l <> {feature.name}_r")
        for feature in own
        if feature.kind is FeatureKind.VERIFIED
    ]
    compared = next((feature.name for feature in own if feature.kind is FeatureKind.IDENTIFIER), c)
    levels.append(Level("one slip", _edits(compared, 1)))
    if fact.mean_length >= 6:
        levels.append(Level("two slips", _edits(compared, 2)))
    if fact.mean_length >= 10:
        levels.append(Level("very alike", _alike(compared, 0.9)))
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), _null(c), tuple(levels), frozenset({c})))
    plan.atoms += _halves(c, c, c)
    plan.identifying.add(c)
    _feature_atoms(plan, own, c)


def _text(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    supplied = next((feature for feature in own if feature.kind is FeatureKind.TOKENS), None)
    spaceless = fact.latin < 0.5 and fact.mean_tokens < 1.5 and fact.mean_length >= 3
    wordy = fact.mean_tokens >= 1.5 or supplied is not None or spaceless
    levels = [Level("same", _same(c), c), *_feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT})]
    if fact.mean_length < 60:
        levels.append(Level("very alike", _alike(c, 0.95)))
    if wordy:
        tokens = f"{c}_tokens"
        if supplied is not None:
            plan.token_columns[c] = supplied.name
        elif spaceless:
            plan.token_columns[c] = f"list_distinct(list_transform(range(1, greatest(length({c}), 2)), lambda i: substr({c}, i, 2)))"
        else:
            plan.token_columns[c] = f"list_distinct(str_split({c}, ' '))"
        shared = f"2.0 * {{overlap({tokens}_l, {tokens}_r)}} / greatest({c}_weight_l + {c}_weight_r, 0.001)"
        inner = f"{{overlap({tokens}_l, {tokens}_r)}} / greatest(least({c}_weight_l, {c}_weight_r), 0.001)"
        apart = f"NOT {{any_common}}({tokens}_l, {tokens}_r)"
        levels.append(Level("no word in common", f"{apart} AND NOT {_alike(c, 0.78)}" if fact.mean_length < 60 else apart))
        levels += [Level(f"words in common, {share:.0%}", f"{shared} >= {share}") for share in (0.9, 0.75, 0.6)]
        levels.append(Level("the words of one are among the other's", f"{inner} >= 0.85 AND {shared} >= 0.3"))
        levels += [Level(f"words in common, {share:.0%}", f"{shared} >= {share}") for share in (0.45, 0.3, 0.15)]
        plan.atoms.append(Atom(f"{c}_rare", f"{c}_rare", c, 0.7, many=True))
    if fact.mean_length < 60:
        levels += [Level("alike", _alike(c, 0.88)), Level("a little alike", _alike(c, 0.78))]
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), _null(c), tuple(levels), frozenset({c})))
    plan.atoms.append(Atom(f"{c}_4", f"substr({c}, 1, 4)", c, 0.7))
    if fact.mean_length >= 12:
        plan.atoms.append(Atom(f"{c}_10", f"substr({c}, 1, 10)", c, 0.4, frozenset({f"{c}_4"})))
    plan.atoms.append(Atom(c, c, c, 0.0, frozenset({f"{c}_4", f"{c}_10"})))
    _feature_atoms(plan, [feature for feature in own if feature.kind is not FeatureKind.TOKENS], c)
