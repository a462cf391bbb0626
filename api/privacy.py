"""Rights of people over their own data, put together from the running context."""

from __future__ import annotations

from api.context import Context
from verify.privacy_service import PrivacyService


def make_privacy(context: Context) -> PrivacyService:
    """The service of requests."""
    return PrivacyService(context.database, context.keyring, context.policy, context.clock)
