"""The 88 rules of the national rule base, edition of 2025: which there are, with their official codes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True)
class NationalRule:
    """One rule. code: the official one of framework 1.0; NB2025- and the sequence where it has none. tier1, tier2: its class."""

    sequence: int
    code: str
    name_zh: str
    name_en: str
    tier1: str
    tier2: str


@lru_cache(maxsize=1)
def national_rules() -> tuple[NationalRule, ...]:
    """All 88, by sequence."""
    content = tomllib.loads(files(__package__).joinpath("rule_base.toml").read_text(encoding="utf-8"))
    return tuple(NationalRule(**one) for one in content["rules"])


@lru_cache(maxsize=1)
def by_code() -> dict[str, NationalRule]:
    """The same, by code."""
    return {rule.code: rule for rule in national_rules()}


ALSO = {"GZ10000101009000": "NB2025-09"}
"""Code of framework 1.0 -> code here, where the edition of 2025 renamed the rule (最大支付天数/开药量 -> 最大开药天数/开药量)."""
_NAMES_ALSO = {"药品限最大支付天数/开药量": "NB2025-09"}


@lru_cache(maxsize=1)
def by_any_code() -> dict[str, NationalRule]:
    """By code, with the codes of rules that were renamed."""
    return by_code() | {old: by_code()[new] for old, new in ALSO.items()}


@lru_cache(maxsize=1)
def by_name() -> dict[str, NationalRule]:
    """The same, by Chinese name, with those of rules that were renamed."""
    return {rule.name_zh: rule for rule in national_rules()} | {old: by_code()[new] for old, new in _NAMES_ALSO.items()}
