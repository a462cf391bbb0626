"""From what the columns look like to what is derived from them, how pairs are compared and what they are blocked on."""

from __future__ import annotations

from collections.abc import Sequence

from detection.linkage.feature_columns import FeatureColumn, FeatureKind
from detection.linkage.mapping import ColumnKind
from detection.linkage.name_features import add_names
from detection.linkage.plan import (
    IDENTIFYING_SHARE,
    Atom,
    ComparisonPlan,
    Level,
    Plan,
    alike,
    edits,
    either_null,
    feature_atoms,
    feature_levels,
    halves,
    same,
)
from detection.linkage.preparation import ColumnFacts


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
        add_names(plan, by_kind, extras)
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
            either_null(c),
            (
                Level("same day", same(c), c),
                *feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT}),
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
    feature_atoms(plan, own, c)
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
        Level("same", same(c), c),
        Level("one slip", edits(c, 1)),
        Level("next to each other", f"{near.format('_l')} = {near.format('_r')}"),
        Level("same district", f"{far.format('_l')} = {far.format('_r')}"),
    ]
    if lettered:
        levels.append(Level("same area", f"substr({c}_l, 1, 2) = substr({c}_r, 1, 2)"))
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), either_null(c), tuple(levels), frozenset({c})))
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
            either_null(c),
            (
                Level("same", same(c), c),
                *feature_levels(own, {FeatureKind.NORMAL, FeatureKind.CODE, FeatureKind.EXACT}),
                Level("same city", f"length({c}_l) >= 4 AND substr({c}_l, 1, 4) = substr({c}_r, 1, 4)"),
                Level("same province", f"length({c}_l) >= 4 AND substr({c}_l, 1, 2) = substr({c}_r, 1, 2)"),
            ),
            frozenset({c}),
        )
    )
    plan.atoms += [Atom(f"{c}_4", f"substr({c}, 1, 4)", c, 0.6, alone=False), Atom(c, c, c, 0.0, frozenset({f"{c}_4"}), alone=False)]
    feature_atoms(plan, own, c)


def _simple(plan: Plan, fact: ColumnFacts, *, fuzzy: bool, block: bool) -> None:
    c = fact.variable
    plan.derived[c] = c
    levels = [Level("same", same(c), c)]
    if fuzzy:
        levels += [Level("very alike", alike(c, 0.92)), Level("alike", alike(c, 0.82))]
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), either_null(c), tuple(levels), frozenset({c})))
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
            either_null(c),
            (
                Level("same", same(c), c),
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
            either_null(c),
            (
                Level("same", same(c), c),
                Level("same before the @", same(user), user),
                Level("one slip", edits(c, 1)),
                Level("two slips", edits(c, 2)),
                Level("very alike before the @", alike(user, 0.9)),
                Level("alike before the @", alike(user, 0.8)),
            ),
            frozenset({c}),
        )
    )
    plan.atoms += [
        Atom(f"{c}_5", f"substr({c}, 1, 5)", c, 0.7),
        Atom(user, user, c, 0.4, frozenset({f"{c}_5"})),
        Atom(c, c, c, 0.0, frozenset({f"{c}_5", user})),
    ]


def _identifier(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    levels = [Level("same", same(c), c), *feature_levels(own, {FeatureKind.EXACT, FeatureKind.NORMAL, FeatureKind.IDENTIFIER})]
    # two numbers that both prove themselves right are two numbers, however near they are
    levels += [
        Level("different, and both prove themselves right", f"{feature.name}_l <> {feature.name}_r")
        for feature in own
        if feature.kind is FeatureKind.VERIFIED
    ]
    compared = next((feature.name for feature in own if feature.kind is FeatureKind.IDENTIFIER), c)
    levels.append(Level("one slip", edits(compared, 1)))
    if fact.mean_length >= 6:
        levels.append(Level("two slips", edits(compared, 2)))
    if fact.mean_length >= 10:
        levels.append(Level("very alike", alike(compared, 0.9)))
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), either_null(c), tuple(levels), frozenset({c})))
    plan.atoms += halves(c, c, c)
    plan.identifying.add(c)
    feature_atoms(plan, own, c)


def _text(plan: Plan, fact: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    c = fact.variable
    plan.derived[c] = c
    supplied = next((feature for feature in own if feature.kind is FeatureKind.TOKENS), None)
    spaceless = fact.latin < 0.5 and fact.mean_tokens < 1.5 and fact.mean_length >= 3
    wordy = fact.mean_tokens >= 1.5 or supplied is not None or spaceless
    levels = [Level("same", same(c), c), *feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT})]
    if fact.mean_length < 60:
        levels.append(Level("very alike", alike(c, 0.95)))
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
        levels.append(Level("no word in common", f"{apart} AND NOT {alike(c, 0.78)}" if fact.mean_length < 60 else apart))
        levels += [Level(f"words in common, {share:.0%}", f"{shared} >= {share}") for share in (0.9, 0.75, 0.6)]
        levels.append(Level("the words of one are among the other's", f"{inner} >= 0.85 AND {shared} >= 0.3"))
        levels += [Level(f"words in common, {share:.0%}", f"{shared} >= {share}") for share in (0.45, 0.3, 0.15)]
        plan.atoms.append(Atom(f"{c}_rare", f"{c}_rare", c, 0.7, many=True))
    if fact.mean_length < 60:
        levels += [Level("alike", alike(c, 0.88)), Level("a little alike", alike(c, 0.78))]
    plan.comparisons.append(ComparisonPlan(c, fact.name.replace("_", " "), either_null(c), tuple(levels), frozenset({c})))
    plan.atoms.append(Atom(f"{c}_4", f"substr({c}, 1, 4)", c, 0.7))
    if fact.mean_length >= 12:
        plan.atoms.append(Atom(f"{c}_10", f"substr({c}, 1, 10)", c, 0.4, frozenset({f"{c}_4"})))
    plan.atoms.append(Atom(c, c, c, 0.0, frozenset({f"{c}_4", f"{c}_10"})))
    feature_atoms(plan, [feature for feature in own if feature.kind is not FeatureKind.TOKENS], c)
