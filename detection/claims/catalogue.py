"""The rules over claims: which there are, and the statements that carry them out; a family of rules that ask the same is one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from detection.claims.rule import ClaimRule, Find, Scope
from detection.claims.rules.all import H_RULES
from detection.knowledge.national import FAMILIES, NATIONAL_RULES, family_of

CLAIM_RULES: tuple[ClaimRule, ...] = (*H_RULES, *NATIONAL_RULES)
BY_CODE: Mapping[str, ClaimRule] = {rule.code: rule for rule in CLAIM_RULES}


@dataclass(frozen=True)
class Statement:
    """One expression and the rules that it carries out. family: its rows have the column "rule_code". by_hits: it finds nothing where no
    line is beside a knowledge point of one of its rules.
    """

    name: str
    rules: tuple[ClaimRule, ...]
    find: Find
    family: bool = False
    by_hits: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the rules."""
        return tuple(rule.code for rule in self.rules)


def statements(rules: Iterable[ClaimRule]) -> list[Statement]:
    """What to run for these rules, in their order: families in one statement, the others alone."""
    wanted = {rule.code: rule for rule in rules}
    national = {code for family in FAMILIES for code in family.codes}
    found = [Statement(code, (rule,), rule.find) for code, rule in wanted.items() if code not in national]
    for family in dict.fromkeys(family_of(code) for code in wanted if code in national):
        of_family = tuple(wanted[code] for code in wanted if code in family.codes)
        found.append(Statement(family.name, of_family, family.find, family=True, by_hits="point" in family.needs))
    return found


def of_scope(rules: Iterable[ClaimRule], scope: Scope) -> tuple[ClaimRule, ...]:
    """The rules of a scope."""
    return tuple(rule for rule in rules if rule.scope is scope)


def runnable(rules: Iterable[ClaimRule], present: Collection[str]) -> tuple[ClaimRule, ...]:
    """The rules all of whose needs are met. present: columns that hold anything, as "line.days", and tables that have rows, as "line"."""
    return tuple(rule for rule in rules if set(rule.needs) <= set(present))


def official_codes(rules: Sequence[ClaimRule]) -> dict[str, tuple[str, ...]]:
    """National code -> codes of the rules that carry it out."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        for code in dict.fromkeys((*rule.official, *((rule.code,) if rule.code.startswith(("GZ", "NB", "ZB")) else ()))):
            found[code] = (*found.get(code, ()), rule.code)
    return found
