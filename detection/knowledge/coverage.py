"""Which national rules are carried out, by what, and how much of their points a claim can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from detection.claims.catalogue import CLAIM_RULES, official_codes
from detection.knowledge.national import MISSING, Needs
from detection.knowledge.parameters import Checkable
from detection.knowledge.rule_base import national_rules


@dataclass(frozen=True)
class RuleCoverage:
    """One national rule. engine_rules: codes of the rules that carry it out; needs: the data that is missing, None where it is carried out.

    points: in force, of which a claim shows the limit in full, in part, or not at all (by_hand).
    """

    sequence: int
    code: str
    name_zh: str
    name_en: str
    tier1: str
    tier2: str
    engine_rules: tuple[str, ...]
    needs: Needs | None
    points: int = 0
    full: int = 0
    part: int = 0
    by_hand: int = 0

    @property
    def implemented(self) -> bool:
        """True when a rule of the engine carries it out."""
        return bool(self.engine_rules)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        needs = {"needs": self.needs.en if self.needs else "", "needs_zh": self.needs.zh if self.needs else ""}
        return {**asdict(self), "engine_rules": list(self.engine_rules), "implemented": self.implemented, **needs}


@dataclass(frozen=True)
class Coverage:
    """All 88. loaded, in_force, rejected: points of the store."""

    rules: tuple[RuleCoverage, ...]
    loaded: int
    in_force: int
    rejected: int

    @property
    def missing(self) -> tuple[RuleCoverage, ...]:
        """Those that nothing carries out."""
        return tuple(rule for rule in self.rules if not rule.implemented)

    @property
    def implemented(self) -> int:
        """How many are carried out."""
        return len(self.rules) - len(self.missing)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: the first four keys are a contract."""
        return {
            "rules": len(self.rules),
            "implemented": self.implemented,
            "missing": [{"code": rule.code, "name": rule.name_zh, "needs": rule.needs.en if rule.needs else ""} for rule in self.missing],
            "knowledge_points": {"loaded": self.loaded, "rejected": self.rejected, "in_force": self.in_force},
            "by_rule": [rule.as_json() for rule in self.rules],
        }


def coverage(checkable: Iterable[tuple[str, Checkable]] = (), *, loaded: int = 0, in_force: int = 0, rejected: int = 0) -> Coverage:
    """The table of all 88. checkable: (code of the rule, how much of it a claim shows), one for each point in force."""
    engine = official_codes(CLAIM_RULES)
    points: Mapping[tuple[str, Checkable], int] = Counter(checkable)
    rules = []
    for rule in national_rules():
        full, part, by_hand = (points.get((rule.code, one), 0) for one in (Checkable.FULL, Checkable.PART, Checkable.BY_HAND))
        carried = engine.get(rule.code, ())
        rules.append(
            RuleCoverage(
                rule.sequence,
                rule.code,
                rule.name_zh,
                rule.name_en,
                rule.tier1,
                rule.tier2,
                carried,
                None if carried else MISSING.get(rule.code),
                full + part + by_hand,
                full,
                part,
                by_hand,
            )
        )
    return Coverage(tuple(rules), loaded, in_force, rejected)
