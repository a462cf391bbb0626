"""The intake of records, put together from the context."""

from __future__ import annotations

from api.context import Context
from detection.intake_service import Intake


def intake_of(context: Context) -> Intake:
    """The intake of this installation; each batch leaves its files in a folder of its own below ``imports`` in the home."""
    policy = context.policy
    return Intake(
        database=context.database,
        keyring=context.keyring,
        certification=policy.certification,
        policy=policy.intake,
        silent=policy.silent,
        folder=context.settings.home / "imports",
        clock=context.clock,
    )
