"""docs/rules.md, made from the rules: ``python -m detection.rules.page > docs/rules.md``."""

from __future__ import annotations

from detection.rules.catalogue import RULES
from models.alert import AlertSeverity
from models.detection import DetectionKind

KINDS = {
    DetectionKind.PAYMENTS: ("Payments", "发放", "lifecert detect payments"),
    DetectionKind.DUPLICATES: ("Duplicate enrolment", "重复参保", "lifecert detect duplicates"),
    DetectionKind.BENEFITS: ("Duplicate benefits", "重复领取", "lifecert detect benefits"),
}
SEVERITIES = {
    AlertSeverity.VIOLATION: "violation 违规",
    AlertSeverity.WARNING: "warning 提示",
    AlertSeverity.SUSPICION: "suspicion 可疑",
}
INTRODUCTION = """# The rules

Each rule over enrolments, benefits and payments: what it finds, and how the money at risk is counted. This page is made from the
rules themselves (`python -m detection.rules.page`), so that it says what they do. Parameters and their sources: section `[rules]`
of `policy.toml`. D3 (one human being under two identities) is linkage, P8 the search for faces.

What all have in common: a month is its first day, intervals include both months, what lasts goes on until the month of the run.
Rows of records that were merged into one person count for that person. Payments of nothing do not count. A payment that two rules
name stands in both findings; triage counts it once. Confidence is how sure a finding is, not how bad; severity says that.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for kind, (title, chinese, command) in KINDS.items():
        parts.append(f"## {title} {chinese}\n\n`{command}`\n")
        for rule in RULES:
            if rule.kind is kind:
                parts.append(
                    f"### {rule.code} {rule.title_en} · {rule.title_zh}\n\n{SEVERITIES[rule.severity]}\n\n"
                    f"{rule.explanation_en}\n\n{rule.explanation_zh}\n"
                )
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page itself
