"""The service of identity checks, put together from the context: for the doors and for the jobs."""

from __future__ import annotations

from typing import cast

from flask import current_app

from api.context import Context
from models.triage import TriageRules
from verify.identity_check_service import IdentityCheckService


def make_identity_checks(context: Context) -> IdentityCheckService:
    """The service over a context, for doors and jobs."""
    policy = context.policy
    return IdentityCheckService(
        database=context.database,
        keyring=context.keyring,
        engine=context.engine,
        references=context.verification.references,
        policy=policy.identity_check,
        silent=policy.silent,
        verification=policy.verification,
        certification=policy.certification,
        triage=TriageRules.of(policy, policy.hash),
        policy_hash=policy.hash,
        clock=context.clock,
    )


def identity_checks_of(context: Context) -> IdentityCheckService:
    """The one service of this process: it bounds how many faces are compared at once."""
    key = "lifecert_identity_checks"
    if key not in current_app.extensions:
        current_app.extensions.setdefault(key, make_identity_checks(context))  # of two threads, the first one's counts
    return cast(IdentityCheckService, current_app.extensions[key])
