"""Outreach, pauses, resumptions and lists, as the doors and jobs of a running Lifecert use them."""

from __future__ import annotations

from api.context import Context
from verify.outreach_service import OutreachService
from verify.payment_change_service import PauseService
from verify.payment_list_service import PaymentListService
from verify.resumption_service import ResumptionService


def make_outreach(context: Context) -> OutreachService:
    """The outreach list."""
    policy = context.policy
    return OutreachService(context.database, policy.certification, policy.outreach, policy.pause, context.clock)


def make_pauses(context: Context) -> PauseService:
    """Proposing and signing of pauses."""
    policy = context.policy
    return PauseService(context.database, policy.certification, policy.outreach, policy.pause, policy.hash, context.clock)


def make_resumptions(context: Context) -> ResumptionService:
    """Resumptions after a certification."""
    policy = context.policy
    return ResumptionService(context.database, policy.certification, policy.pause, policy.hash, context.clock)


def make_lists(context: Context) -> PaymentListService:
    """Lists for the paying system."""
    return PaymentListService(context.database, context.keyring, context.policy.pause, context.clock)
