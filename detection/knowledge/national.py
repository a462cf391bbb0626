"""The rules of the national rule base that claims can show, by families that ask the same; and what the others need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from detection.claims.rule import ClaimRule, Find, Window
from detection.claims.tables import ClaimTables
from detection.knowledge.families import (
    alone,
    coded,
    discount,
    limits,
    perioperative,
    prescriptions,
    quantities,
    recorded,
    second_line,
    statistics,
    together,
    visits,
)
from detection.knowledge.families.family import Family, severity_of
from detection.knowledge.rule_base import NationalRule, national_rules
from models.policy_claims import ClaimsPolicy

FAMILIES: tuple[Family, ...] = (
    limits.FAMILY,
    quantities.FAMILY,
    together.FAMILY,
    alone.FAMILY,
    discount.FAMILY,
    second_line.FAMILY,
    perioperative.FAMILY,
    coded.FAMILY,
    recorded.FAMILY,
    visits.FAMILY,
    prescriptions.FAMILY,
    statistics.FAMILY,
)
"""Each is one expression for all of its rules; no rule is of two families."""


@dataclass(frozen=True)
class Needs:
    """The data that a rule lacks, in both languages."""

    en: str
    zh: str


MISSING: Mapping[str, Needs] = {
    "GZ10000202001000": Needs(
        "purchases, sales and stock of drugs of each institution, by national drug code and day",
        "各机构药品的进货、销售、库存数据(按国家药品编码和日期)",
    ),
    "GZ10000203001000": Needs(
        "purchases, use and stock of material of each institution, by national material code and day",
        "各机构医用耗材的进货、使用、库存数据(按国家耗材编码和日期)",
    ),
}
"""Rules that no claim can show. Rules of the base that are neither here nor in NATIONAL_RULES are carried out by rules over claims that
have their codes as ``official``.
"""


def family_of(code: str) -> Family:
    """The family of a rule. Raises KeyError."""
    return _FAMILY_OF[code]


_FAMILY_OF: Mapping[str, Family] = {code: family for family in FAMILIES for code in family.codes}


def _find(family: Family, code: str) -> Find:
    def find(tables: ClaimTables, policy: ClaimsPolicy, window: Window) -> ir.Table:
        found = family.find(tables, policy, window)
        return found.filter(found.rule_code == code).drop("rule_code")

    return find


def _rule(rule: NationalRule) -> ClaimRule:
    family = family_of(rule.code)
    return ClaimRule(
        code=rule.code,
        severity=severity_of(rule.code),
        title_en=rule.name_en or rule.name_zh,
        title_zh=rule.name_zh,
        docstring=f"{rule.code} {rule.name_en or rule.name_zh}\n\n{family.english.strip()}",
        chinese=family.chinese,
        sentences=family.sentences,
        find=_find(family, rule.code),
        scope=family.scope,
        official=(rule.code,),
        needs=family.needs,
    )


NATIONAL_RULES: tuple[ClaimRule, ...] = tuple(_rule(rule) for rule in national_rules() if rule.code in _FAMILY_OF)
"""By sequence of the rule base."""
