"""What the owner of a referred attempt may know of the answer, from what is on record of it. Pure."""

from __future__ import annotations

from datetime import timedelta

from models.casework import ReviewDecision
from models.policy import CertificationPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories.referred import SYSTEM
from models.repositories.reviews import Standing
from models.verification import VerificationOutcome
from verify.views import Answer, AnswerState


def answer_of(standing: Standing, certification: CertificationPolicy, casework: CaseworkPolicy) -> Answer | None:
    """The answer to an attempt; None for one that was not referred.

    A suspicion looks like "once more, or another way": it is nothing that a page tells.
    """
    if standing.outcome is not VerificationOutcome.REFER or standing.decided_at is None:
        return None
    by = certification.today(standing.decided_at) + timedelta(days=casework.referred_days)
    if standing.decision is not None and standing.reviewed_at is not None:
        certified = standing.decision is ReviewDecision.CERTIFIED and not standing.revoked  # a correction takes the certificate back
        return Answer(AnswerState.CERTIFIED if certified else AnswerState.TRY_AGAIN, by, certification.today(standing.reviewed_at))
    if standing.closed_at is not None:
        settled = standing.closed_by == SYSTEM
        return Answer(AnswerState.SETTLED if settled else AnswerState.TRY_AGAIN, by, certification.today(standing.closed_at))
    return Answer(AnswerState.WAITING, by)
