"""The service of life evidence, put together for doors and pages."""

from __future__ import annotations

from api.context import Context
from api.rights import RIGHTS, Right, RoleName
from models.triage import TriageRules
from verify.evidence_service import EvidenceService

VISITING_ROLES = frozenset(role.value for role in RoleName if Right.RECORD_EVIDENCE in RIGHTS[role])


def evidence_service(context: Context) -> EvidenceService:
    """Recording and correcting, on the running store under the policy in force."""
    policy = context.policy
    return EvidenceService(
        context.database,
        context.keyring,
        certification=policy.certification,
        recording=policy.recording,
        intake=policy.intake,
        triage=TriageRules.of(policy, policy.hash),
        visiting_roles=VISITING_ROLES,
        clock=context.clock,
    )
