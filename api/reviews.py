"""The service of reviews of referred verifications, put together from the context."""

from __future__ import annotations

from api.context import Context
from verify.review_service import ReviewService


def make_reviews(context: Context) -> ReviewService:
    """The service on the running store, under the policy in force."""
    policy = context.policy
    return ReviewService(
        context.database,
        context.keyring,
        context.engine,
        policy=policy.verification,
        policy_hash=policy.hash,
        certification=policy.certification,
        casework=policy.casework,
        clock=context.clock,
    )
