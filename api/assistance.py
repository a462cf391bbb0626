"""The services of assisted certification, put together for doors, pages and jobs."""

from __future__ import annotations

from api.context import Context
from api.rights import RIGHTS, Right, RoleName
from models.triage import TriageRules
from verify.assistance_exchange_service import AssistanceExchangeService
from verify.assistance_service import AssistanceService

VISITING_ROLES = frozenset(role.value for role in RoleName if Right.HANDLE_ASSISTANCE in RIGHTS[role])


def assistance_service(context: Context) -> AssistanceService:
    """What staff and the calendar do, on the running store under the policy in force."""
    return AssistanceService(
        context.database,
        context.keyring,
        certification=context.policy.certification,
        policy=context.policy.assistance,
        triage=TriageRules.of(context.policy, context.policy.hash),
        visiting_roles=VISITING_ROLES,
        clock=context.clock,
    )


def exchange_service(context: Context) -> AssistanceExchangeService:
    """What other installations tell us, and what we tell them."""
    return AssistanceExchangeService(
        context.database,
        context.keyring,
        certification=context.policy.certification,
        triage=TriageRules.of(context.policy, context.policy.hash),
        clock=context.clock,
    )
