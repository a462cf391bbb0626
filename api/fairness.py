"""Fairness of the camera check, put together from the context."""

from __future__ import annotations

from api.context import Context
from detection.fairness_service import FairnessService


def make_fairness(context: Context) -> FairnessService:
    """The service that compares groups and opens alerts for gaps."""
    return FairnessService(context.database, context.policy, context.clock)
