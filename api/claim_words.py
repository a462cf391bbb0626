"""Titles of what is found in claims, in one of the two languages, without the engine of expressions that finding it needs."""

from __future__ import annotations

from collections.abc import Mapping

from detection.knowledge.rule_base import by_code

RULES: Mapping[str, tuple[str, str]] = {
    "H1": ("Split stay", "分解住院"),
    "H2": ("Phantom stay", "挂床住院"),
    "H3": ("Overlapping stays", "重叠住院"),
    "H4": ("Frequent visits", "频繁门诊"),
    "H5": ("Over-supply of a drug", "超量开药"),
    "H6": ("Drug reselling pattern", "疑似倒卖药品"),
    "H7": ("Duplicate medication", "重复用药"),
    "H12": ("More per-day units than days", "计费数量超过天数"),
    "H13": ("Card misuse", "冒用或盗刷医保凭证"),
    "H14": ("Cost outlier", "费用异常偏高"),
    "H15": ("Billed over executed", "计费多于执行"),
    "H16": ("Annual cap run-up", "年度封顶线耗用"),
    "H17": ("Companions", "结伴就诊"),
}
"""As the rules themselves have them; a test holds them equal."""
MODELS: Mapping[str, tuple[str, str]] = {
    "M-HOSPITAL": ("Hospital unlike its peers", "机构与同类机构明显不同"),
    "M-DEPARTMENT": ("Department unlike its peers", "科室与同类科室明显不同"),
    "M-DOCTOR": ("Doctor unlike the peers", "医师与同类医师明显不同"),
    "M-PERSON": ("Insured person unlike the peers", "参保人与同类人群明显不同"),
}


def claim_title(code: str, language: str) -> str | None:
    """Name of what was found; None for what is nothing about claims. language: zh, or anything else for English."""
    known = RULES.get(code) or MODELS.get(code)
    if known is not None:
        return known[language == "zh"]
    rule = by_code().get(code)
    if rule is None:
        return None
    return rule.name_zh if language == "zh" else rule.name_en or rule.name_zh


def claim_codes() -> list[str]:
    """Every code that has a title."""
    return [*RULES, *MODELS, *by_code()]
