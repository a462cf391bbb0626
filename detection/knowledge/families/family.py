"""What a family is: the national rules that ask the same, carried out by one expression, and how its findings are put together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from detection import months
from detection.claims.assembling import FIELDS
from detection.claims.rule import Find, Scope, Window
from detection.knowledge.rule_base import national_rules
from detection.rules.assembling import finding, record
from detection.rules.rule import Sentence
from models.alert import AlertSeverity
from models.detection import SubjectKind
from models.policy_claims import ClaimsPolicy

FAMILY_FIELDS = (*FIELDS, "rule_code", "severity")
"""What ``find`` of a family returns. severity: of the finding, which may be less than that of its rule."""


@dataclass(frozen=True)
class Family:
    """find: (tables, parameters, window) -> ``FAMILY_FIELDS``, of all the codes at once. english, chinese: what is looked at, paragraphs.
    needs: columns that it cannot do without.
    """

    name: str
    codes: tuple[str, ...]
    english: str
    chinese: str
    sentences: tuple[Sentence, ...]
    find: Find
    scope: Scope = Scope.PERSON
    needs: tuple[str, ...] = ()


def _codes_of(*classes: str) -> tuple[str, ...]:
    return tuple(rule.code for rule in national_rules() if rule.tier1 in classes)


POLICY, MANAGEMENT, MEDICAL = _codes_of("政策类"), _codes_of("管理类"), _codes_of("医疗类")
SUSPICIONS = tuple(code for code in MANAGEMENT if code.startswith("ZB")) + tuple(
    rule.code for rule in national_rules() if rule.sequence in {50, 51, 52, 53}
)
"""Management rules that show something unusual, not something wrong."""

SIGNAL_FAMILIES: Mapping[str, tuple[int, ...]] = {
    "H5": (9, 68, 77),
    "H7": (69,),
    "H8": (14, 15, 25, 26, 30),
    "H9": (10, 23, 27, 28, 31, 34, 86),
    "H10": (
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        11,
        12,
        13,
        16,
        17,
        18,
        19,
        20,
        21,
        22,
        24,
        29,
        32,
        33,
        45,
        47,
        65,
        66,
        67,
        70,
        78,
        79,
        80,
        81,
        83,
        85,
        87,
        88,
    ),
    "H11": (64, 84),
    "H18": (71, 72, 73, 74, 75, 82),
}
"""Signals of the catalogue -> sequences of the national rules that are about the same."""


def severity_of(code: str) -> AlertSeverity:
    """The severity of a rule by its class in the edition of 2025."""
    if code in SUSPICIONS:
        return AlertSeverity.SUSPICION
    return AlertSeverity.VIOLATION if code in POLICY else AlertSeverity.WARNING


def signal_of(code: str) -> str | None:
    """The signal (H1-H18) that a rule is about; None where there is none."""
    sequence = {rule.code: rule.sequence for rule in national_rules()}[code]
    return next((signal for signal, sequences in SIGNAL_FAMILIES.items() if sequence in sequences), None)


_FACTS: Mapping[str, str] = {
    "point": "string",
    "item": "string",
    "item_code": "string",
    "day": "date",
    "value": "string",
    "limit": "string",
    "counted": "float64",
    "allowed": "float64",
    "lines": "int64",
}
"""Facts of a national finding; those that a family does not have are left out. point, item: of the knowledge point."""


def told(t: ir.Table, codes: Collection[str], policy: ClaimsPolicy, window: Window) -> ir.Table:
    """Rows of a family as findings: those that a claim of the window completes.

    t needs rule_code, subject (string: the end of the key), person_id, claim_id, completed_on, amount_fen, by_hand, records; may have the
    facts, first_on and doubtful (True: a suspicion only).
    """
    t = t.filter(t.completed_on.between(window.from_date, window.to_date))
    sure = policy.national.confidence
    code = t.rule_code
    doubtful = t.by_hand | t.doubtful if "doubtful" in t.columns else t.by_hand
    confidence = ibis.cases(
        (doubtful, sure.by_hand), (code.isin(POLICY), sure.policy), (code.isin(MEDICAL), sure.medical), else_=sure.management
    )
    severity = ibis.cases(
        (doubtful | code.isin(SUSPICIONS), AlertSeverity.SUSPICION.value),
        (code.isin(POLICY), AlertSeverity.VIOLATION.value),
        else_=AlertSeverity.WARNING.value,
    )
    facts = {name: t[name].cast(kind) if name in t.columns else ibis.literal(None).cast(kind) for name, kind in _FACTS.items()}
    signals = {signal: tuple(one for one in codes if signal_of(one) == signal) for signal in SIGNAL_FAMILIES}
    named = [(code.isin(those), signal) for signal, those in signals.items() if those]
    facts["family"] = ibis.cases(*named, else_=ibis.literal(None, type="string")) if named else ibis.literal(None, type="string")
    facts["by_hand"] = t.by_hand.ifelse(True, ibis.literal(None, type="boolean"))
    first = t.first_on if "first_on" in t.columns else t.completed_on
    return finding(
        t,
        key=code + ":" + t.claim_id.cast("string") + ":" + t.subject,
        confidence=confidence,
        facts=facts,
        records=t.records,
        person_id=t.person_id,
        from_month=months.first_of(first),
        to_month=months.first_of(t.completed_on),
        count=months.number_of(t.completed_on) - months.number_of(first) + 1,
        amount_fen=t.amount_fen,
        more={
            "subject_kind": ibis.literal(SubjectKind.PERSON.value),
            "completed_on": t.completed_on.cast("date"),
            "rule_code": code,
            "severity": severity,
        },
    )


def line_record(t: ir.Table, role: str = "line") -> ir.StructValue:
    """The line of a row as a record."""
    return record("claim_line", t.line_id, role)


def claim_record(t: ir.Table, role: str = "claim") -> ir.StructValue:
    """The claim of a row as a record."""
    return record("claim", t.claim_id, role)


def with_claim(t: ir.Table, lines: ir.ArrayValue) -> ir.ArrayValue:
    """The records of one claim and its lines."""
    return ibis.array([claim_record(t)]).concat(lines)
