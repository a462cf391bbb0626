"""What one line shows beside one knowledge point: the tests that need no other line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

MARK = "|"
"""Stands before each code in the text of all codes of a claim."""

Flag = Callable[[ir.Table], ir.BooleanValue]
Said = Callable[[ir.Table], ir.StringValue]

NOTHING = ibis.literal(None, type="string")


@dataclass(frozen=True)
class RowTest:
    """codes: rules that ask this. bound: whether the point has the bound that they are about. violated: whether the line goes against it.
    value, limit: what is there, and what should be.
    """

    name: str
    codes: tuple[str, ...]
    bound: Flag
    violated: Flag
    value: Said
    limit: Said


def begins(codes: ir.StringValue, beginnings: ir.ArrayValue) -> ir.BooleanValue:
    """Whether one of the codes of a claim begins with one of these."""
    return beginnings.filter(lambda one: codes.contains(ibis.literal(MARK) + one)).length() > 0


def _outside_age(t: ir.Table) -> ir.BooleanValue:
    young = (t.age_days < t.age_min_days).fill_null(False)
    old = (t.age_days > t.age_max_days).fill_null(False)
    return young | old


def _other_sex(t: ir.Table) -> ir.BooleanValue:
    # of these points diagnoses_not are those of persons whose sex on record does not tell (intersex, chromosomes)
    exempt = t.forbidden.notnull() & begins(t.codes, t.forbidden)
    return t.sex.isin(["male", "female"]) & (t.sex != t.sex_only) & ~exempt.fill_null(False)


def _age(t: ir.Table) -> ir.StringValue:
    return (t.age_days.cast("float64") / 365.25).floor().cast("int64").cast("string")


def _ages(t: ir.Table) -> ir.StringValue:
    first = (t.age_min_days.cast("float64") / 365.25).round(1).cast("string").fill_null("0")
    last = (t.age_max_days.cast("float64") / 365.25).round(1).cast("string").fill_null("")
    return first + "-" + last


def _elsewhere(t: ir.Table) -> ir.BooleanValue:
    place = t.place
    named = t.departments.filter(lambda one: place.contains(one)).length()  # noqa: PLW0108 - Ibis goes by the name of the argument
    return place.notnull() & (place != "") & (named == 0)


def _level(t: ir.Table) -> ir.BooleanValue:
    return t.level.notnull() & ~t.levels.contains(t.level)


def _always(t: ir.Table) -> ir.BooleanValue:
    return t.rule_code.notnull()


def _nothing(t: ir.Table) -> ir.StringValue:
    return t.rule_code.nullif(t.rule_code)


def _diagnosed(t: ir.Table) -> ir.BooleanValue:
    return t.codes != ""


TESTS: tuple[RowTest, ...] = (
    RowTest(
        "scheme",
        ("GZ10000101001000", "GZ10000101002000", "GZ10000102003000", "GZ10000102004000"),
        lambda t: t.schemes.notnull(),
        lambda t: ~t.schemes.contains(t.scheme),
        lambda t: t.scheme,
        lambda t: t.schemes.join(", "),
    ),
    RowTest(
        "not_covered",
        ("GZ10000101003000",),
        _always,
        _always,
        _nothing,
        _nothing,
    ),
    RowTest(
        "age",
        (
            "GZ10000101006000",
            "GZ10000101007000",
            "GZ10000102005000",
            "GZ10000102006000",
            "NB2025-29",
            "GZ10000103001000",
            "GZ10000103002000",
            "GZ10000301002000",
            "GZ10000301003000",
            "GZ10000301009000",
            "GZ10000302003000",
        ),
        lambda t: t.age_min_days.notnull() | t.age_max_days.notnull(),
        _outside_age,
        _age,
        _ages,
    ),
    RowTest(
        "sex",
        ("GZ10000301004000", "GZ10000302004000", "NB2025-87"),
        lambda t: t.sex_only.notnull(),
        _other_sex,
        lambda t: t.sex,
        lambda t: t.sex_only,
    ),
    RowTest(
        "diagnosis",
        (
            "GZ10000101008000",
            "GZ10000101011000",
            "GZ10000102007000",
            "GZ10000301007000",
            "GZ10000302001000",
            "GZ10000302002000",
            "GZ10000302006000",
            "NB2025-88",
        ),
        lambda t: t.wanted.notnull(),
        lambda t: _diagnosed(t) & ~begins(t.codes, t.wanted),
        lambda t: t.principal,
        lambda t: t.wanted.join(", "),
    ),
    RowTest(
        "forbidden",
        ("GZ10000301008000", "GZ10000301010000", "GZ10000302005000"),
        lambda t: t.forbidden.notnull(),
        lambda t: _diagnosed(t) & begins(t.codes, t.forbidden),
        lambda t: t.principal,
        lambda t: t.forbidden.join(", "),
    ),
    RowTest(
        "level",
        ("GZ10000101012000", "GZ10000102011000"),
        lambda t: t.levels.notnull(),
        _level,
        lambda t: t.level,
        lambda t: t.levels.join(", "),
    ),
    RowTest(
        "setting",
        ("NB2025-13", "GZ10000102009000", "NB2025-47"),
        lambda t: t.settings.notnull(),
        lambda t: ~t.settings.contains(t.setting),
        lambda t: t.setting,
        lambda t: t.settings.join(", "),
    ),
    RowTest(
        "department",
        ("GZ10000102008000", "GZ10000303002000"),
        lambda t: t.departments.notnull(),
        _elsewhere,
        lambda t: t.place,
        lambda t: t.departments.join(", "),
    ),
    RowTest(
        "grade",
        ("GZ10000202003000",),
        lambda t: t.levels.notnull() | t.departments.notnull(),
        lambda t: _level(t).fill_null(False) | _elsewhere(t).fill_null(False),
        lambda t: t.level,
        lambda t: t.levels.join(", "),
    ),
    RowTest(
        "price",
        ("GZ10000102001000",),
        lambda t: t.unit_price_max_fen.notnull(),
        lambda t: t.unit_price_fen > t.unit_price_max_fen,
        lambda t: (t.unit_price_fen.cast("float64") / 100).cast("string"),
        lambda t: (t.unit_price_max_fen.cast("float64") / 100).cast("string"),
    ),
)

ALL_CODES: tuple[str, ...] = tuple(code for test in TESTS for code in test.codes)

PAID_ONLY = (
    "GZ10000101",  # 药品政策限定类
    "NB2025-13",
    "GZ10000102003000",
    "GZ10000102004000",
    "GZ10000102005000",
    "GZ10000102006000",
    "GZ10000102007000",
    "GZ10000102008000",
    "GZ10000102009000",
    "GZ10000102011000",
    "NB2025-29",
    "GZ10000103",  # 医用耗材政策限定类
)
"""Beginnings of codes of rules that limit what the fund pays: a line of which it paid nothing does not go against them."""


def picked(t: ir.Table, what: Callable[[RowTest], ir.Value], otherwise: ir.Value) -> ir.Value:
    """For each row what the test of its rule says."""
    return ibis.cases(*((t.rule_code.isin(test.codes), what(test)) for test in TESTS), else_=otherwise)


def limits_payment(rule_code: ir.StringValue) -> ir.BooleanValue:
    """Whether a rule limits what the fund pays."""
    found = ibis.literal(False)
    for beginning in PAID_ONLY:
        found = found | rule_code.startswith(beginning)
    return found
