"""How Chinese records are compared: comparisons that know what a check digit, a household and a namesake mean.

Two right numbers that differ belong to two persons, unless one was issued anew. Where the names differ too, it is a family at most: then
neither a birth date (twins) nor an address, a phone or an account (households) that the two share speaks for one person, and it is left
out. Phone, account and address are one comparison, because those who share one of them mostly share the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detection.linkage.blocking import Rule
from detection.linkage.feature_columns import FeatureColumn, FeatureKind
from detection.linkage.plan import Atom, ComparisonPlan, Level, Plan

NUMBER_LENGTH = 17

DAY = "replace({}, '-', '')"
"""Days are compared as YYYYMMDD, as cleaning leaves those of other calendars."""

CORRECTED_YEARS = 3
"""Years by which a birth date that was corrected, and the number with it, mostly moves at most."""


def _digits(side: str, first: int, last: int) -> str:
    """SQL of some digits of a right number, which is a whole one, with zeros for those after them. Cheaper than to cut text up."""
    number = f"resident_id_checked_{side}"
    begun = number if first == 1 else f"{number} % {10 ** (NUMBER_LENGTH + 1 - first)}"
    return begun if last == NUMBER_LENGTH else f"{begun} - {number} % {10 ** (NUMBER_LENGTH - last)}"


def same_digits(first: int, last: int) -> str:
    """SQL: two right numbers have the same digits from the first to the last of these places, which count from 1."""
    return f"({_digits('l', first, last)} = {_digits('r', first, last)})"


def _further_apart(first: int, last: int, most: int) -> str:
    unit = 10 ** (NUMBER_LENGTH - last)
    return f"abs(({_digits('l', first, last)}) - ({_digits('r', first, last)})) > {most * unit}"


DIFFERENT_NUMBERS = "resident_id_checked_l <> resident_id_checked_r"

YEARS_APART = _further_apart(7, 10, CORRECTED_YEARS)

_BORN = "substr(resident_id_core_{}, 7, 8)"
"""What a number says of the day of birth."""

SIDE_BY_SIDE = 10
"""Sequences nearer to each other than this, of one day and place, are those of twins: each sex has every other number."""

TWO_NUMBERS = f"coalesce({DIFFERENT_NUMBERS}, FALSE)"
"""Two right numbers that differ."""

SAME_DAY_AND_SURNAME = f"({same_digits(7, 14)} AND substr(full_name_normal_l, 1, 1) = substr(full_name_normal_r, 1, 1))"
"""Of two right numbers and two names."""

UNLIMITED = 1e15
"""Comparisons expected of a rule that is only held to its share of all comparisons."""


@dataclass(frozen=True)
class KeyRule(Rule):
    """Records that share a key are compared. columns: what the key is made of."""

    columns: frozenset[str] = frozenset()

    @property
    def variables(self) -> frozenset[str]:
        """Columns that pairs of this rule agree on in part or whole."""
        return self.columns


def replaced_columns(features: Sequence[FeatureColumn]) -> frozenset[str]:
    """Canonical columns whose comparisons come from the features; none where there are no keys among them to block by."""
    if not any(feature.kind is FeatureKind.KEY for feature in features):
        return frozenset()
    about = {name for feature in features for name in (feature.of, *feature.also) if name is not None}
    return frozenset(about | ({"given_name", "surname"} if "full_name" in about else set()))


def with_chinese(plan: Plan, features: Sequence[FeatureColumn]) -> tuple[Plan, list[Rule]]:
    """The plan of the other columns with the comparisons of Chinese records, and the rules to block by.

    plan: of the columns that are not among ``replaced_columns``. The plan as it was, and no rules, where there are none.
    """
    if not replaced_columns(features):
        return plan, []
    there = {feature.name for feature in features}
    made = (_number(there), _name(there), _birth(there), _region(there), _contact(there))
    changed = replace(
        plan,
        derived=plan.derived | {name: DAY.format(name) if name == "birth_date_day" else name for name in sorted(there)},
        comparisons=[*(each for each in made if each), *plan.comparisons],
        atoms=[],
        apart=_two_persons(there) if {"resident_id_checked", "full_name_normal"} <= there else None,
        identifying=plan.identifying | ({"phone_number", "bank_account_number"} & there),
    )
    rules: list[Rule] = []
    for feature in features:
        if feature.kind in {FeatureKind.KEY, FeatureKind.IDENTIFIER} and feature.of is not None:
            about = frozenset((feature.of, *feature.also))
            rules.append(KeyRule((Atom(feature.name, feature.name, feature.of, 0.0),), UNLIMITED, about))
    return changed, rules


def _both(column: str, condition: str = "{}_l = {}_r") -> str:
    return condition.replace("{}", column)


def _absent(*columns: str) -> str:
    return " AND ".join(f"({column}_l IS NULL OR {column}_r IS NULL)" for column in columns)


def _distant_names() -> str:
    """None of the ways in which two names are near; one by one, so that engines stop at the first that is."""
    near = [f"coalesce({_both(f'full_name_{form}')}, FALSE)" for form in ("loose_sound", "parts", "start")]
    return " AND ".join(f"NOT {each}" for each in (*near, _fits()))


def _fits() -> str:
    # each side by itself: a pattern that is null must not hide the other one
    return "(coalesce(full_name_normal_r LIKE full_name_pattern_l, FALSE) OR coalesce(full_name_normal_l LIKE full_name_pattern_r, FALSE))"


def _two_persons(there: set[str]) -> str:
    """Two right numbers that differ by more than a slip, and names that differ; or the numbers and names of twins.

    Those of one surname, born on one day, are no two persons by that: they are twins, or somebody whose name was written wrong.
    """
    if not {"resident_id_checked", "full_name_normal"} <= there:
        return "FALSE"
    return f"({_other_names()} AND NOT {_slip_apart()})"


def _other_names() -> str:
    """As ``_two_persons``, a slip apart or not."""
    named = "full_name_normal_l IS NOT NULL AND full_name_normal_r IS NOT NULL"
    return f"({TWO_NUMBERS} AND {named} AND (({_distant_names()} AND NOT {SAME_DAY_AND_SURNAME}) OR ({_twins()})))"


def _slip_apart() -> str:
    """Two right numbers of one sequence that a slip in region or birth made of each other.

    Not in the sequence alone, in which all who were born on one day in one place differ.
    """
    # the half before the sequence that has no slip stays as it was: distances of seven digits, and of few pairs, are worked out. A case
    # and no coalesce, because engines look at the later conditions of a case only where the earlier ones are true
    region, birth = (tuple(f"substr(resident_id_core_{side}, {part})" for side in "lr") for part in ("1, 7", "8, 7"))
    one_half = (
        f"({same} AND {{edits}}({changed[0]}, {changed[1]}) = 1)"
        for same, changed in ((same_digits(1, 7), birth), (same_digits(8, 14), region))
    )
    return f"(CASE WHEN {DIFFERENT_NUMBERS} AND {same_digits(15, 17)} AND ({' OR '.join(one_half)}) THEN TRUE ELSE FALSE END)"


def _twins() -> str:
    """Of two right numbers: born on one day in one place, with numbers side by side, and not of one name."""
    return f"{same_digits(1, 14)} AND NOT {_further_apart(15, 17, SIDE_BY_SIDE - 1)} AND full_name_normal_l <> full_name_normal_r"


def _family(there: set[str]) -> str:
    """Two right numbers with births that are not near each other: of sisters whose names are nearly the same, of father and son.

    Those of one name, born within some years of each other, are no family: parents do not give a name twice.
    """
    if not {"resident_id_checked", "full_name_normal", "birth_date_day"} <= there:
        return "FALSE"
    left, right = "birth_date_day_l", "birth_date_day_r"
    near_told = f"{same_digits(11, 14)} OR {same_digits(7, 10)} OR levenshtein({_BORN.format('l')}, {_BORN.format('r')}) <= 1"
    near = f"coalesce({' OR '.join(_day_parts('birth_date_day'))} OR levenshtein({left}, {right}) <= 1, FALSE) OR {near_told}"
    other = f"NOT coalesce({_both('full_name_normal')}, FALSE) OR {YEARS_APART}"
    return f"({TWO_NUMBERS} AND NOT ({near}) AND ({other}))"


def _day_parts(day: str) -> list[str]:
    """One day of two years, and one year."""
    return [f"substr({day}_l, {part}) = substr({day}_r, {part})" for part in ("5, 4", "1, 4")]


def _number(there: set[str]) -> ComparisonPlan | None:
    if "resident_id_core" not in there:
        return None
    core = "resident_id_core"
    full = f"length({core}_l) = {NUMBER_LENGTH} AND length({core}_r) = {NUMBER_LENGTH}"
    same_sequence = f"{full} AND substr({core}_l, 15, 3) = substr({core}_r, 15, 3)"
    levels = (
        Level("the same number", f"{core}_l = {core}_r"),
        Level("two right numbers, a slip apart", _slip_apart()),
        Level("two right numbers, born years apart", f"{DIFFERENT_NUMBERS} AND {YEARS_APART}", against=True),
        # where every second record has a right number of its own, this is what duplicates have in common; births near each other are not
        # to count here and in the birth date
        Level("two right numbers that differ", DIFFERENT_NUMBERS, against=True),
        Level("one is cut off", f"{{starts_with}}({core}_l, {core}_r) OR {{starts_with}}({core}_r, {core}_l)"),
        Level("one slip in region or birth date", f"{same_sequence} AND {_slips(core, 1)}"),
        Level("one slip", _slips(core, 1)),
        Level("only the sequence differs", f"{full} AND substr({core}_l, 1, 14) = substr({core}_r, 1, 14)"),
        Level("two slips", _slips(core, 2)),
        Level("only the region differs", f"{full} AND substr({core}_l, 7, 11) = substr({core}_r, 7, 11)"),
        Level("only the birth date differs", f"{same_sequence} AND substr({core}_l, 1, 6) = substr({core}_r, 1, 6)"),
    )
    return ComparisonPlan("resident_id", "resident id", _absent(core), levels, frozenset({"resident_id"}))


_USUAL = {"resident_id_core": NUMBER_LENGTH, "phone_number": 11, "bank_account_number": 15}
"""Length that most of these numbers have at least."""


def _slips(column: str, most: int) -> str:
    pair = f"({column}_l, {column}_r)"
    parts = f"{parts_alike(column)} AND " if most == 1 else ""
    return (
        f"{parts}abs(length({column}_l) - length({column}_r)) <= {most} AND levenshtein{pair} <= {2 * most} AND {{edits}}{pair} <= {most}"
    )


def parts_alike(column: str) -> str:
    """SQL: what one slip leaves of a number. Far cheaper than the distance, and false for nearly all pairs.

    Before the last three characters it leaves these; else what is before the last five. Of numbers that are shorter than usual it leaves
    one half at least, without the middle.
    """
    usual = _USUAL[column]
    half = f"CAST(floor((least(length({column}_l), length({column}_r)) - 1) / 2) AS INT)"

    def same(side: str, length: int | str) -> str:
        return f"{side}({column}_l, {length}) = {side}({column}_r, {length})"

    shorter = f"least(length({column}_l), length({column}_r)) < {usual} AND ({same('left', half)} OR {same('right', half)})"
    return f"({same('right', 3)} OR {same('left', usual - 5)} OR ({shorter}))"


def _name(there: set[str]) -> ComparisonPlan | None:
    if "full_name_normal" not in there:
        return None
    normal, loose = "full_name_normal", "full_name_loose_sound"
    length_l, length_r = f"length({normal}_l)", f"length({normal}_r)"
    levels = (
        Level("the same name", _both(normal), normal),
        Level("the same parts in another order", _both("full_name_parts")),
        Level(
            "one is cut off",
            f"{_both('full_name_start')} AND ({{starts_with}}({normal}_l, {normal}_r) OR {{starts_with}}({normal}_r, {normal}_l))",
        ),
        Level("the same but for what could not be written", _fits()),
        Level("sounds the same", _both("full_name_sound"), "full_name_sound"),
        Level("sounds nearly the same, or looks the same", f"{_both(loose)} OR {_both('full_name_shape')}", loose),
        Level("one character of three differs", f"{length_l} = {length_r} AND {length_l} IN (3, 4) AND {_equal_characters(normal)} >= 3"),
        Level("one character is left out", f"{_one_left_out(normal, 'l', 'r')} OR {_one_left_out(normal, 'r', 'l')}"),
        Level("the same surname", f"substr({normal}_l, 1, 1) = substr({normal}_r, 1, 1)"),
    )
    return ComparisonPlan("full_name", "full name", _absent(normal), levels, frozenset({"full_name"}))


# Edit distances of DuckDB count bytes, of which a Chinese character has three: characters are compared place by place instead.


def _equal_characters(column: str, most: int = 4) -> str:
    # places after the end are equal too
    return "(" + " + ".join(f"CAST(substr({column}_l, {at}, 1) = substr({column}_r, {at}, 1) AS INT)" for at in range(1, most + 1)) + ")"


def _one_left_out(column: str, longer: str, shorter: str) -> str:
    whole, part = f"{column}_{longer}", f"{column}_{shorter}"
    left = " OR ".join(f"substr({whole}, 1, {at - 1}) || substr({whole}, {at + 1}) = {part}" for at in (2, 3, 4))
    return f"(length({whole}) = length({part}) + 1 AND length({whole}) <= 4 AND length({part}) >= 2 AND ({left}))"


def _birth(there: set[str]) -> ComparisonPlan | None:
    if "birth_date_day" not in there:
        return None
    day = "birth_date_day"
    # two right numbers tell two days of birth: that one of them is the other by another calendar is chance
    proven = {"resident_id_checked", "resident_id_core"} <= there
    unproven = f" AND NOT {TWO_NUMBERS}" if proven else ""
    levels = (
        Level("the same day", _both(day)),
        Level(
            "the same day, one of them in the lunar calendar",
            f"({day}_l = birth_date_from_lunar_r OR {day}_r = birth_date_from_lunar_l){unproven}",
        ),
        Level("day and month swapped", f"{day}_l = birth_date_swapped_r{unproven}"),
        Level("one digit differs", f"({' OR '.join(_day_parts(day))}) AND levenshtein({day}_l, {day}_r) = 1"),  # the others are left
        Level("the same day of another year", f"substr({day}_l, 5, 4) = substr({day}_r, 5, 4)"),
        Level("the same year", f"substr({day}_l, 1, 4) = substr({day}_r, 1, 4)"),
    )
    told = f"{_BORN.format('l')} = {_BORN.format('r')}" if "resident_id_core" in there else "FALSE"
    if "resident_id_checked" in there:
        # of two right numbers that differ the number says nothing of the day; namesakes born on one day are many, but not at one address
        told += f" AND NOT ({TWO_NUMBERS} AND {_one_contact(there)})"
    # numbers that are a slip apart say by that how near the births are
    left_out = [_absent(day), f"(CASE WHEN {day}_l = {day}_r AND {told} THEN TRUE ELSE FALSE END)"]
    if {"resident_id_checked", "full_name_normal"} <= there:
        left_out.append(_other_names())
    if proven:
        left_out.append(_slip_apart())
    null = " OR ".join(left_out)
    return ComparisonPlan("birth_date", "birth date", null, levels, frozenset({"birth_date"}))


def _region(there: set[str]) -> ComparisonPlan | None:
    if "region_code_in_force" not in there:
        return None
    code = "region_code_in_force"
    levels = (Level("the same county", _both(code)), Level("the same city", f"substr({code}_l, 1, 4) = substr({code}_r, 1, 4)"))
    return ComparisonPlan("region_code", "region code", _absent(code), levels, frozenset({"region_code"}))


def _one_contact(there: set[str]) -> str:
    same = [f"coalesce({_both(name)}, FALSE)" for name in ("phone_number", "bank_account_number", "address_normal") if name in there]
    return f"({' OR '.join(same)})" if same else "FALSE"


def _contact(there: set[str]) -> ComparisonPlan | None:
    columns = [name for name in ("phone_number", "bank_account_number", "address_normal") if name in there]
    if not columns:
        return None
    same = {column: f"coalesce({_both(column)}, FALSE)" for column in columns}
    labels = {"phone_number": "the same phone", "bank_account_number": "the same account", "address_normal": "the same address"}
    family = _family(there)
    levels = []
    if family != "FALSE":
        levels.append(Level("shared, as families do", f"({' OR '.join(same.values())}) AND {family}", against=True))
    if len(columns) > 1:
        count = " + ".join(f"CAST({each} AS INT)" for each in same.values())
        levels.append(Level("two of phone, account and address are the same", f"{count} >= 2"))
    levels += [
        Level(labels[column], same[column], column)
        for column in ("bank_account_number", "phone_number", "address_normal")
        if column in there
    ]
    near = [f"({_slips(column, 1)})" for column in ("bank_account_number", "phone_number") if column in there]
    if near:
        levels.append(Level("one slip in phone or account", " OR ".join(near)))
    if "address_normal" in there:
        levels.append(
            Level(
                "one address within the other, or alike with the same numbers",
                "(length(address_normal_l) >= 5 AND length(address_normal_r) >= 5 AND ({starts_with}(address_normal_l, address_normal_r) "
                "OR {starts_with}(address_normal_r, address_normal_l))) "
                "OR (address_numbers_l = address_numbers_r AND {jaro_winkler}(address_normal_l, address_normal_r) >= 0.8)",
            )
        )
    null = f"({_absent(*columns)}) OR {_two_persons(there)}"
    return ComparisonPlan("contact", "phone, account, address", null, tuple(levels), frozenset({"phone", "bank_account", "address"}))
