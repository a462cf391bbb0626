"""The section [operations] of policy.toml: from when on a part of the running service counts as silent, full or in doubt."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class OperationsPolicy(Section):
    """Limits that the service watches itself by.

    clock_back_minutes: a clock that stands so far before what was seen last is in doubt. clock_forward_days: or so far after it.
    clock_drift_minutes: or that moved so much otherwise than the machine's own steady clock. jobs_silent_minutes: background jobs not
    heard for so long count as down. disk_free_min_mb: less than that free in the home is told.
    """

    clock_back_minutes: int = Field(ge=1, le=24 * 60)
    clock_forward_days: int = Field(ge=1, le=366)
    clock_drift_minutes: int = Field(ge=1, le=24 * 60)
    jobs_silent_minutes: int = Field(ge=1, le=24 * 60)
    disk_free_min_mb: int = Field(ge=1)
