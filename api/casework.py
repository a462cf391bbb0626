"""The service of casework as the running application has it, and who works on cases in its words."""

from __future__ import annotations

from api.callers import Caller
from api.context import Context
from api.rights import RIGHTS, Right
from detection.casework.rules import Worker
from detection.casework_service import CaseworkService

NOWHERE = "none"
"""Region of an account that has none: no code begins with it."""
WORKING_ROLES = frozenset(role.value for role, rights in RIGHTS.items() if Right.WORK_ALERTS in rights)
"""Roles of the accounts that cases can be given to."""


def casework_service(context: Context) -> CaseworkService:
    """The service over the context's store, policy, keys and clock."""
    policy = context.policy
    return CaseworkService(context.database, policy.casework, policy.certification, context.clock, context.keyring, WORKING_ROLES)


def worker(caller: Caller) -> Worker:
    """The caller as the rules of casework know them."""
    return Worker(caller.actor, caller.region or NOWHERE, Right.SIGN_CASES in caller.rights)
