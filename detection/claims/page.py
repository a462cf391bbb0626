"""docs/claim-rules.md, made from the rules over claims: ``python -m detection.claims.page > docs/claim-rules.md``."""

from __future__ import annotations

from detection.claims.catalogue import CLAIM_RULES
from detection.claims.rule import ClaimRule, Scope
from detection.knowledge.national import FAMILIES, MISSING
from detection.knowledge.rule_base import by_code
from detection.rules.page import SEVERITIES

SCOPES = {Scope.PERSON: "one person's claims", Scope.INSTITUTION: "an institution's claims", Scope.GROUP: "everybody's claims"}
INTRODUCTION = """# The rules over claims

What each rule over hospital claims finds, and how the money at risk is counted. This page is made from the rules themselves
(`python -m detection.claims.page`), so that it says what they do. Parameters and their sources: section `[claims]` of `policy.toml`.
Rules over one person's claims also screen a single claim; the others run at night. How they run: [claims](claims.md). All 88 rules of the
national rule base with their knowledge points: [knowledge points](knowledge.md).
"""
NATIONAL = """## The national rule base 国家规则库

Each family is one expression for all of its rules. Severities are those of a rule; a finding may be less severe, where a knowledge point
takes a person to judge.
"""


def page() -> str:
    """The whole page."""
    families = {code for family in FAMILIES for code in family.codes}
    parts = [INTRODUCTION]
    parts += [_own(rule) for rule in CLAIM_RULES if rule.code not in families]
    parts.append(NATIONAL)
    rules = {rule.code: rule for rule in CLAIM_RULES}
    for family in FAMILIES:
        listed = "\n".join(
            f"| {code} | {rules[code].title_en} {rules[code].title_zh} | {SEVERITIES[rules[code].severity]} |" for code in family.codes
        )
        name = family.name.replace("_", " ")
        head = f"### {name.capitalize()}\n\nNeeds {SCOPES[family.scope]}.\n\n| code | rule | |\n| --- | --- | --- |\n{listed}\n\n"
        first = rules[family.codes[0]]
        parts.append(f"{head}{first.explanation_en}\n\n{first.explanation_zh}\n")
    lacking = "\n".join(f"| {code} | {by_code()[code].name_en} {by_code()[code].name_zh} | {needs.en} |" for code, needs in MISSING.items())
    parts.append(f"### What no claim shows\n\n| code | rule | needs |\n| --- | --- | --- |\n{lacking}\n")
    return "\n".join(parts)


def _own(rule: ClaimRule) -> str:
    official = f" · {', '.join(rule.official)}" if rule.official else ""
    return (
        f"## {rule.code} {rule.title_en} · {rule.title_zh}\n\n{SEVERITIES[rule.severity]} · {SCOPES[rule.scope]}{official}\n\n"
        f"{rule.explanation_en}\n\n{rule.explanation_zh}\n"
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page itself
