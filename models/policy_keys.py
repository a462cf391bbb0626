"""The section [keys] of policy.toml: how long keys are held, and how values are sealed again under a new key."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class KeysPolicy(Section):
    """cached_minutes, cached_uses: how long a key that a key service unwrapped stays in memory, and for how many values.

    retire_after_hours: how long a key must have been replaced before it may be destroyed, so that no transaction still writes with it.
    batch_rows: rows sealed again in one transaction. job_seconds: how long the background job goes on in one minute. passes_max: how often
    the tables are gone through in one run, for rows that were written meanwhile.
    """

    cached_minutes: float = Field(gt=0, le=24 * 60)
    cached_uses: int = Field(ge=1, le=2**32)
    retire_after_hours: float = Field(ge=0, le=24 * 365)
    batch_rows: int = Field(ge=1, le=10_000)
    job_seconds: float = Field(ge=1, le=50)
    passes_max: int = Field(ge=2, le=20)
