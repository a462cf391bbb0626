"""Names: in one column or two, in any order, with further names, short forms and sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detection.linkage.feature_columns import FeatureColumn, FeatureKind
from detection.linkage.mapping import ColumnKind
from detection.linkage.plan import (
    Atom,
    ComparisonPlan,
    Level,
    Plan,
    alike,
    edits,
    either_null,
    feature_atoms,
    feature_levels,
    pattern_levels,
    same,
)
from detection.linkage.preparation import ColumnFacts

PAIR = "CASE WHEN n_given < n_surname THEN n_given || '|' || n_surname ELSE n_surname || '|' || n_given END"
"""Both names, whichever is which."""


def add_names(plan: Plan, by_kind: dict[ColumnKind, ColumnFacts], extras: dict[str, list[FeatureColumn]]) -> None:
    """Add comparisons and keys of the columns that hold names; extras: features by the column that they are of."""
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
    levels = [Level("same", same(column), column), *feature_levels(own, {FeatureKind.NORMAL})]
    null = either_null(column)
    if other is not None:
        # a swap is one event, not two agreements: it counts with the given name, by how frequent the two names are together
        swapped = "n_given_l = n_surname_r AND n_surname_l = n_given_r AND n_given_l <> n_surname_l"
        crossed = "(n_given_l = n_surname_r OR n_given_r = n_surname_l) AND n_surname_l <> n_surname_r"
        if role == "given":
            plan.derived["n_pair"] = PAIR
            levels.append(Level("given name and surname swapped", swapped, "n_pair"))
        else:
            null = f"{null} OR ({crossed})"
    levels.append(Level("very alike", alike(column, 0.92), column, near=True))
    if other is not None and role == "given":
        levels.append(Level("is the other's surname", crossed, column, near=True))
    levels += feature_levels(own, {FeatureKind.PHONETIC})
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
        levels.append(Level("sounds the same", same(f"{column}_sound")))
    levels.append(Level("alike", alike(column, 0.85)))
    if several:
        words = "n_words"
        levels.append(Level("is among the other's names", f"{{contains}}({words}_l, {column}_r) OR {{contains}}({words}_r, {column}_l)"))
    levels.append(Level("a little alike", alike(column, 0.72)))
    variables = frozenset({role}) | (frozenset(missing) if several else frozenset())
    plan.comparisons.append(ComparisonPlan(column, "given name" if role == "given" else "surname", null, tuple(levels), variables))
    coarse = {f"{column}_1"}
    plan.atoms.append(Atom(f"{column}_1", f"substr({column}, 1, 1)", role, 0.9, alone=False))
    plan.atoms.append(Atom(f"{column}_3", f"substr({column}, 1, 3)", role, 0.7, frozenset(coarse)))
    if latin:
        plan.atoms.append(Atom(f"{column}_sound", f"{column}_sound", role, 0.5, frozenset()))
    plan.atoms.append(Atom(column, column, role, 0.0, frozenset({f"{column}_1", f"{column}_3", *([f"{column}_sound"] if latin else [])})))
    if own:
        feature_atoms(plan, own, role)


def _whole_name(plan: Plan, full: ColumnFacts, own: Sequence[FeatureColumn]) -> None:
    column = full.variable
    plan.derived.setdefault(column, column)
    plan.missing[column] = 1 - full.filled
    levels = [Level("same", same(column), column), *feature_levels(own, {FeatureKind.NORMAL, FeatureKind.EXACT})]
    levels += pattern_levels(own)
    levels += feature_levels(own, {FeatureKind.PHONETIC})
    levels.append(Level("very alike", alike(column, 0.92)))
    levels.append(Level("one character differs", f"length({column}_l) >= 3 AND {edits(column, 1)}"))
    levels.append(
        Level("one character differs, or one is more", f"substr({column}_l, 1, 1) = substr({column}_r, 1, 1) AND {edits(column, 1)}")
    )
    levels.append(Level("alike", alike(column, 0.75)))
    levels.append(Level("same beginning", f"substr({column}_l, 1, 1) = substr({column}_r, 1, 1)"))
    plan.comparisons.append(ComparisonPlan(column, full.name.replace("_", " "), either_null(column), tuple(levels), frozenset({column})))
    plan.atoms.append(Atom(f"{column}_1", f"substr({column}, 1, 1)", column, 0.8, alone=False))
    plan.atoms.append(Atom(f"{column}_2", f"substr({column}, 1, 2)", column, 0.5, frozenset({f"{column}_1"})))
    plan.atoms.append(Atom(f"{column}_e", f"substr({column}, -2)", column, 0.5))
    plan.atoms.append(Atom(column, column, column, 0.0, frozenset({f"{column}_1", f"{column}_2", f"{column}_e"})))
    feature_atoms(plan, own, column)
