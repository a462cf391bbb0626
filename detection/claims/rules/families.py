"""The signals H1 to H18 of the catalogue beside the national rules that ask the same, or carry out what has no module of its own."""

from __future__ import annotations

from collections.abc import Mapping

from detection.claims.rules.all import H_RULES
from detection.knowledge.families.family import SIGNAL_FAMILIES
from detection.knowledge.rule_base import national_rules

SIGNALS = tuple(f"H{number}" for number in range(1, 19))

_CODES = {rule.sequence: rule.code for rule in national_rules()}
_OWN = {rule.code: rule.official for rule in H_RULES}

FAMILY_OF: Mapping[str, tuple[str, ...]] = {
    signal: (*_OWN.get(signal, ()), *(_CODES[sequence] for sequence in SIGNAL_FAMILIES.get(signal, ()))) for signal in SIGNALS
}
"""Signal -> codes of the national rules about the same. H8 to H11 and H18 are carried out by them alone."""

TITLES: Mapping[str, tuple[str, str]] = {rule.code: (rule.title_en, rule.title_zh) for rule in H_RULES} | {
    "H8": ("Duplicate billing", "重复收费"),
    "H9": ("Frequency or course over the limit", "超频次或疗程"),
    "H10": ("Restricted use", "超限定范围使用"),
    "H11": ("Material or drug without its procedure", "耗材或药品与项目不符"),
    "H18": ("Contradictory orders", "用药及诊疗禁忌"),
}
"""English and Chinese names of the signals."""
