"""The one decision: the worst outcome that any piece of evidence calls for. Pure, and monotone in each piece.

contradicted -> refused, insufficient -> retry, borderline -> refer, passed -> certified; refused < retry < refer < certified.
Taking the minimum makes a better piece unable to worsen the outcome. When the tries are used up, retry becomes refer.
"""

from __future__ import annotations

from collections.abc import Sequence

from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Outcome, Reason
from verify.policy import VerificationPolicy

ORDER = (Outcome.REFUSED, Outcome.RETRY, Outcome.REFER, Outcome.CERTIFIED)

OUTCOME_OF_STATE = {
    EvidenceState.CONTRADICTED: Outcome.REFUSED,
    EvidenceState.INSUFFICIENT: Outcome.RETRY,
    EvidenceState.BORDERLINE: Outcome.REFER,
    EvidenceState.PASSED: Outcome.CERTIFIED,
}


def outcome_of(evidence: Evidence, policy: VerificationPolicy) -> Outcome:
    """What one piece of evidence alone calls for."""
    if evidence.state is EvidenceState.ABSENT:
        return policy.decision.absent[evidence.kind]
    return OUTCOME_OF_STATE[evidence.state]


def decide(evidence: Sequence[Evidence], policy: VerificationPolicy, tries_left: int) -> Decision:
    """Decide on all evidence. A kind that is not among the evidence counts as absent.

    tries_left: attempts that the person still has after this one; at 0 a retry is referred to a person, who looks at it.
    Reasons come from the pieces that call for the worst outcome, then the rest, without repetition.
    """
    given = {piece.kind for piece in evidence}
    pieces = (
        *evidence,
        *(Evidence(kind, EvidenceState.ABSENT, (Reason.EVIDENCE_NOT_MEASURED,)) for kind in EvidenceKind if kind not in given),
    )
    outcomes = [outcome_of(piece, policy) for piece in pieces]
    worst = min(outcomes, key=ORDER.index)
    ranked = sorted(zip(outcomes, pieces, strict=True), key=lambda pair: ORDER.index(pair[0]))
    reasons = [reason for outcome, piece in ranked if outcome is not Outcome.CERTIFIED for reason in piece.reasons]
    if worst is Outcome.RETRY and tries_left <= 0:
        worst = Outcome.REFER
        reasons.append(Reason.TRIES_USED_UP)
    return Decision(worst, tuple(dict.fromkeys(reasons)), pieces)
