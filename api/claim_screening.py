"""Screening of claims over a context: the one service of a process, and its answers for the door and the command."""

from __future__ import annotations

from api.context import Context
from api.v1.claim_schemas import ScreeningAnswer, ScreeningFinding
from api.v1.signal_schemas import Bilingual
from detection.claims.catalogue import BY_CODE
from detection.claims.screening_service import ScreenedClaim, ScreeningService, numbers_of
from detection.claims.telling import explain
from detection.findings import Finding


def make_screening(context: Context) -> ScreeningService:
    """The service over a context."""
    return ScreeningService(context.database, context.keyring, context.policy, clock=context.clock)


def answer_of(screened: ScreenedClaim) -> ScreeningAnswer:
    """The answer, the severest findings first."""
    order = {"violation": 0, "warning": 1, "suspicion": 2}
    findings = sorted(screened.findings, key=lambda one: (order[one.severity.value], -one.amount_fen, one.code, one.key))
    return ScreeningAnswer(
        claim=screened.claim.reference,
        findings=tuple(_finding(screened, one) for one in findings),
        history_claims=screened.history_claims,
        rules_run=screened.rules_run,
        ms=screened.ms,
    )


def _finding(screened: ScreenedClaim, found: Finding) -> ScreeningFinding:
    rule, sentences = BY_CODE[found.code], explain(found, screened.claim, screened.names)
    return ScreeningFinding(
        code=found.code,
        official=rule.official,
        title=Bilingual(en=rule.title_en, zh=rule.title_zh),
        severity=found.severity,
        amount_fen=found.amount_fen,
        explanation=Bilingual(en=" ".join(sentences.en), zh="".join(sentences.zh)),
        lines=tuple(numbers_of(screened.claim, found)),
        facts=dict(found.facts),
    )
