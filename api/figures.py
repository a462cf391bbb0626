"""The figures of supervisors, put together from the context."""

from __future__ import annotations

from api.context import Context
from detection.figures_service import FiguresService


def make_figures(context: Context) -> FiguresService:
    """The service that counts them."""
    return FiguresService(context.database, context.policy, context.clock)
